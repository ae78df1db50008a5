package state

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// twin is the output set done the dumb way: a map per block, copied for each.
type twin struct {
	sets   map[ledger.Hash]map[ledger.OutPoint]ledger.Entry
	deltas map[ledger.Hash]*ledger.Delta
	tip    ledger.Hash // zero: no block
	serial uint64
}

func newTwin() *twin {
	return &twin{
		sets:   map[ledger.Hash]map[ledger.OutPoint]ledger.Entry{{}: {}},
		deltas: map[ledger.Hash]*ledger.Delta{},
	}
}

func (w *twin) set() map[ledger.OutPoint]ledger.Entry { return w.sets[w.tip] }

func (w *twin) hash(what string) ledger.Hash {
	w.serial++
	return ledger.DoubleSHA256(binary.LittleEndian.AppendUint64([]byte(what), w.serial))
}

// block makes a block on the tip that spends those outputs and creates so many.
func (w *twin) block(spend []ledger.OutPoint, create int) *ledger.Delta {
	d := &ledger.Delta{Block: w.hash("block"), Prev: w.tip}
	if parent := w.deltas[w.tip]; parent != nil {
		d.Height = parent.Height + 1
	}
	for _, op := range spend {
		d.Spent = append(d.Spent, ledger.Change{Point: op, Entry: w.set()[op]})
	}
	tx := w.hash("tx")
	for i := range create {
		e := ledger.Entry{Height: d.Height, Coinbase: i == 0, Output: ledger.Output{Value: w.serial + uint64(i)}}
		e.Key[0] = byte(i % 3)
		d.Created = append(d.Created, ledger.Change{Point: ledger.OutPoint{TxID: tx, Index: uint32(i)}, Entry: e})
	}
	return d
}

func (w *twin) apply(d *ledger.Delta) {
	set := maps.Clone(w.set())
	for _, c := range d.Spent {
		delete(set, c.Point)
	}
	for _, c := range d.Created {
		set[c.Point] = c.Entry
	}
	w.sets[d.Block], w.deltas[d.Block], w.tip = set, d, d.Block
}

// points returns the outputs of the set in order.
func points(set map[ledger.OutPoint]ledger.Entry) []ledger.OutPoint {
	return slices.SortedFunc(maps.Keys(set), func(a, b ledger.OutPoint) int {
		return cmp.Or(slices.Compare(a.TxID[:], b.TxID[:]), cmp.Compare(a.Index, b.Index))
	})
}

func (w *twin) digest(block ledger.Hash) Digest {
	d := Digest{Block: block, Count: uint64(len(w.sets[block]))}
	if delta := w.deltas[block]; delta != nil {
		d.Height = delta.Height
	}
	sum := sha256.New()
	for _, op := range points(w.sets[block]) {
		sum.Write(op.Append(nil))
		sum.Write(ledger.AppendEntry(nil, w.sets[block][op]))
		d.Value += w.sets[block][op].Value
	}
	sum.Sum(d.Sum[:0])
	return d
}

func (w *twin) outputsOf(key ledger.KeyHash) []ledger.OutPoint {
	var of []ledger.OutPoint
	for _, op := range points(w.set()) {
		if w.set()[op].Key == key {
			of = append(of, op)
		}
	}
	return of
}

func testConfig(fs vfs.FS) Config {
	c := DefaultConfig()
	c.Dir, c.FS, c.Network, c.Params = "/data/state", fs, "test", ledger.Hash{7}
	c.CacheBytes, c.FlushBytes = 20*slotBytes, 1<<20
	return c
}

func mustOpen(t testing.TB, cfg Config) *State {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test with the first error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
