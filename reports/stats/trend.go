package stats

import (
	"math"
	"math/rand/v2"
)

// Trend is a straight line through a time series.
type Trend struct {
	Slope     float64 // per unit of x
	Intercept float64 // at x = 0
	Interval          // of the slope
}

// MinTrend is the least number of points of a trend.
const MinTrend = 8

// Line fits y = Intercept + Slope*x by least squares. The slope's interval
// comes from resampling the residuals in runs of neighbours (the moving block
// bootstrap: H. R. Künsch, "The jackknife and the bootstrap for general
// stationary observations", Annals of Statistics 17 (1989), with runs of
// n^(1/3) as in P. Hall, J. Horowitz and B.-Y. Jing, Biometrika 82 (1995)),
// because a backlog rises and falls with the blocks: its seconds are not
// independent, and treating them so would make the interval too narrow.
// Fewer than MinTrend points, or all at one x, give no trend.
func Line(x, y []float64, seed uint64) (Trend, bool) {
	n := len(x)
	if n < MinTrend || len(y) != n {
		return Trend{}, false
	}
	slope, intercept, ok := leastSquares(x, y)
	if !ok {
		return Trend{}, false
	}
	residuals := make([]float64, n)
	// Residuals of a fit are smaller than the errors; two parameters were fitted.
	inflate := math.Sqrt(float64(n) / float64(n-2))
	for i := range x {
		residuals[i] = (y[i] - intercept - slope*x[i]) * inflate
	}
	length := max(1, int(math.Round(math.Cbrt(float64(n)))))
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	again := make([]float64, n)
	slopes := make([]float64, resamplesOf(n))
	for r := range slopes {
		for i := 0; i < n; {
			from := rng.IntN(n - length + 1)
			for k := 0; k < length && i < n; k, i = k+1, i+1 {
				again[i] = intercept + slope*x[i] + residuals[from+k]
			}
		}
		slopes[r], _, _ = leastSquares(x, again)
	}
	return Trend{Slope: slope, Intercept: intercept, Interval: percentileInterval(slopes)}, true
}

// resamplesOf bounds the work on long series: an hour has 3,600 seconds.
func resamplesOf(n int) int { return max(1000, min(Resamples, 10_000_000/n)) }

func leastSquares(x, y []float64) (slope, intercept float64, ok bool) {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	if sxx == 0 {
		return 0, 0, false
	}
	slope = sxy / sxx
	return slope, my - slope*mx, true
}

// Grows tells whether a backlog with this trend (transactions gained a second)
// is growing: the slope's whole interval is above 0, and the slope exceeds 1 %
// of the rate.
func (t Trend) Grows(ratePerS float64) bool {
	return t.Low > 0 && t.Slope > 0.01*ratePerS
}
