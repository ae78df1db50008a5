package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// MinSamples is how many samples a quantile q (0 <= q < 1) needs to be shown:
// 10/(1-q), so that about ten lie beyond it.
func MinSamples(q float64) uint64 {
	if q < 0 || q >= 1 {
		return math.MaxUint64
	}
	// 10/(1-0.99) is 1000.0000000000009 in floating point.
	return uint64(math.Ceil(10/(1-q) - 1e-6))
}

// Enough tells whether n samples are enough to show quantile q.
func Enough(q float64, n uint64) bool { return n >= MinSamples(q) }

// QuantileRanks returns the ranks (from 1) of the order statistics that
// enclose the quantile q of n independent samples with probability Level or
// more, whatever the distribution: with B ~ Binomial(n, q), the interval
// [x(low), x(high)] covers with probability P(low <= B < high).
// W. J. Conover, "Practical Nonparametric Statistics", section 3.2; J.-Y. Le
// Boudec, "Performance Evaluation of Computer and Communication Systems",
// theorem 2.1. Not ok where n is too small for such an interval.
//
// Latencies of one run are not independent, so across blocks take
// QuantileOverBlocks.
func QuantileRanks(n int, q float64) (low, high int, ok bool) {
	if n < 1 || q <= 0 || q >= 1 {
		return 0, 0, false
	}
	tail := (1 - Level) / 2
	b := distuv.Binomial{N: float64(n), P: q}
	// The largest low with P(B < low) <= tail; the least high with
	// P(B >= high) <= tail.
	low = searchRank(n, func(k int) bool { return b.CDF(float64(k-1)) > tail }) - 1
	high = searchRank(n, func(k int) bool { return b.CDF(float64(k-1)) >= 1-tail })
	return low, high, low >= 1 && high <= n
}

// searchRank returns the least k in 1..n+1 for which reached holds; n+1 if none.
func searchRank(n int, reached func(k int) bool) int {
	low, high := 1, n+1
	for low < high {
		mid := (low + high) / 2
		if reached(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// QuantileOverBlocks returns the interval of a quantile of clustered samples:
// block i brought total[i] samples, of which below[i] are at or below the
// estimate of the quantile. The share below is bootstrapped over blocks, and
// its interval is carried back to values by the inverse of the whole
// distribution: R. S. Woodruff, "Confidence intervals for medians and other
// position measures", JASA 47 (1952). at(p) is that inverse, p from 0 to 1.
func QuantileOverBlocks(below, total []float64, seed uint64, at func(p float64) float64) (Interval, bool) {
	share, ok := BootstrapRate(below, total, seed)
	if !ok {
		return Interval{}, false
	}
	return Interval{Low: at(clamp01(share.Low)), High: at(clamp01(share.High))}, true
}

func clamp01(p float64) float64 { return min(max(p, 0), 1) }
