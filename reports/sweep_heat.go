package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/matrix"
)

// heatSection draws the matrix of the first two axes, the others held where
// the best point is.
func (v *sweepView) heatSection() section {
	var axes []int
	for a := range v.m.Axes {
		if len(v.m.Axes[a].Values) > 1 {
			axes = append(axes, a)
		}
	}
	if len(axes) < 2 || v.m.Best < 0 {
		return section{}
	}
	s := section{ID: "matrix", Title: "The matrix", Short: "Matrix"}
	var pair []block
	for _, name := range v.drawnMetrics() {
		if f := v.heatFigure(axes[0], axes[1], matrix.MetricNamed(name)); f != nil {
			pair = append(pair, block{Figure: f})
		}
	}
	s.Blocks = []block{{Columns: pair}}
	return s
}

// heatCell is the height of a row, pixels.
const heatCell = 46

// inkLevels is the level from which the text on a cell is that of the ground,
// so that it stands out.
const inkLevels = 6

func (v *sweepView) heatFigure(rows, columns int, metric matrix.Metric) *figure {
	ra, ca := &v.m.Axes[rows], &v.m.Axes[columns]
	f := &figure{
		ID: "fig-matrix-" + strings.ReplaceAll(metric.Name, ".", "-"), Title: fmt.Sprintf("%s: %s × %s", capital(metric.Title), ra.Name, ca.Name),
		How:  "How to read: each cell is the median of a point, stronger colours are better; ★ is the best point, ◆ is on the Pareto front of throughput and p99.",
		Wide: true,
	}
	if held := v.heldBeside(rows, columns); held != "" {
		f.How += " Held: " + held + "."
	}
	p := &chart.Plot{
		X: chart.Scale{Min: 0, Max: float64(len(ca.Values))}, Y: chart.Scale{Min: 0, Max: float64(len(ra.Values))},
		Height: heatCell * len(ra.Values), Title: f.Title, XLabel: ca.Key, YLabel: ra.Key,
	}
	low, high, known := v.spanOf(rows, columns, metric)
	if !known {
		return nil
	}
	f.Head = head(ra.Name, ca.Name, metric.Title+" ("+dataUnit(metric.Unit)+")", "low", "high", "runs")
	best := v.Points[v.m.Best].Values
	for r, rowName := range ra.Values {
		p.YTicks = append(p.YTicks, chart.Tick{At: float64(r) + 0.5, Label: cut(rowName, 16)})
		for c, columnName := range ca.Values {
			if r == 0 {
				p.XTicks = append(p.XTicks, chart.Tick{At: float64(c) + 0.5, Label: cut(columnName, 16)})
			}
			point := v.pointAt(rows, r, columns, c, best)
			if point < 0 {
				continue
			}
			s := v.m.Points[point].Metrics[metric.Name]
			v.heatCellAt(p, r, c, point, s, metric, goodness(s, low, high, metric))
			f.Rows = append(f.Rows, []string{rowName, columnName, known1(s, s.Median, metric), bound(s, s.Low, metric), bound(s, s.High, metric), fmt.Sprint(v.m.Points[point].Runs())})
		}
	}
	f.Legend = []legendItem{legend(swatchBar, "h1", "worst: "+inUnit(worst(low, high, metric), metric.Unit)), legend(swatchBar, "h9", "best: "+inUnit(low+high-worst(low, high, metric), metric.Unit))}
	f.SVG = p.SVG()
	return f
}

func worst(low, high float64, metric matrix.Metric) float64 {
	if metric.Up {
		return low
	}
	return high
}

func known1(s matrix.Sample, v float64, metric matrix.Metric) string {
	if !s.Known() {
		return ""
	}
	return dataValue(v, metric.Unit)
}

func bound(s matrix.Sample, v float64, metric matrix.Metric) string {
	if !s.HasInterval() {
		return ""
	}
	return dataValue(v, metric.Unit)
}

func (v *sweepView) heatCellAt(p *chart.Plot, r, c, point int, s matrix.Sample, metric matrix.Metric, level int) {
	text, class := absent, "cell"
	if s.Known() {
		p.Cells(fmt.Sprintf("h%d", level+1), []chart.Cell{{X0: float64(c), X1: float64(c) + 1, Y0: float64(r), Y1: float64(r) + 1}})
		text = inUnit(s.Median, metric.Unit)
		if level+1 >= inkLevels {
			class = "cell hi"
		}
	}
	switch {
	case point == v.m.Best:
		text += " ★"
	case v.m.Points[point].Pareto:
		text += " ◆"
	}
	p.Text(class, float64(c)+0.5, float64(r)+0.5, 0, 5, "middle", text)
}

// goodness is the level of a cell's colour, 0 to heatLevels-1; latencies are
// compared by their logarithm.
func goodness(s matrix.Sample, low, high float64, metric matrix.Metric) int {
	if !s.Known() || high <= low {
		return heatLevels / 2
	}
	share := (s.Median - low) / (high - low)
	if metric.Unit == "ns" && low > 0 {
		share = math.Log(s.Median/low) / math.Log(high/low)
	}
	if !metric.Up {
		share = 1 - share
	}
	return min(int(share*heatLevels), heatLevels-1)
}

func (v *sweepView) spanOf(rows, columns int, metric matrix.Metric) (low, high float64, known bool) {
	low = math.Inf(1)
	best := v.Points[v.m.Best].Values
	for r := range v.m.Axes[rows].Values {
		for c := range v.m.Axes[columns].Values {
			if p := v.pointAt(rows, r, columns, c, best); p >= 0 && v.m.Points[p].Metrics[metric.Name].Known() {
				m := v.m.Points[p].Metrics[metric.Name].Median
				low, high, known = min(low, m), max(high, m), true
			}
		}
	}
	return low, high, known
}

// heldBeside says where the axes that are not drawn are held.
func (v *sweepView) heldBeside(rows, columns int) string {
	var held []string
	for a := range v.m.Axes {
		if a != rows && a != columns {
			held = append(held, v.m.Axes[a].Name+"="+v.m.Points[v.m.Best].Values[a])
		}
	}
	return strings.Join(held, ", ")
}
