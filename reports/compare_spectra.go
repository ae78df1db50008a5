package reports

import (
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// merged adds up the commit histograms of a side, without loss.
func merged(runs []compare.Run) *hdr.Histogram {
	h := result.NewHistogram()
	for _, r := range runs {
		if r.Commit != nil {
			h.Merge(r.Commit)
		}
	}
	return h
}

func spectraSection(c *compare.Comparison, _ budget) section {
	a, b := merged(c.A.Runs), merged(c.B.Runs)
	if a.TotalCount() < 100 || b.TotalCount() < 100 {
		return section{}
	}
	f := &figure{
		ID: "fig-spectra", Title: "Commit latency by percentile, A and B",
		How: "How to read: go right for rarer cases (99 % is one in a hundred); the lines are all runs of a side taken together, the bands go from its lowest to its highest run, and where the bands overlap the sides are not far apart.",
	}
	drawSpectra(f, c, a, b)
	return section{
		ID: "spectra", Title: "Percentile spectra", Short: "Spectra",
		Lead:   "The whole distribution of commit latency from the intended time, of which the metrics are three points.",
		Blocks: []block{{Figure: f}},
	}
}

func drawSpectra(f *figure, c *compare.Comparison, a, b *hdr.Histogram) {
	ax, ay := spectrumCurve(a)
	bx, by := spectrumCurve(b)
	aLow, aHigh := spectrumBand(ax, c.A.Runs)
	bLow, bHigh := spectrumBand(bx, c.B.Runs)
	p := &chart.Plot{
		X: chart.Scale{Min: 1, Max: max(10, ax[len(ax)-1], bx[len(bx)-1]), Log: true}, Y: logScale(ay, by, aLow, bLow, aHigh, bHigh), Height: chartHeight + 60,
		Title: f.Title, XLabel: "percentile, distance to 100 % on a logarithmic scale", YLabel: "latency",
	}
	for inv := 1.0; inv <= p.X.Max*(1+1e-9); inv *= 10 {
		p.XTicks = append(p.XTicks, chart.Tick{At: inv, Label: percentileName(inv)})
	}
	p.YTicks = chart.Decades(p.Y, tickNs)
	p.Band("c-blueb", ax, aLow, aHigh)
	p.Band("c-orangeb", bx, bLow, bHigh)
	p.Line("c-blue", chart.Series{X: ax, Y: ay})
	p.Line("c-orange", chart.Series{X: bx, Y: by})
	f.Legend = []legendItem{legend(swatchLine, "c-blue", "A"), legend(swatchLine, "c-orange", "B")}
	f.Head = []headCell{{Text: "1/(1-q)"}, {Text: "percentile"}, {Text: "A (ms)", Class: "c-blue"}, {Text: "B (ms)", Class: "c-orange"}}
	x := ax
	if len(bx) > len(ax) {
		x = bx
	}
	f.Rows = spectrumRows(x, onto(x, ax, ay), onto(x, bx, by))
	f.SVG = p.SVG()
}

// spectrumBand is the least and the greatest value over runs at each point of
// a spectrum; a gap where fewer than two runs have samples enough.
func spectrumBand(x []float64, runs []compare.Run) (low, high []float64) {
	low, high = make([]float64, len(x)), make([]float64, len(x))
	seen := make([]int, len(x))
	for _, r := range runs {
		if r.Commit == nil {
			continue
		}
		for i, v := range spectrumValues(x, r.Commit) {
			if seen[i]++; seen[i] == 1 {
				low[i], high[i] = v, v
			}
			low[i], high[i] = min(low[i], v), max(high[i], v)
		}
	}
	for i, n := range seen {
		if n < 2 {
			low[i], high[i] = math.NaN(), math.NaN()
		}
	}
	return low, high
}

// spectrumValues are those of one run at the first points of x, as far as it
// has samples.
func spectrumValues(x []float64, h *hdr.Histogram) []float64 {
	var percentiles, values []float64
	for _, inv := range x {
		if float64(h.TotalCount()) >= 10*inv {
			percentiles = append(percentiles, 100-100/inv)
		}
	}
	for _, v := range h.ValueAtPercentilesSlice(percentiles) {
		values = append(values, float64(v))
	}
	return values
}
