package reports

import (
	"math"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// ticksPerHalf is how many percentiles are listed each time the distance to
// 100 % halves.
const ticksPerHalf = 10

// Percentile is one row of percentiles.csv.
type Percentile struct {
	Stage      string
	Kind       string  // "" = all
	Percentile float64 // 0 to 100
	ValueNs    int64
	Count      int64 // samples at or below ValueNs
}

// Percentiles lists every steady-window histogram at ten percentiles per half
// distance to 100 %, as in percentiles.csv. Empty histograms have no rows.
func Percentiles(histograms []result.Histogram) []Percentile {
	var rows []Percentile
	for _, h := range histograms {
		for _, b := range spectrum(h.H) {
			rows = append(rows, Percentile{h.Stage, h.Kind, b.Quantile, b.ValueAt, b.Count})
		}
	}
	return rows
}

// spectrum returns the percentiles of one histogram, rising.
func spectrum(h *hdr.Histogram) []hdr.Bracket {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	return h.CumulativeDistributionWithTicks(ticksPerHalf)
}

// invOneMinus is 1/(1-q) for a percentile in percent; +Inf at 100.
func invOneMinus(percentile float64) float64 {
	if percentile >= 100 {
		return math.Inf(1)
	}
	return 100 / (100 - percentile)
}

var percentileColumns = []column[Percentile]{
	text("stage", func(p *Percentile) *string { return &p.Stage }),
	text("kind", func(p *Percentile) *string { return &p.Kind }),
	{name: "percentile", put: func(p *Percentile) string { return formatFloat(p.Percentile) }},
	whole("value_ns", func(p *Percentile) *int64 { return &p.ValueNs }),
	whole("total_count", func(p *Percentile) *int64 { return &p.Count }),
	{name: "inv_one_minus_p", put: func(p *Percentile) string {
		if inv := invOneMinus(p.Percentile); !math.IsInf(inv, 1) {
			return formatFloat(inv)
		}
		return "Infinity"
	}},
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
