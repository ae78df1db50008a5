package reports

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// CapacityHTML writes the report of a search: one file that makes no request to
// anywhere. Its errors are those of w.
func CapacityHTML(w io.Writer, c *result.Capacity) error {
	clean := prepareCapacity(c)
	return writePage(w, func(limits budget) page { return capacityPage(clean, limits) })
}

// outcomeBadges are what a search can come to, for the badge.
var outcomeBadges = map[result.Outcome]verdictView{
	result.CapacityFound:       {"FOUND", "✓", "PASS"},
	result.CapacityNone:        {"NONE", "✗", "FAIL"},
	result.CapacityAtLeast:     {"AT LEAST", "!", "other"},
	result.CapacityUndecided:   {"UNDECIDED", "!", "other"},
	result.CapacityInterrupted: {"INTERRUPTED", "■", "other"},
}

func capacityPage(c *result.Capacity, limits budget) page {
	badge, ok := outcomeBadges[c.Bracket.Outcome]
	if !ok {
		badge = verdictView{Text: "UNKNOWN", Glyph: "?", Class: "other"}
	}
	e := c.Environment
	identity := fmt.Sprintf("%s %s · %s UTC", e.Driver, e.Network, c.Start.UTC().Format("2006-01-02 15:04:05"))
	p := page{
		Report: "capacity", Of: "search " + c.ID, Version: e.Host.Version, Name: c.Name, Identity: identity,
		Whose: sentence(c.Says), Verdict: badge, Tiles: capacityTiles(c),
	}
	if c.Dependent {
		p.Warnings = []string{"The trials followed each other on one chain, which was drained in between and not made anew: their outcomes depend on each other."}
	}
	p.Sections = append(p.Sections, trialsSection(c), capacityMethod(c), capacityDisclosure(c, limits))
	return p
}

func capacityTiles(c *result.Capacity) []tile {
	b := c.Bracket
	tiles := []tile{
		{Name: "lower end", Value: exactRate(b.Lower) + "/s", Note: fmt.Sprintf("%d of %d full runs passed", b.Confirmed, c.Plan.Confirm), Class: "main"},
		{Name: "upper end", Value: exactRate(b.Upper) + "/s", Note: map[string]string{"fail": "failed", "invalid": "the generator was not fit to measure"}[b.UpperIs]},
		{Name: "full run", Value: time.Duration(c.Plan.FullNs).String(), Note: "nothing is known of longer ones"},
		{Name: "trials", Value: formatCount(len(c.Trials)), Note: "in " + time.Duration(c.ElapsedNs).Round(time.Second).String()},
		{Name: "generator", Value: exactRate(c.Plan.Limit) + "/s", Note: "the most that is asked for"},
	}
	if b.Lower == 0 {
		tiles[0].Value, tiles[0].Note = absent, "no rate passed"
	}
	if b.Upper == 0 {
		tiles[1].Value, tiles[1].Note = absent, "no rate failed"
	}
	return tiles
}

func trialsSection(c *result.Capacity) section {
	s := section{
		ID: "trials", Title: "Trials", Short: "Trials",
		Lead: "Each trial is a whole run at one rate, with a folder of its own beside this file. Reasons are given by name, what matters most first.",
	}
	if len(c.Trials) > 0 {
		s.Blocks = append(s.Blocks, block{Figure: latencyByRate(c)}, block{Figure: successByRate(c)})
	}
	t := &table{Head: head("#n", "purpose", "#asked", "#for", "verdict", "#succeeded", "#of offered", "#commit p50", "#commit p99", "#backlog", "reasons", "folder")}
	for _, x := range c.Trials {
		t.Rows = append(t.Rows, row{Cells: []cell{
			number(formatCount(x.N)), key(x.Purpose), number(exactRate(x.AskedPerS) + "/s"), number(time.Duration(x.LengthNs).String()), verdictCell(x.Verdict),
			number(formatNumber(x.Succeeded) + "/s"), number(formatShare(x.SuccessShare)), number(formatMaybeNs(x.CommitP50Ns)), number(formatMaybeNs(x.CommitP99Ns)),
			number(signed(x.BacklogSlope)), prose(firstLines(x.Reasons)), key(x.Dir),
		}})
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	return s
}

func firstLines(reasons []string) string {
	text := ""
	for i, r := range atMost(reasons, 3, result.FileCapacity) {
		if i > 0 {
			text += "; "
		}
		text += r
	}
	return text
}

func verdictCell(v result.Verdict) cell {
	switch v {
	case result.Pass:
		return mark(true)
	case result.Fail:
		return mark(false)
	}
	return cell{Text: glyphs[v] + " " + cut(string(v), 20), Class: "k"}
}

// byVerdict are the dots of the charts: one series for each way in which a trial
// may come out.
var byVerdict = []struct {
	verdict     result.Verdict
	class, name string
}{
	{result.Pass, "dots", "passed"}, {result.Fail, "dots3", "failed"}, {result.Invalid, "dots2", "invalid"},
}

func latencyByRate(c *result.Capacity) *figure {
	f := &figure{
		ID: "fig-p99", Title: "Commit latency p99 against the rate asked for",
		How: "How to read: each dot is a trial; the shaded band is the bracket, within which the capacity lies, and the dashed line the objective. Both axes are logarithmic.",
	}
	at := func(t *result.Trial) float64 {
		if t.CommitP99Ns == nil {
			return math.NaN()
		}
		return float64(*t.CommitP99Ns)
	}
	limits := capacityLimits(c)
	values := append(trialValues(c, at), limits...)
	p := rateplot(c, f, logScale(values), "commit p99")
	p.YTicks = chart.Decades(p.Y, tickNs)
	for _, l := range limits {
		p.Level("limit", l, "SLO: commit.p99 "+formatNs(int64(l)))
	}
	drawTrials(c, f, p, at, dataColumn{name: "commit p99 (ms)", write: cellMs})
	return f
}

func successByRate(c *result.Capacity) *figure {
	f := &figure{
		ID: "fig-success", Title: "Succeeded against the rate asked for",
		How: "How to read: dots on the dashed line got everything through that was offered in the steady window; below it the chain fell behind. The shaded band is the bracket.",
	}
	at := func(t *result.Trial) float64 { return t.Succeeded }
	p := rateplot(c, f, logScale(trialValues(c, at), trialValues(c, func(t *result.Trial) float64 { return t.OfferedPerS })), "succeeded per second")
	p.YTicks = chart.Decades(p.Y, tickNumber)
	p.Line("c-ink", chart.Series{X: []float64{p.X.Min, p.X.Max}, Y: []float64{p.X.Min, p.X.Max}})
	f.Legend = append(f.Legend, legend(swatchLine, "c-ink", "all that was asked for"))
	drawTrials(c, f, p, at, dataColumn{name: "succeeded per second", write: cellNumber})
	return f
}

// rateplot begins a chart over the rate asked for, with the bracket shaded.
func rateplot(c *result.Capacity, f *figure, y chart.Scale, label string) *chart.Plot {
	x := logScale(trialValues(c, func(t *result.Trial) float64 { return t.AskedPerS }))
	p := &chart.Plot{X: x, Y: y, Height: chartHeight, Title: f.Title, XLabel: "rate asked for, per second", YLabel: label}
	p.XTicks = chart.Decades(x, tickNumber)
	if b := c.Bracket; b.Lower > 0 || b.Upper > 0 {
		low, high := max(b.Lower, x.Min), b.Upper
		if high == 0 {
			high = x.Max
		}
		p.Span("drain", low, high, "bracket")
		f.Legend = append(f.Legend, legend(swatchArea, "drain", "bracket "+bracketText(b)))
	}
	return p
}

func drawTrials(c *result.Capacity, f *figure, p *chart.Plot, at func(*result.Trial) float64, shown dataColumn) {
	for _, kind := range byVerdict {
		var x, y []float64
		for i := range c.Trials {
			if t := &c.Trials[i]; t.Verdict == kind.verdict && !math.IsNaN(at(t)) {
				x, y = append(x, t.AskedPerS), append(y, at(t))
			}
		}
		if len(x) > 0 {
			p.Dots(kind.class, x, y)
			f.Legend = append(f.Legend, legend(swatchDot, kind.class, kind.name))
		}
	}
	// In a row of its own each, never averaged: they are not a curve.
	f.Head = head("trial", "asked for", shown.name, "verdict")
	for i := range c.Trials {
		t := &c.Trials[i]
		f.Rows = append(f.Rows, []string{formatCount(t.N), exactRate(t.AskedPerS), shown.write(at(t)), cut(string(t.Verdict), 20)})
	}
	f.SVG = p.SVG()
}

func trialValues(c *result.Capacity, at func(*result.Trial) float64) []float64 {
	out := make([]float64, len(c.Trials))
	for i := range c.Trials {
		out[i] = at(&c.Trials[i])
	}
	return out
}

// capacityLimits are the objectives on what the chart shows.
func capacityLimits(c *result.Capacity) []float64 {
	var out []float64
	for _, l := range c.Limits {
		if l.Name == "commit.p99" && l.Limit > 0 {
			out = append(out, l.Limit)
		}
	}
	return out
}

func capacityMethod(c *result.Capacity) section {
	p := c.Plan
	return section{
		ID: "method", Title: "Method", Short: "Method",
		Blocks: []block{
			{Text: fmt.Sprintf("From %s/s the rate was doubled with trials of %v until one failed twice, or halved until one passed; then the bracket was narrowed with trials of %v until its upper end was at most %s above its lower one. The lower end had to pass %s of %v, and the upper end to fail one of them.",
				exactRate(p.Start), time.Duration(p.ShortNs), time.Duration(p.LongNs), formatShare(p.Precision), plural(p.Confirm, "full run"), time.Duration(p.FullNs))},
			{Text: fmt.Sprintf("A trial passes when at least 99 %% of what was offered in the steady window succeeded in it, nothing was dropped, every objective was met, at most %s of the transactions went wrong, the backlog was not growing, everything had its fate when the drain ended, the audit held, and the generator was fit to measure. So a rate up to a hundredth above what the chain can do may pass.", formatShare(p.Errors))},
			{Text: fmt.Sprintf("The generator was never asked for more than %s/s: %s. A trial in which it was not fit to measure is INVALID, was repeated up to %s, and says nothing about the chain.", exactRate(p.Limit), p.LimitWhy, plural(p.Repeats, "time"))},
		},
	}
}

func capacityDisclosure(c *result.Capacity, limits budget) section {
	s := section{ID: "disclosure", Title: "Disclosure", Short: "Disclosure", Lead: "Everything that it takes to judge this search, and to carry it out again."}
	if again := Again(result.Info{Argv: c.Argv}); again != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Search again", Pre: again})
	}
	columns := []block{
		{Heading: "Machine of the generator", Facts: hostFacts(c.Environment.Host)},
		{Heading: "System under test", Facts: sutFacts(c.Environment)},
	}
	if k := c.Environment.Calibration; k != nil {
		columns = append(columns, block{Heading: "What this machine can do at best", Facts: calibrationFacts(k)})
	}
	s.Blocks = append(s.Blocks, block{Columns: columns})
	if text := configText(c.Config, limits.configSize); text != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Configuration, defaults filled in", Fold: "Show the whole scenario", Pre: text})
	}
	return s
}
