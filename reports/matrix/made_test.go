package matrix

import (
	"fmt"
	"math/rand/v2"

	"github.com/chaindyno/chaindyno/reports/result"
)

// sweepOf makes a sweep of threads x batch whose runs deliver what rate says,
// with noise of a share, in the order of rounds.
type made struct {
	plan result.Sweep
	runs []Run
}

func sweepOf(threads, batch []string, repeats int, rate func(t, b int) float64, noise float64) *made {
	m := &made{}
	p := &m.plan.SweepPlan
	p.Name, p.Metric, p.Repeats, p.Attempts = "m", Throughput, repeats, 3
	p.Axes = []result.SweepAxis{{Key: "chain.node.ingest.verifiers", Name: "verifiers", Values: threads}, {Key: "chain.node.ingest.batch_size", Name: "batch_size", Values: batch}}
	for t := range threads {
		for b := range batch {
			p.Points = append(p.Points, result.SweepPoint{Values: []int{t, b}})
		}
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range repeats {
		for _, point := range draw.Perm(len(p.Points)) {
			v := p.Points[point].Values
			x := rate(v[0], v[1]) * (1 + noise*draw.NormFloat64())
			m.add(point, result.Pass, x, 1e9*1000/x)
		}
	}
	return m
}

// add makes one more run; its p99 is in nanoseconds.
func (m *made) add(point int, verdict result.Verdict, perS, p99 float64) *Run {
	place := len(m.plan.Order)
	m.plan.Order = append(m.plan.Order, point)
	half, whole := int64(p99/2), int64(p99)
	s := &result.Summary{
		Verdict: verdict, Run: result.Info{ID: fmt.Sprint(place), Loop: "closed"},
		Throughput: result.Throughput{OfferedPerS: perS, SucceededPerS: perS},
		Latency:    []result.Latency{{Stage: result.StageCommit, P50Ns: &half, P99Ns: &whole}},
		Chain:      result.Chain{IntervalMeanNs: int64(1e12 / perS), HashesPerS: perS * 100},
		Audit:      result.Audit{Level: "counts", OK: true},
	}
	m.runs = append(m.runs, Run{Place: place, Attempt: 1, Last: true, Summary: s})
	return &m.runs[len(m.runs)-1]
}

func (m *made) judge() *Matrix { return Judge(&m.plan.SweepPlan, m.runs) }
