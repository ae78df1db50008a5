package reports

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Progress is one reading of a run under way. The receiver owns it: the
// producer must not change its slices afterwards.
type Progress struct {
	Name    string // of the scenario
	Target  string // what is measured, in a few words
	Among   string // where the run stands among others; "" = by itself
	Phase   string // prepare, sign, calibrate, warmup, steady, drain, audit, ...
	Elapsed time.Duration
	Total   time.Duration // 0 = unknown

	// A phase that works through a known amount (signing, auditing) sets Done
	// and Of; Of == 0: none.
	Done, Of uint64

	AskedPerS     float64   // what the schedule wants now; 0 = closed loop or no load
	AchievedPerS  float64   // sent in the last second
	CommittedPerS float64   // included in the last second
	Offered       []float64 // per second, newest last
	Committed     []float64

	CommitP50, CommitP99 time.Duration // over the last seconds; 0 = unknown
	InFlight             int64
	Pool                 int64 // -1 = unknown
	Blocks               int
	Height               uint64
	Reorgs               int
	Dropped              uint64
	Rejected             uint64 // those that the workload asks for included
	Unknown              uint64

	SLO      []result.Check // as of now
	Workers  []WorkerProgress
	Warnings []string
}

// loaded tells whether there is load, or a chain, to speak of.
func (p *Progress) loaded() bool {
	return p.AskedPerS > 0 || p.AchievedPerS > 0 || p.CommittedPerS > 0 || p.InFlight > 0 || p.Blocks > 0
}

// WorkerProgress is one worker's row of the live view.
type WorkerProgress struct {
	Name      string
	SentPerS  float64
	CommitP99 time.Duration // 0 = unknown
	Lost      bool
}

// Live shows updates on out until the channel is closed or ctx is done, and
// then returns; nobody reads updates after that. It draws on a terminal, and
// writes a logfmt line every ten seconds elsewhere (out or in is no terminal,
// or in is nil).
//
// While it draws, the terminal sends no signals: Ctrl-C calls stop, once, and
// the view goes on until the run has ended in its own way. A second Ctrl-C
// leaves the view and gives the terminal back, so that a third one interrupts
// the process. Elsewhere signals are the caller's.
func Live(ctx context.Context, out io.Writer, in io.Reader, stop func(), updates <-chan Progress) error {
	if in != nil && isTerminal(out) && isTerminal(in) && os.Getenv("TERM") != "dumb" {
		return liveView(ctx, out, in, stop, updates)
	}
	return liveLines(ctx, out, updates)
}
