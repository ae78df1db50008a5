package matrix

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// drift is the relative change of the machine's own speed over a sweep that is
// worth a warning.
const drift = 0.05

// Doubts are what a reader must know beside the numbers, one sentence each.
func (m *Matrix) Doubts(s *result.Sweep, runs []Run) []string {
	var out []string
	add := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(m.Made < m.Of, "incomplete: %d of %d runs were made", m.Made, m.Of)
	add(fewest(m) == 1, "one run at a point: there is no telling how much of it is chance")
	add(fewest(m) > 1 && fewest(m) < fewRuns, "%d runs a point: the interval of so few is hardly more than their range", fewest(m))
	add(s.Dependent, "the target was not started anew for each run, so runs depend on those before them, and intervals are too narrow")
	add(s.InProcess, "nodes ran inside the generator's process, so their resources are mixed")
	var invalid, unmeasured []string
	repeated := 0
	for i := range m.Points {
		p := &m.Points[i]
		if p.Invalid > 0 {
			invalid = append(invalid, fmt.Sprintf("%s (%d)", p.Label, p.Invalid))
			repeated += p.Invalid
		}
		if p.Runs() == 0 && p.Invalid > 0 {
			unmeasured = append(unmeasured, p.Label)
		}
	}
	add(len(invalid) > 0, "%d INVALID (the generator was the limit), not counted: %s", repeated, some(invalid))
	add(len(unmeasured) > 0, "no valid run at %s: nothing is known of the chain there", some(unmeasured))
	for i := range m.Points {
		p := &m.Points[i]
		add(p.Audit > 0, "the audit failed in %d of %d runs at %s, which is therefore not ranked", p.Audit, p.Runs(), p.Label)
	}
	add(len(s.Sessions) > 1, "made in %d sessions: it was interrupted and resumed", len(s.Sessions))
	out = append(out, driftOf(s.Sessions)...)
	return append(out, common(runs)...)
}

// fewRuns are so few that every bootstrap interval of their median reaches from
// the least to the greatest, or nearly so.
const fewRuns = 5

// fewest is the least number of runs that count at a point which has any.
func fewest(m *Matrix) int {
	n := 0
	for i := range m.Points {
		if runs := m.Points[i].Runs(); runs > 0 && (n == 0 || runs < n) {
			n = runs
		}
	}
	return n
}

// driftOf compares what the machine could do before and after.
func driftOf(sessions []result.SweepSession) []string {
	var speeds []float64
	for _, s := range sessions {
		if c := s.Calibration; c != nil {
			speeds = append(speeds, c.VerifyBefore, c.VerifyAfter)
		}
	}
	speeds = slices.DeleteFunc(speeds, func(v float64) bool { return v <= 0 })
	if len(speeds) < 2 {
		return nil
	}
	if low, high := slices.Min(speeds), slices.Max(speeds); high/low-1 > drift {
		return []string{fmt.Sprintf("this machine's own speed changed by %.0f %% over the sweep (signatures verified: %.0f/s to %.0f/s); the random order spreads that over all points",
			math.Round(100*(high/low-1)), low, high)}
	}
	return nil
}

// commonMax is how many warnings of runs are passed on.
const commonMax = 5

// common are warnings that runs had, with how many had them. Numbers within
// them differ from run to run, so the first one's words stand for all that
// begin alike.
func common(runs []Run) []string {
	type group struct {
		words string
		runs  int
	}
	var groups []group
	counted := 0
	for i := range runs {
		if !runs[i].Replicate() {
			continue
		}
		counted++
		var seen []string
		for _, w := range runs[i].Warnings {
			start := opening(w)
			if slices.Contains(seen, start) {
				continue
			}
			seen = append(seen, start)
			k := slices.IndexFunc(groups, func(g group) bool { return opening(g.words) == start })
			if k < 0 {
				groups = append(groups, group{words: w})
				k = len(groups) - 1
			}
			groups[k].runs++
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return b.runs - a.runs })
	var out []string
	for i, g := range groups {
		if i == commonMax {
			return append(out, fmt.Sprintf("%d more kinds of warnings are in the reports of the runs", len(groups)-i))
		}
		out = append(out, fmt.Sprintf("in %d of %d runs: %s", g.runs, counted, g.words))
	}
	return out
}

// opening is a warning without its numbers.
func opening(w string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == ',' {
			return -1
		}
		return r
	}, w)
}

// someMax is how many names are listed.
const someMax = 4

func some(names []string) string {
	if len(names) <= someMax {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:someMax], ", "), len(names)-someMax)
}
