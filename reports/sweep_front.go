package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/matrix"
)

// frontSection draws latency against throughput: the trade that every setting
// makes.
func (v *sweepView) frontSection() section {
	latency := matrix.MetricNamed(matrix.CommitP99)
	var points []int
	for i := range v.m.Points {
		if m := v.m.Points[i].Metrics; m[matrix.Throughput].Known() && m[matrix.CommitP99].Known() {
			points = append(points, i)
		}
	}
	if len(points) < 2 {
		return section{}
	}
	f := &figure{
		ID: "fig-front", Title: "Commit p99 against throughput",
		How: "How to read: right and down is better. A small dot is a run, a square the median of its point; points on the line are those that no other one beats in both (the Pareto front).",
	}
	var x, y [][]float64
	for _, i := range points {
		x, y = append(x, v.m.Points[i].Metrics[matrix.Throughput].Values), append(y, v.m.Points[i].Metrics[matrix.CommitP99].Values)
	}
	p := &chart.Plot{
		X: around(slices.Concat(x...)), Y: logScale(append(y, v.latencyLimits(latency))...), Height: chartHeight + 40, Title: f.Title, XLabel: "throughput (tx/s)", YLabel: "commit p99",
	}
	p.XTicks, p.YTicks = chart.Linear(p.X, 6, tickNumber), chart.Decades(p.Y, tickNs)
	v.limitLines(p, latency)
	v.drawFront(p, f, points)
	f.SVG = p.SVG()
	return section{ID: "front", Title: "Latency against throughput", Short: "Trade-off", Blocks: []block{{Figure: f}}}
}

// labelsMax bounds the points that are named in the chart.
const labelsMax = 12

func (v *sweepView) drawFront(p *chart.Plot, f *figure, points []int) {
	f.Head = head("point", "run", "throughput (tx/s)", "commit p99 (ms)", "Pareto front")
	var dotX, dotY, midX, midY []float64
	var front []int
	for _, i := range points {
		t, l := v.m.Points[i].Metrics[matrix.Throughput], v.m.Points[i].Metrics[matrix.CommitP99]
		// Runs without a p99 had too few samples; then dots would not pair up.
		if len(t.Values) == len(l.Values) {
			dotX, dotY = append(dotX, t.Values...), append(dotY, l.Values...)
			for k := range t.Values {
				f.Rows = append(f.Rows, []string{v.m.Points[i].Label, fmt.Sprint(k + 1), cellNumber(t.Values[k]), cellMs(l.Values[k]), yesNo(v.m.Points[i].Pareto)})
			}
		}
		midX, midY = append(midX, t.Median), append(midY, l.Median)
		if l.HasInterval() {
			p.Vertical("c-blue ci", t.Median, l.Low, l.High)
		}
		if t.HasInterval() {
			p.Line("c-blue cih", chart.Series{X: []float64{t.Low, t.High}, Y: []float64{l.Median, l.Median}})
		}
		if v.m.Points[i].Pareto {
			front = append(front, i)
		}
	}
	slices.SortFunc(front, func(a, b int) int {
		return int(v.m.Points[a].Metrics[matrix.Throughput].Median - v.m.Points[b].Metrics[matrix.Throughput].Median)
	})
	var line chart.Series
	for _, i := range front {
		line.X = append(line.X, v.m.Points[i].Metrics[matrix.Throughput].Median)
		line.Y = append(line.Y, v.m.Points[i].Metrics[matrix.CommitP99].Median)
	}
	p.Line("c-green", line)
	p.Dots("c-blue run", dotX, dotY)
	p.Dots("c-blue mid", midX, midY)
	f.Legend = []legendItem{legend(swatchLine, "c-green", "Pareto front"), legend(swatchDot, "c-blue mid", "median of a point, with 95 % intervals"), legend(swatchDot, "c-blue run", "run")}
	v.nameFront(p, points, front)
}

// nameFront writes the names of the points, of those on the front only where
// all would be too many, and leaves out a name that would lie on another.
func (v *sweepView) nameFront(p *chart.Plot, points, front []int) {
	if len(points) > labelsMax {
		points = front[:min(len(front), labelsMax)]
	}
	// The best point and the front come first, so that theirs are kept.
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b int) int { return v.weight(b) - v.weight(a) })
	var taken [][2]float64
	for _, i := range points {
		x, y := v.m.Points[i].Metrics[matrix.Throughput].Median, v.m.Points[i].Metrics[matrix.CommitP99].Median
		at := [2]float64{p.X.At(x), p.Y.At(y) * float64(p.Height)}
		if slices.ContainsFunc(taken, func(t [2]float64) bool { return math.Abs(t[0]-at[0]) < 0.25 && math.Abs(t[1]-at[1]) < 14 }) {
			continue
		}
		taken = append(taken, at)
		anchor, dx := "start", 9
		if at[0] > 0.7 {
			anchor, dx = "end", -9
		}
		p.Text("value", x, y, dx, -7, anchor, v.m.Points[i].Label)
	}
}

// weight is how much a point's name is worth showing.
func (v *sweepView) weight(point int) int {
	switch {
	case point == v.m.Best:
		return 2
	case v.m.Points[point].Pareto:
		return 1
	}
	return 0
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

// orderSection draws the runs in the order in which they were made, each
// against the median of its point: what is left then is noise, or a machine
// that changed under the sweep.
func (v *sweepView) orderSection() section {
	var x, y []float64
	f := &figure{
		ID: "fig-order", Title: "Runs in their order, against the median of their point",
		How:  "How to read: dots should lie around 0 without a trend; a slope or a step means that the machine changed while the sweep lasted. The random order spreads such a change over all points.",
		Head: head("run", "point", v.metric.Title+" against the median (%)"),
	}
	for i := range v.Runs {
		r := &v.Runs[i]
		value, ok := v.metric.Of(r.Summary)
		point := v.Order[r.Place]
		median := v.m.Points[point].Metrics[v.metric.Name].Median
		if !r.Replicate() || !ok || median == 0 || v.m.Points[point].Runs() < 2 {
			continue
		}
		x, y = append(x, float64(r.Place+1)), append(y, 100*(value/median-1))
		f.Rows = append(f.Rows, []string{fmt.Sprint(r.Place + 1), v.m.Points[point].Label, cellNumber(y[len(y)-1])})
	}
	if len(x) < 4 {
		return section{}
	}
	most := max(slices.Max(y), -slices.Min(y), 1)
	scale := chart.Scale{Min: -chart.NiceMax(most*1.1, 3), Max: chart.NiceMax(most*1.1, 3)}
	p := &chart.Plot{X: chart.Scale{Min: 0, Max: float64(len(v.Order) + 1)}, Y: scale, Height: chartHeight - 90, Title: f.Title, XLabel: "run", YLabel: "% off the median"}
	p.XTicks, p.YTicks = chart.Linear(p.X, 8, tickNumber), chart.Linear(p.Y, 4, tickNumber)
	p.Line("c-ink", chart.Series{X: []float64{0, p.X.Max}, Y: []float64{0, 0}})
	p.Dots("dots", x, y)
	f.Legend = []legendItem{legend(swatchDot, "dots", "run that counts")}
	for _, session := range v.Sessions[min(1, len(v.Sessions)):] {
		p.Vertical("gap", float64(session.From)+0.5, scale.Min, scale.Max)
		p.Text("gap-label", float64(session.From)+0.5, scale.Max, 5, 12, "start", "resumed")
	}
	f.SVG = p.SVG()
	return section{
		ID: "order", Title: "Runs in their order", Short: "Order",
		Lead: "The points were measured in rounds, each in random order.", Blocks: []block{{Figure: f}},
	}
}
