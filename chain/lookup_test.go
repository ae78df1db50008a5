package chain

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// TestLookUpDuringReorganisations: what was accepted is found at every moment,
// while two branches overtake each other and each holds what the other left in
// the pool.
func TestLookUpDuringReorganisations(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	var mu sync.Mutex
	var accepted []ledger.Hash
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			mu.Lock()
			ids := slices.Clone(accepted)
			mu.Unlock()
			places, err := r.Locate(ids)
			if i := slices.Index(places, PlaceUnknown); err != nil || i >= 0 {
				t.Errorf("transaction %d of %d is unknown (%v)", i, len(ids), err)
				return
			}
			for _, id := range ids {
				if _, err := r.Transaction(t.Context(), id); err != nil {
					t.Errorf("transaction %s: %v", id, err)
					return
				}
			}
		}
	}()

	ahead, behind := r.params.Genesis().Header, r.params.Genesis().Header
	height := uint32(1)
	for i := range 64 {
		tx, _ := m.spend([]coin{m.genesis(i)}, 1)
		if a := submit(r.Node, tx); a[0] != ledger.RejectNone {
			t.Fatal(a)
		}
		mu.Lock()
		accepted = append(accepted, tx.ID())
		mu.Unlock()
		level := m.block(behind, height, tx)
		over := m.block(level.Header, height+1)
		r.accept(level, ledger.RejectNone)
		r.accept(over, ledger.RejectNone)
		if r.tip().Hash != over.Header.Hash() {
			t.Fatal("no reorganisation")
		}
		ahead, behind = over.Header, ahead
		height++
		if i == 0 { // the first only got ahead of the genesis
			first := m.block(r.params.Genesis().Header, 1)
			r.accept(first, ledger.RejectNone)
			behind = first.Header
			height = 2
		}
	}
	close(stop)
	<-stopped
}

// TestIntervalAfterReorganisation: it counts from the block before, not from
// the last one of the branch that was left.
func TestIntervalAfterReorganisation(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	genesis := r.params.Genesis().Header
	r.accept(m.block(genesis, 1), ledger.RejectNone)
	first := m.block(genesis, 1)
	second := m.block(first.Header, 2)
	third := m.block(second.Header, 3)
	r.accept(first, ledger.RejectNone)
	began := time.Now()
	r.accept(second, ledger.RejectNone)
	r.accept(third, ledger.RejectNone)
	most := time.Since(began)
	for _, b := range []struct {
		what  string
		block *ledger.Block
		most  time.Duration
	}{{"of the switch", second, 0}, {"after it", third, most}} {
		meta, err := r.store.Meta(b.block.Header.Hash())
		if got := time.Duration(meta.IntervalNs); err != nil || got > b.most || got == 0 && b.most > 0 {
			t.Errorf("the block %s: interval %v, at most %v (%v)", b.what, got, b.most, err)
		}
	}
}
