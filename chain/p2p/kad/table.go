package kad

import (
	"math/rand/v2"
	"slices"
	"time"
)

// StaleAfter is how many failures in a row make a contact stale. Section 4.1
// has five, for datagrams that may be lost; here a failure is a connection that
// was refused or fell silent.
const StaleAfter = 3

// Table is a routing table: for each number of leading bits that an ID can
// share with the node's own, a bucket of at most K contacts. Those that have
// been known longest stay as long as they answer (section 2.2: they are the
// likeliest to stay, and a flood of new nodes cannot flush the table); newer
// ones wait in a cache of at most K for one of them to fail (section 4.1).
//
// Only those who have answered themselves belong in here: what others say of
// somebody, his address above all, is hearsay. A Table is not safe for use by
// several goroutines.
type Table struct {
	self    ID
	buckets [bitsOfID]bucket
	size    int
}

type bucket struct {
	live   []entry   // at most K, least recently heard from first
	spare  []Contact // at most K, least recently heard from first; none of them is live
	looked time.Time // of the last lookup in the bucket's range
}

type entry struct {
	Contact
	failures int // in a row
}

// New returns an empty table of the node self.
func New(self ID) *Table { return &Table{self: self} }

// Self returns the ID that the table is of.
func (t *Table) Self() ID { return t.self }

// Len returns the number of contacts, spare ones not counted.
func (t *Table) Len() int { return t.size }

// Add tells the table that c has just answered, at this address. It reports
// whether c is in the table now, rather than waiting for a place or refused:
// the node itself, or an address of no length or too long.
func (t *Table) Add(c Contact) bool {
	if !c.usable(t.self) {
		return false
	}
	b := &t.buckets[shared(t.self, c.ID)]
	if i := b.find(c.ID); i >= 0 {
		b.live = append(slices.Delete(b.live, i, i+1), entry{Contact: c})
		return true
	}
	if len(b.live) == K {
		stale := slices.IndexFunc(b.live, entry.stale)
		if stale < 0 {
			b.wait(c)
			return false
		}
		b.live = slices.Delete(b.live, stale, stale+1)
		t.size--
	}
	b.unwait(c.ID)
	b.live = append(b.live, entry{Contact: c})
	t.size++
	return true
}

// Failed tells the table that a contact did not answer. A stale one makes room
// for the spare contact heard from last. Without a spare it stays, so that a
// node which was cut off still knows whom to ask (section 4.1), but is not
// handed out.
func (t *Table) Failed(id ID) {
	if id == t.self {
		return
	}
	b := &t.buckets[shared(t.self, id)]
	b.unwait(id)
	i := b.find(id)
	if i < 0 {
		return
	}
	b.live[i].failures++
	if b.live[i].stale() && len(b.spare) > 0 {
		b.live = slices.Delete(b.live, i, i+1)
		b.promote()
	}
}

// Remove forgets a contact, for instance one that was banned.
func (t *Table) Remove(id ID) {
	if id == t.self {
		return
	}
	b := &t.buckets[shared(t.self, id)]
	b.unwait(id)
	i := b.find(id)
	if i < 0 {
		return
	}
	b.live = slices.Delete(b.live, i, i+1)
	if len(b.spare) > 0 {
		b.promote()
	} else {
		t.size--
	}
}

// Closest returns the n contacts nearest to target, nearest first; fewer if
// there are not so many. Stale ones are left out.
func (t *Table) Closest(target ID, n int) []Contact {
	found := make([]Contact, 0, t.size)
	for i := range t.buckets {
		for _, e := range t.buckets[i].live {
			if !e.stale() {
				found = append(found, e.Contact)
			}
		}
	}
	slices.SortFunc(found, func(a, b Contact) int { return Nearer(target, a.ID, b.ID) })
	return found[:min(max(n, 0), len(found))]
}

// Doubts returns the contacts that should be asked for a sign of life, at most
// n: of each bucket that somebody waits for, the one not heard from for longest
// (section 2.2).
func (t *Table) Doubts(n int) []Contact {
	var doubts []Contact
	for i := range t.buckets {
		if b := &t.buckets[i]; len(b.spare) > 0 && len(doubts) < n {
			doubts = append(doubts, b.live[0].Contact)
		}
	}
	return doubts
}

// Looked tells the table that a lookup of target has been made.
func (t *Table) Looked(target ID, now time.Time) {
	if target != t.self {
		t.buckets[shared(t.self, target)].looked = now
	}
}

// Refresh returns what to look up: a random ID in each bucket whose range has
// seen no lookup for so long (section 2.3), down to one beyond the deepest that
// is in use; at most n, those not looked in for longest first.
func (t *Table) Refresh(now time.Time, every time.Duration, n int, rng *rand.Rand) []ID {
	deepest := -1
	for i := range t.buckets {
		if len(t.buckets[i].live) > 0 {
			deepest = i
		}
	}
	var due []int
	for i := 0; i <= min(deepest+1, bitsOfID-1); i++ {
		if now.Sub(t.buckets[i].looked) >= every {
			due = append(due, i)
		}
	}
	slices.SortStableFunc(due, func(a, b int) int { return t.buckets[a].looked.Compare(t.buckets[b].looked) })
	ids := make([]ID, 0, n)
	for _, i := range due[:min(max(n, 0), len(due))] {
		ids = append(ids, randomAt(t.self, i, rng))
	}
	return ids
}

func (e entry) stale() bool { return e.failures >= StaleAfter }

func (b *bucket) find(id ID) int {
	return slices.IndexFunc(b.live, func(e entry) bool { return e.ID == id })
}

// wait puts c behind the others that wait; the first goes if they are too many.
func (b *bucket) wait(c Contact) {
	b.unwait(c.ID)
	if len(b.spare) == K {
		b.spare = slices.Delete(b.spare, 0, 1)
	}
	b.spare = append(b.spare, c)
}

func (b *bucket) unwait(id ID) {
	b.spare = slices.DeleteFunc(b.spare, func(c Contact) bool { return c.ID == id })
}

// promote moves the spare contact heard from last into the bucket.
func (b *bucket) promote() {
	last := len(b.spare) - 1
	b.live = append(b.live, entry{Contact: b.spare[last]})
	b.spare = b.spare[:last]
}
