package verdict

import (
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// Latencies of one block rise and fall together, so the interval of a quantile
// comes from resampling blocks, taken together by the second: a block holds at
// one moment, so that a second has whole blocks in it.
const (
	leastUnits = 10  // seconds with samples
	mostUnits  = 600 // of a longer run, neighbouring seconds make up one
)

// quantileOf are the quantities that an interval is worked out for.
var quantileOf = map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}

// latencyInterval returns the 95 % interval of a quantile or mean of a client
// stage over the steady window; 0 and 0 where there is none.
func latencyInterval(r *result.Run, metric string) (low, high float64) {
	stage, quantity, _ := strings.Cut(metric, ".")
	q, isQuantile := quantileOf[quantity]
	window := histogramOf(r, stage)
	if window == nil || !isQuantile && quantity != "mean" {
		return 0, 0
	}
	seconds := decodeSeconds(r, stage)
	if len(seconds) < leastUnits {
		return 0, 0
	}
	observed, _ := observe(r, metric)
	amount := func(h *hdr.Histogram) float64 { return h.Mean() * float64(h.TotalCount()) }
	if isQuantile {
		amount = func(h *hdr.Histogram) float64 { return atOrBelow(h, int64(observed)) }
	}
	amounts, totals := gather(seconds, amount)
	if !isQuantile {
		ci, _ := stats.BootstrapRate(amounts, totals, r.Run.Seed)
		return ci.Low, ci.High
	}
	// The seconds also hold what was intended before the window and known in
	// it: what that shifts the share by is taken off again.
	shift := q - share(amounts, totals)
	ci, _ := stats.QuantileOverBlocks(amounts, totals, r.Run.Seed, func(p float64) float64 {
		return float64(window.ValueAtQuantile(100 * min(max(p+shift, 0), 1)))
	})
	return ci.Low, ci.High
}

func histogramOf(r *result.Run, stage string) *hdr.Histogram {
	for _, h := range r.Histograms {
		if h.Stage == stage && h.Kind == "" {
			return h.H
		}
	}
	return nil
}

// decodeSeconds returns what became known of a stage in each second from the
// steady window's start on; seconds without anything are left out.
func decodeSeconds(r *result.Run, stage string) []*hdr.Histogram {
	var all []*hdr.Histogram
	for _, in := range r.Intervals {
		if in.Stage != stage || in.StartNs < r.Run.SteadyFromNs {
			continue
		}
		if h, err := result.DecodeHistogram(in.V2); err == nil && h.TotalCount() > 0 {
			all = append(all, h)
		}
	}
	return all
}

func gather(seconds []*hdr.Histogram, amount func(*hdr.Histogram) float64) (amounts, totals []float64) {
	each := (len(seconds) + mostUnits - 1) / mostUnits
	for i, h := range seconds {
		if i%each == 0 {
			amounts, totals = append(amounts, 0), append(totals, 0)
		}
		last := len(amounts) - 1
		amounts[last] += amount(h)
		totals[last] += float64(h.TotalCount())
	}
	return amounts, totals
}

// atOrBelow counts the samples that are not above v, to the histogram's
// precision.
func atOrBelow(h *hdr.Histogram, v int64) (n float64) {
	for _, bar := range h.Distribution() {
		if bar.From > v {
			break
		}
		n += float64(bar.Count)
	}
	return n
}

func share(amounts, totals []float64) float64 {
	var amount, total float64
	for i := range amounts {
		amount, total = amount+amounts[i], total+totals[i]
	}
	return amount / total
}
