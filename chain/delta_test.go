package chain

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// deltaOf, which sees the block alone, agrees with Connect, which has the set.
func TestDeltaOfAgreesWithConnect(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := ledger.TestParams()
	g := newGrower(t, p, seed)
	set := map[ledger.OutPoint]ledger.Entry{}
	lookup := func(op ledger.OutPoint) (ledger.Entry, bool, error) {
		e, ok := set[op]
		return e, ok, nil
	}
	tip, inside := p.GenesisHash(), 0
	for height := range uint32(50) {
		b := p.Genesis()
		if height > 0 {
			b = g.grow(tip, 8)
			tip = b.Header.Hash()
		}
		want, err := ledger.Connect(b, height, p, lookup)
		if err != nil {
			t.Fatal(err)
		}
		got := deltaOf(b, height, want.Spent)
		got.Fees = want.Fees
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("height %d:\n got %+v\nwant %+v", height, got, want)
		}
		inside += len(spentInside(b))
		for _, c := range want.Spent {
			delete(set, c.Point)
		}
		for _, c := range want.Created {
			set[c.Point] = c.Entry
		}
	}
	if inside == 0 {
		t.Error("no block has spent an output of its own, so the test shows nothing")
	}
}
