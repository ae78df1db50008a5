package record

import (
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// mostLanes bounds the memory that lanes take, 16 bytes each.
const mostLanes = 1 << 20

// fairness has the commit latency of the steady window by connection and by
// lane. HdrHistograms would take 200 KB for each of up to 256 connections and
// each goroutine, so these are coarser, and shared: a connection's lock guards
// its counts and those of its lanes, each of which has one connection. Who
// takes it are the follower and, seldom, that connection's own acks.
type fairness struct {
	connections []connection
	lanes       []laneTimes
}

type connection struct {
	mu     sync.Mutex
	counts [fairBuckets]uint64
	count  uint64
	sumNs  uint64
	maxNs  int64
}

type laneTimes struct {
	sumNs uint64
	count uint32
}

func newFairness(connections, lanes int) *fairness {
	if lanes > mostLanes {
		lanes = 0
	}
	return &fairness{connections: make([]connection, connections), lanes: make([]laneTimes, lanes)}
}

// Buckets are 64 to an octave, over units of 1,024 ns; up to 127 units they are
// single ones. The last one holds an hour.
const (
	fairUnitBits = 10
	fairSubBits  = 6
	fairBuckets  = 26<<fairSubBits + 1<<fairSubBits
)

func fairBucket(ns int64) int {
	u := uint64(ns) >> fairUnitBits
	shift := max(bits.Len64(u)-fairSubBits-1, 0)
	return shift<<fairSubBits + int(u>>shift)
}

// fairValue is the middle of a bucket, ns.
func fairValue(bucket int) int64 {
	shift := max(bucket>>fairSubBits-1, 0)
	low := int64(bucket-shift<<fairSubBits) << shift
	return (2*low + 1<<shift) << fairUnitBits / 2
}

// add records a transaction that succeeded.
func (f *fairness) add(e *inflight.Entry, ns int64) {
	if int(e.Sender) >= len(f.connections) || ns < 0 || ns > result.HighestNs {
		return
	}
	c := &f.connections[e.Sender]
	c.mu.Lock()
	c.counts[fairBucket(ns)]++
	c.count++
	c.sumNs += uint64(ns)
	c.maxNs = max(c.maxNs, ns)
	if int(e.Lane) < len(f.lanes) {
		l := &f.lanes[e.Lane]
		l.sumNs += uint64(ns)
		l.count++
	}
	c.mu.Unlock()
}

// quantile returns nil where the samples are too few for it.
func (c *connection) quantile(q float64) *int64 {
	if !stats.Enough(q, c.count) {
		return nil
	}
	rank, seen := uint64(math.Ceil(q*float64(c.count))), uint64(0)
	for i, n := range c.counts {
		if seen += n; seen >= rank {
			v := min(fairValue(i), c.maxNs)
			return &v
		}
	}
	return nil
}

// Fairness returns how evenly connections and lanes were served, after Finish.
func (c *Collector) Fairness() result.Fairness {
	f := result.Fairness{Connections: []result.Connection{}}
	if c.fair == nil {
		f.Lanes.Why = "connections were not told apart"
		return f
	}
	var succeeded, means, p50, p99 []float64
	for i := range c.fair.connections {
		row := c.fair.connections[i].row(i, c.LanesOf)
		f.Connections = append(f.Connections, row)
		succeeded = append(succeeded, float64(row.Succeeded))
		if row.Succeeded > 0 {
			means = append(means, float64(row.MeanNs))
		}
		p50, p99 = appendKnown(p50, row.P50Ns), appendKnown(p99, row.P99Ns)
	}
	f.JainSucceeded, f.JainMean = stats.Jain(succeeded), stats.Jain(means)
	f.SlowestP50, f.SlowestP99 = spread(p50), spread(p99)
	f.Lanes = c.laneSpread()
	return f
}

func (c *connection) row(number int, lanesOf func(int) int) result.Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := result.Connection{Connection: number, Succeeded: c.count, MaxNs: c.maxNs, P50Ns: c.quantile(0.5), P99Ns: c.quantile(0.99)}
	if lanesOf != nil {
		r.Lanes = lanesOf(number)
	}
	if c.count > 0 {
		r.MeanNs = int64(c.sumNs / c.count)
	}
	return r
}

func appendKnown(to []float64, v *int64) []float64 {
	if v == nil {
		return to
	}
	return append(to, float64(*v))
}

// spread is the greatest over the least; 0 for fewer than two.
func spread(v []float64) float64 {
	if len(v) < 2 || slices.Min(v) <= 0 {
		return 0
	}
	return slices.Max(v) / slices.Min(v)
}

func (c *Collector) laneSpread() result.LaneSpread {
	s := result.LaneSpread{Lanes: c.Lanes}
	if len(c.fair.lanes) < c.Lanes {
		s.Why = "there are too many lanes to tell them apart"
		return s
	}
	var means []float64
	inverse := 0.0 // sum of 1 / transactions of a lane
	s.SucceededMin = math.MaxUint64
	for i := range c.fair.lanes {
		l := &c.fair.lanes[i]
		s.SucceededMin, s.SucceededMax = min(s.SucceededMin, uint64(l.count)), max(s.SucceededMax, uint64(l.count))
		if l.count > 0 {
			means = append(means, float64(l.sumNs)/float64(l.count))
			inverse += 1 / float64(l.count)
		}
	}
	if s.Served = len(means); s.Served == 0 {
		s.SucceededMin, s.Why = 0, "no lane had a transaction succeed in the steady window"
		return s
	}
	slices.Sort(means)
	at := func(q float64) int64 { return int64(means[int(q*float64(len(means)-1))]) }
	s.MeanMinNs, s.MeanP50Ns, s.MeanP99Ns, s.MeanMaxNs = at(0), at(0.5), at(0.99), at(1)
	s.Jain = stats.Jain(means)
	s.JainByChance = c.jainByChance(inverse / float64(s.Served))
	return s
}

// jainByChance is the index of means over n transactions each, where every
// transaction is drawn alike: their variance is that of one over n, and with v
// = variance / mean^2 of what is indexed, J = 1 / (1 + v).
func (c *Collector) jainByChance(inverse float64) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, _ := c.window.sum(Commit, c.window.allRows(), []int{steady})
	if h == nil || h.Mean() == 0 {
		return 1
	}
	v := h.StdDev() / h.Mean()
	return 1 / (1 + v*v*inverse)
}
