package loadgen

import (
	"sync"
	"sync/atomic"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
)

// batch is one Submit under way. The sender fills it; then it belongs to the
// session's goroutines until the last ack.
type batch struct {
	s       *sender
	txs     []driver.Tx
	slots   []inflight.Slot
	lanes   []int32
	entries []inflight.Entry // Attempts > 1: sent before
	left    atomic.Int32
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch(s *sender) *batch {
	b := batches.Get().(*batch)
	b.s = s
	return b
}

func (b *batch) free() {
	clear(b.txs) // payloads may be garbage now
	b.txs, b.slots, b.lanes, b.entries = b.txs[:0], b.slots[:0], b.lanes[:0], b.entries[:0]
	batches.Put(b)
}

func (b *batch) add(tx driver.Tx, slot inflight.Slot, lane int32, e inflight.Entry) {
	b.txs = append(b.txs, tx)
	b.slots = append(b.slots, slot)
	b.lanes = append(b.lanes, lane)
	b.entries = append(b.entries, e)
}

// answer takes one ack. It runs on the session's goroutines.
func (b *batch) answer(i int, a driver.Ack) {
	s, lane, slot, seq := b.s, b.lanes[i], b.slots[i], b.txs[i].Seq
	switch {
	case a.Status == driver.StatusRejected && a.Kind == driver.RejectBusy:
		s.in.answer(answer{lane: lane, seq: seq, busy: true})
	case a.Status == driver.StatusRejected:
		s.answered(slot, a)
		s.in.answer(answer{lane: lane, seq: seq, what: driver.Refused})
	case a.Status == driver.StatusAccepted:
		s.answered(slot, a)
		s.in.answer(answer{lane: lane, seq: seq, what: driver.Accepted})
	default:
		s.answered(slot, a)
		s.e.lookup.ask(question{sender: s, lane: lane, slot: slot, id: b.txs[i].ID, seq: seq, kind: b.txs[i].Kind})
	}
	if b.left.Add(-1) == 0 {
		b.free()
	}
}

// pushback adds up the time that a sender was blocked in Submit. The sender
// writes it; the dispatcher reads it too.
type pushback struct {
	total atomic.Int64 // ns, of calls that have returned
	since atomic.Int64 // when the present call began; 0 = none
}

func (p *pushback) begin(now int64) { p.since.Store(now) }

func (p *pushback) end(now int64) (took int64) {
	took = now - p.since.Load()
	p.since.Store(0)
	p.total.Add(took)
	return took
}

// at is the time blocked until now. Read at the very moment at which a call
// returns, it may be short by that call.
func (p *pushback) at(now int64) int64 {
	total := p.total.Load()
	if since := p.since.Load(); since > 0 {
		total += max(0, now-since)
	}
	return total
}
