package record

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var twoKinds = []driver.Kind{{Name: "transfer"}, {Name: "invalid", Expect: driver.RejectSignature}}

const second = int64(time.Second)

// options cut 10 s into 2 s of warm-up, 6 s of steady window and the drain.
func options(kinds []driver.Kind) Options {
	return Options{Kinds: kinds, SteadyFrom: 2 * second, SteadyTo: 8 * second, LoadEnd: 8 * second, Now: func() int64 { return 10 * second }}
}

func mustNew(t *testing.T, o Options) *Collector {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// succeeded is a transaction with every time set.
func succeeded(kind uint8, intended int64) *inflight.Entry {
	return &inflight.Entry{
		Kind: kind, Intended: intended, Dispatched: intended + 1e5, Sent: intended + 1e6, Acked: intended + 3e6,
		First: intended + 2e8, Included: intended + 2e8, Held: intended + 5e8, Attempts: 1,
		Status: driver.StatusAccepted, Fate: inflight.FateSucceeded,
	}
}

// all takes a transaction through every event.
func all(r *Recorder, e *inflight.Entry) {
	r.Offered(e.Kind, e.Intended)
	r.Dispatched(e.Kind, e.Intended, e.Dispatched)
	r.Sent(e, 100)
	r.Acked(e, "")
	r.Included(e, inflight.Fresh)
	r.Done(e)
}

func histogram(t *testing.T, hs []result.Histogram, stage, kind string) *hdr.Histogram {
	t.Helper()
	i := slices.IndexFunc(hs, func(h result.Histogram) bool { return h.Stage == stage && h.Kind == kind })
	if i < 0 {
		t.Fatalf("no histogram of %s %q", stage, kind)
	}
	return hs[i].H
}

// TestStages: each stage goes from where to where measurement.md says.
func TestStages(t *testing.T) {
	c := mustNew(t, options(twoKinds[:1]))
	r := c.Recorder()
	all(r, succeeded(0, 3*second))
	c.Finish()
	want := map[string]int64{
		result.StageDispatchLag: 1e5, result.StageSendWait: 9e5, result.StageAck: 2e6, result.StageAckResponse: 3e6,
		result.StageInclude: 2e8, result.StageCommit: 2e8, result.StageCommitService: 2e8 - 1e6, result.StageFinal: 5e8,
	}
	for stage, ns := range want {
		h := histogram(t, c.Histograms(), stage, "")
		if h.TotalCount() != 1 || !h.ValuesAreEquivalent(h.Max(), ns) {
			t.Errorf("%s: %d samples, the largest %d, want one of %d", stage, h.TotalCount(), h.Max(), ns)
		}
	}
	if n := len(c.Histograms()); n != len(want) {
		t.Errorf("%d histograms of one kind, want %d", n, len(want))
	}
}

// TestWindow: a sample is in the steady window by its intended time, and in an
// interval by the time at which it was recorded.
func TestWindow(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	r := c.Recorder()
	for _, intended := range []int64{0, 2*second - 1, 2 * second, 5 * second, 8*second - 1, 8 * second} {
		all(r, succeeded(0, intended))
	}
	c.Tick(9 * second)
	all(r, succeeded(1, 4*second)) // long after its second
	c.Tick(10 * second)
	hs := c.Histograms()
	for kind, want := range map[string]int64{"": 4, "transfer": 3, "invalid": 1} {
		if got := histogram(t, hs, result.StageCommit, kind).TotalCount(); got != want {
			t.Errorf("steady window of %q: %d, want %d", kind, got, want)
		}
	}
	whole, window := c.Totals()
	if whole[Succeeded] != 7 || window[Succeeded] != 4 || window[PayloadBytes] != 400 || window[InTime] != 4 {
		t.Errorf("totals: %d in all, %d in the window", whole[Succeeded], window[Succeeded])
	}
	counts := map[int64]int64{}
	for _, i := range c.Intervals() {
		if i.Stage != result.StageCommit {
			continue
		}
		h, err := hdr.Decode(i.V2)
		if err != nil {
			t.Fatal(err)
		}
		counts[i.StartNs+i.LengthNs] = h.TotalCount()
	}
	if diff := cmp.Diff(map[int64]int64{9 * second: 6, 10 * second: 1}, counts); diff != "" {
		t.Errorf("interval log: %s", diff)
	}
}

// TestSwap: what was recorded in an interval is in that interval alone, however
// often the sets change hands.
func TestSwap(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	r := c.Recorder()
	for i := range 7 {
		for range i {
			all(r, succeeded(0, 3*second))
		}
		c.Tick(int64(i+1) * second)
	}
	var offered []uint64
	for _, s := range c.Series() {
		if s.Kind == "" {
			offered = append(offered, s.Offered)
		}
	}
	if diff := cmp.Diff([]uint64{0, 1, 2, 3, 4, 5, 6}, offered); diff != "" {
		t.Error(diff)
	}
	if n := histogram(t, c.Histograms(), result.StageCommit, "").TotalCount(); n != 21 {
		t.Errorf("%d commits in all, want 21", n)
	}
}

// TestSeries: phases, kinds, gauges and quantiles of the rows.
func TestSeries(t *testing.T) {
	o := options(twoKinds)
	o.InFlight, o.Worker = func() int64 { return 42 }, "w1"
	var live []result.Sample
	o.OnSample = func(s result.Sample) { live = append(live, s) }
	c := mustNew(t, o)
	r := c.Recorder()
	for i := range 100 {
		e := succeeded(0, int64(i))
		e.Included = e.Intended + int64(i+1)*1e6
		all(r, e)
	}
	r.Dropped(5, Late, "")
	c.Tick(second)
	c.Tick(3 * second)
	c.Tick(9 * second)
	rows := c.Series()
	var phases, names []string
	for _, s := range rows {
		phases, names = append(phases, s.Phase), append(names, s.Kind)
	}
	if diff := cmp.Diff([]string{"", "transfer", "invalid", "", "transfer", "invalid", "", "transfer", "invalid"}, names); diff != "" {
		t.Error(diff)
	}
	if phases[0] != PhaseWarmup || phases[3] != PhaseWarmup || phases[6] != PhaseSteady {
		t.Errorf("phases %v", phases)
	}
	s := rows[0]
	if s.Offered != 100 || s.Sent != 100 || s.Accepted != 100 || s.Included != 100 || s.Dropped != 1 || s.InFlight != 42 || s.Pool != -1 || s.Worker != "w1" || s.TNs != second {
		t.Errorf("first row %+v", s)
	}
	for name, c := range map[string]struct{ got, want int64 }{
		"p50": {s.IncludeP50Ns, 50e6}, "p90": {s.IncludeP90Ns, 90e6}, "max": {s.IncludeMaxNs, 100e6},
	} {
		if d := float64(c.got-c.want) / float64(c.want); d < -0.001 || d > 0.001 {
			t.Errorf("%s is %d, want %d", name, c.got, c.want)
		}
	}
	if s.IncludeP99Ns != -1 || s.IncludeP999Ns != -1 || s.AckP99Ns != -1 {
		t.Errorf("quantiles of 100 samples: p99 %d, p99.9 %d", s.IncludeP99Ns, s.IncludeP999Ns)
	}
	if rows[1].InFlight != -1 || rows[2].Offered != 0 || rows[3].IncludeMaxNs != -1 {
		t.Errorf("rows %+v", rows[1:4])
	}
	if len(live) != 3 {
		t.Errorf("OnSample saw %d rows, want 3", len(live))
	}
}

// TestQuantile: 10/(1-q) samples are needed, not one fewer.
func TestQuantile(t *testing.T) {
	for q, need := range map[float64]int64{0.5: 20, 0.9: 100, 0.99: 1000, 0.999: 10_000} {
		h := result.NewHistogram()
		_ = h.RecordValues(1e6, need-1)
		if _, ok := Quantile(h, q); ok {
			t.Errorf("quantile %v of %d samples", q, need-1)
		}
		_ = h.RecordValue(1e6)
		if _, ok := Quantile(h, q); !ok {
			t.Errorf("no quantile %v of %d samples", q, need)
		}
	}
	if _, ok := Quantile(nil, 0.5); ok {
		t.Errorf("quantile of nothing")
	}
}

func TestSummarise(t *testing.T) {
	h := result.NewHistogram()
	for i := range 1000 {
		_ = h.RecordValue(int64(i+1) * 1e6)
	}
	l := Summarise(result.Histogram{Stage: "commit", Kind: "transfer", H: h}, 7, 3)
	if l.Stage != "commit" || l.Kind != "transfer" || l.Count != 1000 || l.Blocks != 7 || l.Censored != 3 {
		t.Errorf("%+v", l)
	}
	if l.P50Ns == nil || l.P99Ns == nil || l.P999Ns != nil || *l.P50Ns > *l.P90Ns || *l.P90Ns > *l.P99Ns {
		t.Errorf("quantiles %v %v %v %v", l.P50Ns, l.P90Ns, l.P99Ns, l.P999Ns)
	}
	if l.MinNs > 1e6 || l.MaxNs < 1e9 || l.MeanNs < 500e6 || l.MeanNs > 501e6 {
		t.Errorf("min %d mean %d max %d", l.MinNs, l.MeanNs, l.MaxNs)
	}
	if l := Summarise(result.Histogram{Stage: "ack"}, 0, 5); l.Count != 0 || l.Censored != 5 {
		t.Errorf("of nothing: %+v", l)
	}
}

// TestOdd: what can't be recorded is counted.
func TestOdd(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	r := c.Recorder()
	r.Dispatched(AnyKind, 3*second, 3*second-1)
	e := succeeded(0, 3*second)
	e.Included = e.Intended + result.HighestNs + 1
	e.Held = e.Included
	all(r, e)
	c.Finish()
	n := c.Counts()
	if n.NegativeDeltas != 1 || n.OutOfRange != 3 { // include, commit, final
		t.Errorf("%d negative, %d out of range", n.NegativeDeltas, n.OutOfRange)
	}
	if whole, _ := c.Totals(); whole[Dispatched] != 2 {
		t.Errorf("%d dispatched, want 2", whole[Dispatched])
	}
	if h := histogram(t, c.Histograms(), result.StageDispatchLag, ""); h.TotalCount() != 1 {
		t.Errorf("%d samples", h.TotalCount())
	}
	if c.MergeDropped() != 0 {
		t.Errorf("merging lost %d samples", c.MergeDropped())
	}
}

// TestLedger: counts and matrix of a random mix are those of a tally kept on
// the side, whichever recorder saw what, with the collector at work meanwhile.
func TestLedger(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	const workers, each = 4, 5000
	cells := make([]map[result.Cell]uint64, workers)
	stop := make(chan struct{})
	var collector, recorders sync.WaitGroup
	collector.Go(func() {
		for now := int64(1); ; now++ {
			select {
			case <-stop:
				return
			default:
				c.Tick(now)
			}
		}
	})
	for w := range workers {
		r := c.Recorder()
		cells[w] = map[result.Cell]uint64{}
		recorders.Go(func() { mix(r, rand.New(rand.NewPCG(uint64(w), 1)), each, cells[w]) })
	}
	recorders.Wait()
	close(stop)
	collector.Wait()
	c.Recorder().Unsent(17)
	c.Finish()

	want := map[result.Cell]uint64{}
	for _, m := range cells {
		for cell, n := range m {
			want[cell] += n
		}
	}
	got := map[result.Cell]uint64{}
	for _, cell := range c.Matrix() {
		n := cell.Count
		cell.Count = 0
		got[cell] += n
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matrix: %s", diff)
	}
	n := c.Counts()
	if !n.Balanced || n.Scheduled != workers*each+17 || n.Unsent != 17 || n.Sent+n.DroppedLate != workers*each {
		t.Errorf("counts %+v", n)
	}
	if n.Answers["accepted"]+n.Answers["rejected"]+n.Answers["unknown"] != n.Sent {
		t.Errorf("answers %v of %d sent", n.Answers, n.Sent)
	}
	if want := want[result.Cell{Answer: "rejected/signature", Fate: "refused", Kind: "invalid", Expect: "signature"}]; n.Expected != want || want == 0 {
		t.Errorf("%d rejections expected, want %d", n.Expected, want)
	}
	commit := histogram(t, c.Histograms(), result.StageCommit, "").TotalCount()
	if _, window := c.Totals(); uint64(commit) != window[Succeeded] {
		t.Errorf("%d commits recorded, %d succeeded in the window", commit, window[Succeeded])
	}
}

// mix records n arrivals of random outcome.
func mix(r *Recorder, random *rand.Rand, n int, cells map[result.Cell]uint64) {
	for range n {
		e := succeeded(uint8(random.IntN(2)), random.Int64N(10*second))
		switch random.IntN(5) {
		case 0:
			r.Offered(e.Kind, e.Intended)
			r.Dropped(e.Intended, Late, "")
			continue
		case 1:
			e.Status, e.Reject, e.Fate = driver.StatusRejected, driver.RejectSignature, inflight.FateRefused
		case 2:
			e.Status, e.Reject, e.Fate = driver.StatusUnknown, driver.RejectTimeout, inflight.FateLost
		}
		all(r, e)
		cells[result.Cell{Answer: Answer(e.Status, e.Reject), Fate: e.Fate.String(), Kind: twoKinds[e.Kind].Name, Expect: twoKinds[e.Kind].Expect.String()}]++
	}
}

// TestUnbalanced: a transaction that was sent and never done shows.
func TestUnbalanced(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	r := c.Recorder()
	all(r, succeeded(0, 1))
	e := succeeded(0, 2)
	r.Offered(0, e.Intended)
	r.Sent(e, 1)
	c.Finish()
	if c.Counts().Balanced {
		t.Errorf("balanced with one transaction missing from the matrix")
	}
	r.Done(e)
	if !c.Counts().Balanced {
		t.Errorf("not balanced with all done: %+v", c.Counts())
	}
	r.Offered(0, 3)
	c.Tick(20 * second)
	if c.Counts().Balanced {
		t.Errorf("balanced with an arrival unaccounted for")
	}
}

// TestRun: intervals end on the beat, and the last one when Finish says so.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(-300 * time.Millisecond)
		o := options(twoKinds[:1])
		o.Now = func() int64 { return int64(time.Since(start)) }
		c := mustNew(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(2 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Finish()
		var ends []int64
		for _, s := range c.Series() {
			ends = append(ends, s.TNs)
		}
		if diff := cmp.Diff([]int64{second, 2 * second, 2*second + 300e6}, ends); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no kinds":             func(o *Options) { o.Kinds = nil },
		"too many kinds":       func(o *Options) { o.Kinds = make([]driver.Kind, AnyKind) },
		"no clock":             func(o *Options) { o.Now = nil },
		"window ends early":    func(o *Options) { o.SteadyTo = 1 },
		"window past the load": func(o *Options) { o.LoadEnd = 7 * second },
		"negative interval":    func(o *Options) { o.Every = -1 },
	} {
		o := options(twoKinds)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestNames: what this package writes is what result's readers know.
func TestNames(t *testing.T) {
	for f, want := range map[inflight.Fate]string{
		inflight.FateSucceeded: result.FateSucceeded, inflight.FateFailed: result.FateFailed, inflight.FateRefused: result.FateRefused,
		inflight.FatePooled: result.FatePooled, inflight.FateEvicted: result.FateEvicted, inflight.FateExpired: result.FateExpired, inflight.FateLost: result.FateLost,
	} {
		if f.String() != want {
			t.Errorf("fate %q, want %q", f, want)
		}
	}
	if int(numStages) != len(result.ClientStages) {
		t.Errorf("%d stages, want %d", numStages, len(result.ClientStages))
	}
	if Commit.String() != result.StageCommit || DispatchLag.String() != result.StageDispatchLag || Final.String() != result.StageFinal {
		t.Errorf("stages are out of order")
	}
}

func TestErrors(t *testing.T) {
	e := NewErrors()
	e.Add("rejected", "fee", "transfer", 5, false, "")
	e.Add("rejected", "fee", "transfer", 3, false, "too little")
	e.Add("rejected", "fee", "transfer", 9, false, "ignored")
	e.Add("follow", "lost", "", 1, false, strings.Repeat("x", 299)+"é")
	rows := e.Rows()
	want := result.ErrorRow{Class: "rejected", Kind: "fee", TxKind: "transfer", Count: 3, FirstNs: 3, LastNs: 9, Sample: "too little"}
	if len(rows) != 2 || rows[1] != want {
		t.Errorf("%+v", rows)
	}
	if s := rows[0].Sample; s != strings.Repeat("x", 299)+"?" {
		t.Errorf("sample is cut to %q", s)
	}
	for i := range 2 * maxErrorRows {
		e.Add("rejected", strings.Repeat("k", i), "", 1, false, "")
	}
	rows = e.Rows()
	var sum uint64
	for _, r := range rows {
		sum += r.Count
	}
	if len(rows) != maxErrorRows+1 || sum != 4+2*maxErrorRows {
		t.Errorf("%d rows with %d errors", len(rows), sum)
	}
}

// TestAckedErrors: refusals that the workload asked for are marked.
func TestAckedErrors(t *testing.T) {
	c := mustNew(t, options(twoKinds))
	r := c.Recorder()
	for kind := range uint8(2) {
		e := succeeded(kind, 1)
		e.Status, e.Reject = driver.StatusRejected, driver.RejectSignature
		r.Acked(e, "bad signature")
	}
	r.Acked(succeeded(0, 1), "fine")
	var got []bool
	for _, row := range c.Errors().Rows() {
		if row.Class != "rejected" || row.Sample != "bad signature" {
			t.Errorf("%+v", row)
		}
		got = append(got, row.Expected)
	}
	if diff := cmp.Diff([]bool{true, false}, got); diff != "" { // invalid, transfer
		t.Error(diff)
	}
}

func BenchmarkDone(b *testing.B) {
	c, err := New(options(twoKinds))
	if err != nil {
		b.Fatal(err)
	}
	r, e := c.Recorder(), succeeded(0, 3*second)
	for b.Loop() {
		r.Done(e)
	}
}

// BenchmarkDoneFair is BenchmarkDone with connections and 20,000 lanes told
// apart, in the order in which lanes take turns.
func BenchmarkDoneFair(b *testing.B) {
	o := options(twoKinds)
	o.Connections, o.Lanes = 4, 20_000
	c, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	r, e := c.Recorder(), succeeded(0, 3*second)
	for b.Loop() {
		e.Lane = (e.Lane + 4999) % 20_000
		e.Sender = uint16(e.Lane / 5000)
		r.Done(e)
	}
}

func BenchmarkTick(b *testing.B) {
	c, err := New(options(twoKinds[:1]))
	if err != nil {
		b.Fatal(err)
	}
	recorders := make([]*Recorder, 6)
	for i := range recorders {
		recorders[i] = c.Recorder()
	}
	random := rand.New(rand.NewPCG(1, 1))
	for now := int64(1); b.Loop(); now++ {
		b.StopTimer()
		for _, r := range recorders {
			for range 2000 {
				e := succeeded(0, 3*second)
				e.Included += random.Int64N(1e9)
				all(r, e)
			}
		}
		b.StartTimer()
		c.Tick(now)
	}
}
