package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// doubts are what a reader should know beside the numbers, whole sentences,
// the gravest first.
func (c *Comparison) doubts() []string {
	var w []string
	add := func(format string, args ...any) { w = append(w, fmt.Sprintf(format, args...)) }
	for _, f := range c.Forced {
		add("Compared by force: %s.", f)
	}
	for _, s := range []Side{c.A, c.B} {
		w = append(w, s.leftOut()...)
	}
	if slices.ContainsFunc(c.Differences, func(s Setting) bool { return s.Group == GroupLoad }) {
		add("The load differs as well, so a difference need not come from the system.")
	}
	if first, second, apart := c.apart(); apart {
		add("All runs of %s came before all runs of %s, so a change of the machine over time looks like a change of the system; interleave them.", first, second)
	}
	if x, y, ok := overlapping(slices.Concat(c.A.Runs, c.B.Runs)); ok {
		add("%s and %s ran at the same time and disturbed each other.", x.Dir, y.Dir)
	}
	if change, ok := c.drift(); ok && math.Abs(change) > notableDrift {
		add("The machine itself verified %.0f %% %s signatures a second beside the runs of B than beside those of A.", 100*math.Abs(change), moreOrFewer(change))
	}
	for _, s := range []Side{c.A, c.B} {
		w = append(w, s.doubts()...)
	}
	return w
}

// mostNamed bounds how many runs a sentence names.
const mostNamed = 3

// leftOut is one sentence for each verdict that keeps runs from counting.
func (s *Side) leftOut() []string {
	var w []string
	dirs := map[string][]string{}
	for _, r := range s.LeftOut {
		dirs[verdictOf(r)] = append(dirs[verdictOf(r)], r.Dir)
	}
	for _, verdict := range slices.Sorted(maps.Keys(dirs)) {
		all := dirs[verdict]
		text := strings.Join(all[:min(len(all), mostNamed)], ", ")
		if n := len(all) - mostNamed; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		w = append(w, fmt.Sprintf("Left out of %s as %s: %s.", s.Name, verdict, text))
	}
	return w
}

// doubts of one side.
func (s *Side) doubts() []string {
	var w []string
	n := len(s.Runs)
	count := func(is func(*result.Summary) bool) (k int) {
		for _, r := range s.Runs {
			if is(r.Summary) {
				k++
			}
		}
		return k
	}
	if k := count(func(r *result.Summary) bool { return r.Verdict == result.Fail }); k > 0 {
		w = append(w, fmt.Sprintf("%d of %d runs of %s FAIL an objective or the audit.", k, n, s.Name))
	}
	if k := count(dependent); k > 0 {
		w = append(w, fmt.Sprintf("In %d of %d runs of %s the system was there before and stayed after, so these runs depend on each other.", k, n, s.Name))
	}
	if k := count(func(r *result.Summary) bool { return r.Run.InProcess }); k > 0 {
		w = append(w, fmt.Sprintf("In %d of %d runs of %s node and generator shared one process.", k, n, s.Name))
	}
	if k := count(func(r *result.Summary) bool { return len(r.Warnings) > 0 }); k > 0 {
		w = append(w, fmt.Sprintf("%d of %d runs of %s have warnings of their own; see their reports.", k, n, s.Name))
	}
	return w
}

// dependent: the run was given a system that it could not set up afresh.
func dependent(s *result.Summary) bool {
	var config struct {
		Target struct {
			Submit []string `json:"submit"`
		} `json:"target"`
	}
	return json.Unmarshal(s.Run.Config, &config) == nil && len(config.Target.Submit) > 0
}

// apart tells whether one side ran wholly before the other.
func (c *Comparison) apart() (first, second string, ok bool) {
	lastA, lastB := c.A.Runs[len(c.A.Runs)-1], c.B.Runs[len(c.B.Runs)-1]
	switch {
	case len(c.A.Runs)+len(c.B.Runs) < 3:
		return "", "", false // two runs cannot be interleaved
	case start(lastA).Before(start(c.B.Runs[0])):
		return c.A.Name, c.B.Name, true
	case start(lastB).Before(start(c.A.Runs[0])):
		return c.B.Name, c.A.Name, true
	}
	return "", "", false
}

// overlapping finds two runs that were under way at the same time.
func overlapping(runs []Run) (x, y Run, ok bool) {
	runs = NewSide("", "", runs).Runs
	for i := 1; i < len(runs); i++ {
		if start(runs[i]).Before(end(runs[i-1])) {
			return runs[i-1], runs[i], true
		}
	}
	return Run{}, Run{}, false
}

// notableDrift is the share by which the machine's own rate may differ.
const notableDrift = 0.05

// drift is the change of the rate at which the machine verifies signatures,
// measured right before and after each run.
func (c *Comparison) drift() (change float64, ok bool) {
	rates := func(runs []Run) (out []float64) {
		for _, r := range runs {
			if k := r.Summary.Environment.Calibration; k != nil && k.VerifyBefore > 0 && k.VerifyAfter > 0 {
				out = append(out, (k.VerifyBefore+k.VerifyAfter)/2)
			}
		}
		return out
	}
	a, b := rates(c.A.Runs), rates(c.B.Runs)
	if len(a) < 2 || len(b) < 2 {
		return 0, false
	}
	return stats.Median(b)/stats.Median(a) - 1, true
}

func moreOrFewer(change float64) string {
	if change > 0 {
		return "more"
	}
	return "fewer"
}
