package stats

import (
	"math"
	"slices"
)

// Median returns the middle value, or the mean of the two middle ones; NaN for
// no values.
func Median(v []float64) float64 {
	return medianOf(slices.Clone(v))
}

// medianOf sorts its argument.
func medianOf(v []float64) float64 {
	n := len(v)
	if n == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return v[n/2-1]/2 + v[n/2]/2
}

// MedianInterval is the percentile bootstrap interval of the median over runs.
// Fewer than two have none.
func MedianInterval(v []float64, seed uint64) (Interval, bool) {
	again := make([]float64, len(v))
	return Bootstrap(len(v), Resamples, seed, func(units []int) float64 {
		for i, u := range units {
			again[i] = v[u]
		}
		return medianOf(again)
	})
}

// Difference is that of the medians of two sets of runs.
type Difference struct {
	A, B float64 // the medians
	// Change is B/A - 1 of a MedianDifference and B - A of a MedianShift.
	Change   float64
	Interval // of Change
}

// MedianDifference returns the relative change from the median of a to that of
// b with its percentile bootstrap interval over runs (both sides are drawn
// anew). Not ok with fewer than two runs a side, or where a value of a is not
// above 0: a change relative to nothing is no number, see MedianShift.
func MedianDifference(a, b []float64, seed uint64) (Difference, bool) {
	if len(a) == 0 || slices.Min(a) <= 0 {
		return Difference{}, false
	}
	return difference(a, b, seed, func(a, b float64) float64 { return b/a - 1 })
}

// MedianShift is MedianDifference with the absolute change B - A, for what can
// be zero, such as a share of errors.
func MedianShift(a, b []float64, seed uint64) (Difference, bool) {
	return difference(a, b, seed, func(a, b float64) float64 { return b - a })
}

func difference(a, b []float64, seed uint64, change func(a, b float64) float64) (Difference, bool) {
	if len(a) < 2 || len(b) < 2 {
		return Difference{}, false
	}
	d := Difference{A: Median(a), B: Median(b)}
	d.Change = change(d.A, d.B)
	against, with := make([]float64, len(a)), make([]float64, len(b))
	rng := newRand(seed, len(a)+len(b))
	changes := make([]float64, Resamples)
	for r := range changes {
		for i := range against {
			against[i] = a[rng.IntN(len(a))]
		}
		for i := range with {
			with[i] = b[rng.IntN(len(b))]
		}
		changes[r] = change(medianOf(against), medianOf(with))
	}
	d.Interval = percentileInterval(changes)
	return d, true
}
