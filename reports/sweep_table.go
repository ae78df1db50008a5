package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
)

// SweepTable prints what a sweep says: the verdict in sentences, a table of the
// points, and what there is to doubt. Its errors are those of w.
func SweepTable(w io.Writer, s *Sweep, opts TableOptions) error {
	p := &printer{w: w, width: widthOf(w, opts.Width), style: style(opts.Color.on(w))}
	m := s.Matrix
	p.printf("\n%s  %s\n%s\n\n", p.badge("36", "SWEEP"), p.bold(s.Name), p.dim(wrap(sweepIdentity(s), p.width, "")))
	for i, line := range s.Says {
		if i == 0 {
			p.printf("%s\n", p.bold(wrap(line, p.width, "")))
			continue
		}
		p.printf("%s\n", wrap(line, p.width, ""))
	}
	p.title("Points", "medians over runs, 95 % intervals by bootstrap over runs")
	p.grid(p.pointGrid(m))
	for i := range m.Scaling {
		p.scaling(m, &m.Scaling[i])
	}
	if len(s.Doubts) > 0 {
		p.title("Warnings", "")
		for _, d := range s.Doubts {
			p.item(p.yellow("!"), d)
		}
	}
	if opts.Dir != "" {
		p.printf("\n%s  %s\n", p.dim("report"), opts.Dir+"/"+result.FileHTML)
		p.printf("%s   %s, %s, %s, and a folder for each run\n", p.dim("files"), result.FileSweepRuns, result.FileSweepReport, result.FileSweep)
	}
	return p.err
}

// sweepIdentity is one line on what was measured.
func sweepIdentity(s *Sweep) string {
	text := fmt.Sprintf("%s × %s, ranked by %s · random order, seed %d", plural(len(s.Points), "point"), plural(s.Repeats, "run"),
		matrix.MetricNamed(s.Metric).Title, s.Seed)
	if h := s.Host; h.CPU != "" {
		text += fmt.Sprintf(" · %s, %s", h.CPU, plural(h.Cores, "core"))
	}
	return text + " · " + s.Start.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// pointGrid has a row for each point: its values, how many runs count and how
// they ended, and its medians. The best one is marked, and those on the Pareto
// front.
func (p *printer) pointGrid(m *matrix.Matrix) *grid {
	g := &grid{header: []string{""}}
	for i := range m.Axes {
		g.header = append(g.header, m.Axes[i].Name)
	}
	g.left = len(g.header)
	metric := matrix.MetricNamed(m.Metric)
	g.header = append(g.header, "runs", metric.Title, "95 % interval", "against best", "p")
	shown := []matrix.Metric{}
	for _, other := range matrix.Metrics {
		if other.Name != metric.Name && observedAnywhere(m, other.Name) {
			shown = append(shown, other)
			g.header = append(g.header, other.Title)
		}
	}
	for i := range m.Points {
		point := &m.Points[i]
		row := []string{p.pointMark(m, i)}
		row = append(row, point.Values...)
		s := point.Metrics[metric.Name]
		value := absent
		if s.Known() {
			value = inUnit(s.Median, metric.Unit)
		}
		if i == m.Best {
			value = p.bold(value)
		}
		row = append(row, runsText(point), value, intervalText(s, metric.Unit), againstText(point), pCell(point))
		for _, other := range shown {
			row = append(row, medianText(point.Metrics[other.Name], other.Unit))
		}
		g.add(row...)
	}
	g.may = []string{"p", matrix.MetricNamed(matrix.Hashes).Title, matrix.MetricNamed(matrix.CommitP50).Title, "against best", matrix.MetricNamed(matrix.BlockTime).Title}
	return g
}

func observedAnywhere(m *matrix.Matrix, metric string) bool {
	for i := range m.Points {
		if m.Points[i].Metrics[metric].Known() {
			return true
		}
	}
	return false
}

func (p *printer) pointMark(m *matrix.Matrix, i int) string {
	switch {
	case i == m.Best:
		return p.green("★")
	case m.Points[i].Pareto:
		return p.cyan("◆")
	}
	return ""
}

// runsText is how many runs count and how they ended: 5✓, or 3✓ 2✗ 1!, without
// a place to break the line.
func runsText(p *matrix.Point) string {
	text := ""
	for _, part := range []struct {
		n     int
		glyph string
	}{{p.Passed, glyphs[result.Pass]}, {p.Failed, glyphs[result.Fail]}, {p.Invalid, glyphs[result.Invalid]}} {
		if part.n > 0 {
			text += fmt.Sprintf(" %d%s", part.n, part.glyph)
		}
	}
	if text == "" {
		return absent
	}
	return strings.TrimPrefix(text, " ")
}

func medianText(s matrix.Sample, unit string) string {
	if !s.Known() {
		return absent
	}
	return inUnit(s.Median, unit)
}

func intervalText(s matrix.Sample, unit string) string {
	if !s.HasInterval() {
		return absent
	}
	return inUnit(s.Low, unit) + " to " + inUnit(s.High, unit)
}

func againstText(p *matrix.Point) string {
	if p.Best == nil {
		return ""
	}
	return signedPercent(p.Best.Change) + " %"
}

// pCell is the adjusted p-value, with a mark where the point is told from the
// best one.
func pCell(p *matrix.Point) string {
	if p.Best == nil {
		return ""
	}
	if !p.Best.Told {
		return pText(p.Best.Adjusted) + " ~"
	}
	return pText(p.Best.Adjusted)
}

// scaling prints what each number of threads brought.
func (p *printer) scaling(m *matrix.Matrix, s *matrix.Scale) {
	axis := &m.Axes[s.Axis]
	note := quantityNames[s.Quantity]
	if s.Held != "" {
		note += " at " + s.Held
	}
	p.title("Scaling over "+axis.Name, note)
	g := &grid{header: []string{axis.Name, "per second", "speed-up", "95 % interval", "efficiency"}, left: 1}
	for _, x := range s.Steps {
		between := absent
		if x.Low != 0 || x.High != 0 {
			between = formatNumber(x.Low) + " to " + formatNumber(x.High)
		}
		g.add(formatNumber(x.N), formatNumber(x.PerS.Median), formatNumber(x.SpeedUp), between, formatShare(x.Efficiency))
	}
	p.grid(g)
	p.item(" ", lawText(s))
	for _, w := range s.Warnings {
		p.item(p.yellow("!"), w)
	}
}

// lawNames are the laws of scaling, for people.
var lawNames = map[string]string{"amdahl": "Amdahl's law", "usl": "the Universal Scalability Law"}

// lawText is the law that was fitted, in a line.
func lawText(s *matrix.Scale) string {
	l := s.Law
	if l == nil {
		return "no law fitted: " + s.Why
	}
	text := fmt.Sprintf("%s fits: %s a second on one thread, serial share σ %s%s", lawNames[l.Name], formatNumber(l.Lambda), formatShare(l.Sigma), betweenShares(l.Sigmas))
	if l.Name == "usl" {
		text += fmt.Sprintf(", crosstalk κ %.2g", l.Kappa)
	}
	text += fmt.Sprintf(", R² %s", formatNumber(l.R2))
	if l.Peak > 0 {
		text += ", peak at " + formatNumber(l.Peak)
	}
	if s.Knee > 0 {
		return text + ", knee at " + formatNumber(s.Knee)
	}
	return text + ", no distinct knee"
}

func betweenShares(in [2]float64) string {
	if in == [2]float64{} {
		return ""
	}
	return " [" + formatShare(in[0]) + ", " + formatShare(in[1]) + "]"
}
