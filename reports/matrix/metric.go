package matrix

import (
	"slices"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Metric is one of the quantities of a run.
type Metric struct {
	Name  string // as in scenarios and files: commit.p99
	Title string // for people
	Unit  string // tx/s, ns, hashes/s
	Up    bool   // higher is better
	// value is not ok where the run did not observe it.
	value func(*result.Summary) (v float64, ok bool)
}

// The metrics' names.
const (
	Throughput = "throughput"
	CommitP50  = "commit.p50"
	CommitP99  = "commit.p99"
	BlockTime  = "block_time"
	Hashes     = "hashes"
)

// Metrics are those that points are ranked by, or shown with.
var Metrics = []Metric{
	{Name: Throughput, Title: "throughput", Unit: "tx/s", Up: true, value: func(s *result.Summary) (float64, bool) {
		return s.Throughput.SucceededPerS, true
	}},
	{Name: CommitP50, Title: "commit p50", Unit: "ns", value: commit(func(l *result.Latency) *int64 { return l.P50Ns })},
	{Name: CommitP99, Title: "commit p99", Unit: "ns", value: commit(func(l *result.Latency) *int64 { return l.P99Ns })},
	{Name: BlockTime, Title: "mean block time", Unit: "ns", value: func(s *result.Summary) (float64, bool) {
		return float64(s.Chain.IntervalMeanNs), s.Chain.IntervalMeanNs > 0
	}},
	{Name: Hashes, Title: "hashes per second", Unit: "hashes/s", Up: true, value: func(s *result.Summary) (float64, bool) {
		return s.Chain.HashesPerS, s.Chain.HashesPerS > 0
	}},
}

// MetricNamed returns the metric of a name, and the throughput for a name that
// is not known.
func MetricNamed(name string) Metric {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Name == name })
	return Metrics[max(i, 0)]
}

// Of returns the metric of a run; not ok where it was not observed.
func (m Metric) Of(s *result.Summary) (v float64, ok bool) { return m.value(s) }

// Better tells whether a is better than b.
func (m Metric) Better(a, b float64) bool {
	if m.Up {
		return a > b
	}
	return a < b
}

func commit(quantile func(*result.Latency) *int64) func(*result.Summary) (float64, bool) {
	return func(s *result.Summary) (float64, bool) {
		for i := range s.Latency {
			l := &s.Latency[i]
			if l.Stage != result.StageCommit || l.Kind != "" || l.Worker != "" {
				continue
			}
			if v := quantile(l); v != nil {
				return float64(*v), true
			}
		}
		return 0, false
	}
}
