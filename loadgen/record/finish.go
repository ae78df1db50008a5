package record

import (
	"slices"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
)

// The matrix is an array of counters by kind, status, reject and fate.
var (
	numRejects   = len(driver.Rejects())
	numStatuses  = int(driver.StatusUnknown) + 1
	cellsPerKind = numStatuses * numRejects * inflight.Fates
)

func (c *Collector) cellIndex(e *inflight.Entry) int {
	kind := min(int(e.Kind), len(c.Kinds)-1)
	status := min(int(e.Status), numStatuses-1)
	reject := min(int(e.Reject), numRejects-1)
	return ((kind*numStatuses+status)*numRejects+reject)*inflight.Fates + int(e.Fate)
}

// cell is the inverse of cellIndex.
type cell struct {
	kind   int
	status driver.Status
	reject driver.Reject
	fate   inflight.Fate
	count  uint64
}

func (c *Collector) cellAt(i int) cell {
	fate := i % inflight.Fates
	i /= inflight.Fates
	reject := i % numRejects
	i /= numRejects
	return cell{kind: i / numStatuses, status: driver.Status(i % numStatuses), reject: driver.Reject(reject), fate: inflight.Fate(fate)}
}

// cells adds up the recorders' matrices and returns the cells that are not 0.
func (c *Collector) cells() []cell {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := make([]uint64, len(c.Kinds)*cellsPerKind)
	for _, r := range c.recorders {
		r.mu.Lock()
		for i, n := range r.cells {
			sum[i] += n
		}
		r.mu.Unlock()
	}
	var cells []cell
	for i, n := range sum {
		if n > 0 {
			x := c.cellAt(i)
			x.count = n
			cells = append(cells, x)
		}
	}
	return cells
}

// Answer names an answer as reports do: accepted, rejected/<kind> or
// unknown/<kind>.
func Answer(s driver.Status, why driver.Reject) string {
	if s == driver.StatusAccepted {
		return s.String()
	}
	return s.String() + "/" + why.String()
}

// Matrix returns the answer x fate matrix by kind. It may be called at any
// time; the matrix is complete when all transactions are Done.
func (c *Collector) Matrix() []result.Cell {
	var out []result.Cell
	for _, x := range c.cells() {
		out = append(out, result.Cell{
			Answer: Answer(x.status, x.reject), Fate: x.fate.String(), Kind: c.Kinds[x.kind].Name,
			Expect: c.Kinds[x.kind].Expect.String(), Count: x.count,
		})
	}
	return out
}

// Finish closes the last interval. Nothing may be recorded afterwards.
func (c *Collector) Finish() { c.Tick(max(c.Now(), c.last+1)) }

// Series returns the rows of the time series so far.
func (c *Collector) Series() []result.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.series)
}

// Intervals returns the interval rows so far, unless OnInterval took them.
func (c *Collector) Intervals() []result.Interval {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.intervals)
}

// Histograms returns the steady window's distribution of every stage that has
// one: of all kinds together and, where more than one was sent, of each.
func (c *Collector) Histograms() []result.Histogram {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []result.Histogram
	add := func(stage Stage, kind string, rows []int) {
		h, dropped := c.window.sum(stage, rows, []int{steady})
		c.dropped += dropped
		if h != nil {
			out = append(out, result.Histogram{Stage: stage.String(), Kind: kind, H: h})
		}
	}
	several := c.kindsSent() > 1
	for stage := range numStages {
		add(stage, "", c.window.allRows())
		for i, k := range c.Kinds {
			if several {
				add(stage, k.Name, []int{i})
			}
		}
	}
	return out
}

// kindsSent is how many kinds the steady window had.
func (c *Collector) kindsSent() (n int) {
	for i := range c.Kinds {
		if t := c.window.totalsOf([]int{i}, []int{steady}); t[Sent] > 0 {
			n++
		}
	}
	return n
}

// Totals returns the counters of the intervals closed so far, over the whole
// run and over arrivals intended in the steady window.
func (c *Collector) Totals() (whole, window Totals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.whole {
		whole.add(&c.whole[i])
	}
	return whole, c.window.totalsOf(c.window.allRows(), []int{steady})
}

// MergeDropped is the number of samples that merging histograms lost; anything
// but 0 is a defect that belongs in the report.
func (c *Collector) MergeDropped() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}

// Counts returns the ledger of counts, after Finish. It is Balanced when
// arrivals are all accounted for and the matrix adds up to those sent.
func (c *Collector) Counts() result.Counts {
	t, _ := c.Totals()
	n := result.Counts{
		Scheduled: t[Offered] + t[Unsent], Sent: t[Sent], Attempts: t[Attempts], Unsent: t[Unsent] + t[Withdrawn],
		DroppedOverload: t[DroppedOverload], DroppedLate: t[DroppedLate], DroppedStarved: t[DroppedStarved],
		Reverted: t[Reverted], NegativeDeltas: t[NegativeDeltas], OutOfRange: t[OutOfRange], Foreign: t[ForeignTxs],
		Answers: map[string]uint64{}, Fates: map[string]uint64{}, Rejected: map[string]uint64{}, Unknown: map[string]uint64{},
	}
	var sum uint64
	for _, x := range c.cells() {
		sum += x.count
		n.Answers[x.status.String()] += x.count
		n.Fates[x.fate.String()] += x.count
		switch x.status {
		case driver.StatusRejected:
			n.Rejected[x.reject.String()] += x.count
			if x.reject == c.Kinds[x.kind].Expect && x.reject != driver.RejectNone {
				n.Expected += x.count
			}
		case driver.StatusUnknown:
			n.Unknown[x.reject.String()] += x.count
		}
	}
	dropped := n.DroppedOverload + n.DroppedLate + n.DroppedStarved
	n.Balanced = n.Scheduled == n.Sent+dropped+n.Unsent && sum == n.Sent
	return n
}
