package pool

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// transfers returns n transactions of one output each.
func transfers(n int) []ledger.Tx {
	txs := make([]ledger.Tx, n)
	for i := range txs {
		txs[i] = pay(anyone, points(start(i)), 900)
	}
	return txs
}

// What is asked for is found whatever its place, over more than one hold of
// the lock, and IDs come oldest first.
func TestFind(t *testing.T) {
	const n = 3 * lockTxs
	p := newPool(t, newChain(n), nil)
	txs := transfers(n)
	offer(p, txs[:n-1]...)
	p.Take(10, 1<<20)
	for i, found := range p.Find(ids(txs)) {
		if want := i < n-1; (found.Size() > 0) != want || want && found.ID() != txs[i].ID() {
			t.Errorf("transaction %d: found %v", i, found.ID())
		}
	}
	if got := p.IDs(20); !slices.Equal(got, ids(txs[:20])) {
		t.Errorf("the oldest are %v", got)
	}
	if got := p.IDs(n); !slices.Equal(got, ids(txs[:n-1])) {
		t.Errorf("%d are listed, in another order or number", len(got))
	}
}

// A short name finds its transaction only while it stands for one.
func TestMatch(t *testing.T) {
	const n = 40
	p := newPool(t, newChain(n), nil)
	txs := transfers(n)
	offer(p, txs[:n-1]...)
	names := map[ledger.Hash]uint64{}
	for i := range txs {
		names[txs[i].ID()] = uint64(i)
	}
	names[txs[3].ID()], names[txs[4].ID()], names[txs[5].ID()] = 777, 777, 777
	short := func(id ledger.Hash) uint64 { return names[id] }
	want := []uint64{9, 777, 0, n - 1, 12, 8, 12}
	for i, found := range p.Match(short, want) {
		unique := want[i] < n-1 && want[i] != 12
		if (found.Size() > 0) != unique || unique && found.ID() != txs[want[i]].ID() {
			t.Errorf("name %d: found %v of %d bytes", want[i], found.ID(), found.Size())
		}
	}
}

// Accepted tells all that was accepted, in order, and nothing else.
func TestAccepted(t *testing.T) {
	const n = 2*lockTxs + 5
	c := newChain(n)
	p := newPool(t, c, nil)
	var told []ledger.Hash
	p.ev.Accepted = func(txs []ledger.Tx) {
		if len(txs) == 0 || len(txs) > lockTxs {
			t.Errorf("told of %d at once", len(txs))
		}
		told = append(told, ids(txs)...)
	}
	txs := transfers(n)
	offer(p, txs[:7]...)
	offer(p, txs...) // the first 7 again
	offer(p, txs...)
	if !slices.Equal(told, ids(txs)) {
		t.Errorf("told of %d, want %d in their order", len(told), n)
	}
}

// BenchmarkMatch finds 10,000 short names in a full pool of the default size.
func BenchmarkMatch(b *testing.B) {
	cfg := DefaultConfig()
	p := newPool(b, newChain(cfg.MaxTxs), nil)
	txs := transfers(cfg.MaxTxs)
	offer(p, txs...)
	want := make([]uint64, 10_000)
	for i := range want {
		id := txs[i*7].ID()
		want[i] = binary.LittleEndian.Uint64(id[:])
	}
	for b.Loop() {
		found := p.Match(func(id ledger.Hash) uint64 { return binary.LittleEndian.Uint64(id[:]) }, want)
		if found[len(found)-1].Size() == 0 {
			b.Fatal("not found")
		}
	}
}
