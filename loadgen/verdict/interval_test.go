package verdict

import (
	"math"
	"math/rand/v2"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// secondsRun is a run of so many seconds of 250 transactions each. Those of one
// second are equally late but for 1 %: what tells is the seconds.
func secondsRun(t *testing.T, seconds int, rng *rand.Rand) *result.Run {
	t.Helper()
	r := healthy()
	r.Run.Seed, r.Run.SteadyFromNs = 7, 5e9
	whole := result.NewHistogram()
	for s := -3; s < seconds; s++ {
		h := result.NewHistogram()
		base := 1e8 * (1 + rng.ExpFloat64())
		for range 250 {
			v := int64(base * (1 + 0.01*rng.Float64()))
			if s >= 0 {
				_ = whole.RecordValue(v)
			}
			_ = h.RecordValue(v)
		}
		v2, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		r.Intervals = append(r.Intervals, result.Interval{Stage: result.StageCommit, StartNs: int64(5+s) * 1e9, LengthNs: 1e9, V2: v2})
	}
	r.Histograms = []result.Histogram{{Stage: result.StageCommit, H: whole}}
	p50, p90, mean := whole.ValueAtQuantile(50), whole.ValueAtQuantile(90), int64(whole.Mean())
	r.Latency[1] = result.Latency{Stage: result.StageCommit, Count: uint64(whole.TotalCount()), P50Ns: &p50, P90Ns: &p90, MeanNs: mean, MaxNs: whole.Max()}
	return r
}

// TestLatencyIntervalCovers: over many runs, the intervals hold the true value
// about as often as they say. Taken over single transactions they would be far
// too narrow: the seconds are what is independent.
func TestLatencyIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	truth := map[string]float64{ // of 1e8 (1 + exponential) (1 + uniform/100)
		"commit.p50": 1.005e8 * (1 + math.Ln2), "commit.p90": 1.005e8 * (1 + math.Log(10)), "commit.mean": 1.005e8 * 2,
	}
	covered, width := map[string]int{}, map[string]float64{}
	const runs = 24
	for range runs {
		r := secondsRun(t, 50, rng)
		for metric, want := range truth {
			low, high := latencyInterval(r, metric)
			if low <= want && want <= high {
				covered[metric]++
			}
			width[metric] += (high - low) / want / runs
		}
	}
	for metric := range truth {
		if covered[metric] < runs*75/100 || width[metric] > 0.8 {
			t.Errorf("%s: %d of %d intervals cover, %.0f %% wide on average", metric, covered[metric], runs, 100*width[metric])
		}
	}
}

func TestLatencyIntervalAbsent(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	long, short := secondsRun(t, 20, rng), secondsRun(t, leastUnits-1, rng)
	for _, c := range []struct {
		r      *result.Run
		metric string
		want   bool
	}{
		{long, "commit.p50", true},
		{long, "commit.max", false},
		{long, "ack.p50", false}, // nothing was recorded
		{short, "commit.p50", false},
	} {
		if low, high := latencyInterval(c.r, c.metric); (high > low) != c.want {
			t.Errorf("%s: %v to %v", c.metric, low, high)
		}
	}
}

// TestSLOIntervals: the table shows the interval, and says where the limit lies
// within it.
func TestSLOIntervals(t *testing.T) {
	r := secondsRun(t, 40, rand.New(rand.NewPCG(5, 6)))
	near := float64(*r.Latency[1].P50Ns) * 1.001
	checks := SLO(r, []Objective{{"commit.p50", "<", near}, {"commit.p50", "<", 1e10}, {"lost", "==", 0}})
	if c := checks[0]; !c.OK || c.Low <= 0 || c.Low >= c.Observed || c.High <= c.Observed || c.Note == "" {
		t.Errorf("%+v", c)
	}
	if c := checks[1]; c.Low != checks[0].Low || c.Note != "" {
		t.Errorf("%+v", c)
	}
	if c := checks[2]; c.Low != 0 || c.High != 0 || c.Note != "" {
		t.Errorf("%+v", c)
	}
}
