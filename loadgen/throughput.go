package loadgen

import (
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// steadyBlocks spreads what each block brought (own transactions that
// succeeded) evenly over the time since the block before it, and returns the
// shares that fall into the steady window, with their seconds: a block that
// straddles an end counts in part, so that the figure does not jump by a block
// with the window's position. What comes after a silence of stallGaps times the
// median gap brought nothing to the window before it: a chain that stood still
// at the end did not deliver then. The seconds add up to the window.
func (e *engine) steadyBlocks() []share {
	gains := e.gains()
	limit := stallGaps * medianGap(gains)
	from, to := e.steadyFrom, min(e.steadyTo, e.loadEnd)
	covered := from
	var all []share
	for _, g := range gains {
		overlap := min(g.to, to) - max(g.from, from)
		if overlap <= 0 || g.to > to && g.to-g.from > limit {
			continue
		}
		all = append(all, share{
			from: max(g.from, from), seconds: float64(overlap) / 1e9, amount: g.good * float64(overlap) / float64(g.to-g.from), good: g.good, waitNs: g.waitNs,
			used: g.used * float64(overlap) / float64(g.to-g.from), limit: g.limit * float64(overlap) / float64(g.to-g.from),
		})
		covered = min(g.to, to)
	}
	if rest := to - covered; rest > 0 {
		all = append(all, share{from: covered, seconds: float64(rest) / 1e9})
	}
	return all
}

// share is what one block, or several that were seen at once, brought within
// the steady window.
type share struct {
	from    int64   // ns since the start
	seconds float64 // within the window
	amount  float64 // good transactions within the window
	good    float64 // in all of the block
	waitNs  float64 // sum of their times from intended to included
	used    float64 // of the chain's capacity, within the window
	limit   float64 // on it
}

// mostUnits bounds what a bootstrap draws from. Of a longer run, neighbouring
// blocks make up one unit.
const mostUnits = 2000

// units adds up neighbours, so that at most mostUnits are left.
func units(all []share, of func(*share) (amount, per float64)) (amounts, pers []float64) {
	each := (len(all) + mostUnits - 1) / mostUnits
	for i := range all {
		amount, per := of(&all[i])
		if i%each == 0 {
			amounts, pers = append(amounts, 0), append(pers, 0)
		}
		last := len(amounts) - 1
		amounts[last], pers[last] = amounts[last]+amount, pers[last]+per
	}
	return amounts, pers
}

// stallGaps: of the gaps that hold a given moment, with exponential intervals
// one in 1,500 is longer than fourteen medians: a gap of length x is met with a
// probability in proportion to x, so that P = (1 + 14 ln 2) / 2^14.
const stallGaps = 14

// gain is what came with a block: good transactions in the time from <= t < to.
type gain struct {
	from, to int64
	good     float64
	waitNs   float64 // sum of their times from intended to included
	used     float64 // of the chain's capacity, by everybody
	limit    float64 // on it
}

// gains lists the blocks of the best chain; those seen at once are one.
func (e *engine) gains() (all []gain) {
	last := int64(0)
	for i, b := range e.follower.rows {
		if b.Status != "main" {
			continue
		}
		if b.SeenNs > last {
			all = append(all, gain{from: last, to: b.SeenNs})
			last = b.SeenNs
		}
		if len(all) == 0 {
			continue
		}
		g := &all[len(all)-1]
		g.good += float64(e.follower.good[i])
		g.waitNs += e.follower.waitNs[i]
		g.used += float64(b.Used)
		g.limit += float64(b.Limit)
	}
	return all
}

func medianGap(gains []gain) int64 {
	gaps := make([]int64, len(gains))
	for i, g := range gains {
		gaps[i] = g.to - g.from
	}
	slices.Sort(gaps)
	if len(gaps) == 0 {
		return 0
	}
	return gaps[len(gaps)/2]
}

func (e *engine) throughput() result.Throughput {
	whole, window := e.collector.Totals()
	seconds := float64(min(e.steadyTo, e.loadEnd)-e.steadyFrom) / 1e9
	t := result.Throughput{}
	if seconds > 0 {
		t.OfferedPerS = float64(window[record.Offered]) / seconds
		t.AcceptedPerS = float64(window[record.Accepted]) / seconds
		t.PayloadBytes = float64(window[record.PayloadBytes]) / seconds
	}
	amounts, times := units(e.steadyBlocks(), perSecond)
	t.SucceededPerS = ratio(amounts, times)
	if ci, ok := stats.BootstrapRate(amounts, times, e.sc.Load.Seed); ok {
		t.Low, t.High = ci.Low, ci.High
	}
	if e.drainEnd > 0 {
		t.WholePerS = float64(whole[record.Succeeded]) / (float64(e.drainEnd) / 1e9)
	}
	e.backlog(&t)
	if e.schedule == nil && e.loadEnd > 0 {
		for _, s := range e.senders {
			t.Blocked += float64(s.closed.blocked) / float64(e.loadEnd) / float64(len(e.senders))
		}
	}
	return t
}

// backlog fits the in-flight count over the steady window.
func (e *engine) backlog(t *result.Throughput) {
	if e.schedule == nil {
		t.BacklogWhy = "the window of a closed loop holds the backlog where it is"
		return
	}
	var at, inFlight []float64
	for _, s := range e.collector.Series() {
		if s.Kind == "" && s.Phase == record.PhaseSteady {
			at, inFlight = append(at, float64(s.TNs)/1e9), append(inFlight, float64(s.InFlight))
		}
	}
	trend, ok := stats.Line(at, inFlight, e.sc.Load.Seed)
	if !ok {
		t.BacklogWhy = fmt.Sprintf("%d seconds in the steady window are too few for a slope: %d are needed", len(at), stats.MinTrend)
		return
	}
	t.BacklogSlope, t.BacklogLow, t.BacklogHigh = trend.Slope, trend.Low, trend.High
	t.BacklogGrows = trend.Grows(t.OfferedPerS)
}
