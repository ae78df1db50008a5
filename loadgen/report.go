package loadgen

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/internal/hostinfo"
	"github.com/chaindyno/chaindyno/loadgen/audit"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/verdict"
	"github.com/chaindyno/chaindyno/reports/result"
)

// report audits the chain and puts together what was found.
func (e *engine) report(ctx context.Context) *result.Run {
	f := e.follower
	r := &result.Run{Blocks: f.rows, Series: e.collector.Series(), Intervals: e.collector.Intervals()}
	r.SchemaVersion = result.SchemaVersion
	r.Run = e.runInfo()
	r.Environment = e.environment()
	r.Counts = e.collector.Counts()
	r.Matrix = e.collector.Matrix()
	r.Throughput = e.throughput()
	r.Steady = e.steady()
	e.latencies(r)
	r.Chain = e.chain()
	succeeded := r.Counts.Fates[result.FateSucceeded]
	r.Resources = e.watch.resources(e.steadyFrom, e.loadEnd, e.drainEnd, succeeded)
	r.Tiers = e.watch.tiers()
	r.Work = e.work(r)
	r.Fairness = e.collector.Fairness()
	r.Faults = e.faults
	e.progress(Progress{Phase: PhaseAudit})
	r.Audit = audit.Run(ctx, e.drv, audit.Claim{
		Level: e.sc.Audit, Start: e.from, Tip: f.tip(), Spool: f.spool, Dir: e.opt.Dir, Durable: f.durable,
		Want: succeeded + r.Counts.Fates[result.FateFailed],
	})
	promises(r)
	if e.followErr != nil {
		r.Audit.OK = false
		r.Audit.Checks = append(r.Audit.Checks, result.AuditCheck{Name: "followed", Detail: "what came after is not in this report: " + e.followErr.Error()})
	}
	r.ErrorRows = e.collector.Errors().Rows()
	e.judge(r)
	return r
}

// promises fails the audit for what the chain promised and did not keep, and
// for what it should have refused and executed.
func promises(r *result.Run) {
	fail := func(name, format string, n uint64) {
		if n > 0 {
			r.Audit.OK = false
			r.Audit.Checks = append(r.Audit.Checks, result.AuditCheck{Name: name, Detail: fmt.Sprintf(format, n)})
		}
	}
	var wrong uint64
	for _, c := range r.Matrix {
		if c.Fate == result.FateSucceeded && c.Expect != driver.RejectNone.String() {
			wrong += c.Count
		}
	}
	fail("promises", "%d transactions were accepted and are nowhere to be found", r.Counts.Fates[result.FateLost])
	fail("refusals", "%d transactions that the workload made wrong are in the chain", wrong)
}

func (e *engine) runInfo() result.Info {
	return result.Info{
		ID: e.opt.ID, Name: e.sc.Name, Start: e.began.UTC(), Argv: e.opt.Argv, Seed: e.sc.Load.Seed, Config: e.sc.JSON(),
		SteadyFromNs: e.steadyFrom, SteadyToNs: min(e.steadyTo, e.loadEnd), LoadEndNs: e.loadEnd, DrainEndNs: e.drainEnd,
		Loop: e.sc.Loop(), Signing: e.sc.Load.Sign, Confirmations: e.sc.Load.Confirmations, InProcess: e.opt.InProcess,
	}
}

func (e *engine) environment() result.Environment {
	sut := map[string]string{}
	maps.Copy(sut, e.info.Settings)
	maps.Copy(sut, e.opt.SUT)
	return result.Environment{
		Host: e.opt.Host, SUT: sut, Driver: e.sc.Target.Driver, Network: e.info.Network, Client: e.info.Client, Calibration: e.calibration,
	}
}

func (e *engine) latencies(r *result.Run) {
	blocks := 0
	for _, b := range r.Blocks {
		if b.Status == "main" && b.Ours > 0 && b.SeenNs >= e.steadyFrom && b.SeenNs < e.steadyTo {
			blocks++
		}
	}
	r.Histograms = e.collector.Histograms()
	for _, h := range r.Histograms {
		behind, censored := 0, uint64(0)
		switch h.Stage {
		case result.StageInclude, result.StageCommit, result.StageCommitService:
			behind = blocks
		case result.StageFinal:
			behind, censored = blocks, r.Counts.Fates[result.FatePooled]
		}
		r.Latency = append(r.Latency, record.Summarise(h, behind, censored))
	}
	for _, h := range e.follower.stages.list() {
		r.Histograms = append(r.Histograms, h)
		r.Stages = append(r.Stages, record.Summarise(h, e.follower.stages.blocks, 0))
	}
	r.Workers = []result.Worker{e.worker(r)}
}

func (e *engine) worker(r *result.Run) result.Worker {
	c := &r.Counts
	_, window := e.collector.Totals()
	w := result.Worker{
		Name: "worker-0", Sent: c.Sent, Accepted: c.Answers[driver.StatusAccepted.String()], Succeeded: c.Fates[result.FateSucceeded],
		Rejected: c.Answers[driver.StatusRejected.String()], Unknown: c.Answers[driver.StatusUnknown.String()],
		Dropped: c.DroppedOverload + c.DroppedLate + c.DroppedStarved, Latency: r.Latency, Version: buildinfo.Read().Version, SegmentTo: e.plan.Lanes,
	}
	if window[record.Dispatched] > 0 {
		w.DispatchedShare = float64(window[record.InTime]) / float64(window[record.Dispatched])
	}
	return w
}

func (e *engine) chain() result.Chain {
	f := e.follower
	c := result.Chain{Reorgs: f.reorgs, DeepestReorg: f.deepest, MissingStages: f.missing, Unit: e.info.Unit, Durable: true, Threads: e.watch.threads()}
	var hashes, txs, seal float64
	var full float64
	intervals := result.NewHistogram()
	for _, b := range f.rows {
		if b.Status != "main" {
			c.Orphaned++
			continue
		}
		c.Blocks++
		if b.Txs == 0 {
			c.Empty++
		}
		txs += float64(b.Txs)
		hashes, seal = hashes+float64(b.Hashes), seal+float64(b.SealNs)/1e9
		if b.Limit > 0 {
			full += float64(b.Used) / float64(b.Limit)
		}
		if b.IntervalNs > 0 {
			_ = intervals.RecordValue(min(b.IntervalNs, result.HighestNs)) // bounded above
		}
	}
	if c.Blocks > 0 {
		c.TxsPerBlock, c.Fullness = txs/float64(c.Blocks), full/float64(c.Blocks)
	}
	if seal > 0 {
		c.HashesPerS = hashes / seal
	}
	if intervals.TotalCount() > 0 {
		c.IntervalMeanNs, c.IntervalP99Ns = int64(intervals.Mean()), intervals.ValueAtPercentile(99)
	}
	tip := f.tip()
	c.Tip, c.Height = tip.ID.String(), tip.Height
	c.Durable = c.Blocks > 0 && f.synced == c.Blocks
	return c
}

// judge fills in validity, objectives, warnings and the verdict.
func (e *engine) judge(r *result.Run) {
	_, window := e.collector.Totals()
	o := verdict.Observed{
		Arrivals: window[record.Dispatched] + window[record.DroppedLate], OnTime: window[record.InTime],
		Steal:     hostinfo.StealShare(e.watch.pressure[0], e.watch.pressure[1]),
		Throttled: e.watch.pressure[1].Throttled > e.watch.pressure[0].Throttled,
		SwapPages: e.watch.pressure[1].SwapPages - e.watch.pressure[0].SwapPages,
		TooHot:    e.watch.pressure[1].TooHot - e.watch.pressure[0].TooHot,
	}
	if free, size, ok := hostinfo.FreeDisk(e.opt.Dir); ok {
		o.DiskFree = float64(free) / float64(size)
	}
	if len(r.Resources) > 0 {
		o.GeneratorCPU = r.Resources[0].CPUShare
		r.Workers[0].CPUShare = o.GeneratorCPU
	}
	o.FailedFaults = e.failedFaults
	r.Validity = verdict.Validity(r, o)
	r.SLO = verdict.SLO(r, objectives(e.sc.SLO))
	r.Warnings = append(append([]string{}, e.plan.Warnings...), verdict.Warnings(r, o)...)
	if e.follower.broken > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("blocks that were reverted after they had held: %d; load.confirmations: %d is too few for this chain", e.follower.broken, e.sc.Load.Confirmations))
	}
	if n := e.collector.MergeDropped(); n > 0 || e.follower.stages.broken > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d samples and %d of the nodes' histograms could not be merged", n, e.follower.stages.broken))
	}
	if n := e.fresh.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d of %d transactions were signed live: past the end of those signed before, or after a lane lost its place", n, r.Counts.Sent))
	}
	r.Warnings = append(r.Warnings, steadyWarnings(&r.Steady)...)
	e.limits(r)
	r.Verdict, r.Reasons = verdict.Decide(r, e.interrupted.Load())
}

// limits sets what was measured against what the machine can do.
func (e *engine) limits(r *result.Run) {
	c := r.Environment.Calibration
	if c == nil {
		return
	}
	n := 2.0
	if c.VerifyAfter == 0 {
		n = 1
	}
	if c.SignaturesPerTx == 0 {
		c.SignaturesPerTx = float64(e.sc.Load.Options.Inputs)
	}
	c.VerificationLimit = (c.VerifyBefore + c.VerifyAfter) / n / c.SignaturesPerTx
	if c.VerificationLimit > 0 {
		c.ThroughputOfLimit = r.Throughput.SucceededPerS / c.VerificationLimit
	}
	if r.Throughput.OfferedPerS > 0 {
		c.CeilingOverOffered = c.GeneratorCeiling / r.Throughput.OfferedPerS
	}
}

func objectives(all []scenario.Objective) []verdict.Objective {
	out := make([]verdict.Objective, len(all))
	for i, o := range all {
		out[i] = verdict.Objective{Metric: o.Metric, Op: o.Op, Limit: o.Limit}
	}
	return out
}

// hurt does the scenario's faults, each at its time.
func (e *engine) hurt(ctx context.Context) {
	for _, f := range e.sc.Faults {
		pauseUntil(ctx, e.start.Add(f.At.Std()))
		if ctx.Err() != nil {
			return
		}
		row := result.Fault{AtNs: e.now(), Node: fmt.Sprintf("node-%d", f.Node), Kind: f.Do, Detail: fmt.Sprintf("for %v", f.For.Std().Round(time.Millisecond))}
		e.faultsMu.Lock()
		e.faults = append(e.faults, row) // while it lasts, too: see restarted
		e.faultsMu.Unlock()
		err := e.opt.Hurt(ctx, f)
		e.faultsMu.Lock()
		last := &e.faults[len(e.faults)-1]
		last.UntilNs = e.now()
		if err != nil {
			last.Detail = err.Error()
			e.failedFaults++
		}
		e.faultsMu.Unlock()
	}
}
