package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/search"
)

// rateMax is the highest rate that a scenario may ask for.
const rateMax = 10_000_000

// plan sets the search up from the scenario, with the highest rate that the
// scenario's own arithmetic permits as its limit.
func (c *capacity) plan(ctx context.Context) error {
	l, err := limitsOf(ctx, c.scenario)
	if err != nil {
		return usage(err)
	}
	k := c.scenario.Capacity
	c.cfg = search.Config{
		Start: float64(k.Start), Floor: float64(k.Start) * search.FloorShare, Precision: float64(k.Precision),
		Confirm: k.Confirm, Repeats: k.Repeats, Errors: float64(k.Errors),
		Short: k.Trial.Short.Std(), Long: k.Trial.Long.Std(), Full: k.Trial.Full.Std(),
		Arrivals: search.ArrivalsFor(metricsOf(c.scenario.SLO)...),
	}
	fits := func(rate float64) error { return c.fits(rate, l) }
	if err := fits(c.cfg.Start); err != nil {
		return usage(err)
	}
	c.cfg.Limit, c.cfg.LimitWhy = highest(c.cfg.Start, fits)
	return nil
}

// fits says why a full run at a rate could not be carried out.
func (c *capacity) fits(rate float64, l scenario.Limits) error {
	s := c.scenario.At(rate, c.cfg.Full)
	p, err := s.Plan(l)
	if err != nil {
		return err
	}
	return checkOut(c.out, diskNeed(s, l, p))
}

// highest returns the highest rate from start on that fits, to a hundredth, and
// whose limit it is.
func highest(start float64, fits func(float64) error) (rate float64, why string) {
	low, high := start, float64(rateMax)
	err := fits(high)
	if err == nil {
		return high, "no scenario may ask for more"
	}
	for high/low > 1.01 {
		mid := math.Sqrt(low * high)
		if beyond := fits(mid); beyond == nil {
			low = mid
		} else {
			high, err = mid, beyond
		}
	}
	return max(start, search.Round(low)), "the scenario permits no more: " + err.Error()
}

// ceiling measures what the generator can drive on this machine, and keeps the
// search well below it: a search that its own generator stops must say so.
func (c *capacity) ceiling(ctx context.Context) error {
	scheme, err := calibrate.Scheme(c.scenario.Load.Options.Scheme)
	if err != nil {
		return usage(c.scenario.ErrorAt("load.options.scheme", "%v", err))
	}
	fmt.Fprintln(c.cmd.OutOrStdout(), "measuring what the generator can drive ...")
	k, err := calibrate.Machine(ctx, calibrate.Quick, scheme)
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
	}
	if err != nil {
		return err
	}
	c.report.Environment.Calibration = k
	most, does := k.GeneratorCeiling, "drive"
	if c.scenario.Load.Sign == scenario.SignLive && c.scenario.Target.Driver == scenario.DriverReference && k.SignRate > 0 {
		most = 1 / (1/most + float64(c.scenario.Load.Options.Inputs)/k.SignRate)
		does = "sign and drive"
	}
	if limit := search.Round(search.CeilingShare * most); limit < c.cfg.Limit {
		c.cfg.Limit = limit
		c.cfg.LimitWhy = fmt.Sprintf("%.0f %% of the %s/s that the generator can %s on this machine", 100*search.CeilingShare, search.InFull(search.Round(most)), does)
	}
	if c.cfg.Start > c.cfg.Limit {
		c.cfg.Start = c.cfg.Limit
	}
	if c.cfg.Floor > c.cfg.Start {
		return usage(c.scenario.ErrorAt("capacity.start", "%v is far beyond the generator on this machine, which is asked for at most %v/s", c.scenario.Capacity.Start, c.cfg.Limit))
	}
	return nil
}

// printPlan prints what the search would do, and how long it can take.
func (c *capacity) printPlan() error {
	s, k := c.scenario, &c.cfg
	warmup, drain := s.Load.Warmup.Std(), s.Load.Drain.Std()
	arrivals, between := "constant", "a fresh chain for each trial"
	if s.Load.Schedule.Poisson != nil {
		arrivals = "poisson"
	}
	if c.external() {
		between = "drained between trials, whose outcomes depend on each other therefore"
	}
	rows := []row{
		{"scenario", s.Name}, {"target", targetOf(s) + "; " + between}, {"arrivals", arrivals},
		{"start", fmt.Sprintf("%s/s, and down to %s/s where that fails", search.InFull(k.Start), search.InFull(k.Floor))},
		{"limit", fmt.Sprintf("%s/s: %s; or %.0f %% of what the generator can drive, which is measured first", search.InFull(k.Limit), k.LimitWhy, 100*search.CeilingShare)},
		{"precision", fmt.Sprintf("%v %% of the lower end", 100*k.Precision)},
	}
	for _, o := range s.SLO {
		rows = append(rows, row{"objective", o.Text})
	}
	for _, stage := range k.Worst() {
		rows = append(rows, row{stage.Purpose, fmt.Sprintf("up to %s of %v, after %v of warm-up", count(stage.Trials, "trial"), stage.Length, warmup)})
	}
	once, worst := k.Takes(warmup, drain)
	rows = append(rows, row{"duration", fmt.Sprintf("up to %v where no trial contradicts another and all drain at once; at the very worst, at the lowest rates, with every trial repeated and every drain to its end, %v; both without starting nodes and signing",
		once.Round(time.Second), worst.Round(time.Second))})
	return printRows(c.cmd.OutOrStdout(), rows)
}

// drainPoll is how often a target is asked whether anything still waits in it.
const drainPoll = 250 * time.Millisecond

// awaitDrained waits until nothing is left in the pools of a target's nodes, for
// as long as a run's drain may last. A target that does not tell is believed.
func awaitDrained(ctx context.Context, s *scenario.Scenario) error {
	d, err := dial(s, s.Target.Submit)
	if err != nil {
		return err
	}
	defer d.Close()
	inspector, ok := d.(driver.Inspector)
	if !ok {
		return nil
	}
	deadline := time.Now().Add(s.Load.Drain.Std())
	for {
		stats, err := inspector.Inspect(ctx)
		if err != nil {
			return usage(err)
		}
		left := 0
		for _, n := range stats {
			left += n.Pool + n.Queue
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return usagef("the target still holds %d transactions of before after %v; wait until it has drained, or lengthen load.drain", left, s.Load.Drain)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drainPoll):
		}
	}
}
