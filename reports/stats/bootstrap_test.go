package stats

import (
	"math/rand/v2"
	"testing"
)

// The interval must hold the truth about as often as it says: with a true
// coverage of 0.94 (the percentile bootstrap of 60 units is a little narrow),
// 300 trials fall below 0.89 less than once in a thousand seeds.
func TestBootstrapRateCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const trials, blocks, truth = 300, 60, 5000.0
	covered := 0
	for trial := range trials {
		amounts, times := make([]float64, blocks), make([]float64, blocks)
		for i := range blocks {
			times[i] = rng.ExpFloat64() * 0.25
			amounts[i] = truth*times[i] + rng.NormFloat64()*200
		}
		in, ok := Bootstrap(blocks, 200, uint64(trial), func(units []int) float64 {
			var a, s float64
			for _, u := range units {
				a, s = a+amounts[u], s+times[u]
			}
			return a / s
		})
		if ok && in.Low <= truth && truth <= in.High {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.89 || share > 0.985 {
		t.Errorf("covered in %.3f of the trials, want about 0.95", share)
	}
}

func TestBootstrapRepeats(t *testing.T) {
	values := []float64{3.14, 1.59, 2.65, 3.58, 9.79, 3.23, 8.46, 2.64, 3.38, 3.27}
	a, _ := BootstrapMean(values, 7)
	b, _ := BootstrapMean(values, 7)
	c, _ := BootstrapMean(values, 8)
	if a != b {
		t.Errorf("one seed gave %v and %v", a, b)
	}
	if a == c {
		t.Errorf("two seeds gave the same %v", a)
	}
	if !(a.Low < 4.17 && 4.17 < a.High) {
		t.Errorf("%v does not hold the mean", a)
	}
}

func TestBootstrapConstant(t *testing.T) {
	in, ok := BootstrapMean([]float64{2, 2, 2, 2}, 1)
	if !ok || in != (Interval{2, 2}) {
		t.Errorf("got %v %v, want [2 2]", in, ok)
	}
}

func TestBootstrapRefuses(t *testing.T) {
	tests := map[string]func() (Interval, bool){
		"one unit":        func() (Interval, bool) { return BootstrapMean([]float64{1}, 1) },
		"no unit":         func() (Interval, bool) { return BootstrapMean(nil, 1) },
		"unequal lengths": func() (Interval, bool) { return BootstrapRate([]float64{1, 2}, []float64{1, 2, 3}, 1) },
	}
	for name, f := range tests {
		if in, ok := f(); ok {
			t.Errorf("%s: got %v, want none", name, in)
		}
	}
	if in, ok := BootstrapRate([]float64{1, 2}, []float64{0, 0}, 1); !ok || in != (Interval{}) {
		t.Errorf("no time: got %v %v, want rate 0", in, ok)
	}
}
