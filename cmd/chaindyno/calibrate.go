package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/internal/hostinfo"
	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newCalibrateCmd() *cobra.Command {
	var asJSON, quick bool
	var schemeName string
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what this machine can do at best",
		Long: "Measure what this machine can do at best: verification of signatures, signing, hashing,\n" +
			"the lateness of waits, and the rate that the generator itself can drive. A run does so\n" +
			"before and after its load. Nothing else should run on the machine meanwhile.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scheme, err := calibrate.Scheme(schemeName)
			if err != nil {
				return usage(err)
			}
			effort := calibrate.Standard
			if quick {
				effort = calibrate.Quick
			}
			c, err := calibrate.Machine(cmd.Context(), effort, scheme)
			if err != nil {
				if cmd.Context().Err() != nil {
					return &exitError{exitInterrupted, err}
				}
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(c)
			}
			return printCalibration(cmd.OutOrStdout(), c, scheme.String(), effort)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&quick, "quick", false, "rough figures in two seconds instead of good ones in fifteen")
	cmd.Flags().StringVar(&schemeName, "scheme", "", "signature scheme: ed25519 (default), secp256k1")
	return cmd
}

func printCalibration(w io.Writer, c *result.Calibration, scheme string, e calibrate.Effort) error {
	h := hostinfo.Read()
	_, err := fmt.Fprintf(w, `%s, %d cores in use

  verification limit  %10.0f signatures/s   %s, all cores, keys not seen before, median of %d x %v
  with cached keys    %10.0f signatures/s   the same with decoded keys kept
  signing             %10.0f signatures/s   all cores
  hashing             %10.0f headers/s      double SHA-256, one thread
  generator ceiling   %10.0f tx/s           through every histogram, against a chain that costs nothing
  a wait of 1 ms ends %10v late         with the dispatcher's pacer
                      %10v late         with the runtime's timers
`,
		h.CPU, h.Cores, c.VerifyBefore, scheme, e.Rounds, e.Round, c.VerifyCached, c.SignRate, c.HashRate, c.GeneratorCeiling,
		time.Duration(c.PacerOvershootNs).Round(time.Microsecond), time.Duration(c.SleepOvershootNs).Round(time.Microsecond))
	return err
}
