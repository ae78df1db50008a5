package matrix

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// flat is a rate that no setting changes, and grown one that both do.
func flat(int, int) float64 { return 10_000 }

func grown(t, b int) float64 { return 10_000 * float64(t+1) * (1 + float64(b)/4) }

func TestBestIsTold(t *testing.T) {
	m := sweepOf([]string{"1", "2"}, []string{"1", "64", "1024"}, 6, grown, 0.005).judge()
	best := &m.Points[m.Best]
	if best.Label != "verifiers=2 batch_size=1024" || m.Made != 36 || m.Of != 36 {
		t.Fatalf("best %s, %d of %d", best.Label, m.Made, m.Of)
	}
	if s := best.Metrics[Throughput]; len(s.Values) != 6 || s.Low >= s.Median || s.High <= s.Median || math.Abs(s.Median/30_000-1) > 0.02 {
		t.Errorf("%+v", s)
	}
	if m.Pairs != 15 || m.Needed != 6 || !m.Enough {
		t.Errorf("%d runs are needed for %d pairs, enough %v", m.Needed, m.Pairs, m.Enough)
	}
	for i := range m.Points {
		p := &m.Points[i]
		if i == m.Best {
			if p.Best != nil || !p.Pareto {
				t.Errorf("the best point: %+v", p)
			}
			continue
		}
		if !p.Best.Told || p.Best.Change >= 0 || p.Best.High >= 0 || p.Best.Adjusted > 15*p.Best.P || p.Pareto {
			t.Errorf("%s: %+v", p.Label, p.Best)
		}
	}
}

// TestNoiseIsNotTold: points that do not differ are told from the best, which is
// only the luckiest of them, in no more sweeps than alpha says.
func TestNoiseIsNotTold(t *testing.T) {
	const sweeps, points, runs = 40, 20, 10
	wrong := 0
	for k := range sweeps {
		draw := rand.New(rand.NewPCG(1, uint64(k)))
		m := &Matrix{Best: -1, metric: MetricNamed(Throughput), Points: make([]Point, points)}
		for i := range m.Points {
			values := make([]float64, runs)
			for r := range values {
				values[r] = 10_000 * (1 + 0.05*draw.NormFloat64())
			}
			m.Points[i] = Point{Passed: runs, Metrics: map[string]Sample{Throughput: {Median: stats.Median(values), Values: values}}}
		}
		m.rank()
		if slices.ContainsFunc(m.Points, func(p Point) bool { return p.Best != nil && p.Best.Told }) {
			wrong++
		}
	}
	if share := float64(wrong) / sweeps; share > Alpha {
		t.Errorf("in %.1f %% of sweeps over nothing a point is told from the best", 100*share)
	}
}

func TestTooFewRuns(t *testing.T) {
	m := sweepOf([]string{"1", "2"}, []string{"1", "64", "1024"}, 2, grown, 0.001).judge()
	if m.Enough || m.Needed != 6 {
		t.Errorf("two runs are enough: %+v", m)
	}
	for i := range m.Points {
		if v := m.Points[i].Best; v != nil && v.Told {
			t.Errorf("told with two runs: %+v", v)
		}
	}
	one := sweepOf([]string{"1", "2"}, []string{"1"}, 1, grown, 0).judge()
	if s := one.Points[one.Best].Metrics[Throughput]; s.HasInterval() || !s.Known() {
		t.Errorf("an interval from one run: %+v", s)
	}
}

// TestVerdicts: what counts, what does not, and what cannot be the best.
func TestVerdicts(t *testing.T) {
	made := sweepOf([]string{"1", "2"}, []string{"1"}, 3, flat, 0)
	made.runs[0].Verdict = result.Fail
	made.runs[0].SLO = []result.Check{{Name: "commit.p99"}, {Name: "lost", OK: true}}
	made.runs[0].Counts.DroppedOverload = 3
	failed := made.plan.Order[0]
	lied := 1 - failed
	for i := range made.runs {
		if made.plan.Order[i] == lied {
			made.runs[i].Throughput.SucceededPerS *= 9
			made.runs[i].Audit.OK, made.runs[i].Verdict = false, result.Fail
		}
	}
	repeated := *made.add(failed, result.Invalid, 99_999, 1)
	made.runs[len(made.runs)-1].Last = false
	repeated.Attempt, repeated.Summary = 2, &result.Summary{Verdict: result.Pass, Throughput: result.Throughput{SucceededPerS: 10_000}}
	made.runs = append(made.runs, repeated)
	m := made.judge()
	p, q := m.Points[failed], m.Points[lied]
	if p.Passed != 3 || p.Failed != 1 || p.Invalid != 1 || p.Runs() != 4 || !slices.Equal(p.Missed, []string{"commit.p99", "dropped as overload"}) {
		t.Errorf("%+v", p)
	}
	if len(p.Metrics[CommitP99].Values) != 3 {
		t.Errorf("a run without a p99 counts for it: %v", p.Metrics[CommitP99])
	}
	if q.Audit != 3 || q.Sound() || m.Best != failed || q.Pareto {
		t.Errorf("a chain that broke its promises is ranked: %+v, best %d", q, m.Best)
	}
	none := Judge(&made.plan.SweepPlan, nil)
	if none.Best != -1 || none.Made != 0 || none.Points[0].Metrics[Throughput].Known() {
		t.Errorf("something is known of nothing: %+v", none)
	}
	if _, err := json.Marshal(none); err != nil {
		t.Error(err)
	}
}

// TestLowerIsBetter ranks by block time and latency.
func TestLowerIsBetter(t *testing.T) {
	made := sweepOf([]string{"1", "2"}, []string{"1"}, 6, grown, 0.01)
	for _, metric := range []string{CommitP50, CommitP99, BlockTime, Hashes} {
		made.plan.Metric = metric
		m := made.judge()
		if m.Points[m.Best].Label != "verifiers=2 batch_size=1" {
			t.Errorf("%s: best is %s", metric, m.Points[m.Best].Label)
		}
	}
}

func TestPareto(t *testing.T) {
	made := sweepOf([]string{"1", "2"}, []string{"1", "64"}, 1, flat, 0)
	made.runs, made.plan.Order = nil, nil
	for point, x := range [][2]float64{{1000, 5e6}, {2000, 9e6}, {1500, 9e6}, {2000, 9e6}} {
		made.add(point, result.Pass, x[0], x[1])
	}
	var front []int
	m := made.judge()
	for i := range m.Points {
		if m.Points[i].Pareto {
			front = append(front, i)
		}
	}
	if !slices.Equal(front, []int{0, 1, 3}) {
		t.Errorf("the front is %v", front)
	}
}

func TestKeptUp(t *testing.T) {
	made := sweepOf([]string{"1", "2"}, []string{"1"}, 2, flat, 0)
	if made.judge().Kept {
		t.Error("a closed loop keeps up with nothing")
	}
	for i := range made.runs {
		made.runs[i].Run.Loop, made.runs[i].Throughput.OfferedPerS = "open", 10_050
	}
	if !made.judge().Kept {
		t.Error("99.5 % of what was offered is not kept up with")
	}
	made.runs[3].Throughput.OfferedPerS = 11_000
	if made.judge().Kept {
		t.Error("91 % is kept up with")
	}
}

func TestScaling(t *testing.T) {
	law := func(n float64) float64 { return 10_000 * n / (1 + 0.1*(n-1)) }
	threads := []float64{1, 2, 4, 8}
	made := sweepOf([]string{"1", "2", "4", "8"}, []string{"1", "64"}, 5, func(t, b int) float64 { return law(threads[t]) * float64(b+1) }, 0.002)
	made.plan.Host.PhysicalCores = 4
	m := made.judge()
	if len(m.Scaling) != 1 {
		t.Fatalf("%d axes of threads", len(m.Scaling))
	}
	s := &m.Scaling[0]
	if s.Axis != 0 || s.Held != "batch_size=64" || s.Quantity != Throughput || len(s.Steps) != 4 || s.Law == nil || math.Abs(s.Law.Sigma-0.1) > 0.02 || len(s.Fits()) != 2 {
		t.Fatalf("%+v, %+v", s, s.Law)
	}
	last := s.Steps[3]
	if last.N != 8 || math.Abs(last.SpeedUp-8/1.7) > 0.1 || math.Abs(last.Efficiency-1/1.7) > 0.02 || last.Low >= last.SpeedUp || last.High <= last.SpeedUp {
		t.Errorf("%+v", last)
	}
	if s.Steps[0].SpeedUp != 1 || s.Steps[0].Efficiency != 1 {
		t.Errorf("%+v", s.Steps[0])
	}
	if !strings.Contains(strings.Join(s.Warnings, " "), "cores") {
		t.Errorf("8 threads on 4 cores are not warned of: %v", s.Warnings)
	}
	made.plan.Metric = BlockTime
	if s := made.judge().Scaling[0]; s.Quantity != Blocks || math.Abs(s.Steps[0].PerS.Median-20) > 1 {
		t.Errorf("blocks per second: %+v", s.Steps[0])
	}
}

func TestScalingOfFew(t *testing.T) {
	m := sweepOf([]string{"2"}, []string{"1", "64"}, 2, grown, 0).judge()
	if len(m.Scaling) != 0 {
		t.Errorf("one number of threads scales: %+v", m.Scaling)
	}
	m = sweepOf([]string{"1", "2"}, []string{"1"}, 5, grown, 0.01).judge()
	if s := &m.Scaling[0]; s.Law != nil || s.Fits() != nil || s.Why != "2 numbers of threads are too few, it takes 3" || math.Abs(s.Steps[1].SpeedUp-2) > 0.05 {
		t.Errorf("a law through two numbers of threads: %+v", s)
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		key     string
		values  []string
		numbers []float64
		threads bool
		log     bool
	}{
		{"chain.node.miner.threads", []string{"1", "2"}, []float64{1, 2}, true, false},
		{"chain.node.ingest.batch_size", []string{"1", "64", "1024"}, []float64{1, 64, 1024}, false, true},
		{"load.schedule.constant.rate", []string{"100/s", "2000/s"}, []float64{100, 2000}, false, true},
		{"chain.node.miner.pace", []string{"0s", "250ms"}, []float64{0, 0.25}, false, false},
		{"load.options.double_spends", []string{"5%", "10%"}, []float64{5, 10}, false, false},
		{"chain.node.sync", []string{"none", "always"}, nil, false, false},
		{"chain.node.miner.threads", []string{"0", "1"}, []float64{0, 1}, false, false},
		{"x", []string{"1s", "1000ms"}, nil, false, false},
		{"x", []string{"1", "2/s"}, nil, false, false},
		{"x", []string{"inf", "nan"}, nil, false, false},
	} {
		a := axesOf(&result.SweepPlan{Axes: []result.SweepAxis{{Key: c.key, Name: "n", Values: c.values}}})[0]
		if !slices.Equal(a.Numbers, c.numbers) || a.Threads != c.threads || a.Log != c.log {
			t.Errorf("%s %v: %+v", c.key, c.values, a)
		}
	}
}

func TestDoubts(t *testing.T) {
	made := sweepOf([]string{"1", "2"}, []string{"1"}, 3, flat, 0)
	clean := made.judge().Doubts(&made.plan, made.runs)
	if diff := cmp.Diff([]string{"3 runs a point: the interval of so few is hardly more than their range"}, clean); diff != "" {
		t.Errorf("doubts about nothing: %s", diff)
	}
	made.plan.Dependent, made.plan.InProcess = true, true
	made.plan.Order = append(made.plan.Order, 0)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	made.plan.Sessions = []result.SweepSession{
		{Start: at, Calibration: &result.Calibration{VerifyBefore: 100_000}}, {Start: at, Calibration: &result.Calibration{VerifyBefore: 99_000, VerifyAfter: 90_000}},
	}
	for i := range made.runs {
		if made.plan.Order[i] == 1 {
			made.runs[i].Verdict = result.Invalid
		}
	}
	k := slices.IndexFunc(made.runs, func(r Run) bool { return r.Replicate() })
	made.runs[k].Audit.OK = false
	for i := range made.runs {
		made.runs[i].Warnings = []string{"steal of 3.5 %", "steal of 4 %", "the disk is full"}[:1+i%3]
	}
	m := made.judge()
	text := strings.Join(m.Doubts(&made.plan, made.runs), "\n")
	for _, want := range []string{
		"incomplete: 6 of 7 runs were made",
		"the target was not started anew for each run",
		"inside the generator's process",
		"3 INVALID (the generator was the limit), not counted: verifiers=2 batch_size=1 (3)",
		"no valid run at verifiers=2 batch_size=1: nothing is known of the chain there",
		"the audit failed in 1 of 3 runs at verifiers=1 batch_size=1, which is therefore not ranked",
		"made in 2 sessions",
		"this machine's own speed changed by 11 % over the sweep",
		"in 3 of 3 runs: steal of 3.5 %",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
