package record

import (
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
)

// Recorder takes the events of one goroutine. More than one may share it, at
// the price of waiting for each other. Times are ns since the run's start.
type Recorder struct {
	c *Collector

	mu    sync.Mutex
	set   *set             // what is recorded into
	cells []uint64         // the matrix, see cellIndex
	rows  []inflight.Entry // for the raw log; nil without one

	spare *set // owned by the collector
}

func (r *Recorder) half(intended int64) int {
	if intended >= r.c.SteadyFrom && intended < r.c.SteadyTo {
		return steady
	}
	return outside
}

// count adds to one counter.
func (r *Recorder) count(kind uint8, intended int64, c Counter, n uint64) {
	r.mu.Lock()
	r.set.totals(r.set.row(kind), r.half(intended))[c] += n
	r.mu.Unlock()
}

// Offered counts an arrival whose turn has come, whether or not it is started.
func (r *Recorder) Offered(kind uint8, intended int64) { r.count(kind, intended, Offered, 1) }

// Unsent counts arrivals that an interruption came before.
func (r *Recorder) Unsent(n uint64) { r.count(AnyKind, r.c.LoadEnd, Unsent, n) }

// Withdrawn counts arrivals, offered before, that an interruption kept from
// being sent.
func (r *Recorder) Withdrawn(n uint64) { r.count(AnyKind, r.c.LoadEnd, Withdrawn, n) }

// Foreign counts others' transactions in a block.
func (r *Recorder) Foreign(n uint64) { r.count(AnyKind, r.c.LoadEnd, ForeignTxs, n) }

// Resent counts one more submission of a transaction.
func (r *Recorder) Resent(e *inflight.Entry) { r.count(e.Kind, e.Intended, Attempts, 1) }

// Dropped counts an arrival, offered before, that could not be started; detail
// may say more of the reason, and be empty.
func (r *Recorder) Dropped(intended int64, why Drop, detail string) {
	r.count(AnyKind, intended, DroppedOverload+Counter(why), 1)
	r.c.errors.Add(ClassDropped, why.String(), "", intended, false, detail)
}

// Dispatched records that an arrival was handed to a sender.
func (r *Recorder) Dispatched(kind uint8, intended, at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, half := r.set.row(kind), r.half(intended)
	r.set.record(DispatchLag, row, half, at-intended)
	t := r.set.totals(row, half)
	t[Dispatched]++
	if at-intended <= InTimeNs {
		t[InTime]++
	}
}

// Sent records the first submission of a transaction.
func (r *Recorder) Sent(e *inflight.Entry, payloadBytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, half := r.set.row(e.Kind), r.half(e.Intended)
	r.set.record(SendWait, row, half, e.Sent-e.Dispatched)
	t := r.set.totals(row, half)
	t[Sent]++
	t[Attempts]++
	t[PayloadBytes] += uint64(payloadBytes)
}

// Acked records the answer that e has, and where it is no acceptance adds it to
// the table of errors, with the chain's own words.
func (r *Recorder) Acked(e *inflight.Entry, detail string) {
	r.acked(e)
	if e.Status == driver.StatusAccepted {
		return
	}
	kind := r.c.kind(e.Kind)
	expected := e.Status == driver.StatusRejected && e.Reject == kind.Expect
	r.c.errors.Add(e.Status.String(), e.Reject.String(), kind.Name, e.Acked, expected, detail)
}

func (r *Recorder) acked(e *inflight.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, half := r.set.row(e.Kind), r.half(e.Intended)
	r.set.record(Ack, row, half, e.Acked-e.Sent)
	r.set.record(AckResponse, row, half, e.Acked-e.Intended)
	t := r.set.totals(row, half)
	switch e.Status {
	case driver.StatusAccepted:
		t[Accepted]++
	case driver.StatusRejected:
		t[Rejected]++
	default:
		t[Unknown]++
	}
}

// Included records a first inclusion (inflight.Fresh); later ones are no news.
func (r *Recorder) Included(e *inflight.Entry, seen inflight.Seen) {
	if seen != inflight.Fresh {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	row, half := r.set.row(e.Kind), r.half(e.Intended)
	r.set.record(Include, row, half, e.Included-e.Intended)
	r.set.totals(row, half)[Included]++
}

// Reverted counts an inclusion that was abandoned.
func (r *Recorder) Reverted(e *inflight.Entry) { r.count(e.Kind, e.Intended, Reverted, 1) }

// Done records a transaction that the in-flight table has let go of: its cell
// of the matrix, its raw row and, where it succeeded, the latencies of the
// inclusion that held. Each sent transaction comes here once.
func (r *Recorder) Done(e *inflight.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells[r.c.cellIndex(e)]++
	row, half := r.set.row(e.Kind), r.half(e.Intended)
	t := r.set.totals(row, half)
	switch e.Fate {
	case inflight.FateSucceeded:
		t[Succeeded]++
		r.set.record(Commit, row, half, e.Included-e.Intended)
		r.set.record(CommitService, row, half, e.Included-e.Sent)
		r.set.record(Final, row, half, e.Held-e.Intended)
		if half == steady && r.c.fair != nil {
			r.c.fair.add(e, e.Included-e.Intended)
		}
	case inflight.FateFailed:
		t[FailedTxs]++
	}
	if r.c.Raw == nil {
		return
	}
	r.rows = append(r.rows, *e)
	if len(r.rows) == rawBatch {
		r.rows = r.c.Raw.put(r.rows)
	}
}
