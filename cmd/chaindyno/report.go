package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newReportCmd() *cobra.Command {
	var (
		fromRaw bool
		format  string
	)
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Render a run, a sweep or a search again from its files alone",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reports.IsCapacity(args[0]) && !fromRaw {
				return renderCapacity(cmd, args[0], format)
			}
			if reports.IsSweep(args[0]) {
				if fromRaw {
					return usagef("%s is a sweep; --from-raw is for one of the runs in it", args[0])
				}
				return renderSweep(cmd.OutOrStdout(), args[0], format)
			}
			run, err := reports.ReadRun(args[0])
			if err != nil {
				return usage(err)
			}
			if fromRaw {
				return reportRaw(cmd.OutOrStdout(), args[0], run)
			}
			return render(cmd.OutOrStdout(), args[0], format, run)
		},
	}
	cmd.Flags().BoolVar(&fromRaw, "from-raw", false, "compute percentiles from the transactions, beside those of the run")
	cmd.Flags().StringVar(&format, "format", "table", "table, json (the summary), or html (writes report.html anew, and of a sweep runs.csv and report.json)")
	return cmd
}

func render(w io.Writer, dir, format string, run *result.Run) error {
	switch format {
	case "table":
		return reports.Table(w, run, reports.TableOptions{Dir: dir})
	case "json":
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(run.Summary)
	case "html":
		if err := reports.RewriteHTML(dir, run); err != nil {
			return usage(err)
		}
		_, err := fmt.Fprintf(w, "wrote %s/report.html\n", dir)
		return err
	}
	return usagef("--format %q is not known; permitted: table, json, html", format)
}

// renderSweep renders a sweep again from the plan and the runs in its folder.
func renderSweep(w io.Writer, dir, format string) error {
	s, err := reports.ReadSweep(dir)
	if err != nil {
		return usage(err)
	}
	switch format {
	case "table":
		return reports.SweepTable(w, s, reports.TableOptions{Dir: dir})
	case "json":
		return reports.SweepJSON(w, s)
	case "html":
		if err := reports.WriteSweep(dir, s); err != nil {
			return usage(err)
		}
		_, err := fmt.Fprintf(w, "wrote %s/%s, %s and %s\n", dir, result.FileHTML, result.FileSweepRuns, result.FileSweepReport)
		return err
	}
	return usagef("--format %q is not known; permitted: table, json, html", format)
}

// rawQuantiles are those that the summary has, in percent.
var rawQuantiles = []float64{50, 90, 99, 99.9}

// reportRaw prints percentiles made from transactions.csv.zst beside those of
// the run's own histograms. They are equal unless the file is a sample.
func reportRaw(w io.Writer, dir string, run *result.Run) error {
	raw, err := reports.ReadRaw(dir)
	if err != nil {
		return usage(err)
	}
	kind := "all"
	if raw.Sampled {
		kind = "a sample"
	}
	fmt.Fprintf(w, "%d transactions (%s of those sent)\n", raw.Rows, kind)
	different := 0
	for _, h := range raw.Histograms {
		if h.Kind != "" || h.H.TotalCount() == 0 {
			continue
		}
		line, equal := compareStage(h, run)
		if !equal {
			different++
		}
		fmt.Fprintln(w, line)
	}
	if different > 0 && !raw.Sampled {
		return &exitError{exitFail, fmt.Errorf("%s: %d stages differ between transactions and histograms", dir, different)}
	}
	return nil
}

// compareStage renders one stage: each percentile from the transactions, with
// that of the run where they differ.
func compareStage(raw result.Histogram, run *result.Run) (line string, equal bool) {
	var own *result.Histogram
	for i, h := range run.Histograms {
		if h.Stage == raw.Stage && h.Kind == "" {
			own = &run.Histograms[i]
		}
	}
	line, equal = fmt.Sprintf("%-15s n=%-9d", raw.Stage, raw.H.TotalCount()), own != nil
	for _, q := range rawQuantiles {
		v := raw.H.ValueAtQuantile(q)
		line += fmt.Sprintf("  p%v %s", q, duration(v))
		if own != nil && own.H.ValueAtQuantile(q) != v {
			line += fmt.Sprintf(" (run: %s)", duration(own.H.ValueAtQuantile(q)))
			equal = false
		}
	}
	return line, equal
}
