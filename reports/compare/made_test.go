package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// maker makes up runs with the noise that real ones have: a good or bad minute
// of the machine that all metrics of a run share, noise of each metric's own,
// tails noisier than medians, and one run in fifteen that was disturbed.
type maker struct {
	rng  *rand.Rand
	made int
}

var made0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func newMaker(seed uint64) *maker { return &maker{rng: rand.New(rand.NewPCG(seed, 77))} }

// run makes one; speed 1 is as it should be, 0.9 a tenth slower.
func (m *maker) run(speed float64) Run {
	speed *= math.Exp(0.015 * m.rng.NormFloat64())
	tail := 1.0
	if m.rng.IntN(15) == 0 {
		speed *= 0.93
		tail = 1.5
	}
	own := func(sigma float64) float64 { return math.Exp(sigma * m.rng.NormFloat64()) }
	ns := func(v float64) *int64 { return new(int64(v)) }
	m.made++
	s := &result.Summary{
		SchemaVersion: result.SchemaVersion, Verdict: result.Pass,
		Run: result.Info{
			ID: fmt.Sprintf("run-%d", m.made), Name: "made", Seed: 42,
			Start: made0.Add(time.Duration(m.made) * time.Minute), LoadEndNs: int64(30 * time.Second), DrainEndNs: int64(32 * time.Second),
			Config: json.RawMessage(`{"version":1,"name":"made","chain":{"node":{"ingest":{"batch_size":64}}},"load":{"seed":42,"rate":1000}}`),
		},
		Environment: result.Environment{
			Host: result.Host{CPU: "Example", Cores: 4, MemoryBytes: 1 << 34, OS: "linux", Arch: "amd64", Kernel: "6.1", GoVersion: "go1.26", Version: "1"},
			SUT:  map[string]string{"ingest.batch_size": "64", "system": "1 node started by the run"}, Driver: "reference", Network: "dev", Client: "chaindyno 1",
			Calibration: &result.Calibration{VerifyBefore: 40_000 * own(0.005), VerifyAfter: 40_000 * own(0.005)},
		},
		Throughput: result.Throughput{SucceededPerS: 20_000 * speed * own(0.004)},
		Latency: []result.Latency{
			{Stage: result.StageCommit, P50Ns: ns(2e8 / speed * own(0.02)), P99Ns: ns(6e8 / speed * own(0.05) * tail), P999Ns: ns(9e8 / speed * own(0.12) * tail)},
			{Stage: result.StageAckResponse, P99Ns: ns(5e6 / speed * own(0.08) * tail)},
		},
		Resources: []result.Resource{
			{Process: generator, CPUPerTxNs: 1e5},
			{Process: "node-0", CPUPerTxNs: 9e4 / speed * own(0.01), DiskPerTx: 310 * own(0.002)},
		},
		Counts: result.Counts{Sent: 100_000},
	}
	bad := uint64(max(0, 20*m.rng.NormFloat64()))
	s.Matrix = []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Count: s.Counts.Sent - bad}}
	return Run{Dir: fmt.Sprintf("out/run-%d", m.made), Summary: s}
}

// sides makes n runs a side, interleaved, B at another speed.
func (m *maker) sides(n int, speed float64) (a, b Side) {
	var x, y []Run
	for range n {
		x, y = append(x, m.run(1)), append(y, m.run(speed))
	}
	return NewSide("A", "out/a", x), NewSide("B", "out/b", y)
}
