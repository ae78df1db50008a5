package record

import (
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// MinSamples is how many samples a quantile needs before it is shown: 10/(1-q),
// so that ten are expected beyond it.
func MinSamples(q float64) int64 { return int64(math.Round(10 / (1 - q))) }

// Quantile returns the value at quantile q (0 < q < 1), and false where there
// are too few samples for it.
func Quantile(h *hdr.Histogram, q float64) (int64, bool) {
	if h == nil || h.TotalCount() < MinSamples(q) {
		return 0, false
	}
	return h.ValueAtPercentile(q * 100), true
}

// Summarise reduces a distribution to a row of the report. blocks is the number
// of blocks behind it, 0 where that has no meaning; censored is how many were
// unfinished at the end.
func Summarise(h result.Histogram, blocks int, censored uint64) result.Latency {
	l := result.Latency{Stage: h.Stage, Kind: h.Kind, Blocks: blocks, Censored: censored}
	if h.H == nil || h.H.TotalCount() == 0 {
		return l
	}
	l.Count = uint64(h.H.TotalCount())
	l.MinNs, l.MaxNs = h.H.Min(), h.H.Max()
	l.MeanNs = int64(math.Round(h.H.Mean()))
	for q, to := range map[float64]**int64{0.5: &l.P50Ns, 0.9: &l.P90Ns, 0.99: &l.P99Ns, 0.999: &l.P999Ns} {
		if v, ok := Quantile(h.H, q); ok {
			*to = &v
		}
	}
	return l
}
