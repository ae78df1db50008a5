package loadgen

import (
	"container/heap"
	"context"
	"errors"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
)

const (
	// A payload answered busy is sent again after busyWait, doubled for each
	// further attempt up to busyWaitMax.
	busyWait    = 10 * time.Millisecond
	busyWaitMax = 640 * time.Millisecond
	// idle bounds a sender's sleep when nothing is due.
	idle = 50 * time.Millisecond
	// slack is how late the runtime's timers may end a linger.
	slack = 2 * time.Millisecond
)

// sender is one connection and its lanes. It turns arrivals into
// transactions: build or deal, register in flight, submit. One goroutine runs
// it and owns everything but the inbox, acks and what is atomic.
type sender struct {
	e       *engine
	index   int
	session driver.Session
	base    int // number of its first lane in the handout
	lanes   *lanes
	in      inbox
	rec     *record.Recorder // of the sender's goroutine
	ackRec  *record.Recorder // of the session's ack goroutines

	push    pushback
	spans   []span // arrivals taken from the inbox, not yet sent
	pending int    // how many of them are this sender's
	closed  *closedLoop

	spareSpans   []span
	spareAnswers []answer
	spareEvents  []laneEvent
	timer        *time.Timer
}

// run sends until load is done and nothing waits to be sent, or until drained
// is closed. Acks may arrive after it returned.
func (s *sender) run(load, drain context.Context) {
	s.timer = time.NewTimer(0)
	defer s.timer.Stop()
	for drain.Err() == nil {
		// Read before the inbox: what is handed over before these turn true is
		// in it.
		over := load.Err() != nil && s.e.dispatched.Load()
		s.takeIn()
		if over && s.e.interrupted.Load() {
			s.forgetPending()
		}
		if s.fill(drain, load.Err() != nil) {
			continue
		}
		if over && s.pending == 0 && s.e.waiting.Load() == 0 && s.e.table.Len() == 0 {
			return
		}
		s.wait(drain, over)
	}
	s.finish()
}

// finish closes the books of a sender that will send no more. It is called
// once more when the session has given its last answers.
func (s *sender) finish() {
	s.takeIn()
	s.forgetPending()
	s.giveUp()
}

// takeIn empties the inbox into the lanes and the pending arrivals.
func (s *sender) takeIn() {
	s.spareSpans, s.spareAnswers, s.spareEvents = s.in.take(s.spareSpans, s.spareAnswers, s.spareEvents)
	now := s.e.now()
	for _, a := range s.spareAnswers {
		if s.lanes.settle(a, now) && s.closed != nil {
			s.closed.settled(a.what)
		}
	}
	for _, ev := range s.spareEvents {
		s.lanes.note(ev)
		if s.closed != nil {
			s.closed.settled(ev.what)
		}
	}
	for _, sp := range s.spareSpans {
		s.spans = append(s.spans, sp)
		s.pending += s.share(sp.from, sp.to)
	}
}

// fill sends one batch if one is due: retries first, then arrivals. It says
// whether there may be more to send at once.
func (s *sender) fill(ctx context.Context, over bool) bool {
	now := s.e.now()
	size := s.e.sc.Load.Batch.Size
	b := newBatch(s)
	for len(b.txs) < size && len(s.lanes.again) > 0 && s.lanes.again[0].due <= now {
		s.resend(b, heap.Pop(&s.lanes.again).(retry).lane)
	}
	if s.closed != nil {
		if over {
			s.closed.end()
		} else {
			s.closed.fill(s, b, size, now)
		}
	} else if s.due(now, size, over) {
		s.arrivals(b, size, now)
	}
	if len(b.txs) == 0 {
		b.free()
		return false
	}
	s.submit(ctx, b)
	return true
}

// due says whether pending arrivals make a batch: a full one, or one whose
// first arrival has lingered.
func (s *sender) due(now int64, size int, over bool) bool {
	if s.pending == 0 {
		return false
	}
	return over || s.pending >= size || now-s.spans[0].at >= int64(s.e.sc.Load.Batch.Linger.Std())
}

// arrivals adds pending arrivals to the batch, each with the lane whose turn
// it is.
func (s *sender) arrivals(b *batch, size int, now int64) {
	for s.pending > 0 && len(b.txs) < size {
		sp := &s.spans[0]
		n, ok := s.own(sp)
		if !ok {
			s.spans = s.spans[1:]
			continue
		}
		sp.from = n + 1
		s.pending--
		intended := int64(s.e.schedule.At(n))
		dispatched := sp.at + s.ownDelay(sp, now)
		if dispatched-intended > int64(lateLimit) {
			s.drop(intended, record.Late)
			continue
		}
		s.rec.Dispatched(record.AnyKind, intended, dispatched)
		i, ok := s.lanes.pop()
		if !ok { // every lane waits for the chain
			s.drop(intended, record.Overload)
			continue
		}
		s.start(b, i, intended, dispatched)
	}
	if s.pending == 0 {
		s.spans = s.spans[:0]
	}
}

// ownDelay is how long an arrival waited for the sender itself: what is left of
// its wait without the linger and without the time in which the system pushed
// back. A sender that can't sign fast enough is late, however well the
// dispatcher keeps time.
func (s *sender) ownDelay(sp *span, now int64) int64 {
	return max(0, now-sp.at-int64(s.e.sc.Load.Batch.Linger.Std())-int64(slack)-(s.push.at(now)-sp.pushed))
}

func (s *sender) drop(intended int64, why record.Drop) {
	s.e.waiting.Add(-1)
	s.rec.Dropped(intended, why, "")
}

// own returns the sender's first arrival of a span.
func (s *sender) own(sp *span) (n uint64, ok bool) {
	k, i := uint64(len(s.e.senders)), uint64(s.index)
	n = sp.from + (i+k-sp.from%k)%k
	return n, n < sp.to
}

// start builds the next transaction of lane i and adds it to the batch, or
// drops the arrival as starved when the lane has nothing to spend.
func (s *sender) start(b *batch, i int32, intended, dispatched int64) bool {
	defer s.e.waiting.Add(-1)
	ln := &s.lanes.all[i]
	tx, err := ln.drv.Next(ln.buf[:0])
	if err != nil {
		s.rec.Dropped(intended, record.Starved, err.Error())
		if !errors.Is(err, driver.ErrExhausted) {
			s.lanes.queue(i)
		}
		return false
	}
	entry := inflight.Entry{
		ID: tx.ID, Seq: tx.Seq, Lane: tx.Lane, Sender: uint16(s.index), Kind: tx.Kind,
		Intended: intended, Dispatched: dispatched, Sent: inflight.Unset,
	}
	slot, err := s.e.table.Register(&entry)
	if err != nil {
		s.rec.Dropped(intended, record.Overload, err.Error())
		ln.drv.Settle(tx, driver.Refused)
		s.lanes.queue(i)
		return false
	}
	ln.tx, ln.buf, ln.slot, ln.waiting = tx, tx.Payload, slot, true
	b.add(tx, slot, i, entry)
	return true
}

// resend adds a lane's refused payload to the batch once more.
func (s *sender) resend(b *batch, i int32) {
	ln := &s.lanes.all[i]
	s.e.table.Resent(ln.slot)
	b.add(ln.tx, ln.slot, i, inflight.Entry{Kind: ln.tx.Kind, Attempts: 2})
}

// submit stamps the batch and hands it to the session, which may block while
// the transport pushes back; arrivals behind it then show it as send_wait.
func (s *sender) submit(ctx context.Context, b *batch) {
	now := s.e.now()
	for i := range b.entries {
		e := &b.entries[i]
		if e.Attempts > 1 {
			s.rec.Resent(e)
			continue
		}
		e.Sent = now
		s.e.table.Sent(b.slots[i], now)
		s.rec.Sent(e, len(b.txs[i].Payload))
	}
	b.left.Store(int32(len(b.txs)))
	s.push.begin(now)
	s.session.Submit(ctx, b.txs, b.answer)
	blocked := s.push.end(s.e.now())
	if s.closed != nil {
		s.closed.blocked += blocked
	}
}

// wait sleeps until the inbox has something or a batch or retry is due.
func (s *sender) wait(ctx context.Context, over bool) {
	d := idle
	now := s.e.now()
	if s.pending > 0 {
		d = min(d, time.Duration(s.spans[0].at-now)+s.e.sc.Load.Batch.Linger.Std())
	}
	if len(s.lanes.again) > 0 {
		d = min(d, time.Duration(s.lanes.again[0].due-now))
	}
	if s.closed != nil {
		d = s.closed.wait(d, s.e.sc.Load.Batch.Linger.Std())
	}
	s.timer.Reset(max(d, 10*time.Microsecond))
	select {
	case <-s.in.wake:
	case <-s.timer.C:
	case <-ctx.Done():
	}
	if s.closed != nil && !over {
		s.closed.waited(now, s.e.now())
	}
}

// forgetPending counts arrivals that were dispatched but will not be sent: the
// run was interrupted, or the system pushed back until the drain had ended.
func (s *sender) forgetPending() {
	if s.e.interrupted.Load() {
		s.rec.Withdrawn(uint64(s.pending))
		s.e.waiting.Add(-int64(s.pending))
	} else {
		for i := range s.spans {
			for n, ok := s.own(&s.spans[i]); ok; n, ok = s.own(&s.spans[i]) {
				s.drop(int64(s.e.schedule.At(n)), record.Overload)
				s.spans[i].from = n + 1
			}
		}
	}
	s.spans, s.pending = s.spans[:0], 0
}

// giveUp closes the books on payloads that the chain kept answering busy.
func (s *sender) giveUp() {
	for _, r := range s.lanes.again {
		s.answered(s.lanes.all[r.lane].slot, driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectBusy})
	}
	s.lanes.again = nil
}

// local turns a lane's number in the handout into an index of this sender.
func (s *sender) local(lane uint32) int32 { return int32(lane) - int32(s.base) }

// answered notes a final answer. It runs on the session's goroutines.
func (s *sender) answered(slot inflight.Slot, a driver.Ack) {
	entry, outcome := s.e.table.Acked(slot, a.Status, a.Kind, s.e.now())
	if outcome == inflight.Stale {
		return
	}
	s.ackRec.Acked(&entry, a.Detail)
	if outcome == inflight.Done {
		s.ackRec.Done(&entry)
	}
}
