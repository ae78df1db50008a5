package reports

import (
	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

const chartHeight = 260

// curve is one line of a chart over time, and one column of its data.
type curve struct {
	class, name string
	x, y        []float64
}

func throughputSection(v *view) section {
	if len(v.totals) == 0 {
		return section{}
	}
	curves := []curve{
		v.rate("c-ink", "offered", func(s *result.Sample) uint64 { return s.Offered }),
		v.rate("c-green", "accepted", func(s *result.Sample) uint64 { return s.Accepted }),
		v.rate("c-blue", "committed", func(s *result.Sample) uint64 { return s.Included }),
		v.rate("c-verm", "rejected", func(s *result.Sample) uint64 { return s.Rejected }),
	}
	f := &figure{
		ID: "fig-throughput", Title: "Transactions per second",
		How: "How to read: when the solid line (committed) keeps to the dashed one (offered), the chain keeps up; committed falls in steps of whole blocks, so a second without a block shows as a dip.",
	}
	v.drawCurves(f, "tx/s", curves)
	return section{
		ID: "throughput", Title: "Throughput over time", Short: "Throughput",
		Lead:   "Counted in the second in which it happened. Committed means seen in a block in that second; failures and refusals are never throughput.",
		Blocks: append([]block{{Figure: f}}, steadyBlock(v)...),
	}
}

func steadyBlock(v *view) []block {
	t := steadyTable(v.Steady)
	if t == nil {
		return nil
	}
	return []block{{Heading: "Steady state", Table: t}}
}

func (v *view) rate(class, name string, counter func(*result.Sample) uint64) curve {
	c := curve{class: class, name: name}
	c.x, c.y = rates(v.totals, counter)
	return c
}

// drawCurves fills a figure with curves over time from zero up. The curves
// must share their x.
func (v *view) drawCurves(f *figure, unit string, curves []curve) {
	var all [][]float64
	for _, c := range curves {
		all = append(all, c.y)
	}
	p := v.timePlot(f.Title, unit, chartHeight, linear(all...))
	p.YTicks = chart.Linear(p.Y, 5, tickNumber)
	columns := []dataColumn{timeColumn(curves[0].x)}
	for _, c := range curves {
		p.Line(c.class, chart.Thin(c.x, c.y, v.limits.points))
		f.Legend = append(f.Legend, legend(swatchLine, c.class, c.name))
		columns = append(columns, dataColumn{name: c.name + " (" + unit + ")", class: c.class, values: c.y, write: cellNumber})
	}
	f.Legend = append(f.Legend, v.shadeLegend()...)
	f.data(v.limits.rows, curves[0].x, columns...)
	f.SVG = p.SVG()
}
