package chart

import "math"

// Series is a curve. Where Low and High are set, each point stands for several
// values, and they are the least and the greatest of them. NaN is a gap.
type Series struct {
	X, Y      []float64
	Low, High []float64
}

// Thin reduces a curve to at most n points by averaging neighbours, and keeps
// their extremes as a band, so that a spike of one second is still seen in a
// run of a day. A curve that is short enough is returned as it is.
func Thin(x, y []float64, n int) Series {
	if len(x) <= n || n < 1 {
		return Series{X: x, Y: y}
	}
	per := (len(x) + n - 1) / n
	var s Series
	for from := 0; from < len(x); from += per {
		to := min(from+per, len(x))
		mean, low, high := spread(y[from:to])
		s.X = append(s.X, (x[from]+x[to-1])/2)
		s.Y = append(s.Y, mean)
		s.Low = append(s.Low, low)
		s.High = append(s.High, high)
	}
	return s
}

// spread ignores gaps; it is a gap itself where there is nothing else.
func spread(values []float64) (mean, low, high float64) {
	low, high = math.NaN(), math.NaN()
	n := 0
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if n == 0 || v < low {
			low = v
		}
		if n == 0 || v > high {
			high = v
		}
		mean += v
		n++
	}
	if n == 0 {
		return math.NaN(), low, high
	}
	return mean / float64(n), low, high
}
