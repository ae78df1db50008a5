package main

import (
	"context"
	"sync"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/reports"
)

// historyMax bounds the sparklines of the live view, in seconds.
const historyMax = 120

// view shows a run while it lasts.
type view struct {
	name, target string
	among        func() string // nil: a run by itself
	metrics      *runMetrics   // nil: off
	updates      chan reports.Progress
	done         sync.WaitGroup

	// of the engine's one progress goroutine
	offered, committed []float64
}

// watchRun starts the live view: on a terminal one that redraws itself, and
// lines elsewhere. stop is called when the user asks for an end there.
func watchRun(ctx context.Context, m *measurement, stop func()) *view {
	v := &view{name: m.scenario.Name, target: m.system.says, among: m.among, metrics: m.metrics, updates: make(chan reports.Progress, 16)}
	v.done.Go(func() {
		// The view is a convenience: what it cannot draw costs no run.
		_ = reports.Live(ctx, m.cmd.ErrOrStderr(), m.cmd.InOrStdin(), stop, v.updates)
		for range v.updates {
		}
	})
	return v
}

// progress hands a reading to the view, or drops it where the view is behind.
func (v *view) progress(p loadgen.Progress) {
	v.metrics.progress(p)
	if p.Phase == loadgen.PhaseWarmup || p.Phase == loadgen.PhaseSteady || p.Phase == loadgen.PhaseDrain {
		v.offered = keep(v.offered, p.SentPerS)
		v.committed = keep(v.committed, p.CommittedPerS)
	}
	select {
	case v.updates <- v.convert(p):
	default:
	}
}

func (v *view) convert(p loadgen.Progress) reports.Progress {
	among := ""
	if v.among != nil {
		among = v.among()
	}
	return reports.Progress{
		Name: v.name, Target: v.target, Among: among, Phase: p.Phase, Elapsed: p.Elapsed, Total: p.Total, Done: p.Done, Of: p.Of,
		AskedPerS: p.AskedPerS, AchievedPerS: p.SentPerS, CommittedPerS: p.CommittedPerS,
		Offered: append([]float64(nil), v.offered...), Committed: append([]float64(nil), v.committed...),
		CommitP50: p.CommitP50, CommitP99: p.CommitP99, InFlight: p.InFlight, Pool: p.Pool, Blocks: p.Blocks, Height: p.Height,
		Reorgs: p.Reorgs, Dropped: p.Dropped, Rejected: p.Rejected, Unknown: p.Unknown, Warnings: p.Warnings,
	}
}

// keep appends to a history of bounded length.
func keep(history []float64, v float64) []float64 {
	history = append(history, v)
	return history[max(0, len(history)-historyMax):]
}

// close ends the view and waits until the terminal is as it was.
func (v *view) close() {
	close(v.updates)
	v.done.Wait()
}
