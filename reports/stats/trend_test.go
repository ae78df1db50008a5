package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func seconds(n int) []float64 { return series(n, func(i int) float64 { return float64(i) }) }

func TestLineExact(t *testing.T) {
	x := seconds(30)
	trend, ok := Line(x, series(30, func(i int) float64 { return 7 + 3*float64(i) }), 1)
	if !ok || math.Abs(trend.Slope-3) > 1e-9 || math.Abs(trend.Intercept-7) > 1e-9 {
		t.Fatalf("got %+v %v, want 7 + 3x", trend, ok)
	}
	if math.Abs(trend.Low-3) > 1e-9 || math.Abs(trend.High-3) > 1e-9 {
		t.Errorf("a perfect line has an interval of %v", trend.Interval)
	}
}

// With noise whose neighbours are alike (an autoregression of 0.6) the interval
// must still cover nearly as often as it says.
func TestLineCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	const trials, n, slope = 100, 120, 2.0
	x, covered := seconds(n), 0
	for trial := range trials {
		noise := 0.0
		y := series(n, func(i int) float64 {
			noise = 0.6*noise + rng.NormFloat64()*40
			return 1000 + slope*float64(i) + noise
		})
		if trend, ok := Line(x, y, uint64(trial)); ok && trend.Low <= slope && slope <= trend.High {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.83 {
		t.Errorf("covered in %.3f of the trials, want about 0.95", share)
	}
}

func TestGrows(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	backlog := func(slope float64) Trend {
		trend, ok := Line(seconds(60), series(60, func(i int) float64 {
			return 2000 + slope*float64(i) + rng.NormFloat64()*100
		}), 1)
		if !ok {
			t.Fatal("no trend")
		}
		return trend
	}
	const rate = 5000
	if backlog(0).Grows(rate) {
		t.Error("a level backlog grows")
	}
	if backlog(-500).Grows(rate) {
		t.Error("a falling backlog grows")
	}
	if backlog(30).Grows(rate) {
		t.Error("30/s is below 1 % of 5,000/s, yet it grows")
	}
	if !backlog(200).Grows(rate) {
		t.Error("200/s of 5,000/s does not grow")
	}
}

func TestLineRefuses(t *testing.T) {
	if _, ok := Line(seconds(7), seconds(7), 1); ok {
		t.Error("seven points make a trend")
	}
	if _, ok := Line(seconds(9), seconds(8), 1); ok {
		t.Error("unequal lengths make a trend")
	}
	if _, ok := Line(make([]float64, 9), seconds(9), 1); ok {
		t.Error("points at one x make a trend")
	}
}
