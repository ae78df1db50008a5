package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// ComparisonHTML writes a comparison as one file that makes no request to
// anywhere. command is the line that makes it again. Its errors are those of w.
func ComparisonHTML(w io.Writer, c *compare.Comparison, command []string) error {
	c = shown(c)
	return writePage(w, func(limits budget) page { return comparisonPage(c, command, limits) })
}

func comparisonPage(c *compare.Comparison, command []string, limits budget) page {
	class := map[compare.Verdict]string{compare.NoWorse: "PASS", compare.IsWorse: "FAIL"}[c.Verdict]
	if class == "" {
		class = "other"
	}
	first := c.A.Runs[0].Summary
	p := page{
		Report: "comparison", Of: fmt.Sprintf("runs of %s and %s", first.Run.ID, c.B.Runs[0].Summary.Run.ID),
		Version: first.Environment.Host.Version, Name: "B against A",
		Identity: "A: " + sideText(&c.A) + " · B: " + sideText(&c.B), Whose: ComparisonSentence(c),
		Verdict:  verdictView{Text: overall(c.Verdict), Glyph: overallGlyphs[c.Verdict], Class: class},
		Warnings: atMost(c.Warnings, 100, FileCompareJSON), Tiles: comparisonTiles(c),
	}
	if limits.leftOut != "" {
		p.Left = "To keep this file small, curves and tables are thinned."
	}
	for _, build := range []func(*compare.Comparison, budget) section{
		differenceSection, forestSection, spectraSection, orderSection, dotsSection, metricsSection, comparedRunsSection,
		func(c *compare.Comparison, _ budget) section { return comparisonMethod(c, command) },
	} {
		if s := build(c, limits); len(s.Blocks) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

// comparisonTiles are one figure a metric.
func comparisonTiles(c *compare.Comparison) []tile {
	var out []tile
	for i := range c.Rows {
		r := &c.Rows[i]
		t := tile{Name: r.Title, Value: absent, Note: metricVerdict(r)}
		if r.Compared() {
			t.Value = changeText(r)
			t.Note = strings.TrimSpace(verdictGlyphs[r.Verdict] + " " + metricVerdict(r))
		}
		switch r.Verdict {
		case compare.Worse:
			t.Class = "bad"
		case compare.Better:
			t.Class = "good"
		case compare.Same:
			t.Note = "~ no difference"
		}
		out = append(out, t)
	}
	return out
}

func differenceSection(c *compare.Comparison, limits budget) section {
	s := section{
		ID: "differs", Title: "What differs", Short: "What differs",
		Lead: "The settings, the configuration and the version in which the sides differ. Everything else is the same, the machine too.",
	}
	if len(c.Forced) > 0 {
		s.Lead = "The settings, the configuration and the version in which the sides differ. The runs were compared by force: see the warnings."
	}
	if len(c.Differences) == 0 {
		s.Blocks = []block{{Text: nothingDiffers}}
		return s
	}
	t := &table{Head: head("of the", "setting", "A", "B")}
	for _, d := range c.Differences[:min(len(c.Differences), limits.rows)] {
		t.Rows = append(t.Rows, row{Cells: []cell{key(d.Group), {Text: d.Key, Class: "w mono"}, {Text: d.A, Class: "w mono"}, {Text: d.B, Class: "w mono"}}})
	}
	if n := len(c.Differences) - len(t.Rows); n > 0 {
		t.Note = formatCount(n) + " more are in " + FileCompareJSON
	}
	s.Blocks = []block{{Table: t}}
	return s
}

func metricsSection(c *compare.Comparison, _ budget) section {
	t := &table{Head: head("verdict", "metric", "#A", "#95 % interval", "#B", "#95 % interval", "#change", "#95 % interval", "#p", "#noise")}
	var notes []block
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Note != "" {
			notes = append(notes, block{Text: r.Title + ": " + r.Note + ".", Class: "soft"})
		}
		cells := []cell{metricVerdictCell(r), key(r.Title + " " + arrow(r))}
		if !r.Compared() {
			for range 8 {
				cells = append(cells, number(absent))
			}
			t.Rows = append(t.Rows, row{Cells: cells})
			continue
		}
		a, b := medians(r)
		t.Rows = append(t.Rows, row{Cells: append(cells,
			number(a), number(medianInterval(&r.A, r.Unit)), number(b), number(medianInterval(&r.B, r.Unit)),
			number(changeText(r)), number(changeInterval(r)), number(pText(r.Adjusted)), number(noiseText(r)),
		)})
	}
	return section{
		ID: "metrics", Title: "Table", Short: "Table",
		Lead:   "Medians over runs; the arrow shows which way is good, and p is corrected for all metrics. " + FileCompareCSV + " has the values of every run.",
		Blocks: append([]block{{Table: t}}, notes...),
	}
}

func medianInterval(s *compare.Sample, unit string) string {
	if len(s.Values) < 2 {
		return absent
	}
	return bare(s.Low, unit) + " to " + bare(s.High, unit)
}

// bare writes a value whose unit stands beside it, where that is no prefix.
func bare(v float64, unit string) string {
	if unit == "ns" || unit == "bytes" {
		return rounded(v, unit)
	}
	return strings.TrimSuffix(strings.TrimSuffix(rounded(v, unit), " "+unit), " %")
}

func metricVerdictCell(r *compare.Row) cell {
	class := map[compare.Verdict]string{compare.Better: "ok", compare.Worse: "no", compare.TooFew: "hm"}[r.Verdict]
	if class == "" {
		class = "k"
	}
	return cell{Text: strings.TrimSpace(verdictGlyphs[r.Verdict] + " " + strings.TrimPrefix(metricVerdict(r), "~")), Class: class}
}

func comparedRunsSection(c *compare.Comparison, limits budget) section {
	t := &table{Head: head("#order", "side", "run", "started", "verdict", "#seed", "folder")}
	for i, r := range inOrder(c) {
		if i == limits.rows {
			t.Note = "More are in " + FileCompareJSON + "."
			break
		}
		t.Rows = append(t.Rows, runRow(strconv.Itoa(i+1), r.side, r.Run))
	}
	for _, s := range []*compare.Side{&c.A, &c.B} {
		for _, r := range s.LeftOut[:min(len(s.LeftOut), limits.rows)] {
			t.Rows = append(t.Rows, runRow("left out", s.Name, r))
		}
	}
	return section{
		ID: "runs", Title: "Runs", Short: "Runs",
		Lead:   "Each is a whole run on a fresh chain, which is the replicate; what happens within a run is one value.",
		Blocks: []block{{Table: t}},
	}
}

func runRow(order, side string, r compare.Run) row {
	i := r.Summary.Run
	return row{Cells: []cell{
		number(order), key(side), {Text: cut(i.ID, 60), Class: "k mono"}, key(i.Start.UTC().Format("2006-01-02 15:04:05")),
		key(glyphs[r.Summary.Verdict] + " " + cut(string(r.Summary.Verdict), 20)), number(strconv.FormatUint(i.Seed, 10)), {Text: cut(Clean(r.Dir), 200), Class: "w mono"},
	}}
}

func comparisonMethod(c *compare.Comparison, command []string) section {
	s := section{ID: "method", Title: "Disclosure and method", Short: "Method", Lead: ruleSentence(c)}
	if len(command) > 0 {
		s.Blocks = append(s.Blocks, block{Heading: "Compare again", Pre: Clean(shellLine(command))})
	}
	s.Blocks = append(s.Blocks, block{Columns: []block{
		{Heading: "Machine of the generator", Facts: hostFacts(c.A.Runs[0].Summary.Environment.Host)},
		{Heading: "Terms", Glossary: []fact{
			{Name: "Interval", Value: "95 %, percentile bootstrap: 10,000 times as many runs are drawn again from each side, with replacement."},
			{Name: "p", Value: "Two-sided Mann-Whitney test, counted out exactly up to 60 runs: how often runs of one and the same system would differ as much as these or more."},
			{Name: "p corrected", Value: "Holm's correction over all metrics that were compared, so that " + strconv.FormatFloat(c.Options.Alpha, 'f', -1, 64) + " holds for all of them together."},
			{Name: "Noise", Value: "A change of medians below it does not count, however sure it is."},
			{Name: "~", Value: "No difference was shown. That is not proof of there being none: see how wide the interval is."},
			{Name: "need ≥ N runs", Value: "With so few runs no outcome whatever could have been significant."},
		}},
	}})
	return s
}
