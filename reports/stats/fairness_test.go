package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestJain(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{nil, 1},
		{[]float64{0, 0}, 1},
		{[]float64{7}, 1},
		{[]float64{3, 3, 3}, 1},
		{[]float64{5, 0, 0, 0}, 0.25},
		{[]float64{2, 2, 0, 0, 0}, 0.4},
		{[]float64{1, 2, 3}, 36.0 / 42}, // by hand
	} {
		if got := Jain(c.x); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.x, got, c.want)
		}
	}
}

// TestJainProperties: between 1/n and 1, whatever the scale.
func TestJainProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0.001, 1e6), 1, 50).Draw(t, "x")
		scale := rapid.Float64Range(0.01, 100).Draw(t, "scale")
		y := make([]float64, len(x))
		for i := range x {
			y[i] = scale * x[i]
		}
		j := Jain(x)
		if j < 1/float64(len(x))-1e-9 || j > 1+1e-9 || math.Abs(j-Jain(y)) > 1e-9 {
			t.Fatalf("%v of %v, %v at another scale", j, x, Jain(y))
		}
	})
}
