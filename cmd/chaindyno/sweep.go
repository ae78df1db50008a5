package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sweep"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newSweepCmd() *cobra.Command {
	w := &sweepRun{}
	cmd := &cobra.Command{
		Use:   "sweep FILE",
		Short: "Measure every combination of settings, and compare them",
		Long: "sweep carries out a scenario at every combination of the values of its key sweep: several times each, in\n" +
			"random order, each run on a chain of its own. Interrupted, it says how to go on; runs that were finished are\n" +
			"not made again. A run that fails its objectives is a result; one that is INVALID is repeated.\n\n" +
			"Exit codes: 0 everything was measured, 1 the audit of a run failed, 2 usage, 3 a point has no valid run,\n" +
			"4 internal, 130 interrupted.",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.run(cmd, args) },
	}
	w.each.asked.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&w.out, "out", "out", "folder in which the sweep gets a folder of its own")
	f.StringVar(&w.resume, "resume", "", "go on with the sweep in this folder")
	f.IntVar(&w.repeats, "repeats", 0, "runs at each point: short for --set sweep.repeats=N")
	f.BoolVar(&w.dryRun, "dry-run", false, "print the plan and how long it will take, and measure nothing")
	f.StringVar(&w.calibrate, "calibrate", "once", "when this machine is measured: once (before and after the whole), quick or standard (around every run), off")
	f.BoolVar(&w.each.keep, "keep", false, "keep the nodes' data and logs in the folders of the runs")
	f.BoolVar(&w.each.within, "in-process", false, "run nodes inside the generator's process: for tests, and labelled in the reports")
	return cmd
}

// sweepRun is one sweep from the command line to the exit code.
type sweepRun struct {
	each      measurement // what the runs have in common
	out       string
	resume    string
	repeats   int // 0 = as the scenario says
	dryRun    bool
	calibrate string

	cmd  *cobra.Command
	base *scenario.Scenario
	plan *result.Sweep
	need uint64 // bytes on the disk, at most
	dir  string
}

func (w *sweepRun) run(cmd *cobra.Command, args []string) error {
	w.cmd, w.each.cmd = cmd, cmd
	if err := w.prepare(args); err != nil {
		return err
	}
	if w.dryRun {
		return w.printPlan(cmd.OutOrStdout())
	}
	if err := w.open(); err != nil {
		return err
	}
	release, err := w.lock()
	if err != nil {
		return err
	}
	defer release()
	return w.report(w.session(cmd.Context()))
}

// prepare makes the plan, or reads that of the sweep that goes on, and checks
// everything that can be known beforehand.
func (w *sweepRun) prepare(args []string) error {
	switch {
	case w.resume != "":
		return w.takeUp(args)
	case len(args) == 0:
		return usagef("sweep needs the file of a scenario with the key sweep, such as scenarios/threads-batch.yaml, or --resume DIR")
	}
	return w.lay(args)
}

// open creates the folder of a new sweep, with the plan in it.
func (w *sweepRun) open() error {
	if w.resume != "" {
		return checkOut(w.dir, w.need)
	}
	if err := checkOut(w.out, w.need); err != nil {
		return err
	}
	out, err := openOut(w.out)
	if err != nil {
		return err
	}
	if w.dir, err = out.runDir(w.plan.Name, w.plan.Start.Local()); err != nil {
		return usage(err)
	}
	return reports.WriteSweepPlan(w.dir, w.plan)
}

// lock keeps two processes from working on one sweep. The system lets it go
// with its owner.
func (w *sweepRun) lock() (release func(), err error) {
	path := filepath.Join(w.dir, ".lock")
	lock, err := vfs.Default.Lock(path)
	if err != nil {
		return nil, usagef("%s: another process works on this sweep", w.dir)
	}
	return func() {
		_ = os.Remove(path)
		_ = lock.Close()
	}, nil
}

// session works on the sweep until it is done or ended early, and notes when
// and on what machine.
func (w *sweepRun) session(ctx context.Context) error {
	f := newSweepFolder(w)
	missing, err := sweep.Missing(&w.plan.SweepPlan, f)
	if err != nil || missing == 0 {
		return err
	}
	if err := w.announce(missing); err != nil {
		return err
	}
	w.plan.Sessions = append(w.plan.Sessions, result.SweepSession{Start: time.Now().UTC(), From: len(w.plan.Order) - missing})
	s := &w.plan.Sessions[len(w.plan.Sessions)-1]
	if w.plan.Calibrate == "once" {
		s.Calibration = &result.Calibration{}
	}
	w.measureMachine(ctx, s.Calibration, false)
	if err := reports.WriteSweepPlan(w.dir, w.plan); err != nil {
		return err
	}
	err = sweep.Run(ctx, &w.plan.SweepPlan, f)
	if err == nil {
		w.measureMachine(ctx, s.Calibration, true)
	}
	s.End = time.Now().UTC()
	return errors.Join(err, reports.WriteSweepPlan(w.dir, w.plan))
}

// measureMachine measures what this machine can do, before the runs of a
// session and after them.
func (w *sweepRun) measureMachine(ctx context.Context, c *result.Calibration, after bool) {
	if c == nil || ctx.Err() != nil {
		return
	}
	fmt.Fprintln(w.cmd.ErrOrStderr(), "measuring what this machine can do")
	warn := func(err error) {
		if ctx.Err() == nil {
			fmt.Fprintf(w.cmd.ErrOrStderr(), "chaindyno: warning: %v\n", err)
		}
	}
	scheme, err := calibrate.Scheme(w.base.Load.Options.Scheme)
	if err != nil {
		warn(err)
		return
	}
	calibrate.Hook(calibrate.Standard, scheme, warn)(ctx, c, after)
}

// report writes the files that show what there is, prints them, and turns how
// the work ended into an exit code.
func (w *sweepRun) report(ended error) error {
	s, err := reports.ReadSweep(w.dir)
	if err != nil {
		return cmp.Or(ended, usage(err))
	}
	if len(s.Runs) > 0 {
		if err := errors.Join(reports.WriteSweep(w.dir, s), reports.SweepTable(w.cmd.OutOrStdout(), s, reports.TableOptions{Dir: w.dir})); err != nil {
			return errors.Join(ended, err)
		}
	}
	if ended != nil {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "chaindyno: %d of %d runs are there; go on with: chaindyno sweep --resume %s\n", s.Matrix.Made, len(s.Order), w.dir)
		if errors.Is(ended, sweep.ErrInterrupted) {
			return &exitError{code: exitInterrupted}
		}
		return ended
	}
	switch {
	case s.AuditFailed():
		return &exitError{code: exitFail}
	case s.Unmeasured():
		return &exitError{code: exitInvalid}
	}
	return nil
}
