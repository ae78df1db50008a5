package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// ComparisonMarkdown writes a comparison for a pull request. Text from runs is
// escaped, so that it cannot become markup, a link or a mention. Its errors are
// those of w.
func ComparisonMarkdown(w io.Writer, c *compare.Comparison) error {
	c = shown(c)
	m := &markdown{}
	m.line("### %s %s", overallGlyphs[c.Verdict], overall(c.Verdict))
	m.line("")
	m.line("%s", markdownText(ComparisonSentence(c)))
	m.line("")
	m.line("A: %s  ", markdownText(sideText(&c.A)))
	m.line("B: %s", markdownText(sideText(&c.B)))
	m.line("")
	m.differences(c)
	m.metrics(c)
	for _, warning := range c.Warnings {
		m.line("- ⚠ %s", markdownText(warning))
	}
	if len(c.Warnings) > 0 {
		m.line("")
	}
	m.line("<sub>%s</sub>", markdownText(ruleSentence(c)))
	_, err := io.WriteString(w, m.String())
	return err
}

type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) {
	fmt.Fprintf(m, format+"\n", args...)
}

func (m *markdown) differences(c *compare.Comparison) {
	if len(c.Differences) == 0 {
		m.line("**What differs:** %s", markdownText(nothingDiffers))
		m.line("")
		return
	}
	m.line("| what differs | setting | A | B |")
	m.line("|---|---|---|---|")
	for _, d := range c.Differences[:min(len(c.Differences), mostDifferences)] {
		m.line("| %s | %s | %s | %s |", d.Group, markdownText(d.Key), markdownText(cut(d.A, 80)), markdownText(cut(d.B, 80)))
	}
	if n := len(c.Differences) - mostDifferences; n > 0 {
		m.line("| … | and %d more | | |", n)
	}
	m.line("")
}

func (m *markdown) metrics(c *compare.Comparison) {
	m.line("| metric | A | B | change | 95 %% interval | p | verdict |")
	m.line("|---|--:|--:|--:|--:|--:|---|")
	for i := range c.Rows {
		r := &c.Rows[i]
		a, b := medians(r)
		change, in, p := absent, absent, absent
		if r.Compared() {
			change, in, p = changeText(r), changeInterval(r), pText(r.Adjusted)
		}
		word := markdownText(strings.TrimSpace(verdictGlyphs[r.Verdict] + " " + metricVerdict(r)))
		if r.Verdict == compare.Same {
			word = `\~`
		}
		if r.Verdict == compare.Better || r.Verdict == compare.Worse {
			word = "**" + word + "**"
		}
		m.line("| %s | %s | %s | %s | %s | %s | %s |", markdownText(r.Title), a, b, change, in, markdownText(p), word)
	}
	m.line("")
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Note != "" {
			m.line("- %s: %s", markdownText(r.Title), markdownText(r.Note))
		}
	}
}

// markdownEscapes are what has a meaning in GitHub's Markdown, with @ and # for
// mentions and references, and : so that an address does not become a link.
var markdownEscapes = func() *strings.Replacer {
	var pairs []string
	for _, c := range "\\`*_{}[]()#+!|~" {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	pairs = append(pairs, "&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;", "://", "&#58;//", "www.", "www&#46;")
	return strings.NewReplacer(pairs...)
}()

func markdownText(s string) string { return markdownEscapes.Replace(Clean(s)) }
