package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// The words of a comparison, which all its reports share.

// changeText writes a change with its sign: -10.2 %, +0.31 points.
func changeText(r *compare.Row) string { return withChangeUnit(r, changeNumber(r, r.Change)) }

// changeNumber writes a change, or a bound of it, without the unit.
func changeNumber(r *compare.Row, v float64) string {
	switch {
	case r.Relative, r.Unit == "share":
		return signedPercent(v)
	case v > 0:
		return "+" + rounded(v, r.Unit)
	}
	return rounded(v, r.Unit)
}

func withChangeUnit(r *compare.Row, text string) string {
	switch {
	case r.Relative:
		return text + " %"
	case r.Unit == "share":
		return text + " points"
	}
	return text
}

// signedPercent writes 100 v with one decimal, or two below 1.
func signedPercent(v float64) string {
	digits := 1
	if math.Abs(v) < 0.00995 {
		digits = 2
	}
	s := strconv.FormatFloat(100*v, 'f', digits, 64)
	switch {
	case strings.Trim(s, "-0.") == "":
		return "0"
	case v > 0:
		return "+" + s
	}
	return s
}

// changeInterval writes the interval of a change; a dash where there is none.
func changeInterval(r *compare.Row) string {
	if len(r.A.Values) < 2 || len(r.B.Values) < 2 {
		return absent
	}
	return withChangeUnit(r, changeNumber(r, r.Low)+" to "+changeNumber(r, r.High))
}

func noiseText(r *compare.Row) string {
	if r.Noise == 0 {
		return absent
	}
	return withChangeUnit(r, strings.TrimPrefix(changeNumber(r, r.Noise), "+"))
}

// pText writes a p-value as one is read.
func pText(p float64) string {
	switch {
	case p < 0.0001:
		return "< 0.0001"
	case p >= 0.9995:
		return "1"
	}
	return trimZeros(strconv.FormatFloat(p, 'f', max(3, 2-int(math.Floor(math.Log10(p)))), 64))
}

// metricVerdict is the word for a metric's verdict.
func metricVerdict(r *compare.Row) string {
	switch r.Verdict {
	case compare.TooFew:
		return fmt.Sprintf("need ≥ %d runs", r.Need)
	case compare.Unmeasured:
		return "not compared"
	}
	return string(r.Verdict)
}

// medians writes both medians, dashes where a metric was not measured.
func medians(r *compare.Row) (a, b string) {
	if !r.Compared() {
		return absent, absent
	}
	return rounded(r.A.Median, r.Unit), rounded(r.B.Median, r.Unit)
}

var overallGlyphs = map[compare.Verdict]string{compare.NoWorse: "✓", compare.IsWorse: "✗", compare.Undecided: "?"}

// overall is the badge of a comparison: NO WORSE, WORSE, UNDECIDED.
func overall(v compare.Verdict) string { return strings.ToUpper(string(v)) }

// ComparisonSentence says the outcome in one sentence, with its numbers.
func ComparisonSentence(c *compare.Comparison) string {
	worse, better, compared := named(c, compare.Worse), named(c, compare.Better), 0
	need := 0
	for i := range c.Rows {
		if c.Rows[i].Compared() {
			compared++
		}
		need = max(need, c.Rows[i].Need)
	}
	of := plural(compared, "metric")
	switch {
	case compared == 0:
		return "No metric was measured in every run, so nothing can be said."
	case need > 0:
		return fmt.Sprintf("Undecided: with %d and %d runs no difference could be told from chance over %s; it takes at least %d a side.", len(c.A.Runs), len(c.B.Runs), of, need)
	case len(worse) > 0 && len(better) > 0:
		return fmt.Sprintf("B is worse than A on %d of %s (%s) and better on %d (%s).", len(worse), of, strings.Join(worse, ", "), len(better), strings.Join(better, ", "))
	case len(worse) > 0:
		return fmt.Sprintf("B is worse than A on %d of %s: %s.", len(worse), of, strings.Join(worse, ", "))
	case len(better) > 0:
		return fmt.Sprintf("B is better than A on %d of %s: %s.", len(better), of, strings.Join(better, ", "))
	}
	return fmt.Sprintf("No difference between A and B was shown on any of %s.", of)
}

// named lists the metrics with a verdict, each with its change.
func named(c *compare.Comparison, v compare.Verdict) []string {
	var out []string
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Verdict == v {
			out = append(out, r.Title+" "+changeText(r))
		}
	}
	return out
}

// rule says by what the verdicts were reached.
func ruleSentence(c *compare.Comparison) string {
	noise := fmt.Sprintf("%s (error share: 0.1 points)", formatShare(c.Options.Noise))
	if len(c.Options.AA) > 0 {
		noise = fmt.Sprintf("the noise of %s of one system", plural(len(c.Options.AA), "run"))
	}
	return fmt.Sprintf("A difference counts when the Mann-Whitney test, corrected by Holm over all metrics compared, has p < %s, and the change of medians exceeds %s.",
		strconv.FormatFloat(c.Options.Alpha, 'f', -1, 64), noise)
}

// nothingDiffers stands where no setting tells the sides apart.
const nothingDiffers = "Nothing: settings, configuration and version are the same (an A/A comparison)."

// sideText names a side and its size.
func sideText(s *compare.Side) string {
	text := fmt.Sprintf("%s, %s", s.Label, plural(len(s.Runs), "run"))
	if n := len(s.LeftOut); n > 0 {
		text += fmt.Sprintf(", %d left out", n)
	}
	return text
}

// inOrder are the runs of both sides as they ran.
type ranRun struct {
	compare.Run
	side string
	at   int // index within its side
}

func inOrder(c *compare.Comparison) []ranRun {
	var all []ranRun
	for _, s := range []*compare.Side{&c.A, &c.B} {
		for i, r := range s.Runs {
			all = append(all, ranRun{r, s.Name, i})
		}
	}
	slices.SortStableFunc(all, func(x, y ranRun) int { return x.Summary.Run.Start.Compare(y.Summary.Run.Start) })
	return all
}

// valueOf returns the value of a metric in one run.
func (r ranRun) valueOf(row *compare.Row) float64 {
	values := row.A.Values
	if r.side == "B" {
		values = row.B.Values
	}
	if r.at >= len(values) {
		return math.NaN()
	}
	return values[r.at]
}

// shown returns a copy whose settings are fit for a line: the configuration of
// a run is kept as it was written, whatever is in it.
func shown(c *compare.Comparison) *compare.Comparison {
	out := *c
	out.A.Label, out.B.Label = cut(Clean(c.A.Label), 200), cut(Clean(c.B.Label), 200)
	out.Differences = slices.Clone(c.Differences)
	for i := range out.Differences {
		d := &out.Differences[i]
		d.Key, d.A, d.B = cut(Clean(d.Key), 80), cut(Clean(d.A), 300), cut(Clean(d.B), 300)
	}
	out.Warnings = make([]string, len(c.Warnings))
	for i, w := range c.Warnings {
		out.Warnings[i] = cut(Clean(w), 600)
	}
	return &out
}
