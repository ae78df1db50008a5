package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Objective is one line of the SLO: metric, comparison, limit in the metric's
// unit (ns, share, count, tx/s).
type Objective struct {
	Metric string
	Op     string
	Limit  float64
}

// quantities of a latency stage, besides which a stage has no metrics.
var quantities = []string{"p50", "p90", "p99", "p999", "max", "mean"}

// Ops are the comparisons an objective may use.
var Ops = []string{"<", "<=", ">", ">=", "=="}

var plain = map[string]struct {
	unit  string
	value func(*result.Run) float64
}{
	"throughput":  {"tx/s", func(r *result.Run) float64 { return r.Throughput.SucceededPerS }},
	"error_share": {"share", func(r *result.Run) float64 { return r.ErrorShare() }},
	"lost":        {"count", func(r *result.Run) float64 { return float64(r.Counts.Fates[result.FateLost]) }},
	"pooled":      {"count", func(r *result.Run) float64 { return float64(r.Counts.Fates[result.FatePooled]) }},
	"evicted":     {"count", func(r *result.Run) float64 { return float64(r.Counts.Fates[result.FateEvicted]) }},
	"unknown":     {"count", func(r *result.Run) float64 { return float64(r.Counts.Answers["unknown"]) }},
	"rejected":    {"count", unexpected},
	"dropped": {"count", func(r *result.Run) float64 {
		return float64(r.Counts.DroppedLate + r.Counts.DroppedOverload + r.Counts.DroppedStarved)
	}},
	"reorgs": {"count", func(r *result.Run) float64 { return float64(r.Chain.Reorgs) }},
}

// Metrics returns the name of every metric that an objective may use.
func Metrics() []string {
	var all []string
	for _, stage := range slices.Concat(result.ClientStages, result.NodeStages) {
		for _, q := range quantities {
			all = append(all, stage+"."+q)
		}
	}
	for name := range plain {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Unit returns a metric's unit; ok is false for a metric that does not exist.
func Unit(metric string) (unit string, ok bool) {
	if m, ok := plain[metric]; ok {
		return m.unit, true
	}
	stage, q, found := strings.Cut(metric, ".")
	known := slices.Contains(result.ClientStages, stage) || slices.Contains(result.NodeStages, stage)
	return "ns", found && known && slices.Contains(quantities, q)
}

// SLO compares a run with its objectives.
func SLO(r *result.Run, objectives []Objective) []result.Check {
	checks := make([]result.Check, len(objectives))
	for i, o := range objectives {
		c := result.Check{Name: o.Metric, Op: o.Op, Limit: o.Limit}
		c.Unit, _ = Unit(o.Metric)
		c.Observed, c.Known = observe(r, o.Metric)
		if o.Metric == "throughput" {
			c.Low, c.High = r.Throughput.Low, r.Throughput.High
		} else if c.Known {
			c.Low, c.High = latencyInterval(r, o.Metric)
		}
		if c.Low < c.Limit && c.Limit < c.High && c.Op != "==" {
			c.Note = "the limit lies within the interval: another run of the same system may come out on its other side"
		}
		checks[i] = judge(c)
	}
	return checks
}

func observe(r *result.Run, metric string) (value float64, known bool) {
	if m, ok := plain[metric]; ok {
		return m.value(r), true
	}
	stage, q, _ := strings.Cut(metric, ".")
	l := find(r.Latency, stage)
	if l == nil {
		l = find(r.Stages, stage)
	}
	if l == nil || l.Count == 0 {
		return 0, false
	}
	quantiles := map[string]*int64{"p50": l.P50Ns, "p90": l.P90Ns, "p99": l.P99Ns, "p999": l.P999Ns, "max": &l.MaxNs, "mean": &l.MeanNs}
	p := quantiles[q]
	if p == nil {
		return 0, false
	}
	return float64(*p), true
}

func unexpected(r *result.Run) float64 {
	return float64(r.Counts.Answers["rejected"] - min(r.Counts.Expected, r.Counts.Answers["rejected"]))
}

func class(answer string) string {
	c, _, _ := strings.Cut(answer, "/")
	return c
}

func judge(c result.Check) result.Check {
	c.OK = c.Known && compare(c.Observed, c.Op, c.Limit)
	return c
}

func compare(a float64, op string, b float64) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "==":
		return a == b
	}
	return false
}

// Value renders a figure in its unit without rounding it past recognition.
func Value(v float64, unit string) string {
	switch unit {
	case "ns":
		return time.Duration(v).String()
	case "share":
		return strconv.FormatFloat(100*v, 'g', 6, 64) + " %"
	case "count":
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprintf("%s %s", strconv.FormatFloat(v, 'f', 1, 64), unit)
}
