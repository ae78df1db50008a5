package loadgen

import (
	"slices"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// tiers returns what the tiers of each node's read path did over the run; none
// of a node that nobody read from.
func (w *watch) tiers() (all []result.Tier) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.order {
		all = append(all, tiersOf(name, w.first[name].Tiers, w.last[name].Tiers)...)
	}
	return all
}

// tiersOf is what happened between two readings. A node that was started again
// in between has counted from zero.
func tiersOf(name string, first, last []driver.TierStats) (rows []result.Tier) {
	reads := uint64(0)
	for _, t := range last {
		i := slices.IndexFunc(first, func(f driver.TierStats) bool { return f.Name == t.Name })
		if i >= 0 && first[i].Hits <= t.Hits && first[i].Misses <= t.Misses && first[i].Took <= t.Took {
			f := first[i]
			t.Hits, t.Misses, t.Took = t.Hits-f.Hits, t.Misses-f.Misses, t.Took-f.Took
			t.Poisoned, t.Failures = t.Poisoned-min(f.Poisoned, t.Poisoned), t.Failures-min(f.Failures, t.Failures)
		}
		r := result.Tier{Process: name, Tier: t.Name, Reads: t.Hits + t.Misses, Hits: t.Hits, Poisoned: t.Poisoned, Failures: t.Failures}
		if t.Hits > 0 {
			r.HitShare, r.MeanNs = float64(r.Hits)/float64(r.Reads), int64(t.Took)/int64(t.Hits)
		}
		reads += r.Hits
		rows = append(rows, r)
	}
	if reads == 0 {
		return nil
	}
	return rows
}
