package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/sweep"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// sweepFolder is the folder of a sweep, and makes the runs in it.
type sweepFolder struct {
	*sweepRun
	// Of the runs of this session: what was expected of them, and what they
	// took.
	expected, taken time.Duration
}

func newSweepFolder(w *sweepRun) *sweepFolder { return &sweepFolder{sweepRun: w} }

// Look implements sweep.Folder.
func (f *sweepFolder) Look(s sweep.Slot) (sweep.Found, result.Verdict, error) {
	run, there, err := reports.LookAtRun(f.dir, f.plan, s.Place, s.Attempt)
	switch {
	case err != nil:
		return sweep.Nothing, "", usage(err)
	case run != nil:
		return sweep.Whole, run.Verdict, nil
	case there:
		return sweep.Half, "", nil
	}
	return sweep.Nothing, "", nil
}

// Clear implements sweep.Folder.
func (f *sweepFolder) Clear(s sweep.Slot) error {
	return os.RemoveAll(filepath.Join(f.dir, f.plan.Folder(s.Place, s.Attempt)))
}

// Measure implements sweep.Folder.
func (f *sweepFolder) Measure(ctx context.Context, s sweep.Slot) (result.Verdict, error) {
	p := &f.plan.SweepPlan
	m := f.each
	var err error
	if m.scenario, err = f.base.Vary(p.Points[s.Point].Values); err != nil {
		return "", usage(err)
	}
	m.id, m.out, m.named, m.hasty = runID(), f.dir, p.Folder(s.Place, s.Attempt), true
	m.argv = f.argv(s.Point)
	began, left := time.Now(), sweep.Left(p, s.Place, f.expected, f.taken)
	m.among = func() string { return f.standing(s, left-time.Since(began)) }
	r, err := m.carryOut(ctx)
	interrupted := m.interrupted || ctx.Err() != nil
	if err != nil {
		if interrupted {
			return "", sweep.ErrInterrupted
		}
		return "", fmt.Errorf("run %d, %s: %w", s.Place+1, p.Label(s.Point), err)
	}
	f.expected += time.Duration(p.Points[s.Point].AboutNs)
	f.taken += time.Since(began)
	if interrupted {
		return r.Verdict, sweep.ErrInterrupted
	}
	return r.Verdict, f.line(s, &r.Summary)
}

// argv is the command that makes a run of a point by itself.
func (f *sweepFolder) argv(point int) []string {
	argv := append([]string{}, f.plan.RunArgv...)
	for i, v := range f.plan.Points[point].Values {
		argv = append(argv, "--set", f.plan.Axes[i].Sets[v])
	}
	return argv
}

// standing says where a run stands in the sweep.
func (f *sweepFolder) standing(s sweep.Slot, left time.Duration) string {
	text := fmt.Sprintf("run %d of %d, %s", s.Place+1, len(f.plan.Order), f.plan.Label(s.Point))
	if s.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", s.Attempt)
	}
	return text + ", " + minutes(max(left, 0)) + " left"
}

// line tells of a run that is done.
func (f *sweepFolder) line(s sweep.Slot, r *result.Summary) error {
	again := ""
	if r.Verdict == result.Invalid && s.Attempt < f.plan.Attempts {
		again = "; the generator was the limit, so it is made again"
	}
	_, err := fmt.Fprintf(f.cmd.OutOrStdout(), "run %*d of %d  %s  %s%s\n",
		len(fmt.Sprint(len(f.plan.Order))), s.Place+1, len(f.plan.Order), f.plan.Label(s.Point), reports.SweepRunLine(f.plan.Metric, r), again)
	return err
}

// announce says what is ahead.
func (w *sweepRun) announce(missing int) error {
	p := &w.plan.SweepPlan
	about, _ := sweep.Total(p)
	about = time.Duration(float64(about) * float64(missing) / float64(len(p.Order)))
	_, err := fmt.Fprintf(w.cmd.OutOrStdout(), "%s: %d points, %s each, in random order from seed %d; %d of %d runs to make, about %s; in %s\n",
		p.Name, len(p.Points), often(p.Repeats), p.Seed, missing, len(p.Order), minutes(about), w.dir)
	return err
}

var _ sweep.Folder = (*sweepFolder)(nil)
