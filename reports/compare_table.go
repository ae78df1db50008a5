package reports

import (
	"io"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// ComparisonTable writes a comparison for a terminal: the verdict, what tells
// the sides apart, the metrics, the doubts. Its errors are those of w.
func ComparisonTable(w io.Writer, c *compare.Comparison, opts TableOptions) error {
	p := &printer{w: w, width: widthOf(w, opts.Width), style: style(opts.Color.on(w))}
	c = shown(c)
	code := map[compare.Verdict]string{compare.NoWorse: "32", compare.IsWorse: "31"}[c.Verdict]
	if code == "" {
		code = "33"
	}
	p.printf("\n%s  %s\n\n", p.badge(code, overallGlyphs[c.Verdict]+" "+overall(c.Verdict)), p.bold("B against A"))
	p.printf("%s\n", wrap(ComparisonSentence(c), p.width, ""))
	p.printf("%s\n", p.dim(wrap("A: "+sideText(&c.A), p.width, "   ")))
	p.printf("%s\n", p.dim(wrap("B: "+sideText(&c.B), p.width, "   ")))
	p.differences(c)
	p.metrics(c)
	if len(c.Warnings) > 0 {
		p.title("Warnings", "")
		for _, w := range c.Warnings {
			p.item(p.yellow("!"), w)
		}
	}
	return p.err
}

// mostDifferences bounds how many settings are printed; the files have all.
const mostDifferences = 40

func (p *printer) differences(c *compare.Comparison) {
	p.title("What differs", "")
	if len(c.Differences) == 0 {
		p.printf("  %s\n", nothingDiffers)
		return
	}
	g := &grid{header: []string{"of the", "setting", "A", "B"}, left: 4}
	for _, d := range c.Differences[:min(len(c.Differences), mostDifferences)] {
		g.add(d.Group, d.Key, cut(d.A, 40), cut(d.B, 40))
	}
	p.grid(g)
	if n := len(c.Differences) - mostDifferences; n > 0 {
		p.printf("  … and %s more\n", formatCount(n))
	}
}

func (p *printer) metrics(c *compare.Comparison) {
	p.title("Metrics", "medians over runs; the interval is that of the change, p is corrected for all metrics")
	g := &grid{header: []string{"", "metric", "A", "B", "change", "95 % interval", "p", "noise", "verdict"}, left: 2}
	for i := range c.Rows {
		r := &c.Rows[i]
		a, b := medians(r)
		if !r.Compared() {
			g.add(" ", r.Title, a, b, absent, absent, absent, absent, metricVerdict(r))
			continue
		}
		g.add(p.verdictMark(r.Verdict), r.Title, a, b, changeText(r), changeInterval(r), pText(r.Adjusted), noiseText(r), p.verdictColor(r.Verdict, metricVerdict(r)))
	}
	g.may = []string{"noise", "95 % interval"}
	p.grid(g)
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Note != "" {
			p.printf("  %s\n", p.dim(wrap(r.Title+": "+r.Note, p.width-4, "    ")))
		}
	}
	p.printf("  %s\n", p.dim(wrap(ruleSentence(c), p.width-4, "  ")))
}

// verdictGlyphs stand beside colours, never colours alone.
var verdictGlyphs = map[compare.Verdict]string{
	compare.Better: "✓", compare.Worse: "✗", compare.Same: "~", compare.TooFew: "?", compare.Unmeasured: " ",
}

func (p *printer) verdictMark(v compare.Verdict) string { return p.verdictColor(v, verdictGlyphs[v]) }

func (p *printer) verdictColor(v compare.Verdict, text string) string {
	switch v {
	case compare.Better:
		return p.green(text)
	case compare.Worse:
		return p.red(text)
	case compare.TooFew:
		return p.yellow(text)
	}
	return text
}
