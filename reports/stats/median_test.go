package stats

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	} {
		before := append([]float64(nil), tt.v...)
		if got := Median(tt.v); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.v, got, tt.want)
		}
		for i := range before {
			if tt.v[i] != before[i] {
				t.Errorf("Median changed its argument to %v", tt.v)
			}
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("Median of nothing = %v, want NaN", got)
	}
}

// The interval is made of order statistics and holds the median; far outliers
// on one side do not stretch it to them.
func TestMedianInterval(t *testing.T) {
	v := []float64{10, 11, 12, 13, 14, 15, 16, 17, 18, 1e6}
	in, ok := MedianInterval(v, 1)
	if !ok || in.Low > 14.5 || in.High < 14.5 || in.Low < 10 || in.High > 18 {
		t.Errorf("got %v %v", in, ok)
	}
	if again, _ := MedianInterval(v, 1); again != in {
		t.Errorf("one seed gave %v and %v", in, again)
	}
	if _, ok := MedianInterval(v[:1], 1); ok {
		t.Error("an interval of one run")
	}
}

func TestMedianDifference(t *testing.T) {
	a := []float64{100, 101, 99, 100, 102, 98, 100, 101, 99, 100}
	b := make([]float64, len(a))
	for i := range a {
		b[i] = a[i] * 0.9
	}
	d, ok := MedianDifference(a, b, 7)
	if !ok || d.A != 100 || d.B != 90 || math.Abs(d.Change+0.1) > 1e-12 {
		t.Fatalf("got %+v %v", d, ok)
	}
	if !(d.Low <= d.Change && d.Change <= d.High && d.High < -0.05 && d.Low > -0.15) {
		t.Errorf("interval %v of a change of -10 %%", d.Interval)
	}
	s, ok := MedianShift(a, b, 7)
	if !ok || s.Change != -10 || s.Low > -10 || s.High < -10 {
		t.Errorf("shift %+v %v", s, ok)
	}
	if same, _ := MedianDifference(a, a, 7); same.Change != 0 || same.Low > 0 || same.High < 0 {
		t.Errorf("a set against itself: %+v", same)
	}
}

func TestMedianDifferenceRefuses(t *testing.T) {
	two := []float64{1, 2}
	for name, sides := range map[string][2][]float64{
		"nothing":        {nil, nil},
		"one run before": {{1}, two},
		"one run after":  {two, {1}},
		"from zero":      {{0, 1}, two},
		"from below":     {{-1, 1}, two},
	} {
		if d, ok := MedianDifference(sides[0], sides[1], 1); ok {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	if d, ok := MedianShift([]float64{0, 0}, []float64{0, 1}, 1); !ok || d.Change != 0.5 {
		t.Errorf("a shift from zero: %+v %v", d, ok)
	}
}
