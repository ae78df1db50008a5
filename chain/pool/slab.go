package pool

import (
	"math"
	"time"
)

// none is the number of no entry.
const none = int32(-1)

// chunkSize is how many entries are allocated at a time.
const chunkSize = 1024

// entry is a transaction in the pool. It is waiting, then on the list, or
// taken.
type entry struct {
	tx    Tx
	since time.Duration // when it came, on the pool's clock
	seq   int64         // greater than the parents'
	prev  int32         // on the list
	next  int32         // on the list, or of the free entries
	depth int32         // longest chain of unconfirmed spends that ends here; valid in generation gen
	gen   uint32
	live  bool
	taken bool
	// unsure entries are checked against the set at each Take: a block brought
	// them, or they came while the set stood elsewhere, or they spend a
	// coinbase, which a reorganisation may take back or make immature.
	unsure bool
}

// slab numbers entries. Numbers instead of pointers keep the maps free of
// pointers, which the garbage collector would have to follow. It keeps the
// memory of the most entries that there have been.
type slab struct {
	chunks [][]entry
	free   int32 // first of the free entries, none if there is none
}

func (s *slab) at(i int32) *entry { return &s.chunks[i/chunkSize][i%chunkSize] }

// get returns the number of an unused entry.
func (s *slab) get() int32 {
	if s.free == none {
		s.grow()
	}
	i := s.free
	e := s.at(i)
	s.free = e.next
	*e = entry{prev: none, next: none, live: true}
	return i
}

func (s *slab) grow() {
	first := len(s.chunks) * chunkSize
	if first+chunkSize > math.MaxInt32 {
		panic("pool: more entries than Config permits")
	}
	chunk := make([]entry, chunkSize)
	for i := range chunk {
		chunk[i].next = int32(first + i + 1)
	}
	chunk[chunkSize-1].next = s.free
	s.chunks = append(s.chunks, chunk)
	s.free = int32(first)
}

// put gives an entry back and lets go of its transaction.
func (s *slab) put(i int32) {
	*s.at(i) = entry{next: s.free}
	s.free = i
}

// list holds the waiting entries in the order of seq.
type list struct {
	head, tail int32
	n          int
}

func (p *Pool) linked(i int32) bool { return !p.slab.at(i).taken }

// link puts an entry before another one, or at the end for none.
func (p *Pool) link(i, before int32) {
	e := p.slab.at(i)
	e.next = before
	if before == none {
		e.prev, p.waiting.tail = p.waiting.tail, i
	} else {
		b := p.slab.at(before)
		e.prev, b.prev = b.prev, i
	}
	if e.prev == none {
		p.waiting.head = i
	} else {
		p.slab.at(e.prev).next = i
	}
	p.waiting.n++
}

// unlink takes an entry off the list.
func (p *Pool) unlink(i int32) {
	e := p.slab.at(i)
	if e.prev == none {
		p.waiting.head = e.next
	} else {
		p.slab.at(e.prev).next = e.next
	}
	if e.next == none {
		p.waiting.tail = e.prev
	} else {
		p.slab.at(e.next).prev = e.prev
	}
	e.prev, e.next = none, none
	p.waiting.n--
}
