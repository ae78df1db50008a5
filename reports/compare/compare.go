package compare

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/chaindyno/chaindyno/reports/stats"
)

// SchemaVersion of compare.json.
const SchemaVersion = 1

// Options of a comparison.
type Options struct {
	Alpha float64 // family-wise error rate, above 0 and below 0.5
	Noise float64 // relative change that is not worth telling, 0 to 1
	// AA are runs of one and the same system, from which the noise threshold of
	// each metric is taken instead.
	AA       []Run
	Force    bool   // compare runs of different hosts or mixed configurations, and say so
	LeaveOut bool   // leave out runs that were interrupted or are not valid
	Seed     uint64 // of the bootstrap
}

// DefaultOptions are those of docs/measurement.md.
func DefaultOptions() Options { return Options{Alpha: 0.05, Noise: 0.02, Seed: 1} }

// Validate reports what is out of its range, in one line.
func (o Options) Validate() error {
	switch {
	case !(o.Alpha > 0 && o.Alpha < 0.5):
		return fmt.Errorf("alpha %v, permitted is above 0 and below 0.5", o.Alpha)
	case !(o.Noise >= 0 && o.Noise <= 1):
		return fmt.Errorf("noise %v, permitted is 0 to 1 (0.02 is 2 %%)", o.Noise)
	}
	return nil
}

// shareNoise is the noise threshold of metrics that are shares, as a
// difference: 0.1 percentage points.
const shareNoise = 0.001

// Verdict is the outcome, of a metric or of the whole.
type Verdict string

// The verdicts of a metric.
const (
	Better     Verdict = "better"
	Worse      Verdict = "worse"
	Same       Verdict = "~"    // no difference was shown
	TooFew     Verdict = "need" // more runs: no outcome could have been significant
	Unmeasured Verdict = "-"    // not in every run, so not compared
)

// The verdicts of the whole.
const (
	NoWorse   Verdict = "no worse"
	IsWorse   Verdict = "worse"
	Undecided Verdict = "undecided"
)

// Sample is the values of one metric on one side, in the order of the runs.
type Sample struct {
	Median float64   `json:"median"`
	Low    float64   `json:"low"` // 95 % interval of the median; Low == High == 0: none
	High   float64   `json:"high"`
	Values []float64 `json:"values"`
}

// Row is one metric compared.
type Row struct {
	Metric    string  `json:"metric"`
	Title     string  `json:"title"`
	Unit      string  `json:"unit"`
	Direction string  `json:"direction"`
	A         Sample  `json:"a"`
	B         Sample  `json:"b"`
	Relative  bool    `json:"relative"` // Change is B/A - 1; else B - A
	Change    float64 `json:"change"`
	Low       float64 `json:"change_low"` // 95 % interval of Change; Low == High == 0 with one run: none
	High      float64 `json:"change_high"`
	P         float64 `json:"p"`
	Adjusted  float64 `json:"p_adjusted"`
	Noise     float64 `json:"noise"` // the threshold, in the unit of Change
	Verdict   Verdict `json:"verdict"`
	Need      int     `json:"need,omitempty"` // runs a side, where the verdict is TooFew
	Note      string  `json:"note,omitempty"`
	noRatio   bool    // a relative metric without a ratio, see change
}

// Compared says whether the metric entered the tests.
func (r *Row) Compared() bool { return r.Verdict != Unmeasured }

// Comparison is the outcome.
type Comparison struct {
	Verdict     Verdict
	Options     Options
	Forced      []string // what would have been refused
	Differences []Setting
	Rows        []Row
	A, B        Side
	Warnings    []string
}

// Compare compares b with a, which is what it was before. Runs that cannot be
// compared (of different hosts, of mixed configurations, not valid, given
// twice) are an error of one line.
func Compare(a, b Side, o Options) (*Comparison, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, s := range []*Side{&a, &b} {
		if err := s.sieve(o.LeaveOut); err != nil {
			return nil, err
		}
	}
	both := append(append([]Run(nil), a.Runs...), b.Runs...)
	if err := checkOnce(both); err != nil {
		return nil, err
	}
	c := &Comparison{Options: o, A: a, B: b}
	if err := c.alike(append(both, o.AA...)); err != nil {
		return nil, err
	}
	noise, err := noiseOf(o)
	if err != nil {
		return nil, err
	}
	for _, m := range Metrics {
		c.Rows = append(c.Rows, measure(m, a, b, o.Seed))
	}
	c.judge(noise)
	c.Warnings = c.doubts()
	return c, nil
}

// Replicates returns a side with the runs that count, after the checks of
// Compare that concern one side.
func Replicates(s Side, o Options) (Side, error) {
	if err := s.sieve(o.LeaveOut); err != nil {
		return s, err
	}
	if err := checkOnce(s.Runs); err != nil {
		return s, err
	}
	c := &Comparison{Options: o, A: s}
	return s, c.alike(s.Runs)
}

// alike checks that the runs may be compared, and finds what tells the sides
// apart.
func (c *Comparison) alike(runs []Run) error {
	c.Forced = hostDifferences(runs)
	if len(c.Forced) > 0 && !c.Options.Force {
		why := "numbers of different hosts tell nothing about the system"
		if strings.HasPrefix(c.Forced[0], "host.version ") { // the machine is the same, see hostFields
			why = "what was measured with another chaindyno tells nothing about the system; to compare two builds of a node, start both with one chaindyno (chain.up.binary)"
		}
		return fmt.Errorf("%s: %s; --force compares them all the same", c.Forced[0], why)
	}
	var values [2]map[string][]string
	for i, side := range []Side{c.A, c.B, {Name: "the A/A runs", Runs: c.Options.AA}} {
		v, mixed, err := sideSettings(side.Runs)
		if err != nil {
			return err
		}
		if mixed != "" {
			text := fmt.Sprintf("%s mixes configurations: %s is %s", side.Name, keyOf(mixed), quoted(v[mixed]))
			if !c.Options.Force {
				return fmt.Errorf("%s, so its runs are no replicates; --force compares them all the same", text)
			}
			c.Forced = append(c.Forced, text)
		}
		if i < len(values) {
			values[i] = v
		}
	}
	c.Differences = differences(values[0], values[1])
	return nil
}

// quoted joins values of a file for one line, whatever is in them.
func quoted(values []string) string {
	text := make([]string, min(len(values), 5))
	for i := range text {
		text[i] = fmt.Sprintf("%.80q", values[i])
	}
	return strings.Join(text, " and ")
}

// measure fills what a row says before any test.
func measure(m Metric, a, b Side, seed uint64) Row {
	r := Row{Metric: m.Name, Title: m.Title, Unit: m.Unit, Direction: m.Direction(), Relative: !m.Absolute}
	r.A.Values, r.B.Values = []float64{}, []float64{} // lists in files, never null
	var missing []string
	for _, side := range []struct {
		Side
		out *Sample
	}{{a, &r.A}, {b, &r.B}} {
		values, absent := valuesOf(m, side.Runs)
		if absent > 0 {
			missing = append(missing, fmt.Sprintf("%d of %d runs of %s", absent, len(side.Runs), side.Name))
			continue
		}
		*side.out = sampleOf(values, seed)
	}
	if len(missing) > 0 {
		r.Verdict, r.Note = Unmeasured, "not measured in "+strings.Join(missing, " and ")
		return r
	}
	r.change(seed)
	return r
}

// valuesOf returns one value a run, and in how many there is none.
func valuesOf(m Metric, runs []Run) (values []float64, absent int) {
	for _, run := range runs {
		v, ok := m.value(run.Summary)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			absent++
			continue
		}
		values = append(values, v)
	}
	return values, absent
}

func sampleOf(values []float64, seed uint64) Sample {
	s := Sample{Median: stats.Median(values), Values: values}
	if in, ok := stats.MedianInterval(values, seed); ok {
		s.Low, s.High = in.Low, in.High
	}
	return s
}

// change fills Change and its interval. Where a run of A has the value 0 there
// is no ratio, and the difference is shown instead.
func (r *Row) change(seed uint64) {
	a, b := r.A.Values, r.B.Values
	if r.Relative {
		if d, ok := stats.MedianDifference(a, b, seed); ok {
			r.Change, r.Low, r.High = d.Change, d.Low, d.High
			return
		}
		if r.A.Median > 0 && (len(a) < 2 || len(b) < 2) {
			r.Change = r.B.Median/r.A.Median - 1
			return
		}
		r.Relative, r.noRatio = false, true
		r.Note = "0 in a run of A, so the change is a difference, and no noise threshold applies"
	}
	r.Change = r.B.Median - r.A.Median
	if d, ok := stats.MedianShift(a, b, seed); ok {
		r.Low, r.High = d.Low, d.High
	}
}

// judge tests every metric that was measured and gives the verdicts.
func (c *Comparison) judge(noise map[string]float64) {
	var p []float64
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Compared() {
			continue
		}
		rank, ok := stats.MannWhitney(r.A.Values, r.B.Values)
		if !ok { // cannot happen: there is a value on either side, and none is NaN
			rank.P = 1
		}
		if r.P = rank.P; !r.noRatio {
			r.Noise = noise[r.Metric]
		}
		p = append(p, rank.P)
	}
	adjusted := stats.Holm(p)
	enough := stats.SmallestP(len(c.A.Runs), len(c.B.Runs))*float64(len(p)) < c.Options.Alpha
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Compared() {
			continue
		}
		r.Adjusted, adjusted = adjusted[0], adjusted[1:]
		if r.Verdict = c.verdict(r); !enough {
			r.Verdict, r.Need = TooFew, stats.RunsNeeded(c.Options.Alpha, len(p))
		}
		if r.Verdict == Same && r.wide() && !r.noRatio {
			r.Note = "the interval reaches beyond the noise on both sides: more runs would tell more"
		}
	}
	c.Verdict = c.whole()
}

func (c *Comparison) verdict(r *Row) Verdict {
	switch {
	case r.Adjusted >= c.Options.Alpha || math.Abs(r.Change) <= r.Noise:
		return Same
	case (r.Change > 0) == (r.Direction == Metric{Up: true}.Direction()):
		return Better
	}
	return Worse
}

// wide says whether the interval holds changes worth telling in both
// directions, so that the runs say little either way.
func (r *Row) wide() bool { return r.Low < -r.Noise && r.High > r.Noise }

func (c *Comparison) whole() Verdict {
	out := Undecided // also where nothing was measured
	for i := range c.Rows {
		switch c.Rows[i].Verdict {
		case Worse:
			return IsWorse
		case TooFew:
			return Undecided
		case Better, Same:
			out = NoWorse
		}
	}
	return out
}

// errFewAA is about the runs of --aa.
var errFewAA = errors.New("the noise of A/A runs needs at least 6 of them")
