package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sweep"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// lay makes the plan of a new sweep.
func (w *sweepRun) lay(args []string) (err error) {
	a := &w.each.asked
	if w.repeats != 0 {
		a.changes = append(slices.Clone(a.changes), fmt.Sprintf("sweep.repeats=%d", w.repeats))
	}
	if w.base, err = a.scenario(args); err != nil {
		return err
	}
	if w.base.Sweep == nil {
		return usage(w.base.ErrorAt("sweep", "is absent: there is nothing to vary; add for example sweep: {axes: {miner.threads: [1, 2]}}"))
	}
	plan, err := w.planned()
	if err != nil {
		return err
	}
	secrets, err := w.base.Secrets()
	if err != nil {
		return usage(err)
	}
	plan.ID, plan.Start, plan.File, plan.Calibrate, plan.InProcess = runID(), time.Now().UTC(), args[0], w.calibrate, w.each.within
	plan.Argv = secrets.RedactArgv(append([]string{"chaindyno"}, os.Args[1:]...))
	plan.RunArgv = secrets.RedactArgv(append(a.argv(args), "--calibrate", w.each.calibrate))
	if w.each.within {
		plan.RunArgv = append(plan.RunArgv, "--in-process")
	}
	if plan.FileSum, err = digestOf(args[0]); err != nil {
		return err
	}
	plan.Host = host()
	plan.Builds, err = w.builds(w.cmd.Context())
	w.plan = &result.Sweep{SweepPlan: plan}
	return err
}

// planned is what follows from the scenario alone. It sets the runs' own
// calibration, which takes its time, and how much room they need.
func (w *sweepRun) planned() (result.SweepPlan, error) {
	took, ok := map[string]time.Duration{"once": 0, "off": 0, "quick": quickLasts, "standard": standardLasts}[w.calibrate]
	if !ok {
		return result.SweepPlan{}, usagef("--calibrate %q is not known; permitted: once, quick, standard, off", w.calibrate)
	}
	w.each.calibrate = w.calibrate
	if took == 0 {
		w.each.calibrate = "off"
	}
	w.each.scenario = w.base
	if _, err := w.each.calibration(); err != nil {
		return result.SweepPlan{}, err
	}
	var room roomNeeded
	plan, err := sweep.Plan(w.base, func(s *scenario.Scenario) (about, most time.Duration, err error) {
		if _, err := calibrate.Scheme(s.Load.Options.Scheme); err != nil && s.Target.Driver == scenario.DriverReference {
			return 0, 0, s.ErrorAt("load.options.scheme", "%v", err)
		}
		l, p, err := plan(w.cmd.Context(), s)
		if err != nil {
			return 0, 0, err
		}
		room.add(p.RawBytes, diskNeed(s, l, p))
		beside := settles + took
		if s.Load.Sign == scenario.SignBefore && s.Target.Driver == scenario.DriverReference {
			beside += time.Duration(float64(p.Txs) / signsPerSecond * float64(time.Second))
		}
		return p.Duration + beside, p.Longest + beside, nil
	})
	w.need = room.of(w.base.Sweep.Repeats)
	return plan, usage(err)
}

// What a run takes beside its load and its drain, for the estimate before the
// first run; afterwards the runs tell.
const (
	settles        = 3 * time.Second  // start, end, and a drain as short as it should be
	quickLasts     = 5 * time.Second  // calibration on both sides
	standardLasts  = 26 * time.Second //
	signsPerSecond = 40_000           // of two ordinary cores
)

// roomNeeded adds up what all runs keep, and the most that one needs for as
// long as it lasts.
type roomNeeded struct{ kept, most uint64 }

func (n *roomNeeded) add(kept, need uint64) { n.kept, n.most = n.kept+kept, max(n.most, need) }

func (n *roomNeeded) of(repeats int) uint64 { return n.kept*uint64(repeats) + n.most }

// builds are the programs that the runs use: this one, and those whose nodes it
// starts.
func (w *sweepRun) builds(ctx context.Context) ([]result.SweepBuild, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	own := result.SweepBuild{Version: buildinfo.Read().Short()}
	if own.SHA256, err = digestOf(path); err != nil {
		return nil, err
	}
	all := []result.SweepBuild{own}
	err = w.base.Choices(func(choice []int) error {
		s, err := w.base.Vary(choice)
		if err != nil || s.Chain == nil || slices.ContainsFunc(all, func(b result.SweepBuild) bool { return b.Binary == s.Chain.Up.Binary }) {
			return err
		}
		b, err := buildOf(ctx, s)
		all = append(all, result.SweepBuild{Binary: b.asked, Version: b.version, SHA256: b.digest})
		return err
	})
	return all, err
}

// takeUp reads the plan of the sweep that goes on, and refuses to mix runs of
// two scenarios, two builds or two machines in it.
func (w *sweepRun) takeUp(args []string) (err error) {
	if len(args) > 0 {
		return usagef("--resume %s: the sweep has its scenario already; remove %s", w.resume, args[0])
	}
	w.cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"resume", "dry-run", "keep", "allow-remote"}, f.Name) {
			err = usagef("--resume %s: the sweep has its settings already; remove --%s", w.resume, f.Name)
		}
	})
	if err != nil {
		return err
	}
	if w.plan, err = reports.ReadSweepPlan(w.resume); err != nil {
		return usage(err)
	}
	w.dir, w.calibrate, w.each.within = w.resume, w.plan.Calibrate, w.plan.InProcess
	if w.base, err = scenario.Parse(w.plan.Config, result.FileSweep); err != nil {
		return usage(err)
	}
	w.base.Target.AllowRemote = w.each.asked.allowRemote
	now, err := w.planned()
	if err != nil {
		return err
	}
	if now.Builds, err = w.builds(w.cmd.Context()); err != nil {
		return err
	}
	return w.same(&now)
}

// same wants everything as it was when the sweep began.
func (w *sweepRun) same(now *result.SweepPlan) error {
	const start = "runs of both would not compare: put it back, or start a new sweep"
	refuse := func(format string, args ...any) error {
		return usagef("%s cannot be resumed: %s; %s", w.resume, fmt.Sprintf(format, args...), start)
	}
	then := &w.plan.SweepPlan
	sum, err := digestOf(then.File)
	switch {
	case err == nil && sum != then.FileSum:
		return refuse("%s has changed since it began", then.File)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usage(err)
	}
	h := host()
	h.Version = then.Host.Version // which the builds tell better
	if h != then.Host {
		return refuse("this machine is not the one on which it began, or no longer as it was")
	}
	for i, b := range then.Builds {
		if i >= len(now.Builds) || now.Builds[i] != b {
			return refuse("%s is not the build with which it began (%s)", orThis(b.Binary), b.Version)
		}
	}
	for i, p := range then.Points {
		if i >= len(now.Points) || now.Points[i].Config != p.Config {
			return refuse("this version reads its scenario in another way")
		}
	}
	return nil
}

func orThis(binary string) string {
	if binary == "" {
		return "this chaindyno"
	}
	return binary
}

// printPlan is --dry-run.
func (w *sweepRun) printPlan(out io.Writer) error {
	p := &w.plan.SweepPlan
	about, most := sweep.Total(p)
	rows := []row{{"sweep", p.Name}, {"target", targetOf(w.base)}}
	for _, a := range p.Axes {
		rows = append(rows, row{"axis " + a.Name, fmt.Sprintf("%s: %s", a.Key, joined(a.Values))})
	}
	calibration := map[string]string{
		"once": fmt.Sprintf("once, before and after all runs: about %v more", standardLasts), "off": "off",
		"quick": "quick, around every run", "standard": "standard, around every run",
	}[p.Calibrate]
	rows = append(rows,
		row{"runs", fmt.Sprintf("%d points, %s each: %d runs, ranked by %s", len(p.Points), often(p.Repeats), len(p.Order), p.Metric)},
		row{"order", fmt.Sprintf("random within each round, from seed %d", p.Seed)},
		row{"calibration", calibration},
		row{"duration", fmt.Sprintf("about %s, at most %s", minutes(about), minutes(most))},
		row{"disk", "up to " + size(w.need)},
	)
	if p.Dependent {
		rows = append(rows, row{"warning", dependent})
	}
	if err := printRows(out, rows); err != nil {
		return err
	}
	fmt.Fprintln(out)
	lines := []row{}
	for place, point := range p.Order {
		lasts := p.Points[point]
		lines = append(lines, row{
			fmt.Sprintf("run %d", place+1),
			fmt.Sprintf("%s  about %v, at most %v", p.Label(point), time.Duration(lasts.AboutNs).Round(time.Second), time.Duration(lasts.MostNs).Round(time.Second)),
		})
	}
	return printRows(out, lines)
}

const dependent = "the target is not started anew for each run, so that runs depend on those before them"

func joined(values []string) string {
	text := ""
	for i, v := range values {
		if i > 0 {
			text += ", "
		}
		text += v
	}
	return text
}

func often(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// minutes renders a duration for somebody who waits.
func minutes(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 10*time.Minute:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
