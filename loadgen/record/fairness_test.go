package record

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/reports/result"
)

// fair returns a collector for so many connections and lanes, shared evenly.
func fair(t *testing.T, connections, lanes int) *Collector {
	t.Helper()
	o := options(twoKinds)
	o.Connections, o.Lanes = connections, lanes
	o.LanesOf = func(int) int { return lanes / connections }
	return mustNew(t, o)
}

// commit records one transaction of a lane that took so long.
func commit(r *Recorder, connection, lane int, intended, ns int64) {
	e := succeeded(0, intended)
	e.Sender, e.Lane, e.Included = uint16(connection), uint32(lane), intended+ns
	r.Done(e)
}

// TestFairBuckets: buckets are in order, hold what they stand for, and are
// narrow.
func TestFairBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(0, result.HighestNs).Draw(t, "ns")
		more := min(ns+rapid.Int64Range(0, 1e9).Draw(t, "more"), result.HighestNs)
		b := fairBucket(ns)
		if b < 0 || b >= fairBuckets || fairBucket(more) < b {
			t.Fatalf("%d ns is in bucket %d, %d ns in %d", ns, b, more, fairBucket(more))
		}
		if off := math.Abs(float64(fairValue(b) - ns)); off > 1024 && off > 0.008*float64(ns) {
			t.Fatalf("%d ns is told as %d", ns, fairValue(b))
		}
		if fairBucket(fairValue(b)) != b {
			t.Fatalf("the middle of bucket %d, %d, is in bucket %d", b, fairValue(b), fairBucket(fairValue(b)))
		}
	})
}

// TestFairnessAgainstTwin compares with sorted lists of everything.
func TestFairnessAgainstTwin(t *testing.T) {
	c := fair(t, 3, 60)
	r, rng := c.Recorder(), rand.New(rand.NewPCG(1, 2))
	byConnection, byLane := make([][]float64, 3), make([][]float64, 60)
	for range 30_000 {
		lane := rng.IntN(60)
		connection := lane / 20
		ns := int64(1e8 * (1 + float64(connection)) * (1 + rng.ExpFloat64()))
		commit(r, connection, lane, 3*second, ns)
		commit(r, connection, lane, second, 10*ns) // of the warm-up
		byConnection[connection] = append(byConnection[connection], float64(ns))
		byLane[lane] = append(byLane[lane], float64(ns))
	}
	c.Finish()
	f := c.Fairness()
	near := func(name string, got, want, by float64) {
		t.Helper()
		if math.Abs(got/want-1) > by {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for i, all := range byConnection {
		slices.Sort(all)
		row := f.Connections[i]
		if row.Succeeded != uint64(len(all)) || row.MaxNs != int64(all[len(all)-1]) || row.Lanes != 20 || row.Connection != i {
			t.Errorf("%+v", row)
		}
		near("mean", float64(row.MeanNs), mean(all), 1e-6)
		near("p50", float64(*row.P50Ns), all[len(all)/2], 0.01)
		near("p99", float64(*row.P99Ns), all[len(all)*99/100], 0.01)
	}
	near("slowest p50", f.SlowestP50, 3, 0.05)
	near("Jain of means", f.JainMean, 36.0/42, 0.02) // of 1, 2 and 3
	near("Jain of counts", f.JainSucceeded, 1, 0.01)
	means := make([]float64, len(byLane))
	for i := range byLane {
		means[i] = mean(byLane[i])
	}
	slices.Sort(means)
	l := f.Lanes
	near("fastest lane", float64(l.MeanMinNs), means[0], 1e-6)
	near("slowest lane", float64(l.MeanMaxNs), means[59], 1e-6)
	if l.Lanes != 60 || l.Served != 60 || l.SucceededMin < 380 || l.SucceededMax > 620 || l.Why != "" {
		t.Errorf("%+v", l)
	}
	// Lanes of a slow connection are slow: far below what chance would do.
	if l.Jain > 0.9 || l.JainByChance < 0.99 {
		t.Errorf("Jain %v, by chance %v", l.Jain, l.JainByChance)
	}
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

// TestJainByChance: where no lane is worse off, the index is what is expected of
// lanes with so few transactions.
func TestJainByChance(t *testing.T) {
	c := fair(t, 2, 1000)
	r, rng := c.Recorder(), rand.New(rand.NewPCG(3, 4))
	for i := range 8000 {
		commit(r, i%1000/500, i%1000, 3*second, int64(1e8*(1+rng.ExpFloat64())))
	}
	c.Finish()
	if l := c.Fairness().Lanes; math.Abs(l.Jain-l.JainByChance) > 0.005 || l.JainByChance > 0.98 {
		t.Errorf("Jain %v, by chance %v", l.Jain, l.JainByChance)
	}
}

func TestFairnessUnknown(t *testing.T) {
	off := mustNew(t, options(twoKinds))
	commit(off.Recorder(), 3, 5, 3*second, 1e6)
	if f := off.Fairness(); f.Lanes.Why == "" || len(f.Connections) != 0 {
		t.Errorf("%+v", f)
	}
	many := fair(t, 1, mostLanes+1)
	commit(many.Recorder(), 0, mostLanes, 3*second, 1e6)
	if f := many.Fairness(); f.Lanes.Why == "" || f.Connections[0].Succeeded != 1 || f.Connections[0].P50Ns != nil || f.SlowestP50 != 0 {
		t.Errorf("%+v", f)
	}
	idle := fair(t, 2, 10)
	if f := idle.Fairness(); f.Lanes.Why == "" || f.Lanes.SucceededMin != 0 || f.JainSucceeded != 1 {
		t.Errorf("%+v", f)
	}
	stranger := fair(t, 2, 10)
	commit(stranger.Recorder(), 7, 99, 3*second, 1e6) // of nobody that is known
	if f := stranger.Fairness(); f.Lanes.Served != 0 {
		t.Errorf("%+v", f)
	}
	if _, err := New(Options{Kinds: twoKinds, Now: off.Now, Connections: -1}); err == nil {
		t.Error("-1 connections are accepted")
	}
}

// TestFairnessFromSeveralGoroutines: the follower and a connection's acks end
// transactions of the same connection.
func TestFairnessFromSeveralGoroutines(t *testing.T) {
	c := fair(t, 2, 100)
	var all sync.WaitGroup
	for range 4 {
		r := c.Recorder()
		all.Go(func() {
			for i := range 1000 {
				commit(r, i%2, i%2*50+i/2%50, 3*second, 1e6)
			}
		})
	}
	all.Wait()
	c.Finish()
	f := c.Fairness()
	if f.Connections[0].Succeeded+f.Connections[1].Succeeded != 4000 || f.Lanes.SucceededMin != 40 || f.Lanes.SucceededMax != 40 {
		t.Errorf("%+v", f)
	}
}
