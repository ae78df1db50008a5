package reports

import (
	"math"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/compare"
)

// farthest is the change that the forest plot still shows in its place; what
// goes beyond is drawn at its edge.
const farthest = 2

func forestSection(c *compare.Comparison, _ budget) section {
	var rows []*compare.Row
	for i := range c.Rows {
		if c.Rows[i].Compared() && !math.IsInf(percentOr(&c.Rows[i], 0), 0) {
			rows = append(rows, &c.Rows[i])
		}
	}
	if len(rows) == 0 {
		return section{}
	}
	f := &figure{
		ID: "fig-forest", Title: "Change from A to B, by metric", Wide: true,
		How: "How to read: the mark is the change of the median and the line its 95 % interval; the grey band is noise, inside which nothing counts. The arrow shows which way is good. An interval that lies wholly outside the band is a clear change.",
	}
	drawForest(f, rows)
	return section{
		ID: "changes", Title: "Changes", Short: "Changes", Lead: ruleSentence(c),
		Blocks: []block{{Figure: f}},
	}
}

// percentOr is a change on the axis of the forest plot: a ratio, or the
// difference of shares; infinite for what is neither.
func percentOr(r *compare.Row, v float64) float64 {
	if !r.Relative && r.Unit != "share" {
		return math.Inf(1)
	}
	return v
}

func arrow(r *compare.Row) string {
	for _, m := range compare.Metrics {
		if m.Name == r.Metric && m.Up {
			return "↑"
		}
	}
	return "↓"
}

// forestClass is the colour and shape of a verdict.
func forestClass(v compare.Verdict) string {
	switch v {
	case compare.Better:
		return "better"
	case compare.Worse:
		return "worse"
	}
	return "open"
}

func drawForest(f *figure, rows []*compare.Row) {
	reach := 0.0
	for _, r := range rows {
		reach = max(reach, math.Abs(r.Low), math.Abs(r.High), math.Abs(r.Change), 1.5*r.Noise)
	}
	reach = min(reach, farthest) * 1.05
	edge := func(v float64) float64 { return min(max(v, -reach), reach) }
	n := float64(len(rows))
	p := &chart.Plot{
		X: chart.Scale{Min: -reach, Max: 1.9 * reach}, Y: chart.Scale{Min: 0, Max: n}, // room for the text at the right
		Height: 34 * len(rows), Title: f.Title, XLabel: "change, % (error share: percentage points)",
	}
	p.XTicks = chart.Linear(chart.Scale{Min: -reach, Max: reach}, 8, tickPercent)
	dots := map[string][2][]float64{}
	for i, r := range rows {
		y := n - float64(i) - 0.5
		p.YTicks = append(p.YTicks, chart.Tick{At: y, Label: r.Title + " " + arrow(r)})
		if r.Noise > 0 {
			p.Cells("noise", []chart.Cell{{X0: edge(-r.Noise), X1: edge(r.Noise), Y0: y - 0.42, Y1: y + 0.42}})
		}
		class := forestClass(r.Verdict)
		if len(r.A.Values) > 1 && len(r.B.Values) > 1 {
			p.Line("bar-"+class, chart.Series{X: []float64{edge(r.Low), edge(r.High)}, Y: []float64{y, y}})
		}
		d := dots[class]
		dots[class] = [2][]float64{append(d[0], edge(r.Change)), append(d[1], y)}
		text := changeText(r) + " (" + changeInterval(r) + ") " + metricVerdict(r)
		if math.Abs(r.Change) > reach {
			text = "beyond the edge: " + text
		}
		p.Text("value", max(edge(r.High), edge(r.Change), edge(r.Noise)), y, 12, 4, "start", text)
		f.Rows = append(f.Rows, []string{r.Title, percentCell(r.Change), percentCell(r.Low), percentCell(r.High), percentCell(r.Noise), pText(r.Adjusted), metricVerdict(r)})
	}
	p.Vertical("zero", 0, 0, n)
	for _, class := range []string{"open", "better", "worse"} {
		if d := dots[class]; len(d[0]) > 0 {
			p.Dots("dots-"+class, d[0], d[1])
			name := map[string]string{"open": "no difference shown", "better": "better", "worse": "worse"}[class]
			f.Legend = append(f.Legend, legend(swatchDot, "dots-"+class, name))
		}
	}
	f.Legend = append(f.Legend, legend(swatchBar, "noise", "noise"))
	f.Head = head("metric", "change (%)", "low (%)", "high (%)", "noise (%)", "p corrected", "verdict")
	f.SVG = p.SVG()
}

func percentCell(v float64) string { return cellPlaces(100*v, 4) }

func tickPercent(v float64) string { return trimZeros(signedPercent(v)) }
