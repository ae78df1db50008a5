package kad

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// twin is a routing table without buckets: contacts in the order they were
// heard from, and numbers instead of bytes.
type twin struct {
	self        ID
	live, spare []twinEntry
}

type twinEntry struct {
	Contact
	failures int
}

func number(id ID) *big.Int { return new(big.Int).SetBytes(id[:]) }

func twinDistance(a, b ID) *big.Int { return new(big.Int).Xor(number(a), number(b)) }

// bucketOf is the i of section 2.2: distances from 2^i to 2^(i+1).
func (t *twin) bucketOf(id ID) int { return twinDistance(t.self, id).BitLen() - 1 }

func (t *twin) in(list []twinEntry, bucket int) (found []twinEntry) {
	for _, e := range list {
		if t.bucketOf(e.ID) == bucket {
			found = append(found, e)
		}
	}
	return found
}

func without(list []twinEntry, id ID) []twinEntry {
	return slices.DeleteFunc(slices.Clone(list), func(e twinEntry) bool { return e.ID == id })
}

func (t *twin) lives(id ID) bool {
	return slices.ContainsFunc(t.live, func(e twinEntry) bool { return e.ID == id })
}

func (t *twin) add(c Contact) bool {
	if c.ID == t.self || c.Addr == "" || len(c.Addr) > 261 {
		return false
	}
	if !t.lives(c.ID) && len(t.in(t.live, t.bucketOf(c.ID))) == 16 {
		for _, e := range t.in(t.live, t.bucketOf(c.ID)) {
			if e.failures >= 3 {
				t.live = without(t.live, e.ID)
				break
			}
		}
	}
	full := !t.lives(c.ID) && len(t.in(t.live, t.bucketOf(c.ID))) == 16
	t.spare = without(t.spare, c.ID)
	if full {
		t.spare = append(t.spare, twinEntry{Contact: c})
		if waiting := t.in(t.spare, t.bucketOf(c.ID)); len(waiting) > 16 {
			t.spare = without(t.spare, waiting[0].ID)
		}
		return false
	}
	t.live = append(without(t.live, c.ID), twinEntry{Contact: c})
	return true
}

func (t *twin) promote(bucket int) {
	if waiting := t.in(t.spare, bucket); len(waiting) > 0 {
		last := waiting[len(waiting)-1]
		t.spare = without(t.spare, last.ID)
		t.live = append(t.live, last)
	}
}

func (t *twin) failed(id ID) {
	t.spare = without(t.spare, id)
	for i := range t.live {
		if t.live[i].ID != id {
			continue
		}
		t.live[i].failures++
		if t.live[i].failures >= 3 && len(t.in(t.spare, t.bucketOf(id))) > 0 {
			t.live = without(t.live, id)
			t.promote(t.bucketOf(id))
		}
		return
	}
}

func (t *twin) remove(id ID) {
	t.spare = without(t.spare, id)
	if t.lives(id) {
		t.live = without(t.live, id)
		t.promote(t.bucketOf(id))
	}
}

func (t *twin) closest(target ID, n int) []Contact {
	all := []Contact{}
	for _, e := range t.live {
		if e.failures < 3 {
			all = append(all, e.Contact)
		}
	}
	slices.SortFunc(all, func(a, b Contact) int {
		return twinDistance(a.ID, target).Cmp(twinDistance(b.ID, target))
	})
	return all[:min(n, len(all))]
}

// crowded draws IDs that fall into few buckets of self, so that they fill.
func crowded(self ID) *rapid.Generator[ID] {
	return rapid.Custom(func(t *rapid.T) ID {
		id := self
		first := rapid.SampledFrom([]int{0, 0, 0, 1, 7, 8, 254, 255}).Draw(t, "first bit that differs")
		id[first/8] ^= 0x80 >> (first % 8)
		if first < 9 {
			id[31] ^= byte(rapid.IntRange(0, 40).Draw(t, "last byte"))
		}
		return id
	})
}

// TestTableAgainstTwin does the same with a table and its twin, and compares
// all that can be seen after each step.
func TestTableAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		self := ID(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "self"))
		ids := rapid.OneOf(crowded(self), rapid.Just(self))
		table, dumb := New(self), &twin{self: self}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				c := Contact{ids.Draw(t, "id"), rapid.SampledFrom([]string{"a:1", "b:2", "", string(make([]byte, 262))}).Draw(t, "addr")}
				if got, want := table.Add(c), dumb.add(c); got != want {
					t.Fatalf("Add = %v, want %v", got, want)
				}
			},
			"add many": func(t *rapid.T) {
				for i := range byte(40) {
					c := Contact{self, fmt.Sprint("m:", i)}
					c.ID[0] ^= 0x80
					c.ID[31] ^= i
					if got, want := table.Add(c), dumb.add(c); got != want {
						t.Fatalf("Add = %v, want %v", got, want)
					}
				}
			},
			"fail":   func(t *rapid.T) { id := ids.Draw(t, "id"); table.Failed(id); dumb.failed(id) },
			"remove": func(t *rapid.T) { id := ids.Draw(t, "id"); table.Remove(id); dumb.remove(id) },
			"": func(t *rapid.T) {
				if table.Len() != len(dumb.live) {
					t.Fatalf("Len = %d, want %d", table.Len(), len(dumb.live))
				}
				target, n := ids.Draw(t, "target"), rapid.IntRange(0, 50).Draw(t, "n")
				if d := cmp.Diff(dumb.closest(target, n), table.Closest(target, n)); d != "" {
					t.Fatalf("Closest (-want +got):\n%s", d)
				}
				doubts := table.Doubts(256)
				for _, c := range doubts {
					oldest := dumb.in(dumb.live, dumb.bucketOf(c.ID))[0]
					if oldest.Contact != c || len(dumb.in(dumb.spare, dumb.bucketOf(c.ID))) == 0 {
						t.Fatalf("doubts %v; the oldest is %v", c, oldest.Contact)
					}
				}
			},
		})
	})
}

// TestDistanceAgainstTwin compares the metric with arithmetic on numbers.
func TestDistanceAgainstTwin(t *testing.T) {
	id := rapid.Custom(func(t *rapid.T) ID {
		return ID(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 255}), 32, 32).Draw(t, "id"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, target := id.Draw(t, "a"), id.Draw(t, "b"), id.Draw(t, "target")
		if number(Distance(a, b)).Cmp(twinDistance(a, b)) != 0 {
			t.Fatal("Distance is no XOR")
		}
		if got, want := Nearer(target, a, b), twinDistance(a, target).Cmp(twinDistance(b, target)); got != want {
			t.Fatalf("Nearer = %d, want %d", got, want)
		}
		if got, want := shared(a, b), 256-twinDistance(a, b).BitLen(); got != want {
			t.Fatalf("shared = %d, want %d", got, want)
		}
	})
}

// TestOldestStay floods a full bucket: those who were there first stay.
func TestOldestStay(t *testing.T) {
	table := New(ID{})
	far := func(i int) Contact { return Contact{ID{0x80, byte(i >> 8), byte(i)}, fmt.Sprint("n:", i)} }
	for i := range 10_000 {
		table.Add(far(i))
	}
	if table.Len() != K || len(table.buckets[0].spare) != K {
		t.Fatalf("%d live, %d spare", table.Len(), len(table.buckets[0].spare))
	}
	for i := range K {
		if table.buckets[0].find(far(i).ID) < 0 {
			t.Errorf("contact %d was flushed", i)
		}
	}
	if d := table.Doubts(1); len(d) != 1 || d[0] != far(0) {
		t.Errorf("doubts %v", d)
	}
}

// TestRefresh draws from each bucket that was not looked in, once.
func TestRefresh(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	self := Random(rng)
	table, now := New(self), time.Unix(1_000, 0)
	if got := table.Refresh(now, time.Hour, 99, rng); len(got) != 1 || shared(self, got[0]) != 0 {
		t.Errorf("an empty table refreshes %d", len(got))
	}
	table.Add(Contact{randomAt(self, 9, rng), "a:1"})
	got := table.Refresh(now, time.Hour, 99, rng)
	for i, id := range got {
		if shared(self, id) != i {
			t.Errorf("target %d shares %d bits", i, shared(self, id))
		}
		table.Looked(id, now.Add(time.Duration(i)*time.Minute))
	}
	if len(got) != 11 {
		t.Errorf("%d buckets are refreshed, want 11", len(got))
	}
	if again := table.Refresh(now, time.Hour, 99, rng); len(again) != 0 {
		t.Errorf("%d buckets are refreshed again", len(again))
	}
	later := table.Refresh(now.Add(time.Hour+2*time.Minute), time.Hour, 2, rng)
	if len(later) != 2 || shared(self, later[0]) != 0 || shared(self, later[1]) != 1 {
		t.Errorf("%d are refreshed an hour later", len(later))
	}
	table.Looked(self, now) // its own ID is in no bucket
}
