package stats

import "math"

// MinBlocks is the least number of blocks on which MSER5 decides.
const MinBlocks = 50

const mserBatch = 5

// Warmup is the result of MSER5.
type Warmup struct {
	// Cut is how many values at the start belong to the warm-up.
	Cut int
	// TooShort: fewer than MinBlocks values, so nothing was decided (Cut 0).
	TooShort bool
	// NoSteadyState: the best cut lies beyond half of the values.
	NoSteadyState bool
}

// MSER5 finds the warm-up in one value per block by the marginal standard
// error rule over batches of five: with batch means Y(1..n), cut after d where
//
//	MSER(d) = 1/(n-d)^2 * sum over i > d of (Y(i) - mean of Y(d+1..n))^2
//
// is least. K. P. White, "An effective truncation heuristic for bias reduction
// in simulation output", Simulation 69 (1997); K. P. White, M. J. Cobb, S. C.
// Spratt, "A comparison of five steady-state truncation heuristics for
// simulation", WSC 2000. The last five batches can't start a window, since the
// rule is known to fall for a chance agreement of the last few.
func MSER5(values []float64) Warmup {
	if len(values) < MinBlocks {
		return Warmup{TooShort: true}
	}
	means := batchMeans(values, mserBatch)
	n := len(means)
	best, bestAt := math.Inf(1), 0
	// From the end, so that sums grow by one batch at a time.
	var sum, squares float64
	for d := n - 1; d >= 0; d-- {
		sum += means[d]
		squares += means[d] * means[d]
		kept := float64(n - d)
		if n-d <= mserBatch {
			continue
		}
		// Sum of squared deviations; rounding can take it just below 0.
		deviations := max(squares-sum*sum/kept, 0)
		if mser := deviations / (kept * kept); mser <= best {
			best, bestAt = mser, d
		}
	}
	return Warmup{Cut: bestAt * mserBatch, NoSteadyState: bestAt > n/2}
}

// batchMeans averages each full batch of size values; a rest is left out.
func batchMeans(values []float64, size int) []float64 {
	means := make([]float64, len(values)/size)
	for i := range means {
		var sum float64
		for _, v := range values[i*size : (i+1)*size] {
			sum += v
		}
		means[i] = sum / float64(size)
	}
	return means
}
