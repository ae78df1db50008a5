package reports

import (
	"fmt"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

func backlogSection(v *view) section {
	if len(v.totals) == 0 {
		return section{}
	}
	var x, inFlight, pool []float64
	known, pooled := false, false
	for _, s := range v.totals {
		x = append(x, seconds(s.TNs))
		inFlight = append(inFlight, float64(max(s.InFlight, 0)))
		pool = append(pool, float64(max(s.Pool, 0)))
		known, pooled = known || s.InFlight >= 0, pooled || s.Pool >= 0
	}
	if !known {
		return section{}
	}
	curves := []curve{{"c-blue", "in flight", x, inFlight}}
	if pooled {
		curves = append(curves, curve{"c-green", "in the node's pool", x, pool})
	}
	f := &figure{
		ID: "fig-backlog", Title: "Transactions under way",
		How: "How to read: a level line means that the chain keeps up with what it is sent, and a rising one that it falls behind; the dashed straight line is the trend of the steady window.",
	}
	v.drawBacklog(f, curves)
	return section{ID: "backlog", Title: "Backlog and its slope", Short: "Backlog", Lead: slopeSentence(v.Throughput), Blocks: []block{{Figure: f}}}
}

func slopeSentence(t result.Throughput) string {
	if noTrend(t) {
		return "No slope: " + noTrendNote(t) + "."
	}
	verdict := "the backlog is not growing"
	if t.BacklogGrows {
		verdict = "the backlog is growing, so this load can't be kept up"
	}
	return fmt.Sprintf("Slope over the steady window: %s transactions a second (95 %% interval %s to %s), so %s. It counts as growing when the whole interval is above 0 and the slope exceeds 1 %% of the rate.",
		signed(t.BacklogSlope), signed(t.BacklogLow), signed(t.BacklogHigh), verdict)
}

// noTrend tells that no slope was worked out.
func noTrend(t result.Throughput) bool {
	return t.BacklogWhy != "" || t.BacklogSlope == 0 && t.BacklogLow == 0 && t.BacklogHigh == 0
}

// noTrendNote says why not.
func noTrendNote(t result.Throughput) string {
	if t.BacklogWhy == "" {
		return "the steady window was too short for it"
	}
	return t.BacklogWhy
}

func (v *view) drawBacklog(f *figure, curves []curve) {
	all := [][]float64{}
	for _, c := range curves {
		all = append(all, c.y)
	}
	p := v.timePlot(f.Title, "transactions", chartHeight-40, linear(all...))
	p.YTicks = chart.Linear(p.Y, 5, tickNumber)
	columns := []dataColumn{timeColumn(curves[0].x)}
	for _, c := range curves {
		p.Line(c.class, chart.Thin(c.x, c.y, v.limits.points))
		f.Legend = append(f.Legend, legend(swatchLine, c.class, c.name))
		columns = append(columns, dataColumn{name: c.name, class: c.class, values: c.y, write: cellNumber})
	}
	if line, ok := v.backlogTrend(curves[0]); ok {
		p.Line("c-ink", line)
		f.Legend = append(f.Legend, legend(swatchLine, "c-ink", "trend: "+signed(v.Throughput.BacklogSlope)+" a second"))
	}
	f.Legend = append(f.Legend, v.shadeLegend()...)
	f.data(v.limits.rows, curves[0].x, columns...)
	f.SVG = p.SVG()
}

// backlogTrend is the line with the reported slope through the middle of the
// steady window's points, which is where a fitted line passes.
func (v *view) backlogTrend(c curve) (chart.Series, bool) {
	from, to := seconds(v.Run.Run.SteadyFromNs), seconds(v.Run.Run.SteadyToNs)
	var mx, my, n float64
	for i := range c.x {
		if c.x[i] >= from && c.x[i] <= to {
			mx, my, n = mx+c.x[i], my+c.y[i], n+1
		}
	}
	t := v.Throughput
	if n < 2 || noTrend(t) {
		return chart.Series{}, false
	}
	at := func(x float64) float64 { return max(my/n+t.BacklogSlope*(x-mx/n), 0) }
	return chart.Series{X: []float64{from, to}, Y: []float64{at(from), at(to)}}, true
}
