package reports

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// TrialLine writes one trial of a search: what was asked, what came of it, and
// by name what did not hold. Its errors are those of w.
func TrialLine(w io.Writer, t *result.Trial, opts TableOptions) error {
	p := &printer{w: w, width: widthOf(w, opts.Width), style: style(opts.Color.on(w))}
	clean := new(copier).value(reflect.ValueOf(*t), "").Interface().(result.Trial)
	t = &clean
	again := ""
	if t.Attempt > 1 {
		again = fmt.Sprintf("  (attempt %d)", t.Attempt)
	}
	p.printf("%3d  %-8s %12s for %-6v %s  %s of offered, commit p50 %s, p99 %s%s\n",
		t.N, cut(t.Purpose, 8), exactRate(t.AskedPerS)+"/s", time.Duration(t.LengthNs), p.verdict(t.Verdict),
		formatShare(t.SuccessShare), formatMaybeNs(t.CommitP50Ns), formatMaybeNs(t.CommitP99Ns), again)
	for _, reason := range atMost(t.Reasons, 3, result.FileCapacity) {
		p.printf("     %s\n", p.dim(wrap(reason, p.width-5, "     ")))
	}
	return p.err
}

// CapacityTable writes the outcome of a search. Its errors are those of w.
func CapacityTable(w io.Writer, c *result.Capacity, opts TableOptions) error {
	p := &printer{w: w, width: widthOf(w, opts.Width), style: style(opts.Color.on(w))}
	c = prepareCapacity(c)
	p.printf("\n%s  %s\n", p.bold(bracketText(c.Bracket)+" tx/s"), p.dim(wrap("under "+strings.Join(c.SLO, ", "), p.width-4, "")))
	p.printf("%s\n\n", wrap(sentence(c.Says), p.width, ""))
	for _, f := range capacityFacts(c) {
		p.printf("  %-10s %s\n", f.Name, wrap(f.Value, p.width-13, strings.Repeat(" ", 13)))
	}
	if opts.Dir != "" {
		p.printf("  %-10s %s\n", "files", opts.Dir)
	}
	return p.err
}

// bracketText is [lower, upper], with a question mark for an end that is not
// known.
func bracketText(b result.Bracket) string {
	end := func(v float64) string {
		if v == 0 {
			return "?"
		}
		return exactRate(v)
	}
	if b.Outcome == result.CapacityNone {
		return "[0, " + end(b.Upper) + "]"
	}
	return "[" + end(b.Lower) + ", " + end(b.Upper) + "]"
}

// capacityFacts are what one must know to read the bracket.
func capacityFacts(c *result.Capacity) []fact {
	chain := "each on a chain of its own"
	if c.Dependent {
		chain = "on one chain that was drained in between and not made anew, so that they depend on each other"
	}
	facts := []fact{
		{Name: "trials", Value: fmt.Sprintf("%s in %s, %s", formatCount(len(c.Trials)), time.Duration(c.ElapsedNs).Round(time.Second), chain)},
		{Name: "held for", Value: fmt.Sprintf("%s of %v at %s/s; nothing is known of longer ones", plural(c.Bracket.Confirmed, "run"), time.Duration(c.Plan.FullNs), exactRate(c.Bracket.Lower))},
		{Name: "asked for", Value: fmt.Sprintf("at most %s/s: %s", exactRate(c.Plan.Limit), c.Plan.LimitWhy)},
	}
	if c.Bracket.Confirmed == 0 {
		facts = append(facts[:1], facts[2])
	}
	return facts
}

// exactRate writes a rate with all its digits: an end of a bracket is never
// rounded.
func exactRate(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	digits, fraction, found := strings.Cut(s, ".")
	if found {
		fraction = "." + fraction
	}
	return group(digits) + fraction
}
