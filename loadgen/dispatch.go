package loadgen

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/loadgen/schedule"
)

const (
	// tick bounds how often the dispatcher wakes: arrivals that are due within
	// one tick are handed over together.
	tick = 200 * time.Microsecond
	// nap bounds a single sleep, so that a cancelled run stops promptly.
	nap = 20 * time.Millisecond
	// lateLimit is how long after its intended time an arrival may be
	// dispatched at all. Later ones are dropped as late: sending them would
	// turn a pause of the generator into a burst on the chain.
	lateLimit = time.Second
)

// span is arrivals from <= n < to, handed to the senders at one instant.
// Sender s of S owns those with n mod S == s.
type span struct {
	from, to uint64
	at       int64 // ns since the start
	pushed   int64 // how long the system had pushed this sender back until then
}

// dispatch hands each arrival of the schedule to its sender at its intended
// time, whether or not earlier ones have finished: the loop is open. It
// returns the number of arrivals that had their turn: all of them, unless ctx
// ended first.
func (e *engine) dispatch(ctx context.Context) uint64 {
	sharpen()
	total := e.schedule.Count()
	for n := uint64(0); n < total; {
		if ctx.Err() != nil {
			return n
		}
		now := e.now()
		if due := schedule.DueBy(e.schedule, n, time.Duration(now)); due > n {
			e.hand(n, due, now)
			n = due
			continue
		}
		wait := e.schedule.At(n) - time.Duration(e.now())
		pause(min(max(wait, tick), nap))
	}
	return total
}

// hand gives arrivals from <= n < to their start, or drops and counts those
// that can't have one.
func (e *engine) hand(from, to uint64, now int64) {
	for n := from; n < to; n++ {
		e.rec.Offered(record.AnyKind, int64(e.schedule.At(n)))
	}
	if cut := time.Duration(now) - lateLimit; cut > 0 {
		first := min(to, schedule.DueBy(e.schedule, from, cut))
		e.drop(from, first, record.Late)
		from = first
	}
	free := uint64(max(0, e.bound-e.waiting.Load()-int64(e.table.Len())))
	if n := to - from; n > free {
		e.drop(from+free, to, record.Overload)
		to = from + free
	}
	if from == to {
		return
	}
	e.waiting.Add(int64(to - from))
	for _, s := range e.senders {
		s.in.arrive(span{from: from, to: to, at: now, pushed: s.push.at(now)}, s.share(from, to))
	}
}

func (e *engine) drop(from, to uint64, why record.Drop) {
	for n := from; n < to; n++ {
		e.rec.Dropped(int64(e.schedule.At(n)), why, "")
	}
}

// share counts the sender's own arrivals among from <= n < to.
func (s *sender) share(from, to uint64) int {
	k, i := uint64(len(s.e.senders)), uint64(s.index)
	below := func(n uint64) uint64 { return (n + k - 1 - i) / k } // own arrivals < n
	return int(below(to) - below(from))
}
