package reports

import (
	"fmt"
	"math"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// scalingSection draws, for each axis of threads, how much more threads
// deliver, and how well each of them is used.
func (v *sweepView) scalingSection() section {
	s := section{
		ID: "scaling", Title: "Scaling over threads", Short: "Scaling",
		Lead: "How much more is delivered with more threads, against what as many single threads would deliver, and the law that fits best. A law that fits is a description of what was measured, and no prediction far beyond it.",
	}
	for i := range v.m.Scaling {
		scale := &v.m.Scaling[i]
		if len(scale.Steps) < 2 {
			continue
		}
		s.Blocks = append(s.Blocks,
			block{Columns: []block{{Figure: v.scalingFigure(scale)}, {Figure: v.efficiencyFigure(scale)}}},
			block{Text: capital(lawText(scale)) + "."})
		for _, w := range scale.Warnings {
			s.Blocks = append(s.Blocks, block{Text: "! " + w, Class: "soft"})
		}
		s.Blocks = append(s.Blocks, block{Table: v.stepTable(scale)})
		if v.metric.Name == matrix.Throughput {
			continue
		}
		var pair []block
		for _, name := range v.drawnMetrics() {
			if f := v.axisFigure(scale.Axis, matrix.MetricNamed(name)); f != nil {
				pair = append(pair, block{Figure: f})
			}
		}
		s.Blocks = append(s.Blocks, block{Columns: pair})
	}
	return s
}

// quantityUnits are the labels of what scales.
var quantityUnits = map[string]string{matrix.Throughput: "tx/s", matrix.Blocks: "blocks/s", matrix.Hashes: "hashes/s"}

// lawSamples is how many points a curve of a law is drawn with.
const lawSamples = 120

func (v *sweepView) scalingFigure(s *matrix.Scale) *figure {
	axis := &v.m.Axes[s.Axis]
	f := &figure{
		ID: fmt.Sprintf("fig-scaling-%d", s.Axis+1), Title: capital(quantityNames[s.Quantity]) + " over " + axis.Name,
		How: "How to read: small dots are runs, squares their medians with 95 % intervals. Along the straight line each thread would deliver as much as the first; the gap below it is what sharing costs.",
	}
	if s.Held != "" {
		f.How += " Held: " + s.Held + "."
	}
	most := s.Steps[len(s.Steps)-1].N
	r := ruler{axis: axis, scale: chart.Scale{Min: 0, Max: most * 1.15}}
	var runs, lines [][]float64
	for _, x := range s.Steps {
		r.ticks = append(r.ticks, chart.Tick{At: x.N, Label: formatNumber(x.N)})
		runs = append(runs, x.PerS.Values)
	}
	first := s.Steps[0]
	straight := func(n float64) float64 { return first.PerS.Median * n / first.N }
	laws := []lawCurve{{"c-ink", "each thread like the first", straight}}
	for i, fit := range s.Fits() {
		name := lawNames[fit.Name]
		if i == 0 {
			name += " (chosen)"
		}
		laws = append(laws, lawCurve{map[string]string{stats.Amdahl: "c-green", stats.USL: "c-purple"}[fit.Name], name, fit.At})
	}
	for _, law := range laws[1:] {
		lines = append(lines, law.curve(first.N, most*1.15).Y)
	}
	y := linear(append(append(runs, lines...), []float64{straight(most)})...)
	p := &chart.Plot{X: r.scale, Y: y, Height: chartHeight + 20, Title: f.Title, XLabel: axis.Key, YLabel: quantityUnits[s.Quantity], XTicks: r.ticks}
	p.YTicks = yTicks(y, quantityUnits[s.Quantity])
	for _, law := range laws {
		p.Line(law.class, law.curve(first.N, most*1.15))
		f.Legend = append(f.Legend, legend(swatchLine, law.class, law.name))
	}
	v.coreMark(p, s, y.Max)
	drawSteps(p, f, &r, s)
	f.Legend = append(f.Legend, legend(swatchLine, "c-blue", "median, 95 % interval, and runs"))
	f.SVG = p.SVG()
	return f
}

// lawCurve is a line of the figure: a law, or the straight one.
type lawCurve struct {
	class, name string
	at          func(n float64) float64
}

// curve samples the line from the fewest threads on: below them a law has
// nothing to stand on, and may have a pole.
func (l lawCurve) curve(least, most float64) (s chart.Series) {
	for i := range lawSamples + 1 {
		n := least + (most-least)*float64(i)/lawSamples
		s.X, s.Y = append(s.X, n), append(s.Y, l.at(n))
	}
	return s
}

// coreMark shows where the physical cores end, and the knee.
func (v *sweepView) coreMark(p *chart.Plot, s *matrix.Scale, top float64) {
	if c := float64(s.Cores); c > 0 && c < p.X.Max {
		p.Vertical("gap", c, 0, top)
		p.Text("gap-label", c, top, -5, 12, "end", plural(s.Cores, "physical core"))
	}
	if s.Knee > 0 {
		p.Vertical("limit", s.Knee, 0, top)
		p.Text("limit-label", s.Knee, top, -5, 28, "end", "knee")
	}
}

// drawSteps draws the runs and medians at each number of threads.
func drawSteps(p *chart.Plot, f *figure, r *ruler, s *matrix.Scale) {
	f.Head = head(r.axis.Name, "run", quantityUnits[s.Quantity])
	var x, y, dotX, dotY []float64
	for _, step := range s.Steps {
		for k, value := range step.PerS.Values {
			dotX = append(dotX, step.N+(float64(k)-float64(len(step.PerS.Values)-1)/2)*r.nudge()/2)
			dotY = append(dotY, value)
			f.Rows = append(f.Rows, []string{formatNumber(step.N), fmt.Sprint(k + 1), cellNumber(value)})
		}
		x, y = append(x, step.N), append(y, step.PerS.Median)
		if step.PerS.HasInterval() {
			p.Vertical("c-blue ci", step.N, step.PerS.Low, step.PerS.High)
		}
	}
	p.Line("c-blue", chart.Series{X: x, Y: y})
	p.Dots("c-blue run", dotX, dotY)
	p.Dots("c-blue mid", x, y)
}

func (v *sweepView) efficiencyFigure(s *matrix.Scale) *figure {
	axis := &v.m.Axes[s.Axis]
	f := &figure{
		ID: fmt.Sprintf("fig-efficiency-%d", s.Axis+1), Title: "Efficiency: how much of a thread each thread is worth",
		How: "How to read: 100 % means that each thread delivers as much as with the fewest threads, and 50 % that half of each is lost.",
	}
	first, most := s.Steps[0].N, s.Steps[len(s.Steps)-1].N
	r := ruler{axis: axis, scale: chart.Scale{Min: 0, Max: most * 1.15}}
	var x, y []float64
	top := 110.0
	for _, step := range s.Steps {
		r.ticks = append(r.ticks, chart.Tick{At: step.N, Label: formatNumber(step.N)})
		x, y = append(x, step.N), append(y, 100*step.Efficiency)
		top = math.Max(top, 105*math.Max(step.Efficiency, step.High*first/step.N))
	}
	p := &chart.Plot{X: r.scale, Y: chart.Scale{Min: 0, Max: top}, Height: chartHeight + 20, Title: f.Title, XLabel: axis.Key, YLabel: "% of a thread", XTicks: r.ticks}
	p.YTicks = chart.Linear(p.Y, 5, tickNumber)
	p.Line("c-ink", chart.Series{X: []float64{0, r.scale.Max}, Y: []float64{100, 100}})
	f.Head = head(axis.Name, "efficiency (%)", "low (%)", "high (%)")
	for i, step := range s.Steps {
		low, high := "", ""
		if step.Low != 0 || step.High != 0 {
			p.Vertical("c-blue ci", step.N, 100*step.Low*first/step.N, 100*step.High*first/step.N)
			low, high = cellNumber(100*step.Low*first/step.N), cellNumber(100*step.High*first/step.N)
		}
		f.Rows = append(f.Rows, []string{formatNumber(step.N), cellNumber(y[i]), low, high})
	}
	v.coreMark(p, &matrix.Scale{Cores: s.Cores}, top)
	p.Line("c-blue", chart.Series{X: x, Y: y})
	p.Dots("c-blue mid", x, y)
	f.Legend = []legendItem{legend(swatchLine, "c-blue", "efficiency with its 95 % interval"), legend(swatchLine, "c-ink", "nothing lost")}
	f.SVG = p.SVG()
	return f
}

// stepTable has what each number of threads brought.
func (v *sweepView) stepTable(s *matrix.Scale) *table {
	axis := &v.m.Axes[s.Axis]
	t := &table{Head: head("#"+axis.Name, "#"+quantityUnits[s.Quantity], "#95 % interval", "#speed-up", "#95 % interval", "#efficiency")}
	// Threads that verify do not mine.
	hashes := s.Quantity == matrix.Blocks && v.m.Points[s.Steps[0].Point].Metrics[matrix.Hashes].Known()
	block := v.m.Points[s.Steps[0].Point].Metrics[matrix.BlockTime].Known()
	if block {
		t.Head = append(t.Head, head("#mean block time")...)
	}
	if hashes {
		t.Head = append(t.Head, head("#hash rate", "#of each thread")...)
	}
	for _, x := range s.Steps {
		between, perS := absent, absent
		if x.Low != 0 || x.High != 0 {
			between = formatNumber(x.Low) + " to " + formatNumber(x.High)
		}
		if x.PerS.HasInterval() {
			perS = formatNumber(x.PerS.Low) + " to " + formatNumber(x.PerS.High)
		}
		cells := []cell{number(formatNumber(x.N)), number(formatNumber(x.PerS.Median)), number(perS), number(formatNumber(x.SpeedUp)), number(between), number(formatShare(x.Efficiency))}
		metrics := v.m.Points[x.Point].Metrics
		if block {
			cells = append(cells, number(ranged(metrics[matrix.BlockTime], "ns")))
		}
		if hashes {
			each := absent
			if h := metrics[matrix.Hashes]; h.Known() {
				each = inUnit(h.Median/x.N, "hashes/s")
			}
			cells = append(cells, number(medianText(metrics[matrix.Hashes], "hashes/s")), number(each))
		}
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	return t
}
