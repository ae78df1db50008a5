package reports

import (
	"strconv"

	"github.com/chaindyno/chaindyno/reports/result"
)

// workerColumns writes workers.csv: the counts of each worker, and its own
// commit latency (percentiles are never averaged over workers).
func workerColumns() []column[result.Worker] {
	type W = result.Worker
	return []column[W]{
		text("worker", func(w *W) *string { return &w.Name }),
		text("version", func(w *W) *string { return &w.Version }),
		whole("segment_from", func(w *W) *int { return &w.SegmentFrom }),
		whole("segment_to", func(w *W) *int { return &w.SegmentTo }),
		whole("sent", func(w *W) *uint64 { return &w.Sent }),
		whole("accepted", func(w *W) *uint64 { return &w.Accepted }),
		whole("succeeded", func(w *W) *uint64 { return &w.Succeeded }),
		whole("rejected", func(w *W) *uint64 { return &w.Rejected }),
		whole("unknown", func(w *W) *uint64 { return &w.Unknown }),
		whole("dropped", func(w *W) *uint64 { return &w.Dropped }),
		workerLatency("commit_p50_ns", func(l result.Latency) *int64 { return l.P50Ns }),
		workerLatency("commit_p99_ns", func(l result.Latency) *int64 { return l.P99Ns }),
		workerLatency("commit_p999_ns", func(l result.Latency) *int64 { return l.P999Ns }),
		{name: "cpu_share", put: func(w *W) string { return formatFloat(w.CPUShare) }},
		whole("clock_offset_ns", func(w *W) *int64 { return &w.ClockOffsetNs }),
		whole("clock_bound_ns", func(w *W) *int64 { return &w.ClockBoundNs }),
		whole("forward_p99_ns", func(w *W) *int64 { return &w.ForwardP99Ns }),
		{name: "dispatched_in_time_share", put: func(w *W) string { return formatFloat(w.DispatchedShare) }},
		whole("lost_at_ns", func(w *W) *int64 { return &w.LostAtNs }),
	}
}

// workerLatency is empty where the worker has too few samples.
func workerLatency(name string, at func(result.Latency) *int64) column[result.Worker] {
	return column[result.Worker]{name: name, put: func(w *result.Worker) string {
		l, ok := findLatency(w.Latency, result.StageCommit, "")
		if v := at(l); ok && v != nil {
			return strconv.FormatInt(*v, 10)
		}
		return ""
	}}
}

// findLatency returns the row of a stage and kind ("" = all).
func findLatency(rows []result.Latency, stage, kind string) (result.Latency, bool) {
	for _, l := range rows {
		if l.Stage == stage && l.Kind == kind && l.Worker == "" {
			return l, true
		}
	}
	return result.Latency{}, false
}
