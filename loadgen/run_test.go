package loadgen_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// invariants hold for every run, however it went.
func invariants(t *testing.T, r *result.Run) {
	t.Helper()
	c := r.Counts
	if !c.Balanced {
		t.Errorf("not balanced: %+v", c)
	}
	if got := c.Sent + c.DroppedLate + c.DroppedOverload + c.DroppedStarved + c.Unsent; got != c.Scheduled {
		t.Errorf("%d scheduled, %d accounted for", c.Scheduled, got)
	}
	var cells uint64
	for _, x := range r.Matrix {
		cells += x.Count
	}
	if cells != c.Sent {
		t.Errorf("the matrix adds up to %d of %d sent", cells, c.Sent)
	}
	served(t, r)
}

// served compares what connections and lanes had with the whole.
func served(t *testing.T, r *result.Run) {
	t.Helper()
	var commits, byConnection uint64
	for _, l := range r.Latency {
		if l.Stage == result.StageCommit && l.Kind == "" {
			commits = l.Count
		}
	}
	lanes := 0
	for _, c := range r.Fairness.Connections {
		byConnection += c.Succeeded
		lanes += c.Lanes
	}
	if f := r.Fairness; byConnection != commits || lanes != f.Lanes.Lanes || f.JainSucceeded <= 0 || f.JainSucceeded > 1 {
		t.Errorf("connections committed %d of %d with %d lanes of %d: %+v", byConnection, commits, lanes, f.Lanes.Lanes, f)
	}
	if w := r.Work; commits > 0 && (w.PayloadPerTx <= 0 || w.PayloadPerS != w.PayloadPerTx*r.Throughput.SucceededPerS || w.Fullness < 0 || w.Fullness > 1) {
		t.Errorf("%+v", w)
	}
}

// untilOK runs until a run is ok, five times at most, and returns the last: a
// process that was not let on a core for a second measures that.
func untilOK(t *testing.T, options map[string]string, ok func(*result.Run) bool, sets ...string) (r *result.Run) {
	t.Helper()
	for range 5 {
		r, _, _ = run(t, options, sets...)
		invariants(t, r)
		if ok(r) {
			break
		}
	}
	return r
}

func TestOverloadIsDroppedAndCounted(t *testing.T) {
	inTime := func(c result.Check) bool { return c.Name != "dispatched_on_time" || c.OK }
	r := untilOK(t, map[string]string{"rate": "500"}, func(r *result.Run) bool {
		return !slices.ContainsFunc(r.Validity, func(c result.Check) bool { return !inTime(c) })
	}, "load.schedule={constant: {rate: 5000/s, for: 1s}}", "load.in_flight=300", "load.warmup=0s")
	if r.Counts.DroppedOverload == 0 {
		t.Errorf("nothing was dropped at ten times the rate: %+v", r.Counts)
	}
	if r.Counts.Scheduled != 5000 {
		t.Errorf("%d scheduled, want 5000", r.Counts.Scheduled)
	}
	if r.Verdict == result.Pass {
		t.Error("an overloaded chain passed")
	}
	for _, c := range r.Validity {
		if !inTime(c) {
			t.Errorf("overload is held against the generator: %v on time", c.Observed)
		}
	}
	if got := r.Counts.Fates[result.FateSucceeded]; got != r.Counts.Sent {
		t.Errorf("%d of %d sent have succeeded", got, r.Counts.Sent)
	}
}

func TestBusyIsSentAgainInOrder(t *testing.T) {
	r, drv, _ := run(t, map[string]string{"rate": "1000", "over": "busy"},
		"load.schedule={constant: {rate: 3000/s, for: 1s}}", "load.warmup=0s", "load.lanes=100")
	invariants(t, r)
	if r.Counts.Attempts <= r.Counts.Sent {
		t.Errorf("%d attempts for %d sent: nothing was busy", r.Counts.Attempts, r.Counts.Sent)
	}
	if got := r.Counts.Fates[result.FateSucceeded]; got != r.Counts.Sent {
		t.Errorf("%d of %d sent have succeeded; rejected %v", got, r.Counts.Sent, r.Counts.Rejected)
	}
	if tr := drv.Truth(); tr.Included != r.Counts.Fates[result.FateSucceeded] {
		t.Errorf("the chain holds %d, the report says %d", tr.Included, r.Counts.Fates[result.FateSucceeded])
	}
}

func TestClosedLoopKeepsItsWindow(t *testing.T) {
	r, drv, _ := run(t, map[string]string{"delay": "20ms"},
		"load.schedule={closed: {in_flight: 100, for: 1s}}", "load.warmup=0s", "load.sign=live", "load.connections=3")
	invariants(t, r)
	if r.Run.Loop != "closed" || r.Counts.DroppedOverload > 0 {
		t.Errorf("loop %q, %d dropped", r.Run.Loop, r.Counts.DroppedOverload)
	}
	for _, s := range r.Series {
		if s.Kind == "" && s.InFlight > 100 {
			t.Errorf("%d in flight, the window is 100", s.InFlight)
		}
	}
	// Each of 100 takes at least 20 ms: at most 5,000 a second get through.
	if got := drv.Truth().Included; got == 0 || got > 5100 {
		t.Errorf("%d went through a window of 100 in a second of 20 ms each", got)
	}
	if r.Throughput.Blocked < 0.5 {
		t.Errorf("blocked %.2f of the time, though the chain is the limit", r.Throughput.Blocked)
	}
}

// TestInterruptedRunIsComplete ends a run from its first progress of the
// steady phase.
func TestInterruptedRunIsComplete(t *testing.T) {
	sc, err := scenario.ParseSets("target={driver: null}", "chain=null", "slo=[]",
		"load.schedule={constant: {rate: 1000/s, for: 60s}}", "load.warmup=0s", "load.sign=live")
	if err != nil {
		t.Fatal(err)
	}
	drv, err := null.FromOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer drv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	r, err := loadgen.Run(ctx, t.Context(), loadgen.Options{Scenario: sc, Driver: drv, Dir: dir, Progress: func(p loadgen.Progress) {
		if p.Phase == loadgen.PhaseSteady {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	invariants(t, r)
	if r.Verdict != result.Interrupted && r.Verdict != result.Invalid {
		t.Errorf("verdict %s", r.Verdict)
	}
	if r.Counts.Unsent == 0 || r.Counts.Sent == 0 || r.Counts.Scheduled != 60_000 {
		t.Errorf("counts %+v", r.Counts)
	}
	if got := r.Counts.Fates[result.FateSucceeded]; got != r.Counts.Sent {
		t.Errorf("%d of %d sent have succeeded", got, r.Counts.Sent)
	}
	if !r.Audit.OK {
		t.Errorf("audit: %+v", r.Audit.Checks)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if f.Name() != "transactions.csv.zst" {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

// TestSilenceAtTheEndIsCounted: a chain that stands still for the second half
// of the window delivers half, whenever its last block came.
func TestSilenceAtTheEndIsCounted(t *testing.T) {
	half := func(r *result.Run) bool {
		return r.Throughput.SucceededPerS >= 400 && r.Throughput.SucceededPerS <= 600
	}
	r := untilOK(t, map[string]string{"stall_every": "2s", "stall_for": "1s"}, half,
		"load.schedule={constant: {rate: 1000/s, for: 2s}}", "load.warmup=0s")
	if !half(r) {
		t.Errorf("%.0f/s, though half of the time 1,000/s and half nothing got through", r.Throughput.SucceededPerS)
	}
}

// slowDriver takes its time to sign.
type slowDriver struct {
	driver.Driver
	per time.Duration
}

func (d slowDriver) Open(ctx context.Context, h driver.Handout, s driver.Segment) (driver.Session, error) {
	session, err := d.Driver.Open(ctx, h, s)
	return slowSession{session, d.per}, err
}

type slowSession struct {
	driver.Session
	per time.Duration
}

func (s slowSession) Lanes() []driver.Lane {
	lanes := s.Session.Lanes()
	for i := range lanes {
		lanes[i] = slowLane{lanes[i], s.per}
	}
	return lanes
}

type slowLane struct {
	driver.Lane
	per time.Duration
}

func (l slowLane) Next(dst []byte) (driver.Tx, error) {
	for begin := time.Now(); time.Since(begin) < l.per; {
	}
	return l.Lane.Next(dst)
}

// TestSlowSignerIsTheGeneratorsFault: one connection that needs 2 ms for each
// of 1,000 transactions a second can't keep up, and that says nothing about the
// chain.
func TestSlowSignerIsTheGeneratorsFault(t *testing.T) {
	sc, err := scenario.ParseSets("target={driver: null}", "chain=null", "slo=[]", "load.connections=1",
		"load.schedule={constant: {rate: 1000/s, for: 2s}}", "load.warmup=0s", "load.sign=live")
	if err != nil {
		t.Fatal(err)
	}
	drv, err := null.FromOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer drv.Close()
	r, err := loadgen.Run(t.Context(), t.Context(), loadgen.Options{Scenario: sc, Driver: slowDriver{drv, 2 * time.Millisecond}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	invariants(t, r)
	if r.Verdict != result.Invalid {
		t.Errorf("verdict %s: %v", r.Verdict, r.Reasons)
	}
}

func TestUsageErrorsComeBeforeAnythingIsSent(t *testing.T) {
	tests := []struct{ name, set string }{
		{"batch over the message limit", "load.batch.size=5000"},
		{"too few lanes", "load.lanes=4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc, err := scenario.ParseSets("target={driver: null}", "chain=null", "load.schedule={constant: {rate: 50000/s, for: 10s}}", tt.set)
			if err != nil {
				t.Fatal(err)
			}
			drv, err := null.FromOptions(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer drv.Close()
			_, err = loadgen.Run(t.Context(), t.Context(), loadgen.Options{Scenario: sc, Driver: drv, Dir: t.TempDir()})
			if !loadgen.IsUsage(err) {
				t.Errorf("got %v, want a usage error", err)
			}
			if tr := drv.Truth(); tr.Accepted > 0 {
				t.Errorf("%d transactions were sent", tr.Accepted)
			}
		})
	}
}
