package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// latencyCurves are the quantiles of the latency chart, as in
// latencyPoint.q.
var latencyCurves = []struct{ class, name string }{
	{"c-green", "p50"}, {"c-purple", "p90"}, {"c-blue", "p99"}, {"c-orange", "p99.9"}, {"c-soft", "max"},
}

func latencySection(v *view) section {
	if v.latency == nil {
		return section{}
	}
	f := &figure{
		ID: "fig-latency", Title: stageTitle(v.latency.stage) + " by the second",
		How: "How to read: each second shows the latency of the transactions whose outcome became known in it, on a logarithmic scale; a quantile is left out where fewer than 10/(1-q) transactions stand behind it.",
	}
	v.drawLatency(f)
	return section{
		ID: "latency", Title: "Latency over time", Short: "Latency",
		Lead:   "Measured from the time that the schedule intended, so that waiting for a system that stalls is counted.",
		Blocks: slices.Concat([]block{{Figure: f}}, latencyBlocks("Over the steady window", v.Latency)),
	}
}

func stageTitle(stage string) string {
	if m, ok := stageMeaning[stage]; ok {
		return fmt.Sprintf("%s latency (%s)", strings.ReplaceAll(stage, "_", " "), m.short)
	}
	return stage
}

func (v *view) drawLatency(f *figure) {
	x := v.latency.x()
	var all [][]float64
	for i := range latencyCurves {
		all = append(all, v.latency.quantile(i))
	}
	limits := v.latencyLimits()
	for _, c := range limits {
		all = append(all, []float64{c.Limit})
	}
	p := v.timePlot(f.Title, "latency", chartHeight+20, logScale(all...))
	p.YTicks = chart.Decades(p.Y, tickNs)
	columns := []dataColumn{timeColumn(x)}
	for i, c := range latencyCurves {
		p.Line(c.class, chart.Thin(x, all[i], v.limits.points))
		f.Legend = append(f.Legend, legend(swatchLine, c.class, c.name))
		columns = append(columns, dataColumn{name: c.name + " (ms)", class: c.class, values: all[i], write: cellMs})
	}
	for _, c := range limits {
		p.Level("limit", c.Limit, "SLO: "+c.Name+" "+limit(c))
	}
	f.Legend = append(f.Legend, v.shadeLegend()...)
	f.data(v.limits.rows, x, columns...)
	f.SVG = p.SVG()
}

// latencyLimits are the objectives on the stage that is drawn.
func (v *view) latencyLimits() []result.Check {
	var out []result.Check
	for _, c := range v.SLO {
		if c.Unit == "ns" && strings.HasPrefix(c.Name, v.latency.stage+".") && c.Limit > 0 {
			out = append(out, c)
		}
	}
	return out
}

// latencyBlocks are the table of all transactions and, folded away, that of
// each kind, where there are several.
func latencyBlocks(heading string, rows []result.Latency) []block {
	kinds := map[string]bool{}
	var all, single []result.Latency
	for _, l := range rows {
		switch {
		case l.Worker != "":
		case l.Kind == "":
			all = append(all, l)
		default:
			kinds[l.Kind] = true
			single = append(single, l)
		}
	}
	var blocks []block
	if len(all) > 0 {
		blocks = append(blocks, block{Heading: heading, Table: latencyTable(all)})
	}
	if len(kinds) > 1 {
		blocks = append(blocks, block{Fold: "By kind of transaction", Table: latencyTable(single)})
	}
	return blocks
}

func latencyTable(rows []result.Latency) *table {
	t := &table{Head: head("stage", "from → to", "#p50", "#p90", "#p99", "#p99.9", "#max", "#mean", "#samples")}
	t.Head[1].Class = "opt"
	censored := slices.ContainsFunc(rows, func(l result.Latency) bool { return l.Censored > 0 })
	if censored {
		t.Head = append(t.Head, head("#unfinished")...)
	}
	for _, l := range rows {
		r := row{Cells: []cell{key(l.Stage), {Text: stageMeaning[l.Stage].short, Class: "k opt"}, number(formatMaybeNs(l.P50Ns)), number(formatMaybeNs(l.P90Ns)),
			number(formatMaybeNs(l.P99Ns)), number(formatMaybeNs(l.P999Ns)), number(formatNs(l.MaxNs)), number(formatNs(l.MeanNs)), number(formatCount(l.Count))}}
		if l.Kind != "" {
			r.Cells[1] = key(l.Kind)
			t.Head[1] = headCell{Text: "kind"}
		} else if l.Stage == result.StageCommit {
			r.Class = "strong"
		}
		if censored {
			r.Cells = append(r.Cells, number(formatCount(l.Censored)))
		}
		if l.P50Ns == nil || l.P90Ns == nil || l.P99Ns == nil || l.P999Ns == nil {
			t.Note = "– : fewer than 10/(1-q) samples."
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// heatColumns and heatLevels bound the heat map: columns over time, and steps
// of colour.
const (
	heatColumns = 180
	heatLevels  = 9
)

func heatSection(v *view) section {
	if v.latency == nil || len(v.latency.points) < 2 {
		return section{}
	}
	f := &figure{
		ID: "fig-heat", Title: "Where the transactions were: " + stageTitle(v.latency.stage),
		How: "How to read: one column is a slice of time, one row a band of latency, and the stronger the colour, the more transactions fell there, on a logarithmic scale; two bands in one column are two populations that a percentile would blur into one.",
	}
	v.drawHeat(f)
	return section{ID: "heat", Title: "Latency heat map", Short: "Heat map", Blocks: []block{{Figure: f}}}
}

// heatSlice is one column of the heat map.
type heatSlice struct {
	from, to float64
	rows     map[int]int64
}

func heatSlices(points []latencyPoint, most int) []heatSlice {
	per := (len(points) + most - 1) / most
	var out []heatSlice
	for i := 0; i < len(points); i += per {
		last := min(i+per, len(points)) - 1
		s := heatSlice{from: points[i].from, to: points[last].to, rows: map[int]int64{}}
		for _, p := range points[i : last+1] {
			for r, n := range p.heat {
				s.rows[r] += n
			}
		}
		out = append(out, s)
	}
	return out
}

func (v *view) drawHeat(f *figure) {
	columns := heatSlices(v.latency.points, heatColumns)
	low, high, most := math.MaxInt, math.MinInt, int64(1)
	for _, s := range columns {
		for r, n := range s.rows {
			low, high, most = min(low, r), max(high, r), max(most, n)
		}
	}
	p := v.timePlot(f.Title, "latency", chartHeight, chart.Scale{Min: heatValue(low), Max: heatValue(high + 1), Log: true})
	p.YTicks = chart.Decades(p.Y, tickNs)
	levels := make([][]chart.Cell, heatLevels)
	for _, s := range columns {
		for r := low; r <= high; r++ {
			n := s.rows[r]
			if n == 0 {
				continue
			}
			l := heatLevel(n, most)
			levels[l] = append(levels[l], chart.Cell{X0: s.from, X1: s.to, Y0: heatValue(r), Y1: heatValue(r + 1)})
		}
	}
	for l, cells := range levels {
		class := fmt.Sprintf("h%d", l+1)
		p.Cells(class, cells)
		if l == 0 || l == heatLevels-1 || l == heatLevels/2 {
			f.Legend = append(f.Legend, legend(swatchBar, class, heatName(l, most)))
		}
	}
	v.heatData(f)
	f.SVG = p.SVG()
}

// heatData fills the figure's table, over longer slices of time where there
// would be too many rows.
func (v *view) heatData(f *figure) {
	f.Head = head("from (s)", "to (s)", "latency from (ms)", "to (ms)", "transactions")
	for most := heatColumns; most > 0; most /= 2 {
		f.Rows = nil
		for _, s := range heatSlices(v.latency.points, most) {
			for _, r := range slices.Sorted(maps.Keys(s.rows)) {
				f.Rows = append(f.Rows, []string{cellSeconds(s.from), cellSeconds(s.to), cellMs(heatValue(r)), cellMs(heatValue(r + 1)), formatPlain(s.rows[r])})
			}
		}
		if len(f.Rows) <= 2*v.limits.rows {
			return
		}
		f.Note = "added up over longer slices of time than in the picture"
	}
}

func formatPlain(n int64) string { return fmt.Sprintf("%d", n) }

// heatLevel divides 1..most into steps of equal ratio.
func heatLevel(n, most int64) int {
	if most <= 1 {
		return heatLevels - 1
	}
	return min(int(heatLevels*math.Log(float64(n))/math.Log(float64(most)+1)), heatLevels-1)
}

func heatName(level int, most int64) string {
	from := int64(math.Ceil(math.Pow(float64(most)+1, float64(level)/heatLevels)))
	return "from " + formatCount(max(from, 1)) + " tx"
}
