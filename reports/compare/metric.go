package compare

import "github.com/chaindyno/chaindyno/reports/result"

// Metric is one of the quantities that are compared.
type Metric struct {
	Name  string // as in files: commit_p99
	Title string // for people
	Unit  string // tx/s, ns, share, bytes
	Up    bool   // higher is better
	// Absolute: the change is a difference and not a ratio, because the value
	// is a share that is 0 when all is well.
	Absolute bool
	// value is not ok where the run did not observe it.
	value func(*result.Summary) (v float64, ok bool)
}

// Metrics are those of a comparison, in the order of reports. Their number
// enters the correction for many tests, so a metric more costs runs.
var Metrics = []Metric{
	{Name: "throughput", Title: "committed", Unit: "tx/s", Up: true, value: func(s *result.Summary) (float64, bool) {
		return s.Throughput.SucceededPerS, true
	}},
	{Name: "commit_p50", Title: "commit p50", Unit: "ns", value: latency(result.StageCommit, p50)},
	{Name: "commit_p99", Title: "commit p99", Unit: "ns", value: latency(result.StageCommit, p99)},
	{Name: "commit_p999", Title: "commit p99.9", Unit: "ns", value: latency(result.StageCommit, p999)},
	{Name: "ack_p99", Title: "ack p99", Unit: "ns", value: latency(result.StageAckResponse, p99)},
	{Name: "error_share", Title: "error share", Unit: "share", Absolute: true, value: func(s *result.Summary) (float64, bool) {
		return s.ErrorShare(), s.Counts.Sent > 0
	}},
	{Name: "cpu_per_tx", Title: "node CPU per tx", Unit: "ns", value: ofNodes(func(r result.Resource) float64 { return r.CPUPerTxNs })},
	{Name: "disk_per_tx", Title: "node disk per tx", Unit: "bytes", value: ofNodes(func(r result.Resource) float64 { return r.DiskPerTx })},
}

// Direction says which way is good.
func (m Metric) Direction() string {
	if m.Up {
		return "higher is better"
	}
	return "lower is better"
}

func p50(l *result.Latency) *int64  { return l.P50Ns }
func p99(l *result.Latency) *int64  { return l.P99Ns }
func p999(l *result.Latency) *int64 { return l.P999Ns }

func latency(stage string, quantile func(*result.Latency) *int64) func(*result.Summary) (float64, bool) {
	return func(s *result.Summary) (float64, bool) {
		for i := range s.Latency {
			l := &s.Latency[i]
			if l.Stage != stage || l.Kind != "" || l.Worker != "" {
				continue
			}
			if v := quantile(l); v != nil {
				return float64(*v), true
			}
		}
		return 0, false
	}
}

// generator is the name of the generator's own process, which is not part of
// the system under test.
const generator = "generator"

// ofNodes adds up over the nodes; 0 means that it was not measured.
func ofNodes(value func(result.Resource) float64) func(*result.Summary) (float64, bool) {
	return func(s *result.Summary) (float64, bool) {
		var sum float64
		for _, r := range s.Resources {
			if r.Process != generator {
				sum += value(r)
			}
		}
		return sum, sum > 0
	}
}
