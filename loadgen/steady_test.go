package loadgen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports/result"
)

// blocksOf makes n blocks of 250 ms with so many transactions each, whose times
// to inclusion have the given mean, both with 5 % of noise.
func blocksOf(n int, seed uint64, good, waitNs func(i int) float64) []share {
	rng := rand.New(rand.NewPCG(seed, 2))
	noise := func() float64 { return 1 + 0.05*rng.NormFloat64() }
	all := make([]share, n)
	for i := range all {
		g := good(i) * noise()
		all[i] = share{from: 5e9 + int64(i)*25e7, seconds: 0.25, amount: g, good: g, waitNs: waitNs(i) * noise() * g}
	}
	return all
}

func always(v float64) func(int) float64 { return func(int) float64 { return v } }

// until has one value before a block and another from it on.
func until(n int, before, after float64) func(int) float64 {
	return func(i int) float64 {
		if i < n {
			return before
		}
		return after
	}
}

func TestSteadySeries(t *testing.T) {
	for _, c := range []struct {
		name     string
		all      []share
		of       func(*share) (float64, float64)
		state    string
		from, to int // bounds of the cut
	}{
		{"steady", blocksOf(120, 1, always(1000), always(2e8)), perSecond, result.SteadyYes, 0, 60},
		{"slow to begin", blocksOf(120, 1, until(20, 500, 1000), always(2e8)), perSecond, result.SteadyWarming, 20, 25},
		{"slow to answer", blocksOf(120, 1, always(1000), until(20, 6e8, 2e8)), perTx, result.SteadyWarming, 20, 25},
		{"late change", blocksOf(120, 1, until(80, 1000, 500), always(2e8)), perSecond, result.SteadyNo, 80, 95},
		{"too few", blocksOf(49, 1, until(20, 500, 1000), always(2e8)), perSecond, result.SteadyUnknown, 0, 0},
		{"none", nil, perSecond, result.SteadyUnknown, 0, 0},
	} {
		s := steadySeries("throughput", "tx/s", c.all, c.of, 1)
		if s.State != c.state || s.Cut < c.from || s.Cut > c.to || s.Blocks != len(c.all) {
			t.Errorf("%s: %+v", c.name, s)
		}
		if len(c.all) > 0 && s.FromNs != c.all[s.Cut].from {
			t.Errorf("%s: from %d, block %d begins at %d", c.name, s.FromNs, s.Cut, c.all[s.Cut].from)
		}
	}
}

// TestSteadyAlarms: noise alone seldom looks like a warm-up, whatever MSER-5
// cuts.
func TestSteadyAlarms(t *testing.T) {
	alarms := 0
	const runs = 100
	for seed := range uint64(runs) {
		if s := steadySeries("throughput", "tx/s", blocksOf(120, seed, always(1000), always(1)), perSecond, seed); s.State != result.SteadyYes {
			alarms++
		}
	}
	if alarms > runs/20 {
		t.Errorf("%d of %d steady runs are doubted", alarms, runs)
	}
}

func TestSteadyWarnings(t *testing.T) {
	warming := result.SteadySeries{Name: "commit", Unit: "ns", State: result.SteadyWarming, Blocks: 120, Cut: 25, FromNs: 11_250_000_000, Whole: 3.1e8, After: 2.4e8}
	few := result.SteadySeries{Name: "throughput", Unit: "tx/s", State: result.SteadyUnknown, Blocks: 12}
	no := result.SteadySeries{Name: "throughput", Unit: "tx/s", State: result.SteadyNo}
	for _, c := range []struct {
		s    result.Steady
		want string
	}{
		{result.Steady{Series: []result.SteadySeries{warming}}, "without the first 25 of 120 blocks of the window, the mean time to inclusion is 240ms instead of 310ms; load.warmup of 11.3s or more"},
		{result.Steady{Series: []result.SteadySeries{no}}, "no steady state: throughput was still changing"},
		{result.Steady{Series: []result.SteadySeries{few}, BlocksNeeded: 50}, "12 blocks in the steady window are too few to tell whether it is steady (50 are needed)"},
		{result.Steady{Series: []result.SteadySeries{warming, no}, Varying: true}, ""},
		{result.Steady{Series: []result.SteadySeries{few}, BlocksNeeded: 50, Varying: true}, "too few"},
	} {
		w := strings.Join(steadyWarnings(&c.s), "\n")
		if (w == "") != (c.want == "") || !strings.Contains(w, c.want) {
			t.Errorf("%+v: %q, want %q", c.s, w, c.want)
		}
	}
}

// TestUnits: long runs are gathered, and nothing is lost.
func TestUnits(t *testing.T) {
	for _, n := range []int{0, 1, mostUnits, mostUnits + 1, 5*mostUnits + 3} {
		amounts, seconds := units(blocksOf(n, 3, always(10), always(1)), func(*share) (float64, float64) { return 1, 2 })
		var sum, time float64
		for i := range amounts {
			sum, time = sum+amounts[i], time+seconds[i]
		}
		if len(amounts) > mostUnits || len(amounts) != len(seconds) || int(sum) != n || int(time) != 2*n {
			t.Errorf("%d blocks: %d units that add up to %v and %v", n, len(amounts), sum, time)
		}
	}
}
