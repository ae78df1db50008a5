package null

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mustNew starts a driver whose waits follow the clock of the test.
func mustNew(t testing.TB, options map[string]string) *Driver {
	t.Helper()
	b, err := ParseBehaviour(options)
	if err != nil {
		t.Fatal(err)
	}
	b.Coarse = true
	d, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// open opens n sessions of one lane each.
func open(t testing.TB, d *Driver, n int) []driver.Session {
	t.Helper()
	h, err := d.Prepare(t.Context(), driver.Plan{Lanes: n, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	sessions := make([]driver.Session, n)
	for i := range sessions {
		if sessions[i], err = d.Open(t.Context(), h, driver.Segment{From: i, To: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	return sessions
}

// arrivals submits a transaction of a lane of its own every gap, whatever
// became of the ones before, waits for settle, and returns the truth. It is
// called in a synctest bubble: every time in it is exact.
func arrivals(t *testing.T, options map[string]string, n int, gap, settle time.Duration) Truth {
	t.Helper()
	o := maps.Clone(options)
	o["record"] = "1000000"
	d := mustNew(t, o)
	sessions := open(t, d, n)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		_ = d.Follow(ctx, driver.Ref{Height: 0, ID: genesisID}, func(driver.Update) error { return nil })
	})
	for _, s := range sessions {
		all.Go(func() { submitOne(t, s) })
		time.Sleep(gap)
	}
	time.Sleep(settle)
	cancel()
	all.Wait()
	for _, s := range sessions {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	truth := d.Truth()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	return truth
}

func submitOne(t *testing.T, s driver.Session) {
	lane := s.Lanes()[0]
	tx, err := lane.Next(nil)
	if err != nil {
		t.Error(err)
		return
	}
	s.Submit(t.Context(), []driver.Tx{tx}, func(_ int, a driver.Ack) {
		if a.Status == driver.StatusAccepted {
			lane.Settle(tx, driver.Accepted)
		}
	})
}

// latencies from submission to inclusion, in order of length.
func latencies(t *testing.T, truth Truth) []time.Duration {
	t.Helper()
	var all []time.Duration
	for _, e := range truth.Events {
		if e.Included >= 0 {
			all = append(all, time.Duration(e.Included-e.Submitted))
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		t.Fatal("nothing was included")
	}
	return all
}

// TestLatency: what the driver imposes is what Behaviour.Latency says.
func TestLatency(t *testing.T) {
	for _, c := range []struct {
		name    string
		options map[string]string
		n       int
		gap     time.Duration
	}{
		{"at once", map[string]string{"interval": "0s"}, 200, 777 * time.Microsecond},
		{"blocks at intervals", map[string]string{"interval": "100ms"}, 1000, 3100 * time.Microsecond},
		{"delay", map[string]string{"delay": "10ms"}, 200, 3 * time.Millisecond},
		{"delay and intervals", map[string]string{"delay": "250ms", "interval": "100ms"}, 1000, 3100 * time.Microsecond},
		{"bimodal", map[string]string{"delay": "10ms", "slow": "1s", "slow_share": "0.25"}, 4000, time.Millisecond},
		{"stall", map[string]string{"stall_every": "10s", "stall_for": "1s"}, 4000, 5 * time.Millisecond},
		{"stall with delay", map[string]string{"stall_every": "10s", "stall_for": "1s", "delay": "500ms"}, 4000, 5 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := ParseBehaviour(c.options)
				if err != nil {
					t.Fatal(err)
				}
				want, ok := b.Latency()
				if !ok {
					t.Fatal("no distribution")
				}
				got := latencies(t, arrivals(t, c.options, c.n, c.gap, 3*time.Second))
				if len(got) != c.n {
					t.Fatalf("%d of %d included", len(got), c.n)
				}
				compare(t, got, want)
			})
		})
	}
}

// compare holds a sample against a distribution: its mean, and at each of its
// values the share that does not exceed it (which, unlike quantiles, is not
// arbitrary where the distribution has a gap).
func compare(t *testing.T, got []time.Duration, want Mixture) {
	t.Helper()
	var sum time.Duration
	off := 0.0
	for i, d := range got {
		sum += d
		if i+1 == len(got) || got[i+1] != d {
			off = max(off, math.Abs(float64(i+1)/float64(len(got))-want.below(d)))
		}
	}
	if off > 0.02 {
		t.Errorf("shares are off by up to %v", off)
	}
	mean, tolerance := sum/time.Duration(len(got)), want.Quantile(1)/50
	if (mean - want.Mean()).Abs() > tolerance {
		t.Errorf("mean %v, want %v", mean, want.Mean())
	}
	if last := got[len(got)-1]; last > want.Quantile(1) || last < want.Quantile(1)*98/100 {
		t.Errorf("longest %v, want %v", last, want.Quantile(1))
	}
}

// TestNoLatency: behaviours without a fixed distribution say so.
func TestNoLatency(t *testing.T) {
	for _, b := range []Behaviour{
		{Rate: 5}, {ReorgEvery: 5, ReorgDepth: 1}, {OnDemand: true},
		{StallEvery: 10, StallFor: 2, Interval: 1}, {StallEvery: 10, StallFor: 2, Delay: 3}, {StallEvery: 10, StallFor: 8, Delay: 3},
	} {
		if m, ok := b.Latency(); ok {
			t.Errorf("%+v: %v", b, m)
		}
	}
}

func TestMixture(t *testing.T) {
	m := Mixture{{0.9, 0, 0}, {0.1, 0, time.Second}}
	for q, want := range map[float64]time.Duration{0.5: 0, 0.9: 0, 0.95: 500 * time.Millisecond, 0.99: 900 * time.Millisecond, 1: time.Second} {
		if got := m.Quantile(q); (got - want).Abs() > 10 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if m.Mean() != 50*time.Millisecond {
		t.Errorf("mean %v", m.Mean())
	}
}

// TestAnswerAfterCommit: answers come AckDelay after the submission, when the
// transaction is in a block already.
func TestAnswerAfterCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		truth := arrivals(t, map[string]string{"ack_delay": "50ms", "interval": "10ms"}, 100, 7*time.Millisecond, time.Second)
		for _, e := range truth.Events {
			if e.Acked-e.Submitted != int64(50*time.Millisecond) || e.Included > e.Acked {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// TestRate: over the rate, transactions wait, and come out at the rate.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		truth := arrivals(t, map[string]string{"rate": "333/s", "interval": "10ms"}, 2000, time.Millisecond, 5*time.Second)
		var included []int64
		for _, e := range truth.Events {
			included = append(included, e.Included)
		}
		slices.Sort(included)
		for _, seconds := range []int{1, 3, 5} {
			end := included[0] + int64(seconds)*int64(time.Second)
			n, _ := slices.BinarySearch(included, end)
			if got, want := float64(n), 333*float64(seconds); math.Abs(got-want) > 6 {
				t.Errorf("%v in %d s, want %v", got, seconds, want)
			}
		}
	})
}

// TestRateReorganised: what comes again after a reorganisation has been let
// through before, and takes nothing from what has not.
func TestRateReorganised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := map[string]string{"rate": "500/s", "interval": "10ms", "reorg_every": "4", "reorg_depth": "2"}
		truth := arrivals(t, options, 3000, time.Millisecond, 0) // 3 s of twice the rate
		if n := float64(truth.Included); math.Abs(n-1500) > 15 || truth.Reverted == 0 {
			t.Errorf("%v included in 3 s, %d reverted", n, truth.Reverted)
		}
	})
}

// TestRateBusy: with Refuse what is over the rate is answered busy, and what is
// not is included at once.
func TestRateBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		truth := arrivals(t, map[string]string{"rate": "100/s", "over": "busy", "interval": "1ms"}, 4000, time.Millisecond, time.Second)
		busy := truth.Rejected[driver.RejectBusy]
		if truth.Accepted+busy != 4000 || truth.Accepted < 398 || truth.Accepted > 403 || truth.Included != truth.Accepted {
			t.Errorf("%d accepted, %d busy, %d included", truth.Accepted, busy, truth.Included)
		}
	})
}

// TestLoss: what is lost is accepted, counted, and never comes.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		truth := arrivals(t, map[string]string{"loss_one_in": "100", "silent_one_in": "50"}, 20_000, 100*time.Microsecond, time.Second)
		missing := uint64(0)
		for _, e := range truth.Events {
			if e.Included < 0 {
				missing++
			}
		}
		if truth.Accepted != 20_000 || truth.Included+truth.Lost != truth.Accepted || missing != truth.Lost {
			t.Errorf("%d accepted, %d included, %d lost, %d missing", truth.Accepted, truth.Included, truth.Lost, missing)
		}
		for name, c := range map[string]struct{ got, want float64 }{"lost": {float64(truth.Lost), 200}, "silent": {float64(truth.Silent), 400}} {
			if math.Abs(c.got-c.want) > 5*math.Sqrt(c.want) {
				t.Errorf("%v %s, want about %v", c.got, name, c.want)
			}
		}
	})
}

// TestReorganisation: abandoned transactions come again, each once in the end.
func TestReorganisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		truth := arrivals(t, map[string]string{"reorg_every": "5", "reorg_depth": "3", "interval": "10ms"}, 1000, time.Millisecond, time.Second)
		if truth.Included != 1000 || truth.Reverted < 500 || truth.Reverted > 700 { // 3 blocks of every 5
			t.Errorf("%d included, %d reverted", truth.Included, truth.Reverted)
		}
	})
}

// TestStallBlocksSubmit: during a stall Submit waits, and gives up when its
// context ends or the driver is closed.
func TestStallBlocksSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := mustNew(t, map[string]string{"stall_every": "10s", "stall_for": "1s"})
		sessions := open(t, d, 3)
		submitOne(t, sessions[0]) // the first period begins
		time.Sleep(9500 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		answer := make(chan driver.Ack, 1)
		tx, _ := sessions[1].Lanes()[0].Next(nil)
		sessions[1].Submit(ctx, []driver.Tx{tx}, func(_ int, a driver.Ack) { answer <- a })
		if a := <-answer; a.Status != driver.StatusUnknown || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%+v after %v", a, time.Since(began))
		}
		done := make(chan struct{})
		go func() { submitOne(t, sessions[2]); close(done) }()
		synctest.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		<-done
		if truth := d.Truth(); truth.Accepted != 1 {
			t.Errorf("%d accepted, want 1", truth.Accepted)
		}
	})
}

// TestHistory: what is beyond the history can't be followed, but is known to be
// in a block.
func TestHistory(t *testing.T) {
	d := mustNew(t, map[string]string{"seal": "demand", "history": "10"})
	defer d.Close()
	s := open(t, d, 1)[0]
	lane := s.Lanes()[0]
	var first driver.Tx
	for i := range 3 * minBlocks {
		tx, err := lane.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = tx
		}
		s.Submit(t.Context(), []driver.Tx{tx}, func(int, driver.Ack) {})
		if err := d.Seal(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	err := d.Follow(t.Context(), driver.Ref{}, func(driver.Update) error { return errors.New("told something") })
	if err == nil || !strings.Contains(err.Error(), "raise history") {
		t.Errorf("Follow from before genesis: %v", err)
	}
	if places, err := d.Locate(t.Context(), []driver.ID{first.ID}); err != nil || places[0] != driver.PlaceBlock {
		t.Errorf("%v, %v", places, err)
	}
	if err := d.Prove(t.Context(), first.ID, driver.Ref{Height: 1}); err != nil {
		t.Error(err)
	}
	if err := d.Prove(t.Context(), driver.ID{1}, driver.Ref{Height: 1}); err == nil {
		t.Error("proved what nobody sent")
	}
	if len(d.chain.blocks) != minBlocks || d.chain.kept != minBlocks {
		t.Errorf("%d blocks with %d transactions kept", len(d.chain.blocks), d.chain.kept)
	}
}

// TestRefusals: why what is refused is, by the chain's rules.
func TestRefusals(t *testing.T) {
	d := mustNew(t, map[string]string{"seal": "demand"})
	defer d.Close()
	s := open(t, d, 2)[0]
	submit := func(p payload) driver.Reject {
		why := driver.RejectOther
		s.Submit(t.Context(), []driver.Tx{{Payload: p.append(nil, minPayload)}}, func(_ int, a driver.Ack) { why = a.Kind })
		return why
	}
	for i, c := range []struct {
		p    payload
		want driver.Reject
	}{
		{payload{epoch: 1, nonce: 1}, driver.RejectMissingInput},
		{payload{epoch: 2}, driver.RejectMissingInput},
		{payload{epoch: 1, lane: 2}, driver.RejectMissingInput},
		{payload{epoch: 1, kind: kindInvalidSignature}, driver.RejectSignature},
		{payload{epoch: 1, kind: kindDoubleSpend}, driver.RejectMissingInput},
		{payload{epoch: 1}, driver.RejectNone},
		{payload{epoch: 1}, driver.RejectDuplicate},
		{payload{epoch: 1, seq: 1, kind: kindDoubleSpend}, driver.RejectDoubleSpend},
		{payload{epoch: 1, seq: 1, nonce: 1}, driver.RejectNone},
		{payload{epoch: 1}, driver.RejectDoubleSpend},
	} {
		if why := submit(c.p); why != c.want {
			t.Errorf("%d: %v, want %v", i, why, c.want)
		}
	}
}

// TestLostAfterAcceptance: nothing rests on an inclusion here, so a lane goes
// on after what was accepted and then lost.
func TestLostAfterAcceptance(t *testing.T) {
	d := mustNew(t, map[string]string{"seal": "demand"})
	defer d.Close()
	s := open(t, d, 1)[0]
	lane := s.Lanes()[0]
	var first driver.Tx
	for want := range uint64(4) {
		tx, err := lane.Next(nil)
		if err != nil || tx.Seq != want {
			t.Fatalf("number %d, want %d (%v)", tx.Seq, want, err)
		}
		s.Submit(t.Context(), []driver.Tx{tx}, func(_ int, a driver.Ack) {
			if a.Status != driver.StatusAccepted {
				t.Errorf("number %d: %+v", want, a)
			}
		})
		lane.Settle(tx, driver.Accepted)
		if want == 0 {
			first = driver.Tx{ID: tx.ID}
		}
		lane.Settle(first, driver.Lost)
	}
}

// TestOwedBound: when too many answers are owed Submit blocks, and gives up
// when its context ends.
func TestOwedBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := mustNew(t, map[string]string{"ack_delay": "1h", "interval": "1s", "lane_window": "2"})
		s := open(t, d, 1)[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began, answers := time.Now(), 0
		for range owedMax + 2 { // one is with the goroutine that answers
			s.Submit(ctx, []driver.Tx{{}}, func(_ int, a driver.Ack) {
				if answers++; a.Status != driver.StatusUnknown {
					t.Errorf("%+v", a)
				}
			})
		}
		if answers != 1 || time.Since(began) != time.Minute {
			t.Errorf("%d answers after %v", answers, time.Since(began))
		}
		if err := s.Close(); err != nil || answers != owedMax+2 {
			t.Errorf("%d answers after Close (%v)", answers, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReopened: lanes opened again go on after what the chain has accepted.
func TestReopened(t *testing.T) {
	d := mustNew(t, nil)
	defer d.Close()
	h, err := d.Prepare(t.Context(), driver.Plan{Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	for want := range uint64(3) {
		s, err := d.Open(t.Context(), h, driver.Segment{To: 1})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := s.Lanes()[0].Next(nil)
		if err != nil || tx.Seq != want {
			t.Fatalf("number %d, want %d (%v)", tx.Seq, want, err)
		}
		s.Submit(t.Context(), []driver.Tx{tx}, func(_ int, a driver.Ack) {
			if a.Status != driver.StatusAccepted {
				t.Errorf("%d: %+v", want, a)
			}
		})
	}
}
