package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func series(n int, at func(i int) float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = at(i)
	}
	return values
}

func TestMSER5(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := func(int) float64 { return 100 + rng.NormFloat64() }
	tests := []struct {
		name     string
		values   []float64
		from, to int // bounds of the cut
		short    bool
		unsteady bool
	}{
		{name: "too short", values: series(49, noise), short: true},
		{name: "steady from the start", values: series(200, noise), to: 100},
		{name: "ramp of forty", values: series(200, func(i int) float64 {
			return noise(i) - 50*math.Max(0, 1-float64(i)/40)
		}), from: 25, to: 100}, // noise alone can push a cut up to the middle
		{name: "a step past the middle", values: series(200, func(i int) float64 {
			if i < 140 {
				return noise(i) - 60
			}
			return noise(i)
		}), from: 140, to: 140, unsteady: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := MSER5(tt.values)
			if w.TooShort != tt.short || w.NoSteadyState != tt.unsteady || w.Cut < tt.from || w.Cut > tt.to {
				t.Errorf("got %+v, want a cut from %d to %d, too short %v, no steady state %v",
					w, tt.from, tt.to, tt.short, tt.unsteady)
			}
		})
	}
}

// mserTwin is the definition, word for word.
func mserTwin(means []float64) int {
	n, best, at := len(means), math.Inf(1), 0
	for d := 0; n-d > mserBatch; d++ {
		var mean, squares float64
		for _, y := range means[d:] {
			mean += y / float64(n-d)
		}
		for _, y := range means[d:] {
			squares += (y - mean) * (y - mean)
		}
		if m := squares / float64(n-d) / float64(n-d); m < best {
			best, at = m, d
		}
	}
	return at * mserBatch
}

func TestMSER5Twin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Whole numbers keep both ways of summing exact, so ties fall alike.
		ints := rapid.SliceOfN(rapid.IntRange(0, 20), MinBlocks, 300).Draw(t, "values")
		values := series(len(ints), func(i int) float64 { return float64(ints[i] * mserBatch) })
		got := MSER5(values).Cut
		want := mserTwin(batchMeans(values, mserBatch))
		if got == want {
			return
		}
		// Rounding may part two cuts of nearly equal worth, never more.
		if a, b := mserAt(values, got), mserAt(values, want); math.Abs(a-b) > 1e-9*(1+b) {
			t.Fatalf("cut %d (%v), want %d (%v)", got, a, want, b)
		}
	})
}

func mserAt(values []float64, cut int) float64 {
	kept := batchMeans(values, mserBatch)[cut/mserBatch:]
	var mean, squares float64
	for _, y := range kept {
		mean += y / float64(len(kept))
	}
	for _, y := range kept {
		squares += (y - mean) * (y - mean)
	}
	return squares / float64(len(kept)) / float64(len(kept))
}
