package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

func newCheckCmd() *cobra.Command {
	var a asked
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Print what a scenario would take, without running it",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.scenario(args)
			if err != nil {
				return err
			}
			l, p, err := plan(cmd.Context(), s)
			if err != nil {
				return err
			}
			return printPlan(cmd.OutOrStdout(), s, l, p)
		},
	}
	a.flags(cmd)
	return cmd
}

// row is one line of a table of two columns.
type row struct{ name, value string }

func printRows(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if r.value != "" {
			fmt.Fprintf(t, "%s\t%s\n", r.name, r.value)
		}
	}
	return t.Flush()
}

func printPlan(w io.Writer, s *scenario.Scenario, l scenario.Limits, p scenario.Plan) error {
	rows := []row{
		{"scenario", s.Name},
		{"target", targetOf(s)},
		{"loop", s.Loop()},
		{"trace", traceOf(s)},
		{"transactions", fmt.Sprintf("%d of %d bytes, %s", p.Txs, l.TxBytes, signedWhen(s))},
		{"peak rate", fmt.Sprintf("%.0f tx/s", p.PeakRate)},
		{"duration", fmt.Sprintf("%v: %v warm-up, %v steady; then at most %v drain", p.Duration, s.Load.Warmup, p.Duration-s.Load.Warmup.Std(), s.Load.Drain)},
		{"blocks", blocksOf(l, p)},
		{"lanes", fmt.Sprintf("%d; at least %d are needed: %d unconfirmed at once over windows of %d", p.Lanes, p.LanesNeeded, p.Unconfirmed, l.LaneWindow)},
		{"in flight", fmt.Sprintf("at most %d, then dropped as overload", p.InFlight)},
		{"memory", "up to " + size(p.MemoryBytes) + " for the generator"},
		{"disk", fmt.Sprintf("up to %s: %s of signed transactions, %s in the run's folder, the rest for nodes", size(diskNeed(s, l, p)), size(p.DeckBytes), size(p.RawBytes))},
	}
	for _, o := range s.SLO {
		rows = append(rows, row{"objective", o.Text})
	}
	for _, f := range s.Faults {
		rows = append(rows, row{"fault", fmt.Sprintf("%s node-%d after %v for %v", f.Do, f.Node, f.At, f.For)})
	}
	for _, warning := range p.Warnings {
		rows = append(rows, row{"warning", warning})
	}
	return printRows(w, rows)
}

func targetOf(s *scenario.Scenario) string {
	if s.Chain != nil {
		return count(s.Chain.Up.Nodes, "node") + " started by the run"
	}
	if len(s.Target.Submit) == 0 {
		return s.Target.Driver + " in this process"
	}
	return fmt.Sprintf("%s at %v", s.Target.Driver, s.Target.Submit)
}

func traceOf(s *scenario.Scenario) string {
	if t := s.Load.Schedule.Trace; t != nil {
		return t.Describe()
	}
	return ""
}

func signedWhen(s *scenario.Scenario) string {
	if s.Load.Sign == scenario.SignBefore {
		return "signed before the clock starts"
	}
	return "signed as they are sent"
}

func blocksOf(l scenario.Limits, p scenario.Plan) string {
	if l.Interval == 0 {
		return "at an unknown interval; waits of up to " + p.LongestWait.String() + " are allowed for"
	}
	return fmt.Sprintf("every %v, about %d; the longest wait is below %v in 999 runs of 1,000",
		l.Interval, p.Duration/l.Interval, p.LongestWait.Round(10*time.Millisecond))
}
