package verdict

import (
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports/result"
)

func ns(v int64) *int64 { return &v }

// healthy is an open-loop run that passes.
func healthy() *result.Run {
	r := &result.Run{}
	r.Run.Loop = "open"
	r.Counts = result.Counts{
		Scheduled: 1000, Sent: 1000, Balanced: true,
		Answers: map[string]uint64{"accepted": 1000}, Fates: map[string]uint64{result.FateSucceeded: 1000},
	}
	r.Matrix = []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Kind: "transfer", Count: 1000}}
	r.Latency = []result.Latency{
		{Stage: result.StageDispatchLag, Count: 1000, P99Ns: ns(1e6), MaxNs: 2e6},
		{Stage: result.StageCommit, Count: 1000, P50Ns: ns(200e6), P99Ns: ns(400e6), MaxNs: 5e8},
	}
	r.Throughput.SucceededPerS = 5000
	return r
}

func observed() Observed { return Observed{Arrivals: 1000, OnTime: 1000} }

func decide(r *result.Run, o Observed, slo ...Objective) (result.Verdict, string) {
	r.Validity = Validity(r, o)
	r.SLO = SLO(r, slo)
	v, reasons := Decide(r, false)
	return v, strings.Join(reasons, "; ")
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(*result.Run, *Observed)
		want   result.Verdict
		reason string // part of the first reason
	}{
		{"healthy", func(*result.Run, *Observed) {}, result.Pass, ""},
		{"lag over 10 ms", func(r *result.Run, _ *Observed) { r.Latency[0].P99Ns = ns(11e6) }, result.Invalid, "dispatch_lag.p99 is 11ms"},
		{"lag within 2 % of a slow commit", func(r *result.Run, _ *Observed) {
			r.Latency[0].P99Ns, r.Latency[1].P50Ns = ns(19e6), ns(1e9)
		}, result.Pass, ""},
		{"too few samples for a p99 of lag: the maximum counts", func(r *result.Run, _ *Observed) {
			r.Latency[0].P99Ns, r.Latency[0].MaxNs = nil, 50e6
		}, result.Invalid, "dispatch_lag.p99 is 50ms"},
		{"2 % dispatched late", func(_ *result.Run, o *Observed) { o.OnTime = 980 }, result.Invalid, "dispatched_on_time is 98 %"},
		{"dropped as late", func(r *result.Run, _ *Observed) { r.Counts.DroppedLate = 1 }, result.Invalid, "dropped.late is 1"},
		{"starved", func(r *result.Run, _ *Observed) { r.Counts.DroppedStarved = 1 }, result.Invalid, "dropped.starved is 1"},
		{"a worker was lost", func(_ *result.Run, o *Observed) { o.LostWorkers = 1 }, result.Invalid, "workers.lost"},
		{"overload is the chain's", func(r *result.Run, _ *Observed) { r.Counts.DroppedOverload = 7 }, result.Fail, "7 of 1000 arrivals"},
		{"unbalanced", func(r *result.Run, _ *Observed) { r.Counts.Balanced = false }, result.Fail, "does not balance"},
		{"audit", func(r *result.Run, _ *Observed) {
			r.Audit.Checks = []result.AuditCheck{{Name: "supply", Detail: "too much"}}
		}, result.Fail, "audit failed: supply"},
		{"generator before chain", func(r *result.Run, _ *Observed) {
			r.Counts.DroppedLate, r.Counts.DroppedOverload = 1, 1
		}, result.Invalid, "dropped.late"},
		{"closed loop that never waited", func(r *result.Run, _ *Observed) {
			r.Run.Loop, r.Throughput.Blocked = "closed", 0.04
		}, result.Invalid, "blocked_on_window is 4 %"},
		{"closed loop that waited", func(r *result.Run, _ *Observed) {
			r.Run.Loop, r.Throughput.Blocked = "closed", 0.05
		}, result.Pass, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, o := healthy(), observed()
			tt.spoil(r, &o)
			got, reasons := decide(r, o)
			if got != tt.want || !strings.Contains(reasons, tt.reason) {
				t.Errorf("got %s (%s), want %s (%s)", got, reasons, tt.want, tt.reason)
			}
		})
	}
}

func TestInterruptedIsNoPass(t *testing.T) {
	r := healthy()
	r.Validity = Validity(r, observed())
	if v, _ := Decide(r, true); v != result.Interrupted {
		t.Errorf("got %s", v)
	}
}

func TestSLO(t *testing.T) {
	tests := []struct {
		o     Objective
		ok    bool
		known bool
	}{
		{Objective{"commit.p99", "<", 400e6}, false, true},
		{Objective{"commit.p99", "<=", 400e6}, true, true},
		{Objective{"commit.max", "<", 1e9}, true, true},
		{Objective{"commit.p999", "<", 1e9}, false, false}, // too few samples: not met
		{Objective{"node_verify.p50", "<", 1e9}, false, false},
		{Objective{"throughput", ">=", 4900}, true, true},
		{Objective{"lost", "==", 0}, true, true},
		{Objective{"error_share", "<", 0.001}, true, true},
	}
	for _, tt := range tests {
		c := SLO(healthy(), []Objective{tt.o})[0]
		if c.OK != tt.ok || c.Known != tt.known {
			t.Errorf("%v: ok %v known %v, want %v %v", tt.o, c.OK, c.Known, tt.ok, tt.known)
		}
	}
}

// TestErrorShare: what the workload made wrong is no error when it is refused,
// and is one when it succeeds.
func TestErrorShare(t *testing.T) {
	r := healthy()
	r.Counts.Sent, r.Counts.Expected = 100, 10
	r.Matrix = []result.Cell{
		{Answer: "accepted", Fate: result.FateSucceeded, Kind: "transfer", Count: 85},
		{Answer: "rejected/signature", Fate: result.FateRefused, Kind: "invalid_signature", Count: 10},
		{Answer: "rejected/missing_input", Fate: result.FateRefused, Kind: "transfer", Count: 2},
		{Answer: "accepted", Fate: result.FateSucceeded, Kind: "invalid_signature", Expect: "signature", Count: 1},
		{Answer: "unknown/timeout", Fate: result.FateSucceeded, Kind: "transfer", Count: 2},
	}
	c := SLO(r, []Objective{{"error_share", "==", 0}})[0]
	if got := c.Observed; got < 0.0299 || got > 0.0301 {
		t.Errorf("error share %v, want 0.03", got)
	}
}

func TestEveryMetricHasAUnit(t *testing.T) {
	for _, m := range Metrics() {
		if _, ok := Unit(m); !ok {
			t.Errorf("%s has no unit", m)
		}
	}
	for _, m := range []string{"", "commit", "commit.p98", "bogus.p99", "Throughput"} {
		if _, ok := Unit(m); ok {
			t.Errorf("%q is taken for a metric", m)
		}
	}
}

// TestWarnings has one machine that is well and one for each doubt.
func TestWarnings(t *testing.T) {
	quiet := len(Warnings(healthy(), observed()))
	for name, c := range map[string]struct {
		spoil func(*Observed)
		says  string
	}{
		"cpu":    {func(o *Observed) { o.GeneratorCPU = 0.95 }, "95 % of the cores"},
		"steal":  {func(o *Observed) { o.Steal = 0.03 }, "3.0 % of its time"},
		"cgroup": {func(o *Observed) { o.Throttled = true }, "throttled"},
		"swap":   {func(o *Observed) { o.SwapPages = 7 }, "swapped 7 pages"},
		"heat":   {func(o *Observed) { o.TooHot = 2 }, "2 times"},
		"disk":   {func(o *Observed) { o.DiskFree = 0.01 }, "1.0 % are free"},
	} {
		o := observed()
		c.spoil(&o)
		w := Warnings(healthy(), o)
		if len(w) != quiet+1 || !strings.Contains(strings.Join(w, "\n"), c.says) {
			t.Errorf("%s: warnings are %q, want one more that says %q", name, w, c.says)
		}
	}
}
