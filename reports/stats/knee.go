package stats

import "slices"

// Knee returns the thread count beyond which more threads no longer pay, by
// Kneedle with a sensitivity of 1: V. Satopaa, J. Albrecht, D. Irwin and B.
// Raghavan, "Finding a Kneedle in a Haystack: Detecting Knee Points in System
// Behavior" (2011). It is taken from the medians of the runs, and accepted only
// where the fitted law, seen at the same thread counts, has its knee there or
// next to it; otherwise there is no distinct knee.
func Knee(points []Point, fit Scaling) (n float64, ok bool) {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b Point) int { return compareFloats(a.N, b.N) })
	var x, measured, fitted []float64
	for _, p := range points {
		x = append(x, p.N)
		measured = append(measured, Median(p.X))
		fitted = append(fitted, fit.At(p.N))
	}
	at, ok := kneedle(x, measured)
	again, agrees := kneedle(x, fitted)
	if !ok || !agrees || at-again > 1 || again-at > 1 {
		return 0, false
	}
	return x[at], true
}

// leastPoints is what a knee needs: a rise, a bend and a flat.
const leastPoints = 4

// kneedle returns the index of the knee of a curve that rises ever more
// slowly; x ascends. Of several knees the first that the curve confirms.
func kneedle(x, y []float64) (int, bool) {
	if len(x) < leastPoints {
		return 0, false
	}
	low, high := slices.Min(y), slices.Max(y)
	last := len(x) - 1
	if high <= low {
		return 0, false
	}
	// How far the curve, in the unit square, lies above the diagonal.
	above := make([]float64, len(x))
	for i := range x {
		above[i] = (y[i]-low)/(high-low) - (x[i]-x[0])/(x[last]-x[0])
	}
	best, threshold := -1, 0.0
	for i := 1; i <= last; i++ {
		if i < last && above[i] > above[i-1] && above[i] >= above[i+1] && above[i] > 0 {
			best, threshold = i, above[i]-1/float64(last)
			continue
		}
		if best >= 0 && above[i] < threshold {
			return best, true
		}
	}
	return 0, false
}
