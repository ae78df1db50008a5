package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// around is a scale about the values, never so narrow that its ticks would be
// written alike. It need not begin at 0: these charts compare, they do not
// measure.
func around(values []float64) chart.Scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return chart.Scale{Min: 0, Max: 1}
	}
	pad := max(0.08*(high-low), 0.03*math.Abs(high))
	if pad == 0 {
		return chart.Scale{Min: 0, Max: 1}
	}
	s := chart.Scale{Min: low - pad, Max: high + pad}
	if low >= 0 {
		s.Min = max(s.Min, 0)
	}
	return s
}

// unitTick writes a value of a metric beside an axis.
func unitTick(unit string) func(float64) string {
	return func(v float64) string {
		switch unit {
		case "ns", "bytes", "share":
			return rounded(v, unit)
		}
		return formatNumber(v)
	}
}

// unitCell writes a value for a data table, and unitHead names its unit.
func unitCell(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return ""
	case unit == "ns":
		return cellPlaces(v/1e6, 6)
	case unit == "share":
		return cellPlaces(100*v, 6)
	}
	return cellPlaces(v, 3)
}

func unitHead(r *compare.Row) string {
	unit := map[string]string{"ns": "ms", "share": "%"}[r.Unit]
	if unit == "" {
		unit = r.Unit
	}
	return fmt.Sprintf("%s (%s)", r.Title, unit)
}

func orderSection(c *compare.Comparison, limits budget) section {
	runs := inOrder(c)
	var figures []block
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Compared() || r.Metric != "throughput" && r.Metric != "commit_p99" {
			continue
		}
		f := &figure{
			ID: "fig-order-" + r.Metric, Title: capital(r.Title) + ", runs in the order in which they ran",
			How: "How to read: from left to right as time went by. A slope or a step that both sides share is the machine's; sides that stand apart in two blocks were not interleaved. The axis need not begin at 0.",
		}
		drawOrder(f, r, runs, limits)
		figures = append(figures, block{Figure: f})
	}
	if len(figures) == 0 {
		return section{}
	}
	return section{
		ID: "order", Title: "Runs in the order they ran", Short: "Order",
		Lead:   "Whether something other than the system changed while it was measured.",
		Blocks: []block{{Columns: figures}},
	}
}

func drawOrder(f *figure, r *compare.Row, runs []ranRun, limits budget) {
	var x, y [2][]float64
	var all []float64
	f.Head = head("order", "side", "run", unitHead(r))
	for i, run := range runs {
		v := run.valueOf(r)
		k := 0
		if run.side == "B" {
			k = 1
		}
		x[k], y[k], all = append(x[k], float64(i+1)), append(y[k], v), append(all, v)
		if i < limits.rows {
			f.Rows = append(f.Rows, []string{strconv.Itoa(i + 1), run.side, cut(run.Summary.Run.ID, 60), unitCell(v, r.Unit)})
		}
	}
	p := &chart.Plot{
		X: chart.Scale{Min: 0.5, Max: float64(len(runs)) + 0.5}, Y: around(all), Height: chartHeight - 40,
		Title: f.Title, XLabel: "run", YLabel: r.Title,
	}
	step := max(1, (len(runs)+9)/10)
	for i := 1; i <= len(runs); i += step {
		p.XTicks = append(p.XTicks, chart.Tick{At: float64(i), Label: strconv.Itoa(i)})
	}
	p.YTicks = chart.Linear(p.Y, 5, unitTick(r.Unit))
	p.Dots("dots-a", x[0], y[0])
	p.Dots("dots-b", x[1], y[1])
	f.Legend = []legendItem{legend(swatchDot, "dots-a", "A"), legend(swatchDot, "dots-b", "B")}
	f.SVG = p.SVG()
}

func dotsSection(c *compare.Comparison, limits budget) section {
	var figures []block
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Compared() {
			continue
		}
		f := &figure{
			ID: "fig-dots-" + r.Metric, Title: capital(r.Title) + " of every run",
			How: fmt.Sprintf("How to read: a mark is a run, from the first at the left of its column; the line is the median; %s.", r.Direction),
		}
		drawDots(f, r, limits)
		figures = append(figures, block{Figure: f})
	}
	if len(figures) == 0 {
		return section{}
	}
	return section{
		ID: "dots", Title: "Every run", Short: "Every run",
		Lead:   "All there is, before any statistics. The axes need not begin at 0.",
		Blocks: []block{{Columns: figures}},
	}
}

func drawDots(f *figure, r *compare.Row, limits budget) {
	p := &chart.Plot{
		X: chart.Scale{Min: 0, Max: 2}, Y: around(append(append([]float64(nil), r.A.Values...), r.B.Values...)), Height: 150, Title: f.Title,
		XTicks: []chart.Tick{{At: 0.5, Label: "A"}, {At: 1.5, Label: "B"}}, YLabel: r.Title,
	}
	p.YTicks = chart.Linear(p.Y, 4, unitTick(r.Unit))
	f.Head = head("side", "run of the side", unitHead(r))
	for k, s := range []*compare.Sample{&r.A, &r.B} {
		name := []string{"a", "b"}[k]
		var x []float64
		for i, v := range s.Values {
			x = append(x, float64(k)+0.15+0.7*(float64(i)+0.5)/float64(len(s.Values)))
			if i < limits.rows {
				f.Rows = append(f.Rows, []string{[]string{"A", "B"}[k], strconv.Itoa(i + 1), unitCell(v, r.Unit)})
			}
		}
		median := stats.Median(s.Values)
		p.Line("med-"+name, chart.Series{X: []float64{float64(k) + 0.1, float64(k) + 0.9}, Y: []float64{median, median}})
		p.Dots("dots-"+name, x, s.Values)
	}
	f.Legend = []legendItem{legend(swatchDot, "dots-a", "A"), legend(swatchDot, "dots-b", "B")}
	f.SVG = p.SVG()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
