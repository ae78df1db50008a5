package inflight

import "github.com/chaindyno/chaindyno/loadgen/driver"

// Len is the number of entries in flight, at most the capacity but for refused
// ones that were included after all.
func (t *Table) Len() int { return int(t.live.Load()) }

// Watched is the number of entries with a provisional fate.
func (t *Table) Watched() int { return int(t.watched.Load()) }

// Capacity is what New was given.
func (t *Table) Capacity() int { return int(t.capacity) }

// Counts are totals since New. When nothing else runs,
//
//	Registered = Cancelled + Departed + Len() + Watched()
type Counts struct {
	Registered uint64 // entries added
	Cancelled  uint64 // never submitted
	Departed   uint64 // let go of, with answer and fate
}

// Counts returns the totals.
func (t *Table) Counts() Counts {
	return Counts{
		Registered: t.registered.Load(),
		Cancelled:  t.cancelled.Load(),
		Departed:   t.departed.Load(),
	}
}

// Sweep makes the provisional fate of entries final that were watched already
// at the last Sweep, and hands each to f. Called at a steady pace it gives each
// entry between one and two of its periods. f must not call the table.
func (t *Table) Sweep(f func(Entry)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		old := 1 - s.current
		for s.lists[old].head != none {
			t.end(s, s.lists[old].head, f)
		}
		s.current = old
		s.mu.Unlock()
	}
}

// end lets a watched record go with its provisional fate.
func (t *Table) end(s *shard, number uint32, f func(Entry)) {
	r := s.at(number)
	r.Fate = r.provisional
	if !r.Answered() {
		r.Status, r.Reject = driver.StatusUnknown, driver.RejectTimeout
	}
	e := r.Entry
	t.depart(s, r, number)
	f(e)
}

// Each calls f with a copy of every entry in flight and its slot, in no order.
// Entries may come and go meanwhile; f may call the table.
func (t *Table) Each(f func(Slot, Entry)) {
	type pair struct {
		slot  Slot
		entry Entry
	}
	var pairs []pair
	for i := range t.shards {
		s := &t.shards[i]
		pairs = pairs[:0]
		s.mu.Lock()
		for n := range uint32(len(s.chunks) * chunkSize) {
			if r := s.at(n); r.place == live {
				pairs = append(pairs, pair{newSlot(r.gen, uint32(i), n), r.Entry})
			}
		}
		s.mu.Unlock()
		for _, p := range pairs {
			f(p.slot, p.entry)
		}
	}
}

// Drain empties the table at the end of a run and hands every entry to f:
// watched ones with their provisional fate made final, one that has held with
// its fate, and any other with the fate given. A missing answer counts as an
// unknown one (timeout). f must not call the table.
func (t *Table) Drain(rest Fate, f func(Entry)) {
	t.Sweep(f)
	t.Sweep(f)
	t.Each(func(slot Slot, _ Entry) {
		if e, outcome := t.Resolve(slot, rest); outcome == Done {
			f(e)
		}
	})
}
