package loadgen

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

func TestTiersOf(t *testing.T) {
	first := []driver.TierStats{{Name: "l1", Hits: 10, Misses: 5, Took: 100}, {Name: "l3", Hits: 5, Took: 1000}}
	last := []driver.TierStats{{Name: "l1", Hits: 40, Misses: 15, Took: 700}, {Name: "l3", Hits: 15, Took: 6000}}
	want := []result.Tier{
		{Process: "a", Tier: "l1", Reads: 40, Hits: 30, HitShare: 0.75, MeanNs: 20},
		{Process: "a", Tier: "l3", Reads: 10, Hits: 10, HitShare: 1, MeanNs: 500},
	}
	for _, c := range []struct {
		name        string
		first, last []driver.TierStats
		want        []result.Tier
	}{
		{"grown", first, last, want},
		{"nobody read", first, first, nil},
		{"no tiers", nil, nil, nil},
		{"started again", last, first, []result.Tier{
			{Process: "a", Tier: "l1", Reads: 15, Hits: 10, HitShare: 2.0 / 3, MeanNs: 10},
			{Process: "a", Tier: "l3", Reads: 5, Hits: 5, HitShare: 1, MeanNs: 200},
		}},
		{
			"Redis in trouble", []driver.TierStats{{Name: "l2", Poisoned: 1, Failures: 2}, {Name: "l3"}},
			[]driver.TierStats{{Name: "l2", Misses: 4, Poisoned: 3, Failures: 7}, {Name: "l3", Hits: 4, Took: 4 * time.Millisecond}},
			[]result.Tier{
				{Process: "a", Tier: "l2", Reads: 4, Poisoned: 2, Failures: 5},
				{Process: "a", Tier: "l3", Reads: 4, Hits: 4, HitShare: 1, MeanNs: 1e6},
			},
		},
	} {
		if d := cmp.Diff(c.want, tiersOf("a", c.first, c.last)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}
