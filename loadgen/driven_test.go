package loadgen_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// drive begins a driven run over a null driver.
func drive(t *testing.T, options map[string]string, change func(*loadgen.DrivenOptions), sets ...string) (*loadgen.Driven, *null.Driver) {
	t.Helper()
	base := []string{"name=driven", "target={driver: null}", "chain=null", "slo=[]", "load.warmup=0s", "load.drain=5s", "load.lanes=400"}
	sc, err := scenario.ParseSets(append(base, sets...)...)
	if err != nil {
		t.Fatal(err)
	}
	sc.Load.Schedule = scenario.Schedule{}
	drv, err := null.FromOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { drv.Close() })
	opt := loadgen.DrivenOptions{Options: loadgen.Options{Scenario: sc, Driver: drv, ID: "driven"}, Pacer: "a test", Wallets: 4}
	if change != nil {
		change(&opt)
	}
	d, err := loadgen.Drive(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, drv
}

func wallet(t *testing.T, d *loadgen.Driven, i int) *loadgen.Wallet {
	t.Helper()
	w, err := d.Wallet(i)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDriven sends from several wallets at once, and wants every count of the
// report to be that of the calls and of the chain.
func TestDriven(t *testing.T) {
	dir := t.TempDir()
	d, drv := drive(t, map[string]string{"delay": "20ms"}, func(o *loadgen.DrivenOptions) { o.Dir = dir }, "load.options.double_spends=0.1")
	const calls, each = 20, 150 // more than a wallet's 100 lanes
	var wg sync.WaitGroup
	fates := make([]loadgen.Fates, 4)
	for i := range 4 {
		w := wallet(t, d, i)
		wg.Go(func() {
			for range calls {
				c, err := w.Send(t.Context(), loadgen.Order{Next: each})
				if err != nil {
					t.Error(err)
					return
				}
				a := c.Answers()
				if a.Sent != each || a.Accepted+a.Rejected != each || a.Rejected != a.Kinds[driver.RejectDoubleSpend] || len(c.IDs()) != each {
					t.Errorf("%+v", a)
				}
				f, err := c.Wait(t.Context())
				if err != nil || f.Succeeded != a.Accepted || f.Other != 0 {
					t.Errorf("%+v after %+v, %v", f, a, err)
				}
				fates[i].Succeeded += f.Succeeded
			}
		})
	}
	wg.Wait()
	d.Dropped(7, time.Now(), "nobody was free")
	d.Remark("said by the %s", "test")
	d.End(t.Context(), false)
	reading := d.Reading()
	r := d.Report(t.Context())
	invariants(t, r)
	succeeded := uint64(fates[0].Succeeded + fates[1].Succeeded + fates[2].Succeeded + fates[3].Succeeded)
	if c := r.Counts; c.Sent != 4*calls*each || c.Scheduled != c.Sent+7 || c.DroppedOverload != 7 || c.Fates[result.FateSucceeded] != succeeded {
		t.Errorf("%+v, calls say %d succeeded", c, succeeded)
	}
	if tr := drv.Truth(); tr.Included != succeeded {
		t.Errorf("the chain holds %d, the calls say %d", tr.Included, succeeded)
	}
	if !r.Audit.OK || r.Audit.Level != "counts" {
		t.Errorf("%+v", r.Audit)
	}
	if got := reading.Kinds[0]; got.Succeeded != succeeded || got.Commit.P50 < 20*time.Millisecond || reading.InFlight != 0 {
		t.Errorf("%+v", reading)
	}
	if r.Run.Loop != "a test" || len(r.Validity) == 0 || !strings.Contains(strings.Join(r.Warnings, "\n"), "a test kept the pace") ||
		!strings.Contains(strings.Join(r.Warnings, "\n"), "said by the test") {
		t.Errorf("loop %q, validity %v, warnings %q", r.Run.Loop, r.Validity, r.Warnings)
	}
	if r.Verdict != result.Fail || !strings.Contains(r.Reasons[0], "7 of") {
		t.Errorf("%s: %q; drops must fail a run", r.Verdict, r.Reasons)
	}
	if _, err := os.Stat(filepath.Join(dir, result.FileTransactions)); err != nil {
		t.Error(err)
	}
	if _, err := wallet(t, d, 0).Send(t.Context(), loadgen.Order{Next: 1}); !errors.Is(err, loadgen.ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
}

// TestDrivenIntended: latency counts from when the caller says that a
// transaction was due.
func TestDrivenIntended(t *testing.T) {
	d, _ := drive(t, nil, func(o *loadgen.DrivenOptions) { o.Dir = t.TempDir() })
	due := time.Now().Add(-time.Second)
	if _, err := wallet(t, d, 0).Send(t.Context(), loadgen.Order{Next: 30, Intended: due}); err != nil {
		t.Fatal(err)
	}
	d.End(t.Context(), false)
	r := d.Report(t.Context())
	for _, l := range r.Latency {
		// The run is younger than that: what was due before it was due at its start.
		// A histogram knows three digits.
		if first := float64(r.Blocks[0].SeenNs); l.Stage == result.StageCommit && (l.Count != 30 || float64(l.MinNs) < first*0.998 || l.MinNs > r.Run.DrainEndNs) {
			t.Errorf("%+v, first block at %d", l, r.Blocks[0].SeenNs)
		}
	}
}

// TestDrivenWaitsForRoom: an order waits for lanes and room, and what gets none
// in time is dropped.
func TestDrivenWaitsForRoom(t *testing.T) {
	for name, tc := range map[string]struct {
		options map[string]string
		sets    []string
	}{
		"room":  {nil, []string{"load.in_flight=50"}},
		"lanes": {map[string]string{"lane_window": "1"}, []string{"load.lanes=200"}}, // 50 a wallet
		"busy":  {map[string]string{"rate": "1", "over": "busy"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			options := map[string]string{"seal": "demand"}
			for k, v := range tc.options {
				options[k] = v
			}
			d, drv := drive(t, options, nil, tc.sets...)
			w := wallet(t, d, 1)
			c, err := w.Send(t.Context(), loadgen.Order{Next: 80, Timeout: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			a := c.Answers()
			if name == "busy" {
				if a.Sent != 80 || a.Kinds[driver.RejectBusy] < 79 {
					t.Errorf("%+v", a)
				}
			} else if a.Sent != 50 || a.Accepted != 50 || a.Dropped != 30 {
				t.Errorf("%+v", a)
			}
			if name == "busy" {
				return
			}
			if err := drv.Seal(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if f, err := c.Wait(t.Context()); err != nil || f.Succeeded != 50 {
				t.Fatalf("%+v, %v", f, err)
			}
			if c, err = w.Send(t.Context(), loadgen.Order{Next: 50}); err != nil || c.Answers().Accepted != 50 {
				t.Errorf("after a block: %+v, %v", c.Answers(), err)
			}
		})
	}
}

// TestDrivenSigned: what was built beforehand is sent once, by its own wallet.
func TestDrivenSigned(t *testing.T) {
	d, drv := drive(t, nil, nil, "load.lanes=40")
	w, other := wallet(t, d, 0), wallet(t, d, 1)
	signed, err := w.Sign(10)
	if err != nil || len(signed) != 10 {
		t.Fatal(err)
	}
	if _, err := w.Sign(1); err == nil || !strings.Contains(err.Error(), "0 of the wallet's 10 lanes are free") {
		t.Errorf("all lanes wait: %v", err)
	}
	if _, err := other.Send(t.Context(), loadgen.Order{Signed: signed}); err == nil {
		t.Error("another wallet sent it")
	}
	c, err := w.Send(t.Context(), loadgen.Order{Signed: signed})
	if err != nil || c.Answers().Accepted != 10 || c.IDs()[3] != signed[3].ID() {
		t.Fatalf("%v, %v", c, err)
	}
	if _, err := w.Send(t.Context(), loadgen.Order{Signed: signed[:1]}); err == nil || !strings.Contains(err.Error(), "sent already") {
		t.Errorf("twice: %v", err)
	}
	if f, err := c.Wait(t.Context()); err != nil || f.Succeeded != 10 || drv.Truth().Included != 10 {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := w.Send(t.Context(), loadgen.Order{Pay: []driver.Payment{{Value: 1}}}); err == nil || !strings.Contains(err.Error(), "no payments") {
		t.Errorf("a payment that the driver can't make: %v", err)
	}
}

// TestDrivenCancelled: a caller that gives up gets back at once, and the books
// balance.
func TestDrivenCancelled(t *testing.T) {
	d, _ := drive(t, map[string]string{"stall_every": "20s", "stall_for": "19.9s"}, func(o *loadgen.DrivenOptions) { o.Dir = t.TempDir() }, "load.drain=1s")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for range 3 {
		if _, err := wallet(t, d, 2).Send(ctx, loadgen.Order{Next: 10}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
	d.End(t.Context(), true)
	r := d.Report(t.Context())
	invariants(t, r)
	if r.Counts.Scheduled != 30 {
		t.Errorf("%+v", r.Counts)
	}
}

// TestDrivenShares: wallets of parts that belong together have no lane in
// common, and nobody is left without.
func TestDrivenShares(t *testing.T) {
	for _, bad := range []struct {
		wallets int
		sets    string
		want    string
	}{{0, "load.lanes=10", "0 wallets"}, {1 << 16, "load.lanes=100000", "65536 wallets"}, {11, "load.lanes=10", "10 lanes are too few for 11 wallets"}} {
		sc, err := scenario.ParseSets("target={driver: null}", "chain=null", bad.sets)
		if err != nil {
			t.Fatal(err)
		}
		drv, _ := null.FromOptions(nil)
		_, err = loadgen.Drive(t.Context(), loadgen.DrivenOptions{Options: loadgen.Options{Scenario: sc, Driver: drv}, Wallets: bad.wallets})
		if err == nil || !loadgen.IsUsage(err) || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%d wallets, %s: %v", bad.wallets, bad.sets, err)
		}
		drv.Close()
	}
	d, drv := drive(t, map[string]string{"record": "1000"}, func(o *loadgen.DrivenOptions) {
		o.Wallets = 7
		o.Part = func(lanes int) (from, to int) { return lanes / 3, 2 * lanes / 3 }
	}, "load.lanes=100", "load.connections=3")
	total := 0
	for i := range 7 {
		w := wallet(t, d, i)
		total += w.Lanes()
		if c, err := w.Send(t.Context(), loadgen.Order{Next: 2 * w.Lanes()}); err != nil || c.Answers().Accepted != 2*w.Lanes() {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	if _, err := d.Wallet(7); err == nil {
		t.Error("there is an eighth of seven")
	}
	if total != 33 || drv.Truth().Accepted != 66 {
		t.Errorf("%d lanes, %d accepted", total, drv.Truth().Accepted)
	}
}

// TestDrivenAwait: one transaction is waited for by its name, before and after
// its fate, and one that nobody knows is said to be unknown.
func TestDrivenAwait(t *testing.T) {
	d, drv := drive(t, map[string]string{"seal": "demand"}, nil)
	c, err := wallet(t, d, 0).Send(t.Context(), loadgen.Order{Next: 2})
	if err != nil {
		t.Fatal(err)
	}
	id := c.IDs()[1]
	early := make(chan inflight.Fate)
	go func() {
		f, err := d.Await(t.Context(), id)
		if err != nil {
			t.Error(err)
		}
		early <- f
	}()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Await(short, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no block yet: %v", err)
	}
	if err := drv.Seal(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if f := <-early; f != inflight.FateSucceeded {
		t.Error(f)
	}
	if f, err := d.Await(t.Context(), id); err != nil || f != inflight.FateSucceeded {
		t.Errorf("afterwards: %v, %v", f, err)
	}
	if _, err := d.Await(t.Context(), driver.ID{1}); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
}
