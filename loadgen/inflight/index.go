package inflight

import (
	"encoding/binary"
	"math/bits"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// index is an open-addressing hash table from 32-bit tags to entry numbers,
// with linear probing and backward-shift deletion (Knuth, TAOCP 3, 6.4,
// algorithm R), so it has no tombstones and never needs a rebuild but to grow.
// A cell is tag<<32 | number+1; 0 is empty. Tags may repeat: the caller
// compares the whole ID.
type index struct {
	cells []uint64 // a power of two long
	used  int
}

func newIndex(size int) index {
	n := 16
	for n < size {
		n *= 2
	}
	return index{cells: make([]uint64, n)}
}

func (x *index) home(cell uint64) int { return int(cell>>32) & (len(x.cells) - 1) }
func (x *index) next(i int) int       { return (i + 1) & (len(x.cells) - 1) }

// find returns the entry number with the tag for which same holds.
func (x *index) find(tag uint32, same func(number uint32) bool) (uint32, bool) {
	i, ok := x.cell(tag, same)
	if !ok {
		return 0, false
	}
	return uint32(x.cells[i]) - 1, true
}

func (x *index) cell(tag uint32, same func(number uint32) bool) (int, bool) {
	for i := int(tag) & (len(x.cells) - 1); x.cells[i] != 0; i = x.next(i) {
		if c := x.cells[i]; uint32(c>>32) == tag && same(uint32(c)-1) {
			return i, true
		}
	}
	return 0, false
}

// insert adds an entry number; the table is kept at most half full.
func (x *index) insert(tag, number uint32) {
	if 2*(x.used+1) > len(x.cells) {
		x.grow()
	}
	x.place(uint64(tag)<<32 | uint64(number+1))
	x.used++
}

func (x *index) place(cell uint64) {
	i := x.home(cell)
	for x.cells[i] != 0 {
		i = x.next(i)
	}
	x.cells[i] = cell
}

func (x *index) grow() {
	old := x.cells
	x.cells = make([]uint64, 2*len(old))
	for _, c := range old {
		if c != 0 {
			x.place(c)
		}
	}
}

// remove deletes the cell of one entry number and closes the gap: a later cell
// of the run moves up unless that would put it before its home.
func (x *index) remove(tag, number uint32) {
	gap, ok := x.cell(tag, func(n uint32) bool { return n == number })
	if !ok {
		return
	}
	mask := len(x.cells) - 1
	for i := x.next(gap); x.cells[i] != 0; i = x.next(i) {
		if (i-x.home(x.cells[i]))&mask >= (i-gap)&mask {
			x.cells[gap] = x.cells[i]
			gap = i
		}
	}
	x.cells[gap] = 0
	x.used--
}

// hash spreads an ID over 64 bits. IDs are hashes already on most chains, but
// a chain may count them, so all bytes are mixed (the multiply-and-fold of
// wyhash).
func hash(id *driver.ID) uint64 {
	a := fold(binary.LittleEndian.Uint64(id[0:])^0xa0761d6478bd642f, binary.LittleEndian.Uint64(id[8:])^0xe7037ed1a0b428db)
	b := fold(binary.LittleEndian.Uint64(id[16:])^0x8ebc6af09c88c6e3, binary.LittleEndian.Uint64(id[24:])^0x589965cc75374cc3)
	return fold(a^0x1d8e4e27c47d124f, b^0xeb44accab455d165)
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
