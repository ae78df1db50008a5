package miner

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// ordered is the outcome of a Seal under way.
type ordered struct {
	hashes []ledger.Hash
	err    error
	at     time.Time // zero while it is under way
}

func (w *world) order(ctx context.Context, n int) *ordered {
	o := &ordered{}
	go func() {
		o.hashes, o.err = w.m.Seal(ctx, n)
		o.at = time.Now()
	}()
	w.run(0)
	return o
}

// check says whether the order has ended after the given time with these of
// the world's blocks.
func (o *ordered) check(t *testing.T, w *world, after time.Duration, blocks []*Sealed) {
	t.Helper()
	w.run(0)
	if o.err != nil || !o.at.Equal(w.begin.Add(after)) || len(o.hashes) != len(blocks) {
		t.Fatalf("%d blocks after %v, error %v; want %d after %v", len(o.hashes), o.at.Sub(w.begin), o.err, len(blocks), after)
	}
	for i, s := range blocks {
		if o.hashes[i] != s.Block.Header.Hash() {
			t.Errorf("hash %d is not that of the block", i)
		}
	}
}

// TestSeal: ordered blocks do not wait for the pace, in order of the orders.
func TestSeal(t *testing.T) {
	for name, cfg := range map[string]Config{
		"on demand": {Threads: 1, OnDemand: true, Pace: time.Hour},
		"paced":     {Threads: 1, Pace: time.Hour, PaceMin: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, cfg, func(t *testing.T, w *world) {
				early := w.order(t.Context(), 2)
				w.run(time.Second)
				w.m.SetTip(tip(1))
				w.run(5 * time.Millisecond)
				late := w.order(t.Context(), 1)
				w.run(50 * time.Millisecond)
				if len(w.blocks) != 3 {
					t.Fatalf("%d blocks were made, want 3", len(w.blocks))
				}
				early.check(t, w, time.Second+20*time.Millisecond, w.blocks[:2])
				late.check(t, w, time.Second+30*time.Millisecond, w.blocks[2:])
			})
		})
	}
}

// TestSealWithoutPace: orders are served between other blocks, too.
func TestSealWithoutPace(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.m.SetTip(tip(1))
		w.run(5 * time.Millisecond)
		o := w.order(t.Context(), 2)
		w.run(25 * time.Millisecond)
		o.check(t, w, 30*time.Millisecond, w.blocks[1:3])
	})
}

// TestSealBesidePace: an ordered block says nothing about how late paced ones
// are.
func TestSealBesidePace(t *testing.T) {
	inWorld(t, Config{Threads: 1, Pace: time.Hour, PaceMin: time.Hour}, func(t *testing.T, w *world) {
		w.m.SetTip(tip(1))
		w.run(time.Hour + time.Minute)
		w.order(t.Context(), 1)
		w.run(time.Minute)
		w.stop()
		if len(w.blocks) != 2 || w.m.pace.late != 10*time.Millisecond {
			t.Errorf("%d blocks were made, paced ones are late by %v", len(w.blocks), w.m.pace.late)
		}
	})
}

// TestSealAbandoned: an order that nobody waits for is not filled.
func TestSealAbandoned(t *testing.T) {
	inWorld(t, Config{Threads: 1, OnDemand: true}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		o := w.order(ctx, 5)
		cancel()
		w.run(0)
		w.m.SetTip(tip(1))
		w.run(time.Second)
		if !errors.Is(o.err, context.Canceled) || w.taken != 0 {
			t.Errorf("error is %v, %d templates were taken", o.err, w.taken)
		}
	})
}

// TestSealErrors: without threads, and after the end.
func TestSealErrors(t *testing.T) {
	inWorld(t, Config{OnDemand: true}, func(t *testing.T, w *world) {
		w.m.SetTip(tip(1))
		if _, err := w.m.Seal(t.Context(), 1); !errors.Is(err, ErrOff) {
			t.Errorf("without threads the error is %v", err)
		}
	})
	inWorld(t, Config{Threads: 1, OnDemand: true}, func(t *testing.T, w *world) {
		o := w.order(t.Context(), 1)
		w.stop()
		w.run(0)
		if !errors.Is(o.err, ErrEnded) {
			t.Errorf("at the end the error is %v", o.err)
		}
		if _, err := w.m.Seal(t.Context(), 1); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end the error is %v", err)
		}
		if hashes, err := w.m.Seal(t.Context(), 0); hashes != nil || err != nil {
			t.Errorf("no blocks are %v, %v", hashes, err)
		}
	})
}
