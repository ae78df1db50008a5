package loadgen

import (
	"context"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
)

const (
	// lookupEvery is how often open questions are put to the chain.
	lookupEvery = 200 * time.Millisecond
	// The chain must not know a transaction for lookupTries times in a row,
	// over lookupFor, and with a new block between, before it counts as lost: it
	// may be on its way between two stages, or in a queue of a node that stood
	// still, when it is asked.
	lookupTries = 3
	lookupFor   = 2 * time.Second
	// sweepEvery is how often accepted transactions are looked at that wait for
	// a block suspiciously long: over staleFloor and staleIntervals times the
	// mean interval. What waited in the pool of a node that died is gone, and no
	// answer says so.
	sweepEvery     = 2 * time.Second
	staleFloor     = 3 * time.Second
	staleIntervals = 12
	// sweepMax bounds what one sweep asks.
	sweepMax = 4096
	// lookupBatch bounds one question.
	lookupBatch = 4096
)

// question is a transaction whose answer is unknown, or which was accepted
// before the connection broke: is it pooled, in a block, or nowhere?
type question struct {
	sender *sender
	lane   int32
	slot   inflight.Slot
	id     driver.ID
	seq    uint64
	kind   uint8
	pooled bool // it was accepted once: the lane has moved on
	tries  int
	since  int64  // when the chain first did not know it
	height uint64 // of the chain then
}

// lookup settles unknown answers, so that their lanes can go on. It is bounded
// by the in-flight bound.
type lookup struct {
	e       *engine
	locate  driver.Locator // nil: the chain can't be asked; the follower's word has to do
	mu      sync.Mutex
	open    []question
	asked   map[inflight.Slot]bool // of the open questions
	sweepAt int64                  // the next sweep
	rec     *record.Recorder
}

func (l *lookup) ask(q question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked[q.slot] {
		l.asked[q.slot] = true
		l.open = append(l.open, q)
	}
}

// run asks until ctx ends.
func (l *lookup) run(ctx context.Context) {
	if l.locate == nil {
		return
	}
	every := time.NewTicker(lookupEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			l.sweep()
			l.round(ctx)
		}
	}
}

// round puts every open question once and keeps those that stay open.
func (l *lookup) round(ctx context.Context) {
	l.mu.Lock()
	asked := l.open
	l.open = nil
	l.mu.Unlock()
	for len(asked) > 0 {
		n := min(len(asked), lookupBatch)
		l.put(ctx, asked[:n])
		asked = asked[n:]
	}
}

func (l *lookup) put(ctx context.Context, qs []question) {
	ids := make([]driver.ID, len(qs))
	for i, q := range qs {
		ids[i] = q.id
	}
	places, err := l.locate.Locate(ctx, ids)
	var again []question
	for i, q := range qs {
		switch {
		case err != nil || i >= len(places) || places[i] == driver.PlaceUnsaid:
			again = append(again, q)
			continue
		case places[i] != driver.PlaceUnknown:
			l.found(q)
		case l.doubt(&q):
			again = append(again, q)
			continue
		default:
			l.lost(q)
		}
		l.mu.Lock()
		delete(l.asked, q.slot)
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.open = append(l.open, again...)
	l.mu.Unlock()
}

// doubt notes that the chain does not know a transaction, and says whether it
// is too early to believe that.
func (l *lookup) doubt(q *question) bool {
	now := l.e.now()
	_, height, _ := l.e.follower.glance()
	if q.tries == 0 {
		q.since, q.height = now, height
	}
	q.tries++
	return q.tries < lookupTries || now-q.since < int64(lookupFor) || height == q.height
}

// found lets the lane go on; the follower reports the inclusion.
func (l *lookup) found(q question) {
	if !q.pooled {
		q.sender.in.answer(answer{lane: q.lane, seq: q.seq, what: driver.Accepted})
	}
}

// lost closes a transaction that the chain does not know. One that was
// accepted earlier was dropped with the pool of a node that has been restarted,
// or else the chain broke its promise; the lane falls back to its last included
// output either way.
func (l *lookup) lost(q question) {
	fate, what := inflight.FateRefused, driver.Refused
	if q.pooled {
		fate, what = inflight.FateLost, driver.Lost
		if l.e.restarted() {
			fate = inflight.FateEvicted
		}
	}
	entry, outcome := l.e.table.Watch(q.slot, fate)
	switch {
	case outcome == inflight.Stale || entry.Included != inflight.Unset:
		l.found(q) // it was included meanwhile
		return
	case outcome == inflight.Done:
		l.rec.Done(&entry)
	}
	if q.pooled {
		q.sender.in.news([]laneEvent{{lane: q.lane, what: what, id: q.id, seq: q.seq, kind: q.kind}})
		return
	}
	q.sender.in.answer(answer{lane: q.lane, seq: q.seq, what: what})
}

// sweep asks after what was taken in and has waited for a block too long.
func (l *lookup) sweep() {
	now := l.e.now()
	if now < l.sweepAt {
		return
	}
	l.sweepAt = now + int64(sweepEvery)
	stale := now - int64(max(staleFloor, staleIntervals*l.e.info.Interval))
	var qs []question
	l.e.table.Each(func(slot inflight.Slot, e inflight.Entry) {
		taken := e.Status == driver.StatusAccepted || e.Status == driver.StatusUnknown
		if !taken || e.Included != inflight.Unset || e.Acked > stale || len(qs) == sweepMax {
			return
		}
		s := l.e.senders[e.Sender]
		qs = append(qs, question{sender: s, lane: s.local(e.Lane), slot: slot, id: e.ID, seq: e.Seq, kind: e.Kind, pooled: true})
	})
	for _, q := range qs {
		l.ask(q)
	}
}
