package output

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.k6.io/k6/v2/metrics"

	"github.com/chaindyno/chaindyno/reports/result"
)

// finish adds k6's thresholds to a result.
func (o *Output) finish(r *result.Run) {
	for _, name := range slices.Sorted(maps.Keys(o.thresholds)) {
		for _, t := range o.thresholds[name].Thresholds {
			r.SLO = append(r.SLO, o.check(name, t))
			if t.LastFailed && r.Verdict == result.Pass {
				r.Verdict = result.Fail
			}
			if t.LastFailed {
				r.Reasons = append(r.Reasons, fmt.Sprintf("threshold of k6 crossed: %s: %s", name, t.Source))
			}
		}
	}
}

var expression = regexp.MustCompile(`^\s*([a-z]+(?:\([0-9.]+\))?)\s*(<=|>=|===?|!=|<|>)\s*(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*$`)

// check turns a threshold into a row of the report's objectives. k6 has decided
// it; here it is only shown.
func (o *Output) check(name string, t *metrics.Threshold) result.Check {
	c := result.Check{Name: name + ": " + t.Source, OK: !t.LastFailed, Note: "a threshold, decided by k6"}
	m := expression.FindStringSubmatch(t.Source)
	if m == nil {
		return c
	}
	c.Name, c.Op, c.Unit = name+" "+m[1], m[2], "count"
	if c.Op == "===" {
		c.Op = "=="
	}
	c.Limit, _ = strconv.ParseFloat(m[3], 64) // the expression has made sure
	metric := o.metric(name)
	if metric == nil {
		return c
	}
	if c.Known = m[1] != "rate" || metric.Type == metrics.Rate; c.Known { // k6's rate of a counter is over k6's own time
		c.Observed, c.Known = metric.Sink.Format(0)[m[1]]
	}
	switch {
	case metric.Contains == metrics.Time:
		c.Unit, c.Limit, c.Observed = "ns", c.Limit*1e6, c.Observed*1e6
	case metric.Type == metrics.Rate:
		c.Unit = "share"
	}
	return c
}

// metric finds a metric, or the part of one that name{tag:value} stands for;
// nil if it had no sample.
func (o *Output) metric(name string) *metrics.Metric {
	base, _, part := strings.Cut(name, "{")
	m := o.watched[base]
	if m == nil || !part {
		return m
	}
	for _, sub := range m.Submetrics {
		if sub.Name == name && sub.Metric != nil {
			return sub.Metric
		}
	}
	return nil
}
