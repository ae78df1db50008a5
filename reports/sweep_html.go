package reports

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
)

// SweepHTML writes the report of a sweep: one file that makes no request to
// anywhere. Its errors are those of w.
func SweepHTML(w io.Writer, s *Sweep) error {
	return writePage(w, func(limits budget) page { return newSweepPage(s, limits) })
}

// sweepView is a sweep with what several sections need of it.
type sweepView struct {
	*Sweep
	m      *matrix.Matrix
	metric matrix.Metric
	limits budget
}

func newSweepPage(s *Sweep, limits budget) page {
	v := &sweepView{Sweep: s, m: s.Matrix, metric: matrix.MetricNamed(s.Metric), limits: limits}
	head, rest := s.Says[:min(2, len(s.Says))], s.Says[min(2, len(s.Says)):]
	p := page{
		Report: "sweep report", Of: "sweep " + s.ID, Version: s.Host.Version, Name: s.Name, Identity: sweepIdentity(s),
		Whose: strings.Join(head, " "), Verdict: verdictView{Text: "SWEEP", Glyph: "▦", Class: "note"},
		Warnings: atMost(s.Doubts, 50, result.FileSweepReport), Tiles: v.tiles(),
	}
	for _, build := range []func(*sweepView) section{
		func(v *sweepView) section { return v.pointsSection(rest) },
		(*sweepView).scalingSection, (*sweepView).axesSection, (*sweepView).heatSection, (*sweepView).frontSection,
		(*sweepView).orderSection, (*sweepView).runsSection, (*sweepView).disclosureSection, sweepMethod,
	} {
		if sec := build(v); len(sec.Blocks) > 0 {
			p.Sections = append(p.Sections, sec)
		}
	}
	return p
}

// tiles are the figures of the strip at the top.
func (v *sweepView) tiles() []tile {
	counting, invalid, failed := 0, 0, 0
	for i := range v.m.Points {
		p := &v.m.Points[i]
		counting, invalid, failed = counting+p.Runs(), invalid+p.Invalid, failed+p.Failed
	}
	runs := tile{Name: "runs that count", Value: formatCount(counting), Note: fmt.Sprintf("of %s planned", formatCount(v.m.Of))}
	out := []tile{{Name: "points", Value: formatCount(len(v.Points)), Note: axesText(v.m)}, runs}
	if failed > 0 {
		out = append(out, tile{Name: "runs that FAIL", Value: formatCount(failed), Note: "a result, not an error", Class: "bad"})
	}
	if invalid > 0 {
		out = append(out, tile{Name: "runs INVALID", Value: formatCount(invalid), Note: "they do not count"})
	}
	if v.m.Best < 0 {
		return out
	}
	best := &v.m.Points[v.m.Best]
	out = append(out, tile{Name: "best " + v.metric.Title, Value: medianText(best.Metrics[v.metric.Name], v.metric.Unit), Note: best.Label, Class: "main"})
	for _, name := range []string{matrix.Throughput, matrix.CommitP99, matrix.BlockTime} {
		if m := matrix.MetricNamed(name); name != v.metric.Name && best.Metrics[name].Known() {
			out = append(out, tile{Name: m.Title + " there", Value: medianText(best.Metrics[name], m.Unit), Note: "median of " + plural(best.Runs(), "run")})
		}
	}
	if took := sweepTook(v.Sessions); took > 0 {
		out = append(out, tile{Name: "took", Value: took.Round(time.Second).String(), Note: plural(len(v.Sessions), "session")})
	}
	return out
}

func axesText(m *matrix.Matrix) string {
	parts := make([]string, len(m.Axes))
	for i := range m.Axes {
		parts[i] = fmt.Sprintf("%d %s", len(m.Axes[i].Values), m.Axes[i].Name)
	}
	return strings.Join(parts, " × ")
}

func sweepTook(sessions []result.SweepSession) (took time.Duration) {
	for _, s := range sessions {
		if !s.End.IsZero() {
			took += s.End.Sub(s.Start)
		}
	}
	return took
}

// pointsSection is the rest of the verdict, and the points with the best one
// marked.
func (v *sweepView) pointsSection(says []string) section {
	s := section{
		ID: "points", Title: "The points", Short: "Points",
		Lead: "Medians over the runs that count, with 95 % intervals by bootstrap over runs. Against the best: the change of the median and, from a rank test corrected for the number of pairs of points, whether the difference is more than chance and more than 2 %.",
	}
	for _, line := range says {
		s.Blocks = append(s.Blocks, block{Text: line})
	}
	s.Blocks = append(s.Blocks, block{Table: v.pointTable()})
	return s
}

func (v *sweepView) pointTable() *table {
	t := &table{Head: head("")}
	for i := range v.m.Axes {
		t.Head = append(t.Head, head(v.m.Axes[i].Name)...)
	}
	t.Head = append(t.Head, head("runs", "#"+v.metric.Title, "#95 % interval", "#against best", "told apart")...)
	var shown []matrix.Metric
	for _, m := range matrix.Metrics {
		if m.Name != v.metric.Name && observedAnywhere(v.m, m.Name) {
			shown = append(shown, m)
			t.Head = append(t.Head, head("#"+m.Title)...)
		}
	}
	missed := false
	for i := range v.m.Points {
		missed = missed || len(v.m.Points[i].Missed) > 0
	}
	if missed {
		t.Head = append(t.Head, head("missed")...)
	}
	for i := range v.m.Points {
		t.Rows = append(t.Rows, v.pointRow(i, shown, missed))
	}
	t.Note = "★ the best point. ◆ on the Pareto front: no other point has more throughput and a lower p99. ✓ PASS, ✗ FAIL, ! INVALID."
	return t
}

func (v *sweepView) pointRow(i int, shown []matrix.Metric, missed bool) row {
	p := &v.m.Points[i]
	r := row{Cells: []cell{words((&printer{}).pointMark(v.m, i))}}
	if i == v.m.Best {
		r.Class = "strong"
	}
	for _, value := range p.Values {
		r.Cells = append(r.Cells, key(value))
	}
	s := p.Metrics[v.metric.Name]
	r.Cells = append(r.Cells, key(runsText(p)), number(medianText(s, v.metric.Unit)), number(intervalText(s, v.metric.Unit)))
	if p.Best == nil {
		r.Cells = append(r.Cells, number(""), words(""))
	} else {
		told := "no, "
		if p.Best.Told {
			told = "yes, "
		}
		r.Cells = append(r.Cells, number(versusChange(p.Best)), key(told+versusP(p.Best)))
	}
	for _, m := range shown {
		r.Cells = append(r.Cells, number(medianText(p.Metrics[m.Name], m.Unit)))
	}
	if missed {
		r.Cells = append(r.Cells, words(strings.Join(p.Missed, ", ")))
	}
	return r
}

// runsSection lists every run, in the order in which they were made.
func (v *sweepView) runsSection() section {
	t := &table{Head: head("#run")}
	for i := range v.m.Axes {
		t.Head = append(t.Head, head(v.m.Axes[i].Name)...)
	}
	t.Head = append(t.Head, head("verdict", "#offered", "#throughput", "#p50", "#p99", "#p99.9", "#block time", "#hash rate", "folder")...)
	for i := range v.Runs {
		r := &v.Runs[i]
		cells := []cell{number(formatCount(r.Place + 1))}
		for _, value := range v.m.Points[v.Order[r.Place]].Values {
			cells = append(cells, key(value))
		}
		l, _ := findLatency(r.Latency, result.StageCommit, "")
		hashes, block := absent, absent
		if r.Chain.HashesPerS > 0 {
			hashes = inUnit(r.Chain.HashesPerS, "hashes/s")
		}
		if r.Chain.IntervalMeanNs > 0 {
			block = formatNs(r.Chain.IntervalMeanNs)
		}
		cells = append(cells, words(glyphs[r.Verdict]+" "+string(r.Verdict)), number(formatNumber(r.Throughput.OfferedPerS)+"/s"),
			number(formatNumber(r.Throughput.SucceededPerS)+"/s"), number(formatMaybeNs(l.P50Ns)), number(formatMaybeNs(l.P99Ns)),
			number(formatMaybeNs(l.P999Ns)), number(block), number(hashes), cell{Text: r.Folder, Class: "k mono"})
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	const most = 2000
	if len(t.Rows) > most {
		t.Note = fmt.Sprintf("The first %s of %s runs; %s has them all.", formatCount(most), formatCount(len(t.Rows)), result.FileSweepRuns)
		t.Rows = t.Rows[:most]
	}
	return section{
		ID: "runs", Title: "Every run", Short: "Runs",
		Lead:   "In the order in which they were made. Each folder is a whole run with a report of its own, which chaindyno compare takes too.",
		Blocks: []block{{Table: t, Fold: "Show " + plural(len(v.Runs), "run")}},
	}
}

func (v *sweepView) disclosureSection() section {
	s := section{ID: "disclosure", Title: "Disclosure", Short: "Disclosure", Lead: "Everything that it takes to judge this sweep, and to do it again."}
	if again := Again(result.Info{Argv: v.Argv}); again != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Do it again", Pre: again})
	}
	plan := []fact{
		{Name: "sweep", Value: v.ID, Mono: true}, {Name: "started", Value: v.Start.UTC().Format("2006-01-02 15:04:05 UTC")},
		{Name: "order", Value: fmt.Sprintf("every round has all points in random order, seed %d", v.Seed)},
		{Name: "ranked by", Value: v.metric.Title},
	}
	for _, a := range v.m.Axes {
		plan = append(plan, fact{Name: a.Key, Value: strings.Join(a.Values, ", "), Mono: true})
	}
	for i, x := range v.Sessions {
		value := x.Start.UTC().Format("2006-01-02 15:04:05 UTC")
		if x.End.IsZero() {
			value += ", killed"
		} else {
			value += ", " + x.End.Sub(x.Start).Round(time.Second).String()
		}
		plan = append(plan, fact{Name: fmt.Sprintf("session %d", i+1), Value: value})
	}
	builds := []fact{}
	for _, b := range v.Builds {
		name := b.Binary
		if name == "" {
			name = "this chaindyno"
		}
		builds = append(builds, fact{Name: cut(name, 80), Value: b.Version + ", SHA-256 " + cut(b.SHA256, 17), Mono: true})
	}
	columns := []block{
		{Heading: "Plan", Facts: plan}, {Heading: "Machine of the generator", Facts: hostFacts(v.Host)}, {Heading: "Builds", Facts: builds},
	}
	for i, x := range v.Sessions {
		if c := x.Calibration; c != nil {
			columns = append(columns, block{Heading: fmt.Sprintf("What this machine could do, session %d", i+1), Facts: calibrationFacts(c)})
		}
	}
	s.Blocks = append(s.Blocks, block{Columns: columns})
	if text := configText(v.Config, v.limits.configSize); text != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Scenario, defaults filled in", Fold: "Show the whole scenario", Pre: text})
	}
	return s
}

func sweepMethod(*sweepView) section {
	return section{
		ID: "method", Title: "Method", Short: "Method",
		Blocks: []block{{Glossary: []fact{
			{Name: "run", Value: "A whole measurement on a system of its own. It is the unit of every interval and test here: seconds of one run are not independent of each other."},
			{Name: "order", Value: "As many rounds as repeats, each with every point in random order, so that a machine that gets slower or faster does so for all points alike."},
			{Name: "interval", Value: "95 %, percentile bootstrap of the median over the runs of a point, 10,000 resamples."},
			{Name: "told apart", Value: "A two-sided Mann-Whitney test of the runs of a point against those of the best one, p-values corrected by Holm for the number of pairs of points, as any could have been the best, below 5 %, and a difference of medians of more than 2 %. The best point is the one with the best median, so that its lead is a little flattered."},
			{Name: "INVALID", Value: "The generator, not the chain, was the limit. Such a run is repeated, up to three times; it never counts."},
			{Name: "laws", Value: "Amdahl's law and the Universal Scalability Law X(N) = λN / (1 + σ(N−1) + κN(N−1)), by least squares over all runs, chosen by AICc, intervals by bootstrap over runs. No prediction beyond twice the most threads measured."},
			{Name: "knee", Value: "Where more threads pay less and less, by the Kneedle method on the medians; only where the fitted law has it too."},
			{Name: "Pareto front", Value: "The points that no other one beats in both throughput and p99."},
		}}},
	}
}
