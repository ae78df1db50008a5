package reports

import (
	"io"
	"strconv"
	"time"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
)

// sweepFiles are what is made from the plan and the runs of a sweep, in the
// order of writing.
var sweepFiles = []string{result.FileSweepRuns, result.FileSweepReport, result.FileHTML}

// WriteSweep writes runs.csv, report.json and report.html into the folder of a
// sweep. The plan and the runs stay as they are.
func WriteSweep(dir string, s *Sweep) error {
	for _, name := range sweepFiles {
		if _, err := writeFile(dir, name, func(w io.Writer) error { return fillSweep(w, name, s) }); err != nil {
			return err
		}
	}
	syncDir(dir)
	return nil
}

func fillSweep(w io.Writer, name string, s *Sweep) error {
	switch name {
	case result.FileSweepRuns:
		return writeCSV(w, sweepColumns(s), s.Runs)
	case result.FileSweepReport:
		return SweepJSON(w, s)
	}
	return SweepHTML(w, s)
}

// SweepJSON writes report.json: what a sweep says, in figures.
func SweepJSON(w io.Writer, s *Sweep) error {
	return writeJSON(w, struct {
		SchemaVersion int      `json:"schema_version"`
		ID            string   `json:"id"`
		Name          string   `json:"name"`
		Says          []string `json:"says"`
		Warnings      []string `json:"warnings"`
		*matrix.Matrix
	}{matrix.SchemaVersion, s.ID, s.Name, orEmpty(s.Says), orEmpty(s.Doubts), s.Matrix})
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// sweepColumns writes runs.csv: a row for each run, in the order in which they
// were made, with the value of each axis. Times are nanoseconds; a cell is
// empty where nothing was observed.
func sweepColumns(s *Sweep) []column[matrix.Run] {
	type R = matrix.Run
	text := func(name string, of func(*R) string) column[R] {
		return column[R]{name: name, put: func(r *R) string { return tame(of(r)) }}
	}
	number := func(name string, of func(*R) float64) column[R] {
		return column[R]{name: name, put: func(r *R) string { return formatFloat(of(r)) }}
	}
	columns := []column[R]{
		text("run", func(r *R) string { return strconv.Itoa(r.Place + 1) }),
		text("attempt", func(r *R) string { return strconv.Itoa(r.Attempt) }),
		text("counts", func(r *R) string { return strconv.FormatBool(r.Replicate()) }),
	}
	for a, axis := range s.Axes {
		columns = append(columns, text(axis.Name, func(r *R) string { return axis.Values[s.Points[s.Order[r.Place]].Values[a]] }))
	}
	columns = append(
		columns,
		text("verdict", func(r *R) string { return string(r.Verdict) }),
		number("offered_per_s", func(r *R) float64 { return r.Throughput.OfferedPerS }),
		number("succeeded_per_s", func(r *R) float64 { return r.Throughput.SucceededPerS }),
		number("whole_per_s", func(r *R) float64 { return r.Throughput.WholePerS }),
	)
	for _, q := range []struct {
		name string
		of   func(result.Latency) *int64
	}{
		{"commit_p50_ns", func(l result.Latency) *int64 { return l.P50Ns }},
		{"commit_p90_ns", func(l result.Latency) *int64 { return l.P90Ns }},
		{"commit_p99_ns", func(l result.Latency) *int64 { return l.P99Ns }},
		{"commit_p999_ns", func(l result.Latency) *int64 { return l.P999Ns }},
	} {
		columns = append(columns, text(q.name, func(r *R) string {
			l, ok := findLatency(r.Latency, result.StageCommit, "")
			if v := q.of(l); ok && v != nil {
				return strconv.FormatInt(*v, 10)
			}
			return ""
		}))
	}
	return append(
		columns,
		number("error_share", func(r *R) float64 { return r.ErrorShare() }),
		text("blocks", func(r *R) string { return strconv.Itoa(r.Chain.Blocks) }),
		text("block_time_ns", func(r *R) string { return strconv.FormatInt(r.Chain.IntervalMeanNs, 10) }),
		number("txs_per_block", func(r *R) float64 { return r.Chain.TxsPerBlock }),
		number("hashes_per_s", func(r *R) float64 { return r.Chain.HashesPerS }),
		number("backlog_slope_per_s", func(r *R) float64 { return r.Throughput.BacklogSlope }),
		number("node_cpu_seconds", func(r *R) float64 { return ofNodes(r.Summary, func(x result.Resource) float64 { return x.CPUSeconds }) }),
		number("node_disk_bytes", func(r *R) float64 {
			return ofNodes(r.Summary, func(x result.Resource) float64 { return float64(x.DiskBytes) })
		}),
		text("audit", func(r *R) string { return strconv.FormatBool(r.Audit.OK) }),
		text("start", func(r *R) string { return r.Run.Start.UTC().Format(time.RFC3339Nano) }),
		text("folder", func(r *R) string { return r.Folder }),
	)
}

// ofNodes adds up over the nodes.
func ofNodes(s *result.Summary, value func(result.Resource) float64) (sum float64) {
	for _, r := range s.Resources {
		if r.Process != "generator" {
			sum += value(r)
		}
	}
	return sum
}
