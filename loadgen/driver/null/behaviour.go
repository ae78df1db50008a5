package null

import (
	"cmp"
	"fmt"
	"time"
)

// Behaviour is how the system behaves. The zero value of each field leaves its
// part out, unless it says otherwise; parts may be combined.
type Behaviour struct {
	// Interval is the time between blocks. 0: each transaction's block comes
	// when the transaction is due, and an empty one after 100 ms without any.
	Interval time.Duration
	// Delay is from the taking in of a transaction until it is due to be in a
	// block; it waits for the next block then.
	Delay time.Duration
	// SlowShare of the transactions, 0 to 1, are due after Slow instead.
	Slow      time.Duration
	SlowShare float64
	// For the last StallFor of every StallEvery the system stands still: it
	// takes nothing in (Submit blocks), answers nothing, and makes no block.
	// The first period begins with the first submission.
	StallEvery, StallFor time.Duration
	// Rate bounds how many transactions a second get through; what is over
	// waits in the pool or, with Refuse, is answered busy.
	Rate   float64
	Refuse bool
	// LossOneIn: of so many accepted transactions one is never included.
	LossOneIn int
	// SilentOneIn: of so many accepted transactions one is answered Unknown
	// (timeout), though it is taken in.
	SilentOneIn int
	// ReorgDepth blocks are abandoned at every height that ReorgEvery divides;
	// their transactions come again in the block that replaces the tip.
	ReorgEvery, ReorgDepth int
	// AckDelay is from the taking in of a transaction to its answer. Longer
	// than it takes to be included: the system answers after the commit.
	AckDelay time.Duration
	// OnDemand: blocks are made by Seal alone.
	OnDemand bool

	PoolMax      int // transactions waiting, then busy
	BatchMax     int // transactions of one Submit
	PayloadBytes int // size of every payload
	LaneWindow   int // what Info says; not enforced
	HistoryTxs   int // transactions of blocks that Follow can go back to
	// Record keeps the true times of up to so many transactions for Truth.
	Record int
	// Coarse waits with timers alone, late by up to a millisecond. Without it
	// the system spins for the last moments of a wait. Needed where time is
	// not real (testing/synctest).
	Coarse bool
}

// Default is a system that takes everything at once and puts it into a block
// every 10 ms.
func Default() Behaviour {
	return Behaviour{
		Interval: 10 * time.Millisecond,
		PoolMax:  1 << 20, BatchMax: 4096, PayloadBytes: minPayload, LaneWindow: 64, HistoryTxs: 1 << 20,
	}
}

// Validate says in one line what is out of range.
func (b *Behaviour) Validate() error {
	return cmp.Or(
		within("interval", b.Interval, 0, time.Minute),
		within("delay", b.Delay, 0, time.Hour),
		within("slow", b.Slow, 0, time.Hour),
		within("slow_share", b.SlowShare, 0, 1),
		within("stall_every", b.StallEvery, 0, time.Hour),
		within("stall_for", b.StallFor, 0, time.Hour),
		within("rate", b.Rate, 0, 1e9),
		within("loss_one_in", b.LossOneIn, 0, 1e9),
		within("silent_one_in", b.SilentOneIn, 0, 1e9),
		within("reorg_every", b.ReorgEvery, 0, 1e9),
		within("reorg_depth", b.ReorgDepth, 0, 16),
		within("ack_delay", b.AckDelay, 0, time.Hour),
		within("pool", b.PoolMax, 1, 1<<24),
		within("batch_max", b.BatchMax, 1, 1<<16),
		within("payload", b.PayloadBytes, minPayload, 64<<10),
		within("lane_window", b.LaneWindow, 1, 1<<20),
		within("history", b.HistoryTxs, 0, 1<<28),
		within("record", b.Record, 0, 1<<26),
		b.validateTogether(),
	)
}

func (b *Behaviour) validateTogether() error {
	switch {
	case (b.StallFor > 0) != (b.StallEvery > 0) || b.StallFor > 0 && b.StallFor >= b.StallEvery:
		return fmt.Errorf("null driver: stall_for is %v and stall_every %v; permitted: both, with stall_for < stall_every, or neither", b.StallFor, b.StallEvery)
	case (b.ReorgEvery > 0) != (b.ReorgDepth > 0) || b.ReorgEvery > 0 && b.ReorgDepth >= b.ReorgEvery:
		return fmt.Errorf("null driver: reorg_depth is %d and reorg_every %d; permitted: both, with reorg_depth < reorg_every, or neither", b.ReorgDepth, b.ReorgEvery)
	case b.Refuse && b.Rate == 0:
		return fmt.Errorf("null driver: over is busy, but there is no rate to be over")
	}
	return nil
}

func within[T int | float64 | time.Duration](name string, v, from, to T) error {
	if v >= from && v <= to {
		return nil
	}
	return fmt.Errorf("null driver: %s is %v; permitted: %v to %v", name, v, from, to)
}

// scripted says whether a latency of its own was asked for.
func (b *Behaviour) scripted() bool { return b.Delay > 0 || b.SlowShare > 0 || b.StallFor > 0 }
