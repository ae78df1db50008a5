package reports

import (
	"fmt"
	"math"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

func spectrumSection(v *view) section {
	s := section{
		ID: "spectrum", Title: "Percentile spectrum", Short: "Spectrum",
		Lead: "Response time is counted from when a transaction should have been sent, service time from when it was. Tools that wait for each answer before they send the next one see only the service time; the gap is what they hide.",
	}
	var figures []block
	for _, pair := range []struct{ id, title, response, service string }{
		{"fig-spectrum", "Commit", result.StageCommit, result.StageCommitService},
		{"fig-spectrum-ack", "Answer", result.StageAckResponse, result.StageAck},
	} {
		response, service := findHistogram(v.Histograms, pair.response), findHistogram(v.Histograms, pair.service)
		if response == nil {
			continue
		}
		f := &figure{
			ID: pair.id, Title: pair.title + " latency by percentile",
			How: "How to read: go right for rarer cases (99 % is one in a hundred); the line ends where fewer than ten transactions lie beyond, and a step is a pause that many transactions shared.",
		}
		drawSpectrum(f, response, service)
		figures = append(figures, block{Figure: f})
	}
	if len(figures) > 0 {
		s.Blocks = []block{{Columns: figures}}
	}
	return s
}

// findHistogram returns the steady-window histogram of all kinds; nil if there
// is none or it is empty.
func findHistogram(hs []result.Histogram, stage string) *hdr.Histogram {
	for _, h := range hs {
		if h.Stage == stage && h.Kind == "" && h.H != nil && h.H.TotalCount() > 0 {
			return h.H
		}
	}
	return nil
}

// spectrumCurve returns x = 1/(1-q) and the value, ten points per half
// distance to 100 %, up to the last quantile that may be shown.
func spectrumCurve(h *hdr.Histogram) (x, y []float64) {
	most := float64(h.TotalCount()) / 10 // q may be shown with 10/(1-q) samples
	var percentiles []float64
	for half := 1.0; half <= most; half *= 2 {
		for tick := range ticksPerHalf {
			// The distance goes from 1/half to 1/(2 half) in even steps.
			inv := half / (1 - float64(tick)/(2*ticksPerHalf))
			if inv <= most {
				x = append(x, inv)
				percentiles = append(percentiles, 100-100/inv)
			}
		}
	}
	for _, v := range h.ValueAtPercentilesSlice(percentiles) {
		y = append(y, float64(v))
	}
	return x, y
}

func drawSpectrum(f *figure, response, service *hdr.Histogram) {
	x, y := spectrumCurve(response)
	if len(x) < 2 {
		x, y = []float64{1, 2}, []float64{float64(response.Min()), float64(response.ValueAtQuantile(50))}
	}
	var sx, sy []float64
	if service != nil {
		sx, sy = spectrumCurve(service)
	}
	p := &chart.Plot{
		X: chart.Scale{Min: 1, Max: max(10, x[len(x)-1]), Log: true}, Y: logScale(y, sy), Height: chartHeight + 20,
		Title: f.Title, XLabel: "percentile, distance to 100 % on a logarithmic scale", YLabel: "latency",
	}
	for inv := 1.0; inv <= p.X.Max*(1+1e-9); inv *= 10 {
		p.XTicks = append(p.XTicks, chart.Tick{At: inv, Label: percentileName(inv)})
	}
	p.YTicks = chart.Decades(p.Y, tickNs)
	f.Head = []headCell{{Text: "1/(1-q)"}, {Text: "percentile"}, {Text: "response (ms)", Class: "c-blue"}, {Text: "service (ms)", Class: "c-orange"}}
	f.Legend = []legendItem{legend(swatchLine, "c-blue", "response: from the intended time")}
	if len(sx) > 1 {
		p.Band("c-blueb", x, onto(x, sx, sy), y)
		p.Line("c-orange", chart.Series{X: sx, Y: sy})
		f.Legend = append(f.Legend, legend(swatchLine, "c-orange", "service: from the sending"))
	}
	p.Line("c-blue", chart.Series{X: x, Y: y})
	f.Rows = spectrumRows(x, y, onto(x, sx, sy))
	if service != nil {
		labelGap(p, response, service)
	}
	f.SVG = p.SVG()
}

// percentileName writes 1/(1-q) as a percentile: 10 -> 90 %.
func percentileName(inv float64) string {
	if inv <= 1 {
		return "0 %"
	}
	digits := max(0, int(math.Round(math.Log10(inv)))-2)
	return strconv.FormatFloat(100-100/inv, 'f', digits, 64) + " %"
}

// onto returns the values of a rising curve at other x: at each the last value
// at or before it, NaN before the first and beyond the last.
func onto(x, cx, cy []float64) []float64 {
	out := make([]float64, len(x))
	for i, k := 0, -1; i < len(x); i++ {
		for k+1 < len(cx) && cx[k+1] <= x[i]*(1+1e-9) {
			k++
		}
		out[i] = math.NaN()
		if k >= 0 && x[i] <= cx[len(cx)-1]*(1+1e-9) {
			out[i] = cy[k]
		}
	}
	return out
}

func spectrumRows(x, y, service []float64) [][]string {
	rows := make([][]string, len(x))
	for i := range x {
		rows[i] = []string{cellPlaces(x[i], 3), cellPlaces(100-100/x[i], 5), cellMs(y[i]), cellMs(service[i])}
	}
	return rows
}

func cellPlaces(v float64, places int) string {
	return trimZeros(strconv.FormatFloat(v, 'f', places, 64))
}

// labelGap names the difference between the curves at the highest of p99, p90
// and p50 that may be shown.
func labelGap(p *chart.Plot, response, service *hdr.Histogram) {
	n := uint64(min(response.TotalCount(), service.TotalCount()))
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if !stats.Enough(q, n) {
			continue
		}
		r, s := response.ValueAtQuantile(100*q), service.ValueAtQuantile(100*q)
		x := 1 / (1 - q)
		text := fmt.Sprintf("gap at p%s: %s", strconv.FormatFloat(100*q, 'f', -1, 64), formatNs(r-s))
		if float64(r-s) < 0.01*float64(r) {
			text = fmt.Sprintf("no gap at p%s (below 1 %%)", strconv.FormatFloat(100*q, 'f', -1, 64))
		}
		anchor, dx := "end", -6
		if p.X.At(x) < 0.4 {
			anchor, dx = "start", 6
		}
		p.Vertical("gap", x, float64(s), float64(r))
		p.Text("gap-label", x, float64(r), dx, -8, anchor, text)
		return
	}
}
