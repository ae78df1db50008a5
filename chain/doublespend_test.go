package chain

import (
	"sync"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Of 10,000 pairs of double spends that are submitted at the same time, each
// half from its own connection, exactly one of each pair is committed. Then a
// branch with the other halves wins, and it is exactly those.
func TestReliability06DoubleSpends(t *testing.T) {
	pairs := 10_000
	if testing.Short() {
		pairs = 1000
	}
	cfg := testConfig(t.TempDir())
	cfg.Miner.Threads, cfg.Miner.OnDemand = 1, true
	cfg.Network.DevOutputs = uint32(pairs)
	r := open(t, cfg, Options{})
	m := newMaker(t, r.params)
	halves := doubleSpends(m, pairs)
	var answers [2][]ledger.Reject
	var all sync.WaitGroup
	for side := range halves {
		all.Go(func() {
			for at := 0; at < pairs; at += 50 {
				answers[side] = append(answers[side], submit(r.Node, halves[side][at:at+50]...)...)
			}
		})
	}
	all.Wait()
	for r.Stats().Pool.Txs > 0 {
		if _, err := r.Seal(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	first := r.committedHalves(halves)
	sides := [2]int{}
	for i, side := range first {
		sides[side]++
		if won, lost := answers[side][i], answers[1-side][i]; won != ledger.RejectNone || lost != ledger.RejectDoubleSpend {
			t.Fatalf("pair %d: the committed half was answered %v, the other %v", i, won, lost)
		}
	}
	t.Logf("committed %v of either half", sides)

	at := r.params.Genesis().Header
	for height, from := uint32(1), 0; height <= r.tip().Height+1; height++ {
		var txs []ledger.Tx
		for ; from < pairs && len(txs) < (pairs+1)/2; from++ {
			txs = append(txs, halves[1-first[from]][from])
		}
		b := m.block(at, height, txs...)
		at = b.Header
		r.accept(b, ledger.RejectNone)
		if r.tip().Hash == at.Hash() {
			break
		}
	}
	for i, side := range r.committedHalves(halves) {
		if side == first[i] {
			t.Fatalf("pair %d: the half of the abandoned branch is committed", i)
		}
	}
	if n := r.Stats().Pool.Txs; n > 0 {
		t.Errorf("%d transactions that conflict with the best chain are in the pool", n)
	}
	if got, want := r.digest(), freshDigest(t, r.params, r.blocks(t)); got != want {
		t.Errorf("digest %+v, want %+v", got, want)
	}
}

// doubleSpends returns two transactions for each of so many outputs.
func doubleSpends(m *maker, pairs int) (halves [2][]ledger.Tx) {
	var all sync.WaitGroup
	for side := range halves {
		halves[side] = make([]ledger.Tx, pairs)
		all.Go(func() {
			for i := range pairs {
				halves[side][i], _ = m.spend([]coin{m.genesis(i)}, 1+side)
			}
		})
	}
	all.Wait()
	return halves
}

// committedHalves returns which half of each pair is in the best chain, and
// requires that exactly one is.
func (r *running) committedHalves(halves [2][]ledger.Tx) []int {
	r.t.Helper()
	committed := map[ledger.Hash]int{}
	for _, b := range r.blocks(r.t) {
		for i := range b.Txs {
			committed[b.Txs[i].ID()]++
		}
	}
	which := make([]int, len(halves[0]))
	for i := range which {
		a, b := committed[halves[0][i].ID()], committed[halves[1][i].ID()]
		if a+b != 1 {
			r.t.Fatalf("pair %d: one half is committed %d times, the other %d times", i, a, b)
		}
		which[i] = b
	}
	return which
}
