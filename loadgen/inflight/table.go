// Package inflight is the table of what is under way: every transaction from
// just before its submission until both its answer and its fate are known.
//
// Answer and fate arrive in any order and on different goroutines: a block may
// hold a transaction before its answer is back, may be abandoned later, and may
// even hold one that was refused. The table joins the two, and lets go of each
// transaction exactly once, so that the matrix of answers and fates adds up.
//
//	Register -> Acked -------\
//	         \-> Included -> Held -> Done
//	               ^  |
//	               |  v
//	             Reverted            rejected or gone: watched until Sweep
package inflight

import (
	"errors"
	"math"
	"sync/atomic"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Errors of Register.
var (
	ErrFull      = errors.New("too many transactions in flight")
	ErrDuplicate = errors.New("a transaction with this ID is in flight")
)

const shards = 64 // far more than cores, so that two goroutines seldom meet

// Table holds entries. Its methods may be called by any goroutine; each locks
// one shard for some tens of nanoseconds and allocates nothing but, while the
// table grows to its working size, the slabs.
type Table struct {
	shards     []shard
	capacity   int64
	live       atomic.Int64
	watched    atomic.Int64
	registered atomic.Uint64
	cancelled  atomic.Uint64
	departed   atomic.Uint64
}

// New returns a table for at most capacity entries in flight (at least 1, at
// most 2^29), and as many again that are rejected or gone and watched only. An
// entry takes 136 bytes and some 20 of index, allocated as needed.
func New(capacity int) *Table {
	capacity = min(max(capacity, 1), 1<<29)
	t := &Table{shards: make([]shard, shards), capacity: int64(capacity)}
	for i := range t.shards {
		t.shards[i].init(min(capacity/shards, 1<<12))
	}
	return t
}

func locate(id *driver.ID) (number uint32, tag uint32) {
	h := hash(id)
	return uint32(h) % shards, uint32(h >> 32)
}

// Register adds a transaction, before it is submitted. It copies e, whose ID,
// Seq, Lane, Sender, Kind, Intended, Dispatched and Sent are kept; the rest is
// set to "nothing known". The error is ErrFull, or ErrDuplicate while an equal
// ID is in flight; an equal ID that was refused gives way.
func (t *Table) Register(e *Entry) (Slot, error) {
	if t.live.Add(1) > t.capacity {
		t.live.Add(-1)
		return 0, ErrFull
	}
	number, tag := locate(&e.ID)
	s := &t.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, err := s.register(e, number, tag)
	if err != nil {
		t.live.Add(-1)
		return 0, err
	}
	t.registered.Add(1)
	return slot, nil
}

func (s *shard) register(e *Entry, shard, tag uint32) (Slot, error) {
	if old, ok := s.find(&e.ID, tag); ok {
		r := s.at(old)
		if r.place == live {
			return 0, ErrDuplicate
		}
		s.index.remove(tag, old)
		r.indexed = false
	}
	number, ok := s.alloc()
	if !ok {
		return 0, ErrFull
	}
	r := s.at(number)
	r.Entry = Entry{
		ID: e.ID, Seq: e.Seq, Lane: e.Lane, Sender: e.Sender, Kind: e.Kind,
		Intended: e.Intended, Dispatched: e.Dispatched, Sent: e.Sent,
		Acked: Unset, First: Unset, Included: Unset, Held: Unset, Attempts: 1,
	}
	r.place, r.provisional, r.indexed = live, FateNone, true
	s.index.insert(tag, number)
	return newSlot(r.gen, shard, number), nil
}

// with runs f on the record of a slot, under the shard's lock. f returns what
// it did; on Done the record is released after its Entry was copied.
func (t *Table) with(slot Slot, f func(s *shard, r *record) Outcome) (Entry, Outcome) {
	if slot.shard() >= shards {
		return Entry{}, Stale
	}
	s := &t.shards[slot.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.get(slot)
	if r == nil {
		return Entry{}, Stale
	}
	outcome := f(s, r)
	e := r.Entry
	if outcome == Done {
		t.depart(s, r, slot.index())
	}
	return e, outcome
}

// depart releases a record that has its final answer and fate.
func (t *Table) depart(s *shard, r *record, number uint32) {
	t.departed.Add(1)
	t.forget(s, r, number)
}

func (t *Table) forget(s *shard, r *record, number uint32) {
	if r.place == watched {
		t.watched.Add(-1)
	} else {
		t.live.Add(-1)
	}
	_, tag := locate(&r.ID)
	s.release(number, tag)
}

// Sent notes when the first submission really began, where Register could not
// know.
func (t *Table) Sent(slot Slot, at int64) Outcome {
	_, o := t.with(slot, func(_ *shard, r *record) Outcome {
		r.Sent = at
		return Open
	})
	return o
}

// Resent notes that a transaction is submitted again, after busy or after an
// unknown answer that was looked up. Its intended and sent times stay.
func (t *Table) Resent(slot Slot) Outcome {
	_, o := t.with(slot, func(s *shard, r *record) Outcome {
		if r.Fate != FateNone {
			return Stale
		}
		if r.place == watched {
			t.revive(s, r, slot.index())
		}
		r.provisional = FateNone
		r.Status, r.Reject, r.Acked = 0, driver.RejectNone, Unset
		if r.Attempts < math.MaxUint16 {
			r.Attempts++
		}
		return Open
	})
	return o
}

// Cancel removes an entry that was never submitted: it counts as neither
// answered nor sent.
func (t *Table) Cancel(slot Slot) Outcome {
	_, o := t.with(slot, func(s *shard, r *record) Outcome {
		t.cancelled.Add(1)
		t.forget(s, r, slot.index())
		return Open
	})
	return o
}

// Acked notes an answer. A rejected transaction that is in no block is watched
// from then on, since a chain may include what it refused; when as many are
// watched as the table's capacity, it is Done with FateRefused at once. Busy
// that is to be sent again needs no Acked: see Resent.
func (t *Table) Acked(slot Slot, status driver.Status, why driver.Reject, at int64) (Entry, Outcome) {
	return t.with(slot, func(s *shard, r *record) Outcome {
		if r.Answered() {
			return Stale
		}
		r.Status, r.Reject, r.Acked = status, why, at
		if r.Fate != FateNone {
			return Done
		}
		if status == driver.StatusRejected {
			return t.watch(s, r, slot.index(), FateRefused)
		}
		return Open
	})
}

// Watch gives an entry a provisional fate: FateRefused after an unknown answer
// that was looked up in vain, FateEvicted when the chain says it is gone. The
// fate becomes final at the second Sweep from now, unless the transaction is
// included before. An entry that is watched already is Stale.
func (t *Table) Watch(slot Slot, f Fate) (Entry, Outcome) {
	return t.with(slot, func(s *shard, r *record) Outcome {
		if r.Fate != FateNone || r.place == watched {
			return Stale
		}
		return t.watch(s, r, slot.index(), f)
	})
}

// watch moves a live record to the watch list, unless it is in a block: then
// it only remembers what the record becomes if that block is abandoned.
func (t *Table) watch(s *shard, r *record, number uint32, f Fate) Outcome {
	r.provisional = f
	if r.Included != Unset || r.place == watched {
		return Open
	}
	if t.watched.Add(1) > t.capacity && r.Answered() {
		t.watched.Add(-1)
		r.Fate = f
		return Done
	}
	t.live.Add(-1)
	r.place = watched
	s.link(number)
	return Open
}

// revive makes a watched record live again, whatever the capacity.
func (t *Table) revive(s *shard, r *record, number uint32) {
	s.unlink(number)
	r.place = live
	t.watched.Add(-1)
	t.live.Add(1)
}

// Find returns the slot of an ID.
func (t *Table) Find(id driver.ID) (Slot, bool) {
	shard, tag := locate(&id)
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	number, ok := s.find(&id, tag)
	if !ok {
		return 0, false
	}
	return newSlot(s.at(number).gen, shard, number), true
}

// Included notes that a block holds a transaction, and returns the slot by
// which Held and Reverted name it, and the entry as it is then.
func (t *Table) Included(id driver.ID, failed driver.Reject, height uint64, at int64) (Slot, Entry, Seen) {
	shard, tag := locate(&id)
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	number, ok := s.find(&id, tag)
	if !ok {
		return 0, Entry{}, Foreign
	}
	r := s.at(number)
	slot := newSlot(r.gen, shard, number)
	if r.Included != Unset {
		return slot, r.Entry, Twice
	}
	if r.place == watched {
		t.revive(s, r, number)
	}
	r.Included, r.Height, r.Failed = at, height, failed
	if r.First == Unset {
		r.First = at
	}
	if r.Reverts > 0 {
		return slot, r.Entry, Again
	}
	return slot, r.Entry, Fresh
}

// Reverted notes that the block of an included transaction was abandoned. What
// had held already is not undone: Stale.
func (t *Table) Reverted(slot Slot) (Entry, Outcome) {
	return t.with(slot, func(s *shard, r *record) Outcome {
		if r.Included == Unset || r.Fate != FateNone {
			return Stale
		}
		r.Included, r.Height, r.Failed = Unset, 0, driver.RejectNone
		if r.Reverts < math.MaxUint8 {
			r.Reverts++
		}
		if r.provisional != FateNone {
			return t.watch(s, r, slot.index(), r.provisional)
		}
		return Open
	})
}

// Held notes at which time a transaction's inclusion was known to last. It is
// Done unless its answer is still missing: then Acked will be.
func (t *Table) Held(slot Slot, at int64) (Entry, Outcome) {
	return t.with(slot, func(_ *shard, r *record) Outcome {
		if r.Included == Unset || r.Fate != FateNone {
			return Stale
		}
		r.Held, r.Fate = at, FateSucceeded
		if r.Failed != driver.RejectNone {
			r.Fate = FateFailed
		}
		if !r.Answered() {
			return Open
		}
		return Done
	})
}

// Resolve ends an entry with a fate that was found out otherwise, at the end of
// a run: it is always Done. An answer that never came counts as an unknown one
// (timeout).
func (t *Table) Resolve(slot Slot, f Fate) (Entry, Outcome) {
	return t.with(slot, func(_ *shard, r *record) Outcome {
		if !r.Answered() {
			r.Status, r.Reject = driver.StatusUnknown, driver.RejectTimeout
		}
		if r.Fate == FateNone {
			r.Fate = f
		}
		return Done
	})
}
