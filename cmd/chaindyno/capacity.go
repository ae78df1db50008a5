package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/search"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newCapacityCmd() *cobra.Command {
	c := &capacity{}
	cmd := &cobra.Command{
		Use:   "capacity [FILE]",
		Short: "Search for the highest rate under the SLO",
		Long: "capacity looks for the highest rate at which a chain keeps the scenario's SLO: it doubles the rate with short\n" +
			"trials, bisects with longer ones, and confirms the lower end of the bracket with full runs, all of which must\n" +
			"pass. Each trial is a whole run on a chain of its own; a target that is there already is drained in between.\n" +
			"The schedule must be constant or poisson; its rate and length are the search's. The scenario's key capacity\n" +
			"says how it is done.\n\n" +
			"Exit codes: 0 found, 1 even the lowest rate fails, 2 usage, 3 undecided or the generator was the limit,\n" +
			"4 internal, 130 interrupted (what is known is printed and kept).",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.each.asked.flags(cmd)
	cmd.Flags().StringVar(&c.out, "out", "out", "folder in which the search gets a folder of its own")
	cmd.Flags().BoolVar(&c.each.keep, "keep", false, "keep the nodes' data and logs in the runs' folders")
	cmd.Flags().BoolVar(&c.each.within, "in-process", false, "run nodes inside the generator's process: for tests, and labelled in the report")
	cmd.Flags().StringVar(&c.each.calibrate, "calibrate", "off", "how long this machine is measured around each trial, on top of once before the search: standard, quick, off")
	cmd.Flags().StringVar(&c.start, "start", "", "first rate that is tried, such as 1000/s (capacity.start)")
	cmd.Flags().StringVar(&c.precision, "precision", "", "widest bracket, as a share of its lower end, such as 5% (capacity.precision)")
	cmd.Flags().StringVar(&c.confirm, "confirm", "", "full runs that the lower end must pass (capacity.confirm)")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "print the plan and how long it can take, and run nothing")
	return cmd
}

// capacity is one search from the command line to the exit code.
type capacity struct {
	each                      measurement // what the trials have in common
	out                       string
	start, precision, confirm string // over the scenario's; "" = as it says
	dryRun                    bool

	cmd      *cobra.Command
	args     []string
	scenario *scenario.Scenario
	cfg      search.Config
	report   result.Capacity
	dir      string
}

func (c *capacity) run(cmd *cobra.Command, args []string) error {
	c.cmd, c.args, c.each.cmd = cmd, args, cmd
	ctx := cmd.Context()
	if err := c.ask(); err != nil {
		return err
	}
	if err := c.plan(ctx); err != nil {
		return err
	}
	if c.dryRun {
		return c.printPlan()
	}
	if err := c.ceiling(ctx); err != nil {
		return err
	}
	return c.search(ctx)
}

// ask reads the scenario, with the flags of this verb laid over it.
func (c *capacity) ask() (err error) {
	own := c.each.asked
	for _, f := range []struct{ key, value string }{{"start", c.start}, {"precision", c.precision}, {"confirm", c.confirm}} {
		if f.value != "" {
			own.changes = append(slices.Clone(own.changes), "capacity."+f.key+"="+f.value)
		}
	}
	if c.scenario, err = own.scenario(c.args); err != nil {
		return err
	}
	if err := c.scenario.ForCapacity(); err != nil {
		return usage(err)
	}
	c.each.scenario = c.scenario
	_, err = c.each.calibration()
	return err
}

// search carries the trials out and reports, whatever comes of them.
func (c *capacity) search(ctx context.Context) error {
	folder, err := openOut(c.out)
	if err != nil {
		return err
	}
	defer folder.discard()
	began := time.Now()
	if c.dir, err = folder.runDir(c.scenario.Name+"-capacity", began); err != nil {
		return usage(err)
	}
	if err := c.begin(began); err != nil {
		return err
	}
	bracket, err := search.Search(ctx, c.cfg, c.trial, c.ended)
	if len(c.report.Trials) == 0 {
		_ = os.RemoveAll(c.dir)
		if err == nil {
			return &exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
		}
		return err
	}
	c.report.ElapsedNs, c.report.Bracket = int64(time.Since(began)), bracket
	c.report.Says = search.Says(bracket, c.report.Plan)
	if shown := c.show(); shown != nil || err != nil {
		return errors.Join(err, shown)
	}
	if code := codeOfSearch(bracket.Outcome); code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

// begin fills in what is known of the search before its first trial.
func (c *capacity) begin(at time.Time) error {
	secrets, err := c.scenario.Secrets()
	if err != nil {
		return usage(err)
	}
	r := &c.report
	r.ID, r.Name, r.Start, r.Config, r.Plan = runID(), c.scenario.Name, at.UTC(), c.scenario.JSON(), c.cfg.Plan()
	r.Argv = secrets.RedactArgv(append([]string{"chaindyno"}, os.Args[1:]...))
	r.Environment.Host = host()
	r.Dependent = c.external()
	for _, o := range c.scenario.SLO {
		r.SLO = append(r.SLO, o.Text)
		r.Limits = append(r.Limits, result.Check{Name: o.Metric, Op: o.Op, Limit: o.Limit, Unit: o.Unit})
	}
	_, err = fmt.Fprintf(c.cmd.OutOrStdout(), "asking for at most %s/s: %s\n", search.InFull(c.cfg.Limit), c.cfg.LimitWhy)
	return err
}

// external says whether the chain is somebody else's, and the same for every
// trial.
func (c *capacity) external() bool {
	return c.scenario.Chain == nil && len(c.scenario.Target.Submit) > 0
}

// trial is one run of the search, on a system of its own where that is ours.
func (c *capacity) trial(ctx context.Context, t search.Trial) (*result.Run, error) {
	if c.external() {
		if err := awaitDrained(ctx, c.scenario); err != nil {
			return nil, err
		}
	}
	m := c.each
	m.scenario = c.scenario.At(t.Rate, t.Length)
	m.id, m.out, m.named, m.hasty = runID(), c.dir, t.Dir(), true
	m.argv = m.asked.argv(c.args, m.scenario.Assignment())
	m.among = func() string { return fmt.Sprintf("trial %d, %s at %s/s", t.N, t.Purpose, search.InFull(t.Rate)) }
	r, err := m.carryOut(ctx)
	if err == nil && len(c.report.Trials) == 0 {
		c.environment(r)
	}
	return r, err
}

// environment is that of the first trial: the system under test tells what it
// is only once it is up.
func (c *capacity) environment(r *result.Run) {
	e := r.Environment
	e.Calibration = c.report.Environment.Calibration
	c.report.Environment = e
}

// ended prints a trial, whose files are written by then.
func (c *capacity) ended(t result.Trial) {
	c.report.Trials = append(c.report.Trials, t)
	_ = reports.TrialLine(c.cmd.OutOrStdout(), &t, reports.TableOptions{})
}

// show writes the files of the search and prints the outcome.
func (c *capacity) show() error {
	if err := reports.WriteCapacity(c.dir, &c.report); err != nil {
		return err
	}
	return reports.CapacityTable(c.cmd.OutOrStdout(), &c.report, reports.TableOptions{Dir: c.dir})
}

func codeOfSearch(o result.Outcome) int {
	switch o {
	case result.CapacityFound:
		return exitPass
	case result.CapacityNone:
		return exitFail
	case result.CapacityInterrupted:
		return exitInterrupted
	}
	return exitInvalid
}

// renderCapacity renders a search again from its files.
func renderCapacity(cmd *cobra.Command, dir, format string) error {
	c, err := reports.ReadCapacity(dir)
	if err != nil {
		return usage(err)
	}
	w := cmd.OutOrStdout()
	switch format {
	case "table":
		for i := range c.Trials {
			if err := reports.TrialLine(w, &c.Trials[i], reports.TableOptions{}); err != nil {
				return err
			}
		}
		return reports.CapacityTable(w, c, reports.TableOptions{Dir: dir})
	case "json":
		return reports.CapacityJSON(w, c)
	case "html":
		if err := reports.WriteCapacity(dir, c); err != nil {
			return usage(err)
		}
		_, err := fmt.Fprintf(w, "wrote %s\n", filepath.Join(dir, result.FileHTML))
		return err
	}
	return usagef("--format %q is not known; permitted: table, json, html", format)
}

// metricsOf lists what the SLO is about.
func metricsOf(slo []scenario.Objective) []string {
	names := make([]string, len(slo))
	for i, o := range slo {
		names[i] = o.Metric
	}
	return names
}
