// Package verdict decides what a run is worth: whether the generator was fit
// to measure (validity), whether the objectives were met (SLO), and the
// outcome of both. It is pure: everything it needs is in a result.Run.
package verdict

import (
	"fmt"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Thresholds of validity, see docs/measurement.md.
const (
	// LagFloorNs and LagShare bound dispatch_lag p99: at most the larger of
	// 10 ms and 2 % of the commit latency's median.
	LagFloorNs = 10_000_000
	LagShare   = 0.02
	// OnTimeShare of the steady window's arrivals must be dispatched within
	// 100 ms (record.InTimeNs) of their intended time.
	OnTimeShare = 0.99
	// CPUShare of the cores that the generator could get is a warning above.
	CPUShare = 0.90
	// StealShare of the machine's time is a warning above.
	StealShare = 0.02
	// FreeShare of the disk that the run's files are on is a warning below.
	FreeShare = 0.02
	// BlockedShare is the time a closed loop must have been blocked on its
	// window, or the generator was the limit.
	BlockedShare = 0.05
)

const (
	workersLost  = "workers.lost"
	faultsFailed = "faults.failed"
)

// Observed is what validity needs beyond the run's own figures.
type Observed struct {
	Arrivals     uint64  // of the steady window, but for those dropped as overload
	OnTime       uint64  // of these, dispatched within 100 ms
	GeneratorCPU float64 // share of the cores it could get
	Steal        float64 // share of the machine's time taken by its host
	Throttled    bool    // the control group was throttled
	SwapPages    uint64  // moved to swap or back
	TooHot       uint64  // times that a core was slowed down by heat
	DiskFree     float64 // share of the disk that the run's files are on; 0 = unknown
	LostWorkers  int
	FailedFaults int // of the scenario, that could not be done to the system
}

// Validity returns the checks of the generator itself. A check that fails
// makes the run INVALID.
func Validity(r *result.Run, o Observed) []result.Check {
	starved := count("dropped.starved", r.Counts.DroppedStarved)
	late := count("dropped.late", r.Counts.DroppedLate)
	checks := []result.Check{lag(r), onTime(o)}
	if r.Run.Loop == "closed" {
		checks = []result.Check{blocked(r)}
	}
	checks = append(checks, late, starved, count(workersLost, uint64(o.LostWorkers)))
	if o.FailedFaults > 0 {
		checks = append(checks, count(faultsFailed, uint64(o.FailedFaults)))
	}
	return checks
}

func lag(r *result.Run) result.Check {
	c := result.Check{Name: "dispatch_lag.p99", Op: "<=", Limit: LagFloorNs, Unit: "ns", Note: "limit: the larger of 10 ms and 2 % of commit p50"}
	if l := find(r.Latency, result.StageCommit); l != nil && l.P50Ns != nil {
		c.Limit = max(c.Limit, LagShare*float64(*l.P50Ns))
	}
	if l := find(r.Latency, result.StageDispatchLag); l != nil {
		c.Known, c.Observed = l.P99Ns != nil, float64(deref(l.P99Ns, l.MaxNs))
		if !c.Known { // too few samples for a p99: the maximum bounds it
			c.Known, c.Note = l.Count > 0, c.Note+"; observed is the maximum, samples are too few for a p99"
		}
	}
	return judge(c)
}

func onTime(o Observed) result.Check {
	c := result.Check{Name: "dispatched_on_time", Op: ">=", Limit: OnTimeShare, Unit: "share", Note: "of the steady window's arrivals, within 100 ms"}
	if o.Arrivals > 0 {
		c.Known, c.Observed = true, float64(o.OnTime)/float64(o.Arrivals)
	}
	return judge(c)
}

func blocked(r *result.Run) result.Check {
	return judge(result.Check{
		Name: "blocked_on_window", Op: ">=", Limit: BlockedShare, Observed: r.Throughput.Blocked, Unit: "share", Known: true,
		Note: "a closed loop that hardly waits measures the generator",
	})
}

func count(name string, n uint64) result.Check {
	return judge(result.Check{Name: name, Op: "==", Limit: 0, Observed: float64(n), Unit: "count", Known: true})
}

// Warnings returns the doubts that travel beside the numbers.
func Warnings(r *result.Run, o Observed) []string {
	var w []string
	add := func(format string, a ...any) { w = append(w, fmt.Sprintf(format, a...)) }
	if o.GeneratorCPU > CPUShare {
		add("the generator used %.0f %% of the cores it could get (limit %.0f %%)", 100*o.GeneratorCPU, 100*CPUShare)
	}
	if o.Steal > StealShare {
		add("the machine's host took %.1f %% of its time away (steal; limit %.0f %%)", 100*o.Steal, 100*StealShare)
	}
	if o.Throttled {
		add("the control group throttled this process's CPU time")
	}
	if o.SwapPages > 0 {
		add("the machine swapped %d pages: memory was short", o.SwapPages)
	}
	if o.TooHot > 0 {
		add("heat slowed cores down %d times: the clock frequency dropped", o.TooHot)
	}
	if o.DiskFree > 0 && o.DiskFree < FreeShare {
		add("the disk of the run's files is all but full: %.1f %% are free (limit %.0f %%)", 100*o.DiskFree, 100*FreeShare)
	}
	if n := cells(r, "rejected", result.FateSucceeded); n > 0 {
		add("%d transactions were rejected and committed all the same", n)
	}
	if r.Counts.NegativeDeltas > 0 {
		add("%d negative time differences were counted and left out of the histograms", r.Counts.NegativeDeltas)
	}
	if r.Counts.OutOfRange > 0 {
		add("%d latencies were over the histograms' bound of 1 h", r.Counts.OutOfRange)
	}
	if r.Counts.Reverted > 0 {
		add("%d inclusions were reverted by reorganisations", r.Counts.Reverted)
	}
	if r.Throughput.BacklogGrows {
		add("the backlog grew by %.0f tx/s [%.0f, %.0f] in the steady window: the rate is more than the chain sustains",
			r.Throughput.BacklogSlope, r.Throughput.BacklogLow, r.Throughput.BacklogHigh)
	}
	if l := find(r.Latency, result.StageCommit); l == nil || l.P99Ns == nil {
		add("too few committed transactions in the steady window for a p99 (1,000 are needed)")
	}
	if r.Run.InProcess {
		add("the node ran inside the generator's process: CPU, memory and GC of the two are mixed")
	}
	return w
}

// Decide returns the verdict and, unless it is PASS, its reasons.
func Decide(r *result.Run, interrupted bool) (result.Verdict, []string) {
	var invalid, fail []string
	for _, c := range r.Validity {
		if !c.OK && (c.Known || !interrupted) { // before the steady window nothing is known
			invalid = append(invalid, blame(c)+describe(c))
		}
	}
	for _, c := range r.SLO {
		if !c.OK {
			fail = append(fail, "objective missed: "+describe(c))
		}
	}
	if n := r.Counts.DroppedOverload; n > 0 {
		fail = append(fail, fmt.Sprintf("the chain fell behind: %d of %d arrivals were dropped at the in-flight bound (overload)", n, r.Counts.Scheduled))
	}
	if r.Counts.Fates[result.FateSucceeded] == 0 {
		fail = append(fail, "no transaction succeeded")
	}
	if !r.Counts.Balanced {
		fail = append(fail, "the ledger of counts does not balance")
	}
	for _, c := range r.Audit.Checks {
		if !c.OK {
			fail = append(fail, fmt.Sprintf("audit failed: %s: %s", c.Name, c.Detail))
		}
	}
	switch {
	case len(invalid) > 0:
		return result.Invalid, append(invalid, fail...)
	case interrupted:
		return result.Interrupted, append([]string{"interrupted before the schedule's end"}, fail...)
	case len(fail) > 0:
		return result.Fail, fail
	}
	return result.Pass, nil
}

// blame says what a failed check of validity means.
func blame(c result.Check) string {
	if c.Name == faultsFailed || c.Name == workersLost {
		return "the run was not what the scenario asked for: "
	}
	return "the generator was the limit: "
}

func describe(c result.Check) string {
	if !c.Known {
		return fmt.Sprintf("%s %s %s, but nothing was observed", c.Name, c.Op, Value(c.Limit, c.Unit))
	}
	return fmt.Sprintf("%s is %s, asked %s %s", c.Name, Value(c.Observed, c.Unit), c.Op, Value(c.Limit, c.Unit))
}

func find(ls []result.Latency, stage string) *result.Latency {
	for i := range ls {
		if ls[i].Stage == stage && ls[i].Kind == "" && ls[i].Worker == "" {
			return &ls[i]
		}
	}
	return nil
}

// cells adds up the matrix cells of an answer class ("rejected" also stands
// for "rejected/<kind>") and a fate.
func cells(r *result.Run, answer, fate string) (n uint64) {
	for _, c := range r.Matrix {
		if class(c.Answer) == answer && c.Fate == fate {
			n += c.Count
		}
	}
	return n
}

func deref(p *int64, otherwise int64) int64 {
	if p == nil {
		return otherwise
	}
	return *p
}
