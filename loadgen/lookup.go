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
	// lookupTries is how many times in a row the chain must not know a
	// transaction before it counts as lost: it may be on its way between two
	// stages when it is asked.
	lookupTries = 3
	// sweepAfter is how long after an unknown answer accepted transactions are
	// looked up as well.
	sweepAfter = time.Second
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
}

// lookup settles unknown answers, so that their lanes can go on. It is bounded
// by the in-flight bound.
type lookup struct {
	e       *engine
	locate  driver.Locator // nil: the chain can't be asked; the follower's word has to do
	mu      sync.Mutex
	open    []question
	brokeAt int64 // the newest unknown answer
	sweepAt int64 // when to look for accepted ones that the chain has lost; 0 = no reason to
	rec     *record.Recorder
}

func (l *lookup) ask(q question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, q)
	l.brokeAt = l.e.now()
	if l.sweepAt == 0 {
		l.sweepAt = l.brokeAt + int64(sweepAfter)
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
		case err != nil || i >= len(places):
			again = append(again, q)
		case places[i] != driver.PlaceUnknown:
			l.found(q)
		case q.tries+1 < lookupTries:
			q.tries++
			again = append(again, q)
		default:
			l.lost(q)
		}
	}
	l.mu.Lock()
	l.open = append(l.open, again...)
	l.mu.Unlock()
}

// found lets the lane go on; the follower reports the inclusion.
func (l *lookup) found(q question) {
	if !q.pooled {
		q.sender.in.answer(answer{lane: q.lane, what: driver.Accepted})
	}
}

// lost closes a transaction that the chain does not know. One that was
// accepted earlier was dropped with the node's pool; the lane falls back to
// its last included output.
func (l *lookup) lost(q question) {
	fate, what := inflight.FateRefused, driver.Refused
	if q.pooled {
		fate, what = inflight.FateEvicted, driver.Lost
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
	q.sender.in.answer(answer{lane: q.lane, what: what})
}

// sweep asks after everything that was accepted before a connection broke:
// what waited in the pool of a node that died is gone, and no answer says so.
func (l *lookup) sweep() {
	l.mu.Lock()
	due := l.sweepAt != 0 && l.e.now() >= l.sweepAt
	before := l.brokeAt
	if due {
		l.sweepAt = 0
	}
	l.mu.Unlock()
	if !due {
		return
	}
	var qs []question
	l.e.table.Each(func(slot inflight.Slot, e inflight.Entry) {
		if e.Status != driver.StatusAccepted || e.Included != inflight.Unset || e.Acked > before {
			return
		}
		s := l.e.senders[e.Sender]
		qs = append(qs, question{sender: s, lane: s.local(e.Lane), slot: slot, id: e.ID, seq: e.Seq, kind: e.Kind, pooled: true})
	})
	l.mu.Lock()
	l.open = append(l.open, qs...)
	l.mu.Unlock()
}
