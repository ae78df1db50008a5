package search

import (
	"fmt"

	"github.com/chaindyno/chaindyno/loadgen/verdict"
	"github.com/chaindyno/chaindyno/reports/result"
)

// SuccessShare of what was offered in the steady window must have succeeded in
// it: a system that is a hundredth behind is given the benefit of the doubt,
// since blocks come in lumps. The lumps are noise on it: with n blocks in the
// window whose sizes are bounded, it varies by some 1/sqrt(n), so that short trials
// near the limit fail by chance more often than they pass by chance. The bracket
// errs downwards for it rather than upwards: five full runs in a row seldom pass
// by chance.
const SuccessShare = 0.99

// Assess judges a run as a trial of a search: it passes when at least
// SuccessShare of what was offered succeeded, nothing was dropped, every
// objective was met, at most errors (a share) went wrong, the backlog was not
// growing, everything had its fate when the drain ended, the audit held, and the
// generator was fit to measure. The reasons name what did not hold. Fields that
// only the search knows are left at zero.
func Assess(run *result.Run, errors float64) result.Trial {
	c := &run.Counts
	t := result.Trial{
		Verdict: run.Verdict, OfferedPerS: run.Throughput.OfferedPerS, Succeeded: run.Throughput.SucceededPerS,
		Dropped: c.DroppedOverload + c.DroppedLate + c.DroppedStarved, BacklogSlope: run.Throughput.BacklogSlope,
		Pooled: c.Fates[result.FatePooled],
	}
	if t.OfferedPerS > 0 {
		t.SuccessShare = t.Succeeded / t.OfferedPerS
	}
	for _, l := range run.Latency {
		if l.Stage == result.StageCommit && l.Kind == "" && l.Worker == "" {
			t.CommitP50Ns, t.CommitP99Ns = l.P50Ns, l.P99Ns
		}
	}
	allowed := verdict.SLO(run, []verdict.Objective{{Metric: "error_share", Op: "<=", Limit: errors}})[0]
	t.ErrorShare = allowed.Observed
	if run.Verdict == result.Invalid || run.Verdict == result.Interrupted {
		t.Reasons = run.Reasons
		return t
	}
	t.Reasons = reasons(run, &t, allowed)
	t.Verdict = result.Pass
	if len(t.Reasons) > 0 {
		t.Verdict = result.Fail
	}
	return t
}

// reasons lists what kept a valid run from passing, what matters most first.
func reasons(run *result.Run, t *result.Trial, allowed result.Check) []string {
	var all []string
	add := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if !(t.SuccessShare >= SuccessShare) {
		add("success: %.2f %% of what was offered, asked >= %.0f %%", 100*t.SuccessShare, 100*SuccessShare)
	}
	if t.Dropped > 0 {
		add("dropped: %d of %d arrivals (overload)", t.Dropped, run.Counts.Scheduled)
	}
	for _, c := range run.SLO {
		if !c.OK {
			add("objective: %s", said(c))
		}
	}
	if !allowed.OK {
		add("errors: %s", said(allowed))
	}
	if b := run.Throughput; b.BacklogGrows {
		add("backlog: grew by %.0f tx/s [%.0f, %.0f]", b.BacklogSlope, b.BacklogLow, b.BacklogHigh)
	}
	if t.Pooled > 0 {
		add("drain: %d transactions still waited at its end", t.Pooled)
	}
	for _, c := range run.Audit.Checks {
		if !c.OK {
			add("audit: %s: %s", c.Name, c.Detail)
		}
	}
	if !run.Counts.Balanced {
		add("audit: the ledger of counts does not balance")
	}
	return all
}

func said(c result.Check) string {
	limit := verdict.Value(c.Limit, c.Unit)
	if !c.Known {
		return fmt.Sprintf("%s is unknown, asked %s %s", c.Name, c.Op, limit)
	}
	return fmt.Sprintf("%s is %s, asked %s %s", c.Name, verdict.Value(c.Observed, c.Unit), c.Op, limit)
}
