package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/reports"
)

func newTraceCmd() *cobra.Command {
	var warmup bool
	cmd := &cobra.Command{
		Use:   "trace DIR",
		Short: "Print when the transactions of a run were due, as a trace to replay",
		Long: "trace prints the arrivals of a run as CSV, which a scenario replays: load: {schedule: {trace: {file: FILE}}}.\n\n" +
			"It is the intended time of each transaction (arrival_ns) where the run's folder holds all of them, and else the\n" +
			"rates that were offered, by the second (second,rate); its first line says which. The warm-up is left out, since a\n" +
			"replay has one of its own.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := reports.ReadArrivals(args[0], warmup)
			if err != nil {
				return usage(err)
			}
			if a.Why != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "chaindyno: warning: rates by the second: %s\n", a.Why)
			}
			return a.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&warmup, "with-warmup", false, "record the warm-up too")
	return cmd
}
