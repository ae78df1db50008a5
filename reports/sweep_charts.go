package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/matrix"
)

// seriesClasses are the curves of a chart with several series: hue and dash
// pattern differ.
var seriesClasses = []string{"c-blue", "c-verm", "c-green", "c-purple", "c-orange", "c-sky"}

// ruler places the values of an axis along x: numbers by their value or its
// logarithm to base 2, words side by side.
type ruler struct {
	axis  *matrix.Axis
	at    []float64 // by index of the value
	scale chart.Scale
	ticks []chart.Tick
}

func newRuler(a *matrix.Axis) ruler {
	r := ruler{axis: a}
	for i, label := range a.Values {
		x := float64(i)
		switch {
		case a.Numeric() && a.Log:
			x = math.Log2(a.Numbers[i])
		case a.Numeric():
			x = a.Numbers[i]
		}
		r.at = append(r.at, x)
		r.ticks = append(r.ticks, chart.Tick{At: x, Label: cut(label, 18)})
	}
	low, high := r.at[0], r.at[0]
	for _, x := range r.at {
		low, high = min(low, x), max(high, x)
	}
	room := 0.12 * (high - low)
	if !a.Numeric() || high == low {
		room = 0.6
	}
	r.scale = chart.Scale{Min: low - room, Max: high + room}
	return r
}

func (r *ruler) label() string {
	if r.axis.Log {
		return r.axis.Key + ", over its logarithm"
	}
	return r.axis.Key
}

// nudge is a step along x that keeps marks beside each other.
func (r *ruler) nudge() float64 { return (r.scale.Max - r.scale.Min) / 90 }

// spotSeries is one line of a chart over an axis: the points with one value of
// another axis.
type spotSeries struct {
	name   string
	points []int // by index of the axis's values; -1 = none
}

// seriesOver splits the points along an axis: by the values of one other axis,
// the rest held where the best point is. held says what is.
func (v *sweepView) seriesOver(axis int) (all []spotSeries, by, held string) {
	other := -1
	for a := range v.m.Axes {
		if a != axis && len(v.m.Axes[a].Values) > 1 && len(v.m.Axes[a].Values) <= len(seriesClasses) {
			other = a
			break
		}
	}
	best := v.Points[max(v.m.Best, 0)].Values
	var rest []string
	for a := range v.m.Axes {
		if a != axis && a != other {
			rest = append(rest, v.m.Axes[a].Name+"="+v.m.Axes[a].Values[best[a]])
		}
	}
	values := []string{""}
	if other >= 0 {
		values, by = v.m.Axes[other].Values, v.m.Axes[other].Name
	}
	for k, value := range values {
		s := spotSeries{points: make([]int, len(v.m.Axes[axis].Values))}
		if other >= 0 {
			s.name = by + "=" + value
		}
		for i := range s.points {
			s.points[i] = v.pointAt(axis, i, other, k, best)
		}
		all = append(all, s)
	}
	return all, by, strings.Join(rest, ", ")
}

// pointAt finds the point with value i of an axis and k of another one, the
// others as in held.
func (v *sweepView) pointAt(axis, i, other, k int, held []int) int {
	for p, point := range v.Points {
		fits := true
		for a, value := range point.Values {
			want := held[a]
			switch a {
			case axis:
				want = i
			case other:
				want = k
			}
			fits = fits && value == want
		}
		if fits {
			return p
		}
	}
	return -1
}

// axesSection draws throughput and latency over each axis that is not one of
// threads, which has a section of its own.
func (v *sweepView) axesSection() section {
	s := section{ID: "axes", Title: "What each setting does", Short: "Settings"}
	for a := range v.m.Axes {
		axis := &v.m.Axes[a]
		if len(axis.Values) < 2 || v.hasScaling(a) {
			continue
		}
		var pair []block
		for _, name := range v.drawnMetrics() {
			if f := v.axisFigure(a, matrix.MetricNamed(name)); f != nil {
				pair = append(pair, block{Figure: f})
			}
		}
		s.Blocks = append(s.Blocks, block{Columns: pair})
	}
	return s
}

func (v *sweepView) hasScaling(axis int) bool {
	for i := range v.m.Scaling {
		if v.m.Scaling[i].Axis == axis && len(v.m.Scaling[i].Steps) > 1 {
			return true
		}
	}
	return false
}

// drawnMetrics are the metrics to draw over an axis: what points are ranked by,
// and throughput and p99.
func (v *sweepView) drawnMetrics() []string {
	names := []string{matrix.Throughput, matrix.CommitP99}
	if v.metric.Name != matrix.Throughput && v.metric.Name != matrix.CommitP99 {
		names = append([]string{v.metric.Name}, names...)
	}
	return names
}

// axisFigure draws a metric over an axis; nil where it was not observed.
func (v *sweepView) axisFigure(a int, metric matrix.Metric) *figure {
	axis := &v.m.Axes[a]
	all, _, held := v.seriesOver(a)
	f := &figure{
		ID: fmt.Sprintf("fig-axis-%d-%s", a+1, strings.ReplaceAll(metric.Name, ".", "-")), Title: capital(metric.Title) + " over " + axis.Name,
		How: "How to read: a small dot is a run, a square the median of its point with the 95 % interval; where intervals are far apart, the setting matters.",
	}
	if held != "" {
		f.How += " Held: " + held + "."
	}
	r := newRuler(axis)
	y, ok := v.yScale(metric, all)
	if !ok {
		return nil
	}
	p := &chart.Plot{X: r.scale, Y: y, Height: chartHeight - 20, Title: f.Title, XLabel: r.label(), YLabel: unitLabel(metric.Unit), XTicks: r.ticks}
	p.YTicks = yTicks(y, metric.Unit)
	v.limitLines(p, metric)
	f.Head = head("series", axis.Name, "run", metric.Title+" ("+dataUnit(metric.Unit)+")")
	for k, s := range all {
		v.drawSeries(p, f, &r, s, seriesClasses[k], metric, (float64(k)-float64(len(all)-1)/2)*r.nudge()*1.6)
	}
	f.SVG = p.SVG()
	return f
}

// drawSeries draws the runs, medians and intervals of a series, and a line
// through the medians where the axis has numbers.
func (v *sweepView) drawSeries(p *chart.Plot, f *figure, r *ruler, s spotSeries, class string, metric matrix.Metric, shift float64) {
	var x, y, dotX, dotY []float64
	for i, point := range s.points {
		if point < 0 || !v.m.Points[point].Metrics[metric.Name].Known() {
			continue
		}
		sample := v.m.Points[point].Metrics[metric.Name]
		at := r.at[i] + shift
		for k, value := range sample.Values {
			dotX = append(dotX, at+(float64(k)-float64(len(sample.Values)-1)/2)*r.nudge()/3)
			dotY = append(dotY, value)
			f.Rows = append(f.Rows, []string{s.name, r.axis.Values[i], fmt.Sprint(k + 1), dataValue(value, metric.Unit)})
		}
		x, y = append(x, at), append(y, sample.Median)
		if sample.HasInterval() {
			p.Vertical(class+" ci", at, sample.Low, sample.High)
		}
	}
	if r.axis.Numeric() {
		x, y := ascending(x, y)
		p.Line(class, chart.Series{X: x, Y: y})
	}
	p.Dots(class+" run", dotX, dotY)
	p.Dots(class+" mid", x, y)
	name := s.name
	if name == "" {
		name = "median, 95 % interval, and runs"
	}
	f.Legend = append(f.Legend, legend(swatchLine, class, name))
}

// ascending orders points of a curve by x.
func ascending(x, y []float64) ([]float64, []float64) {
	x, y = append([]float64(nil), x...), append([]float64(nil), y...)
	for i := range x {
		for k := i; k > 0 && x[k] < x[k-1]; k-- {
			x[k], x[k-1], y[k], y[k-1] = x[k-1], x[k], y[k-1], y[k]
		}
	}
	return x, y
}

// yScale spans the runs of the series, from 0 up for rates and over a logarithm
// for latencies.
func (v *sweepView) yScale(metric matrix.Metric, all []spotSeries) (chart.Scale, bool) {
	var values []float64
	for _, s := range all {
		for _, point := range s.points {
			if point >= 0 {
				values = append(values, v.m.Points[point].Metrics[metric.Name].Values...)
			}
		}
	}
	if len(values) == 0 {
		return chart.Scale{}, false
	}
	if metric.Unit == "ns" && metric.Name != matrix.BlockTime {
		return logScale(values, v.latencyLimits(metric)), true
	}
	return linear(values), true
}

// latencyLimits are the objectives on a metric.
func (v *sweepView) latencyLimits(metric matrix.Metric) []float64 {
	var limits []float64
	for _, c := range v.SLO {
		if c.Name == metric.Name && c.Limit > 0 {
			limits = append(limits, c.Limit)
		}
	}
	return limits
}

func (v *sweepView) limitLines(p *chart.Plot, metric matrix.Metric) {
	for _, c := range v.SLO {
		if c.Name == metric.Name && c.Limit > 0 {
			p.Level("limit", c.Limit, "SLO: "+c.Name+" "+limit(c))
		}
	}
}

func yTicks(y chart.Scale, unit string) []chart.Tick {
	label := tickNumber
	switch unit {
	case "ns":
		label = tickNs
	case "hashes/s":
		label = func(v float64) string { return strings.TrimSuffix(formatSI(v), " ") }
	}
	if y.Log {
		return chart.Decades(y, label)
	}
	return chart.Linear(y, 5, label)
}

func unitLabel(unit string) string {
	if unit == "ns" {
		return "time"
	}
	return unit
}

// dataUnit and dataValue are how tables of data write a metric: latencies in
// milliseconds.
func dataUnit(unit string) string {
	if unit == "ns" {
		return "ms"
	}
	return unit
}

func dataValue(v float64, unit string) string {
	if unit == "ns" {
		return cellMs(v)
	}
	return cellNumber(v)
}
