package output

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/metrics"
	k6output "go.k6.io/k6/v2/output"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

func TestNeedsAFolder(t *testing.T) {
	if _, err := New(runs.NewHub())(k6output.Params{}); err == nil || !strings.Contains(err.Error(), "--out chaindyno=DIR") {
		t.Errorf("got %v", err)
	}
	if _, err := New(runs.NewHub())(k6output.Params{ConfigArgument: t.TempDir()}); err != nil {
		t.Error(err)
	}
}

func TestNameOf(t *testing.T) {
	for script, want := range map[string]string{
		"file:///a/b/constant.js": "constant", "file:///a/my%20test.es6": "my-test", "file:///-": "k6", "file:///a/.hidden.js": "hidden",
		"file:///" + strings.Repeat("x", 90) + ".js": strings.Repeat("x", 60),
	} {
		u, err := url.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		if got := nameOf(u); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := nameOf(nil); got != "k6" {
		t.Errorf("no script: %q", got)
	}
}

// TestRedacted: the environment that a command line hands to a script may hold
// secrets.
func TestRedacted(t *testing.T) {
	argv := []string{"k6", "run", "-e", "TOKEN=s3cret", "--env", "A=s3cret", "-eB=s3cret", "--env=C=s3cret", "-e", "NAME", "--out", "chaindyno=out", "x.js"}
	want := []string{"k6", "run", "-e", "TOKEN=***", "--env", "A=***", "-eB=***", "--env=C=***", "-e", "NAME", "--out", "chaindyno=out", "x.js"}
	if got := redacted(argv); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if argv[3] != "TOKEN=s3cret" {
		t.Error("the process's own arguments were changed")
	}
}

// TestThresholds: k6's verdicts become rows of the report, and a crossed one
// fails a run that had passed.
func TestThresholds(t *testing.T) {
	r := metrics.NewRegistry()
	p99 := r.MustNewMetric("chain_commit_p99", metrics.Gauge, metrics.Time)
	sent := r.MustNewMetric("chain_tx_sent", metrics.Counter)
	sub, err := sent.AddSubmetric("kind:transfer")
	if err != nil {
		t.Fatal(err)
	}
	tags := r.RootTagSet()
	sample := func(m *metrics.Metric, v float64) metrics.Sample {
		s := metrics.Sample{TimeSeries: metrics.TimeSeries{Metric: m, Tags: tags}, Time: time.Now(), Value: v}
		m.Sink.Add(s)
		return s
	}
	o := &Output{hub: runs.NewHub(), watched: map[string]*metrics.Metric{}, thresholds: map[string]metrics.Thresholds{
		"chain_commit_p99":             {Thresholds: []*metrics.Threshold{{Source: "value<2000"}}},
		"chain_tx_sent":                {Thresholds: []*metrics.Threshold{{Source: "count > 100", LastFailed: true}, {Source: "rate>5"}}},
		"chain_tx_sent{kind:transfer}": {Thresholds: []*metrics.Threshold{{Source: "count>=7"}}},
		"nowhere":                      {Thresholds: []*metrics.Threshold{{Source: "p(95)<1"}}},
	}}
	sub.Metric.Sink.Add(metrics.Sample{Value: 7})
	o.AddMetricSamples([]metrics.SampleContainer{sample(p99, 250), sample(sent, 40)})
	run := &result.Run{}
	run.Verdict = result.Pass
	o.finish(run)
	if run.Verdict != result.Fail || len(run.Reasons) != 1 || !strings.Contains(run.Reasons[0], "chain_tx_sent: count > 100") {
		t.Errorf("%s, %q", run.Verdict, run.Reasons)
	}
	want := []result.Check{
		{Name: "chain_commit_p99 value", Op: "<", Limit: 2e9, Observed: 250e6, Unit: "ns", OK: true, Known: true},
		{Name: "chain_tx_sent count", Op: ">", Limit: 100, Observed: 40, Unit: "count", Known: true},
		{Name: "chain_tx_sent rate", Op: ">", Limit: 5, Unit: "count", OK: true},
		{Name: "chain_tx_sent{kind:transfer} count", Op: ">=", Limit: 7, Observed: 7, Unit: "count", OK: true, Known: true},
		{Name: "nowhere p(95)", Op: "<", Limit: 1, Unit: "count", OK: true},
	}
	for i, w := range want {
		if i >= len(run.SLO) {
			t.Fatalf("%d rows, want %d", len(run.SLO), len(want))
		}
		if got := run.SLO[i]; got.Note == "" || func() bool { got.Note = ""; return got != w }() {
			t.Errorf("row %d:\n got %+v\nwant %+v", i, got, w)
		}
	}
}

func TestInterrupted(t *testing.T) {
	err := errext.WithAbortReasonIfNone(errNoFolder, errext.AbortedByUser)
	if !interrupted(err) || interrupted(nil) || interrupted(errNoFolder) || interrupted(errext.WithAbortReasonIfNone(errNoFolder, errext.AbortedByThreshold)) {
		t.Error("only the user interrupts")
	}
}
