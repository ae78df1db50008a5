package reports

import (
	"slices"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

func stagesSection(v *view) section {
	var rows []result.Latency
	for _, l := range slices.Concat(v.Latency, v.Stages) {
		if l.Kind == "" && l.Worker == "" && l.P50Ns != nil {
			rows = append(rows, l)
		}
	}
	if len(rows) == 0 {
		return section{}
	}
	f := &figure{
		ID: "fig-stages", Title: "p50 and p99 of every stage", Wide: true,
		How: "How to read: the dot is the median and the square is p99, on a logarithmic scale; stages are measured separately and their percentiles do not add up.",
	}
	drawStages(f, rows)
	s := section{
		ID: "stages", Title: "Stages side by side", Short: "Stages",
		Lead:   "Measured separately, so they do not add. The upper ones are seen by the client on its own clock; those that begin with node_ are durations that the node reports of itself. No two machines' clocks are subtracted.",
		Blocks: []block{{Figure: f}},
	}
	s.Blocks = append(s.Blocks, latencyBlocks("The node's own stages", v.Stages)...)
	if n := v.Chain.MissingStages; n > 0 {
		s.Blocks = append(s.Blocks, block{Text: "For " + formatCount(n) + " transactions the node that reported the block had no durations, because another node had received them.", Class: "soft"})
	}
	return s
}

func drawStages(f *figure, rows []result.Latency) {
	n := float64(len(rows))
	var x50, y50, x99, y99 []float64
	all := []float64{}
	for i, l := range rows {
		y := n - float64(i) - 0.5
		x50, y50, all = append(x50, positive(*l.P50Ns)), append(y50, y), append(all, positive(*l.P50Ns))
		if l.P99Ns != nil {
			x99, y99, all = append(x99, positive(*l.P99Ns)), append(y99, y), append(all, positive(*l.P99Ns))
		}
	}
	x := logScale(all)
	x.Max *= 3 // room for the text
	p := &chart.Plot{X: x, Y: chart.Scale{Min: 0, Max: n}, Height: 26 * len(rows), Title: f.Title, XLabel: "duration"}
	p.XTicks = chart.Decades(p.X, tickNs)
	for i, l := range rows {
		y := n - float64(i) - 0.5
		p.YTicks = append(p.YTicks, chart.Tick{At: y, Label: l.Stage})
		last := positive(*l.P50Ns)
		if l.P99Ns != nil {
			last = positive(*l.P99Ns)
			p.Line("link", chart.Series{X: []float64{positive(*l.P50Ns), last}, Y: []float64{y, y}})
		}
		p.Text("value", last, y, 10, 4, "start", formatNs(*l.P50Ns)+" · "+formatMaybeNs(l.P99Ns))
		f.Rows = append(f.Rows, []string{l.Stage, cellMs(float64(*l.P50Ns)), maybeMs(l.P99Ns), formatPlain(int64(l.Count))})
	}
	p.Dots("dots2", x99, y99)
	p.Dots("dots", x50, y50)
	f.Head = head("stage", "p50 (ms)", "p99 (ms)", "samples")
	f.Legend = []legendItem{legend(swatchDot, "dots", "p50"), legend(swatchDot, "dots2", "p99")}
	f.SVG = p.SVG()
}

// positive keeps a duration on a logarithmic scale.
func positive(ns int64) float64 { return float64(max(ns, 1)) }

func maybeMs(ns *int64) string {
	if ns == nil {
		return ""
	}
	return cellMs(float64(*ns))
}
