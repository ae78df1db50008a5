package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// place is a block of the best chain.
type place struct {
	Ref
	header ledger.Header
}

// entry is what is known of a block without reading the log. It is not changed,
// except that its IDs and metadata are forgotten, under
// Store.mu.
type entry struct {
	place
	at     pos
	undoAt pos    // record with the undo data; zero: none
	bytes  uint32 // of the body
	txs    uint32

	ids  []ledger.Hash // nil: not kept in memory
	meta *Meta         // nil: not kept in memory
}

// kept is the size in bytes of what can be forgotten.
func (e *entry) kept() int64 {
	n := int64(len(e.ids)) * 32
	if e.meta != nil {
		n += int64(e.meta.size())
	}
	return n
}

func (e *entry) parent() ledger.Hash { return e.header.Prev }

func (e *entry) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, e.Height)
	dst = appendPos(appendPos(dst, e.at), e.undoAt)
	dst = binary.BigEndian.AppendUint32(dst, e.bytes)
	dst = binary.BigEndian.AppendUint32(dst, e.txs)
	h := e.header.Encode()
	return append(dst, h[:]...)
}

func parseEntry(hash ledger.Hash, b []byte) (*entry, error) {
	if len(b) != entrySize {
		return nil, fmt.Errorf("the index's entry of block %s has %d bytes instead of %d", hash, len(b), entrySize)
	}
	e := &entry{at: parsePos(b[4:]), undoAt: parsePos(b[12:])}
	e.Ref = Ref{Height: binary.BigEndian.Uint32(b), Hash: hash}
	e.bytes, e.txs = binary.BigEndian.Uint32(b[20:]), binary.BigEndian.Uint32(b[24:])
	var err error
	e.header, err = ledger.ParseHeader(b[28:])
	return e, err
}

// run is the transactions of a block that joined the best chain, as far as the
// index by transaction needs them, until they are on disk.
type run struct {
	Ref
	prefixes []uint64 // of the IDs, in the block's order

	once   sync.Once
	sorted []txKey
}

func newRun(at Ref, ids []ledger.Hash) *run {
	r := &run{Ref: at, prefixes: make([]uint64, len(ids))}
	for i := range ids {
		r.prefixes[i] = prefixOf(ids[i])
	}
	return r
}

func prefixOf(id ledger.Hash) uint64 { return binary.BigEndian.Uint64(id[:]) }

// keys appends the run's keys to dst, in the block's order.
func (r *run) keys(dst []txKey) []txKey {
	for i, p := range r.prefixes {
		dst = append(dst, txKey{p, r.Height, uint32(i)})
	}
	return dst
}

// find returns the keys with a prefix. The first call sorts; most runs are
// written before anybody asks.
func (r *run) find(prefix uint64) []txKey {
	r.once.Do(func() {
		r.sorted = r.keys(make([]txKey, 0, len(r.prefixes)))
		slices.SortFunc(r.sorted, txKey.compare)
	})
	from, _ := slices.BinarySearchFunc(r.sorted, txKey{prefix: prefix}, txKey.compare)
	to := from
	for to < len(r.sorted) && r.sorted[to].prefix == prefix {
		to++
	}
	return r.sorted[from:to]
}

// generation is what happened since the indexes were last written. It grows
// until it is frozen; nobody changes it afterwards.
type generation struct {
	blocks  map[ledger.Hash]*entry // new, or with new undo data
	heights map[uint32]*place      // of the best chain
	runs    []*run
	txs     int

	marker marker // set when it is frozen
}

func newGeneration() *generation {
	return &generation{blocks: make(map[ledger.Hash]*entry), heights: make(map[uint32]*place)}
}

// change encodes the generation.
func (g *generation) change() *change {
	c := &change{runs: g.runs, txs: g.txs, marker: g.marker}
	for hash, e := range g.blocks {
		c.entries = append(c.entries, [2][]byte{blockKey(hash), e.append(nil)})
	}
	for height, p := range g.heights {
		h := p.header.Encode()
		c.heights = append(c.heights, [2][]byte{heightKey(height), append(p.Hash[:], h[:]...)})
	}
	return c
}
