package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// comparedRuns makes up runs like the sample: interleaved, B a tenth slower,
// with a stall in its tail.
type comparedMaker struct {
	rng *rand.Rand
	n   int
}

func (m *comparedMaker) run(side string, slow float64) compare.Run {
	own := func(sigma float64) float64 { return math.Exp(sigma * m.rng.NormFloat64()) }
	m.n++
	shared := own(0.01)
	h := result.NewHistogram()
	for range 10_000 {
		v := 220e6 * slow * shared * math.Exp(0.45*m.rng.NormFloat64())
		if side == "B" && m.rng.IntN(300) == 0 {
			v *= 2.5
		}
		_ = h.RecordValue(int64(v))
	}
	q := func(p float64) *int64 { return new(h.ValueAtPercentile(p)) }
	s := prepare(&result.Run{Summary: sampleOnce().run.Summary}).Summary
	s.Verdict, s.Reasons, s.Warnings = result.Pass, nil, nil
	s.Run.ID = fmt.Sprintf("20261122T0%d%02d00.000-%d", 9+m.n/60, m.n%60, 4000+m.n)
	s.Run.Start = sampleStart.Add(time.Duration(m.n) * time.Minute)
	batch := map[string]string{"A": "1024", "B": "64"}[side]
	s.Run.Config = json.RawMessage(`{"name":"transfer","chain":{"node":{"ingest":{"batch_size":` + batch + `}}},"load":{"rate":2000}}`)
	s.Environment.SUT = map[string]string{"ingest.batch_size": batch, "miner.threads": "1"}
	s.Environment.Client = map[string]string{"A": "chaindyno 1.4.0", "B": "chaindyno 1.5.0-rc1"}[side]
	s.Throughput.SucceededPerS = 2000 / slow / shared * own(0.003)
	s.Latency = []result.Latency{
		{Stage: result.StageCommit, Count: uint64(h.TotalCount()), P50Ns: q(50), P90Ns: q(90), P99Ns: q(99), P999Ns: q(99.9)},
		{Stage: result.StageAckResponse, P99Ns: new(int64(4.2e6 * own(0.06)))},
	}
	s.Resources = []result.Resource{
		{Process: "generator", CPUSeconds: 3, CPUPerTxNs: 1e5},
		{Process: "node-0", CPUSeconds: 7, CPUPerTxNs: 91_000 * slow * own(0.012), DiskPerTx: 305 * own(0.0015)},
	}
	bad := uint64(m.rng.IntN(4))
	s.Counts = result.Counts{Sent: 70_000}
	s.Matrix = []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Count: s.Counts.Sent - bad}}
	return compare.Run{Dir: fmt.Sprintf("out/%s-%02d", side, m.n), Summary: &s, Commit: h}
}

// sampleSides are n runs a side; slow is how much slower B is, 1 for not at all.
func sampleSides(n int, slow float64) (a, b compare.Side) {
	m := &comparedMaker{rng: rand.New(rand.NewPCG(5, 6))}
	var x, y []compare.Run
	for range n {
		x, y = append(x, m.run("A", 1)), append(y, m.run("B", slow))
	}
	return compare.NewSide("A", "out/a-*", x), compare.NewSide("B", "out/b-*", y)
}

func compareSides(t *testing.T, a, b compare.Side, o compare.Options) *compare.Comparison {
	t.Helper()
	c, err := compare.Compare(a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sampleComparison(t *testing.T) *compare.Comparison {
	t.Helper()
	a, b := sampleSides(10, 1.1)
	return compareSides(t, a, b, compare.DefaultOptions())
}

// hostileComparison has markup and control characters wherever a file could
// have put them.
func hostileComparison(t *testing.T) *compare.Comparison {
	t.Helper()
	a, b := sampleSides(7, 1.2)
	for _, side := range []*compare.Side{&a, &b} {
		side.Label += hostile
		for i := range side.Runs {
			r := &side.Runs[i]
			r.Dir += hostile
			s := *r.Summary
			s.Run.ID += hostile
			s.Run.Name += hostile
			s.Environment.Client += hostile
			s.Environment.Host.CPU += hostile
			s.Environment.SUT = map[string]string{"x" + hostile: side.Name + hostile}
			s.Run.Config, _ = json.Marshal(map[string]any{"chain": map[string]string{hostile: side.Name + hostile}})
			if i == 3 {
				s.Verdict = result.Invalid
			}
			clean := prepare(&result.Run{Summary: s}).Summary
			r.Summary = &clean
		}
	}
	o := compare.DefaultOptions()
	o.LeaveOut = true
	return compareSides(t, a, b, o)
}
