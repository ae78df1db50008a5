package stats

import (
	"math/rand/v2"
	"slices"
)

// Resamples is the default number of bootstrap resamples.
const Resamples = 10_000

// Bootstrap returns the percentile bootstrap interval at Level of a statistic
// over n units (blocks, seconds, runs), which are drawn with replacement:
// B. Efron, "Bootstrap methods: another look at the jackknife", Annals of
// Statistics 7 (1979); Efron and Tibshirani, "An Introduction to the
// Bootstrap" (1993), section 13.3.
//
// statistic gets the indices of one resample, which it must not keep. The
// units are what may be taken for independent: transactions of one block are
// not, blocks nearly are. Fewer than two units have no interval.
func Bootstrap(n, resamples int, seed uint64, statistic func(units []int) float64) (Interval, bool) {
	if n < 2 || resamples < 1 {
		return Interval{}, false
	}
	rng := newRand(seed, n)
	units := make([]int, n)
	values := make([]float64, resamples)
	for r := range values {
		for i := range units {
			units[i] = rng.IntN(n)
		}
		values[r] = statistic(units)
	}
	return percentileInterval(values), true
}

func newRand(seed uint64, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(n))) }

// percentileInterval cuts (1-Level)/2 from either side. It sorts its argument.
func percentileInterval(values []float64) Interval {
	slices.Sort(values)
	tail := (1 - Level) / 2
	last := float64(len(values) - 1)
	return Interval{Low: values[int(tail*last)], High: values[int((1-tail)*last+0.5)]}
}

// BootstrapMean is Bootstrap of the arithmetic mean.
func BootstrapMean(values []float64, seed uint64) (Interval, bool) {
	return Bootstrap(len(values), Resamples, seed, func(units []int) float64 {
		var sum float64
		for _, u := range units {
			sum += values[u]
		}
		return sum / float64(len(units))
	})
}

// BootstrapRate is Bootstrap of a ratio of sums, such as transactions over
// seconds: sum(amounts)/sum(times) over blocks, each of which brings its
// transactions and the time since the block before it. A resample in which no
// time passed counts as rate 0. The slices must be of one length.
func BootstrapRate(amounts, times []float64, seed uint64) (Interval, bool) {
	if len(amounts) != len(times) {
		return Interval{}, false
	}
	return Bootstrap(len(amounts), Resamples, seed, func(units []int) float64 {
		var amount, time float64
		for _, u := range units {
			amount += amounts[u]
			time += times[u]
		}
		if time <= 0 {
			return 0
		}
		return amount / time
	})
}
