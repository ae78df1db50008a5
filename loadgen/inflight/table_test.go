package inflight

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

func id(n uint64) (id driver.ID) {
	binary.LittleEndian.PutUint64(id[20:], n) // most bytes equal: the hash has to mix
	return id
}

// TestConcurrent lets answers, inclusions and reverts of the same transactions
// race: each is Done once, with both.
func TestConcurrent(t *testing.T) {
	const n = 20_000
	table := New(n)
	slots := make([]Slot, n)
	for i := range slots {
		var err error
		if slots[i], err = table.Register(&Entry{ID: id(uint64(i)), Seq: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var (
		mu   sync.Mutex
		done = make([]int, n)
	)
	note := func(e Entry, o Outcome) {
		if o == Done {
			mu.Lock()
			defer mu.Unlock()
			done[e.Seq]++
			if e.Status != driver.StatusAccepted || e.Fate != FateSucceeded || e.Held != 3 {
				t.Errorf("done with %+v", e)
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, s := range slots {
			note(table.Acked(s, driver.StatusAccepted, driver.RejectNone, 1))
		}
	})
	wg.Go(func() {
		for i := range slots {
			slot, _, seen := table.Included(id(uint64(i)), driver.RejectNone, 7, 2)
			if seen != Fresh || slot != slots[i] {
				t.Errorf("%d: seen %d at %x", i, seen, slot)
			}
			if i%3 == 0 {
				note(table.Reverted(slot))
				table.Included(id(uint64(i)), driver.RejectNone, 8, 2)
			}
			note(table.Held(slot, 3))
		}
	})
	wg.Wait()
	for i, k := range done {
		if k != 1 {
			t.Fatalf("transaction %d was done %d times", i, k)
		}
	}
	if c := table.Counts(); table.Len() != 0 || c.Departed != n {
		t.Errorf("%d left, counts %+v", table.Len(), c)
	}
}

// TestBounded: slots and index cells are used again, so memory follows what is
// in flight and not what has been.
func TestBounded(t *testing.T) {
	const window, n = 1000, 200_000
	table := New(window)
	var ring [window]Slot
	for i := range uint64(n) {
		if old := ring[i%window]; old != 0 {
			table.Acked(old, driver.StatusAccepted, driver.RejectNone, 1)
			if _, o := table.Resolve(old, FateLost); o != Done {
				t.Fatalf("%d: outcome %d", i, o)
			}
		}
		var err error
		if ring[i%window], err = table.Register(&Entry{ID: id(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.Register(&Entry{ID: id(n)}); !errors.Is(err, ErrFull) {
		t.Errorf("entry %d of %d: %v", window+1, window, err)
	}
	records, cells := 0, 0
	for i := range table.shards {
		records += len(table.shards[i].chunks) * chunkSize
		cells += len(table.shards[i].index.cells)
	}
	if records > shards*chunkSize || cells > 16*window {
		t.Errorf("%d records and %d cells for %d in flight", records, cells, window)
	}
}

// TestAllocations: once the slabs have grown, nothing allocates.
func TestAllocations(t *testing.T) {
	table := New(100)
	n := uint64(0)
	cycle := func() {
		n++
		e := Entry{ID: id(n % 512)}
		slot, err := table.Register(&e)
		if err != nil {
			t.Fatal(err)
		}
		table.Acked(slot, driver.StatusAccepted, driver.RejectNone, 1)
		table.Included(e.ID, driver.RejectNone, 1, 2)
		table.Held(slot, 3)
	}
	for range 1024 {
		cycle()
	}
	if a := testing.AllocsPerRun(1000, cycle); a != 0 {
		t.Errorf("%v allocations a transaction", a)
	}
}

// TestResent: what is sent again after a refusal starts afresh: a revert does
// not bring the refusal back.
func TestResent(t *testing.T) {
	table := New(10)
	slot, err := table.Register(&Entry{ID: id(1)})
	if err != nil {
		t.Fatal(err)
	}
	table.Acked(slot, driver.StatusRejected, driver.RejectFee, 1)
	if table.Len() != 0 || table.Watched() != 1 {
		t.Fatalf("refused: %d live, %d watched", table.Len(), table.Watched())
	}
	table.Resent(slot)
	if e, o := table.Acked(slot, driver.StatusAccepted, driver.RejectNone, 2); o != Open || e.Attempts != 2 || e.Reject != driver.RejectNone {
		t.Fatalf("accepted: outcome %d, %+v", o, e)
	}
	table.Included(id(1), driver.RejectNone, 1, 3)
	table.Reverted(slot)
	if table.Len() != 1 || table.Watched() != 0 {
		t.Errorf("reverted: %d live, %d watched", table.Len(), table.Watched())
	}
}

// TestRefusedIncluded: a chain that includes what it refused is found out.
func TestRefusedIncluded(t *testing.T) {
	table := New(10)
	slot, err := table.Register(&Entry{ID: id(1)})
	if err != nil {
		t.Fatal(err)
	}
	table.Acked(slot, driver.StatusRejected, driver.RejectFee, 1)
	table.Sweep(func(e Entry) { t.Errorf("swept at the first Sweep: %+v", e) })
	if _, _, seen := table.Included(id(1), driver.RejectNone, 5, 2); seen != Fresh {
		t.Fatalf("seen %d", seen)
	}
	for range 3 {
		table.Sweep(func(e Entry) { t.Errorf("swept though included: %+v", e) })
	}
	if e, o := table.Held(slot, 3); o != Done || e.Status != driver.StatusRejected || e.Fate != FateSucceeded {
		t.Errorf("outcome %d, %+v", o, e)
	}
}

func TestFateNames(t *testing.T) {
	for f := range Fate(Fates) {
		if f.String() == "" {
			t.Errorf("fate %d has no name", uint8(f))
		}
	}
	if s := Fate(200).String(); s != "200" {
		t.Errorf("unknown fate is called %q", s)
	}
}

// BenchmarkTable is one transaction's whole way through the table, with a
// hundred thousand others in flight.
func BenchmarkTable(b *testing.B) {
	const window = 100_000
	table := New(2 * window)
	at := uint64(0)
	for ; at < window; at++ {
		if _, err := table.Register(&Entry{ID: spread(at)}); err != nil {
			b.Fatal(err)
		}
	}
	e := Entry{}
	for b.Loop() {
		e.ID = spread(at)
		slot, err := table.Register(&e)
		if err != nil {
			b.Fatal(err)
		}
		table.Acked(slot, driver.StatusAccepted, driver.RejectNone, 1)
		old, _, _ := table.Included(spread(at-window), driver.RejectNone, 1, 2)
		table.Acked(old, driver.StatusAccepted, driver.RejectNone, 1)
		table.Held(old, 3)
		at++
	}
}

func spread(n uint64) (id driver.ID) {
	for i := range 4 {
		n = (n + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
		n ^= n >> 29
		binary.LittleEndian.PutUint64(id[8*i:], n)
	}
	return id
}
