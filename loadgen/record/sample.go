package record

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// The phases of a run.
const (
	PhaseWarmup = "warmup"
	PhaseSteady = "steady"
	PhaseDrain  = "drain"
)

// phase names the phase in which an interval began.
func (c *Collector) phase(from int64) string {
	switch {
	case from < c.SteadyFrom:
		return PhaseWarmup
	case from < c.LoadEnd:
		return PhaseSteady
	}
	return PhaseDrain
}

// sample makes one row of the time series from counters and histograms by
// stage (nil: nothing was recorded).
func (c *Collector) sample(kind string, from, to int64, t Totals, hists []*hdr.Histogram) result.Sample {
	include := hists[Include]
	return result.Sample{
		TNs: to, Phase: c.phase(from), Worker: c.Worker, Kind: kind,
		Offered: t[Offered], Sent: t[Sent], Accepted: t[Accepted], Included: t[Included],
		Rejected: t[Rejected], Unknown: t[Unknown],
		Dropped:  t[DroppedOverload] + t[DroppedLate] + t[DroppedStarved],
		InFlight: gauge(c.InFlight), Pool: gauge(c.Pool),
		IncludeP50Ns: orUnknown(include, 0.5), IncludeP90Ns: orUnknown(include, 0.9),
		IncludeP99Ns: orUnknown(include, 0.99), IncludeP999Ns: orUnknown(include, 0.999),
		IncludeMaxNs: maxOf(include),
		AckP99Ns:     orUnknown(hists[Ack], 0.99), DispatchLagP99Ns: orUnknown(hists[DispatchLag], 0.99),
	}
}

func (c *Collector) kindSample(name string, row int, from, to int64) result.Sample {
	rows, both := []int{row}, []int{outside, steady}
	hists := make([]*hdr.Histogram, numStages)
	for _, stage := range []Stage{Include, Ack, DispatchLag} {
		hists[stage], _ = c.second.sum(stage, rows, both)
	}
	s := c.sample(name, from, to, c.second.totalsOf(rows, both), hists)
	s.InFlight, s.Pool = unknown, unknown // known of all kinds together only
	return s
}

func (c *Collector) addSample(s result.Sample) {
	c.series = append(c.series, s)
	if s.Kind == "" && c.OnSample != nil {
		c.OnSample(s)
	}
}

const unknown = -1

func gauge(f func() int64) int64 {
	if f == nil {
		return unknown
	}
	return f()
}

func orUnknown(h *hdr.Histogram, q float64) int64 {
	if v, ok := Quantile(h, q); ok {
		return v
	}
	return unknown
}

func maxOf(h *hdr.Histogram) int64 {
	if h == nil {
		return unknown
	}
	return h.Max()
}
