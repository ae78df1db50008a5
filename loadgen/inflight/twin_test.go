package inflight

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// twin is the table as a slice that is searched from end to end.
type twin struct {
	capacity int
	all      []*model
	out      []Entry // let go of
	dropped  int     // cancelled
}

type model struct {
	slot        Slot
	e           Entry
	watched     bool
	sweeps      int // since watched
	provisional Fate
	hidden      bool // its ID was registered anew
}

func (w *twin) bySlot(s Slot) *model {
	for _, m := range w.all {
		if m.slot == s {
			return m
		}
	}
	return nil
}

func (w *twin) byID(id driver.ID) *model {
	for _, m := range w.all {
		if m.e.ID == id && !m.hidden {
			return m
		}
	}
	return nil
}

func (w *twin) count(watched bool) int {
	n := 0
	for _, m := range w.all {
		if m.watched == watched {
			n++
		}
	}
	return n
}

func (w *twin) leave(m *model, f Fate) Entry {
	m.e.Fate = f
	if m.e.Status == 0 {
		m.e.Status, m.e.Reject = driver.StatusUnknown, driver.RejectTimeout
	}
	w.out = append(w.out, m.e)
	w.all = slices.DeleteFunc(w.all, func(o *model) bool { return o == m })
	return m.e
}

func (w *twin) register(e Entry, slot Slot) error {
	if w.count(false) >= w.capacity {
		return ErrFull
	}
	if m := w.byID(e.ID); m != nil {
		if !m.watched {
			return ErrDuplicate
		}
		m.hidden = true
	}
	e.Acked, e.First, e.Included, e.Held, e.Attempts = Unset, Unset, Unset, Unset, 1
	w.all = append(w.all, &model{slot: slot, e: e})
	return nil
}

func (w *twin) watch(m *model, f Fate) Outcome {
	m.provisional = f
	if m.e.Included != Unset || m.watched {
		return Open
	}
	if w.count(true) >= w.capacity && m.e.Status != 0 {
		w.leave(m, f)
		return Done
	}
	m.watched, m.sweeps = true, 0
	return Open
}

func (w *twin) acked(m *model, st driver.Status, why driver.Reject, at int64) Outcome {
	if m == nil || m.e.Status != 0 {
		return Stale
	}
	m.e.Status, m.e.Reject, m.e.Acked = st, why, at
	if m.e.Fate != FateNone {
		w.leave(m, m.e.Fate)
		return Done
	}
	if st == driver.StatusRejected {
		return w.watch(m, FateRefused)
	}
	return Open
}

func (w *twin) included(m *model, failed driver.Reject, height uint64, at int64) Seen {
	switch {
	case m == nil:
		return Foreign
	case m.e.Included != Unset:
		return Twice
	}
	m.watched = false
	m.e.Included, m.e.Height, m.e.Failed = at, height, failed
	if m.e.First == Unset {
		m.e.First = at
	}
	if m.e.Reverts > 0 {
		return Again
	}
	return Fresh
}

func (w *twin) reverted(m *model) Outcome {
	if m == nil || m.e.Included == Unset || m.e.Fate != FateNone {
		return Stale
	}
	m.e.Included, m.e.Height, m.e.Failed = Unset, 0, driver.RejectNone
	m.e.Reverts++
	if m.provisional != FateNone {
		return w.watch(m, m.provisional)
	}
	return Open
}

func (w *twin) held(m *model, at int64) Outcome {
	if m == nil || m.e.Included == Unset || m.e.Fate != FateNone {
		return Stale
	}
	fate := FateSucceeded
	if m.e.Failed != driver.RejectNone {
		fate = FateFailed
	}
	m.e.Held, m.e.Fate = at, fate
	if m.e.Status == 0 {
		return Open
	}
	w.leave(m, fate)
	return Done
}

func (w *twin) resent(m *model) Outcome {
	if m == nil || m.e.Fate != FateNone {
		return Stale
	}
	m.watched, m.provisional = false, FateNone
	m.e.Status, m.e.Reject, m.e.Acked = 0, driver.RejectNone, Unset
	m.e.Attempts++
	return Open
}

func (w *twin) sweep() {
	for _, m := range slices.Clone(w.all) {
		if m.watched {
			if m.sweeps++; m.sweeps == 2 {
				w.leave(m, m.provisional)
			}
		}
	}
}

func (w *twin) drain(rest Fate) {
	w.sweep()
	w.sweep()
	for _, m := range slices.Clone(w.all) {
		fate := m.e.Fate
		if fate == FateNone {
			fate = rest
		}
		w.leave(m, fate)
	}
}

// TestTwin drives table and twin through the same random calls.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 6).Draw(t, "capacity")
		table, w := New(capacity), &twin{capacity: capacity}
		var (
			slots = []Slot{0}
			got   []Entry
			clock int64
		)
		anySlot := func() Slot { return rapid.SampledFrom(slots).Draw(t, "slot") }
		anyID := func() driver.ID { return driver.ID{rapid.ByteRange(0, 9).Draw(t, "id")} }
		same := func(what string, e Entry, o Outcome, m *model, want Outcome) {
			if o != want {
				t.Fatalf("%s: outcome %d, want %d", what, o, want)
			}
			if o == Done {
				got = append(got, e)
			}
			if o == Open && e != m.e {
				t.Fatalf("%s: entry %+v, want %+v", what, e, m.e)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"register": func(t *rapid.T) {
				clock++
				e := Entry{ID: anyID(), Seq: uint64(clock), Lane: 3, Sender: 4, Kind: 1, Intended: clock, Dispatched: clock, Sent: clock}
				slot, err := table.Register(&e)
				if want := w.register(e, slot); err != want {
					t.Fatalf("Register: %v, want %v", err, want)
				}
				if err == nil {
					if slices.Contains(slots, slot) {
						t.Fatalf("slot %x is given out again", slot)
					}
					slots = append(slots, slot)
				}
			},
			"acked": func(t *rapid.T) {
				clock++
				slot := anySlot()
				st := driver.Status(rapid.IntRange(1, 3).Draw(t, "status"))
				why := driver.RejectNone
				if st != driver.StatusAccepted {
					why = driver.RejectFee
				}
				m := w.bySlot(slot)
				e, o := table.Acked(slot, st, why, clock)
				same("Acked", e, o, m, w.acked(m, st, why, clock))
			},
			"included": func(t *rapid.T) {
				clock++
				id := anyID()
				failed := driver.Reject(rapid.SampledFrom([]int{0, 0, int(driver.RejectReverted)}).Draw(t, "failed"))
				m := w.byID(id)
				slot, e, seen := table.Included(id, failed, uint64(clock), clock)
				if want := w.included(m, failed, uint64(clock), clock); seen != want {
					t.Fatalf("Included: %d, want %d", seen, want)
				}
				if m != nil && (slot != m.slot || e != m.e) {
					t.Fatalf("Included: slot %x entry %+v, want %x %+v", slot, e, m.slot, m.e)
				}
			},
			"reverted": func(*rapid.T) {
				slot := anySlot()
				m := w.bySlot(slot)
				e, o := table.Reverted(slot)
				same("Reverted", e, o, m, w.reverted(m))
			},
			"held": func(*rapid.T) {
				clock++
				slot := anySlot()
				m := w.bySlot(slot)
				e, o := table.Held(slot, clock)
				same("Held", e, o, m, w.held(m, clock))
			},
			"watch": func(*rapid.T) {
				slot := anySlot()
				m := w.bySlot(slot)
				e, o := table.Watch(slot, FateEvicted)
				want := Stale
				if m != nil && m.e.Fate == FateNone && !m.watched {
					want = w.watch(m, FateEvicted)
				}
				same("Watch", e, o, m, want)
			},
			"resent": func(*rapid.T) {
				slot := anySlot()
				if o, want := table.Resent(slot), w.resent(w.bySlot(slot)); o != want {
					t.Fatalf("Resent: %d, want %d", o, want)
				}
			},
			"cancel": func(*rapid.T) {
				slot := anySlot()
				m, want := w.bySlot(slot), Stale
				if m != nil {
					want = Open
					w.dropped++
					w.all = slices.DeleteFunc(w.all, func(o *model) bool { return o == m })
				}
				if o := table.Cancel(slot); o != want {
					t.Fatalf("Cancel: %d, want %d", o, want)
				}
			},
			"resolve": func(*rapid.T) {
				slot := anySlot()
				e, o := table.Resolve(slot, FatePooled)
				m, want := w.bySlot(slot), Stale
				if m != nil {
					want = Done
					fate := m.e.Fate
					if fate == FateNone {
						fate = FatePooled
					}
					w.leave(m, fate)
				}
				same("Resolve", e, o, m, want)
			},
			"find": func(*rapid.T) {
				id := anyID()
				slot, ok := table.Find(id)
				if m := w.byID(id); ok != (m != nil) || m != nil && slot != m.slot {
					t.Fatalf("Find: %x %v, want %+v", slot, ok, m)
				}
			},
			"sweep": func(*rapid.T) {
				table.Sweep(func(e Entry) { got = append(got, e) })
				w.sweep()
			},
			"": func(t *rapid.T) {
				if table.Len() != w.count(false) || table.Watched() != w.count(true) {
					t.Fatalf("%d live and %d watched, want %d and %d", table.Len(), table.Watched(), w.count(false), w.count(true))
				}
				c := table.Counts()
				if c.Registered != c.Cancelled+c.Departed+uint64(table.Len()+table.Watched()) || c.Cancelled != uint64(w.dropped) {
					t.Fatalf("counts %+v do not add up to %d live and %d watched", c, table.Len(), table.Watched())
				}
				live := 0
				table.Each(func(slot Slot, e Entry) {
					live++
					if m := w.bySlot(slot); m == nil || m.e != e {
						t.Fatalf("Each: %+v, want %+v", e, m)
					}
				})
				if live != table.Len() {
					t.Fatalf("Each: %d entries, want %d", live, table.Len())
				}
			},
		})
		table.Drain(FateLost, func(e Entry) { got = append(got, e) })
		w.drain(FateLost)
		if table.Len() != 0 || table.Watched() != 0 {
			t.Fatalf("after Drain %d live and %d watched", table.Len(), table.Watched())
		}
		compareOut(t, got, w.out)
	})
}

// compareOut compares what was let go of, in no order.
func compareOut(t *rapid.T, got, want []Entry) {
	order := func(a, b Entry) int { return int(a.Seq) - int(b.Seq) } // Seq is unique here
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		t.Fatalf("let go of\n%+v\nwant\n%+v", got, want)
	}
}
