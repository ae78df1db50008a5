package inflight

import (
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

const chunkSize = 256 // entries allocated at a time: 32 KiB

const none = ^uint32(0) // no entry number

// place says where an entry is.
type place uint8

const (
	free    place = iota
	live          // in flight: counts against the capacity
	watched       // has a provisional fate, until Sweep makes it final
)

// record is an Entry with the table's own marks. It has no pointers, so the
// garbage collector never looks into the slabs.
type record struct {
	Entry
	gen         uint32 // of the slot; bumped when freed
	prev, next  uint32 // in a watch list; next also in the free list
	place       place
	provisional Fate // what it becomes if it is not included after all
	list        uint8
	indexed     bool // found by its ID; a re-sent ID takes that away
}

// list is a doubly linked list of records.
type list struct{ head, tail uint32 }

// shard holds the entries of some IDs. Everything in it is guarded by mu.
type shard struct {
	mu      sync.Mutex
	chunks  [][]record
	index   index
	free    uint32  // head of the free list
	lists   [2]list // watched before and since the last Sweep
	current uint8   // the list that newly watched entries join
	_       [24]byte
}

func (s *shard) init(entries int) {
	s.index = newIndex(2 * entries)
	s.free = none
	s.lists = [2]list{{none, none}, {none, none}}
}

func (s *shard) at(number uint32) *record { return &s.chunks[number/chunkSize][number%chunkSize] }

// get returns the record of a slot that is not stale.
func (s *shard) get(slot Slot) *record {
	number := slot.index()
	if int(number/chunkSize) >= len(s.chunks) {
		return nil
	}
	r := s.at(number)
	if r.place == free || r.gen != slot.gen() {
		return nil
	}
	return r
}

func (s *shard) find(id *driver.ID, tag uint32) (uint32, bool) {
	return s.index.find(tag, func(n uint32) bool { return s.at(n).ID == *id })
}

// alloc takes a record off the free list, making a chunk of them if need be.
// It returns false when the numbers of a shard are spent.
func (s *shard) alloc() (uint32, bool) {
	if s.free == none && !s.addChunk() {
		return 0, false
	}
	number := s.free
	s.free = s.at(number).next
	return number, true
}

func (s *shard) addChunk() bool {
	first := uint32(len(s.chunks)) * chunkSize
	if first+chunkSize > 1<<slotIndexBits {
		return false
	}
	chunk := make([]record, chunkSize)
	s.chunks = append(s.chunks, chunk)
	for i := chunkSize - 1; i >= 0; i-- {
		chunk[i].gen = 1
		chunk[i].next = s.free
		s.free = first + uint32(i)
	}
	return true
}

// release takes a record out of index and list and frees it.
func (s *shard) release(number uint32, tag uint32) {
	r := s.at(number)
	if r.place == watched {
		s.unlink(number)
	}
	if r.indexed {
		s.index.remove(tag, number)
	}
	r.place, r.indexed = free, false
	r.gen++
	if r.gen == 0 {
		r.gen = 1 // the zero Slot must stay invalid
	}
	r.next = s.free
	s.free = number
}

// link appends a record to the current watch list.
func (s *shard) link(number uint32) {
	r := s.at(number)
	l := &s.lists[s.current]
	r.list, r.prev, r.next = s.current, l.tail, none
	if l.tail == none {
		l.head = number
	} else {
		s.at(l.tail).next = number
	}
	l.tail = number
}

func (s *shard) unlink(number uint32) {
	r := s.at(number)
	l := &s.lists[r.list]
	if r.prev == none {
		l.head = r.next
	} else {
		s.at(r.prev).next = r.next
	}
	if r.next == none {
		l.tail = r.prev
	} else {
		s.at(r.next).prev = r.prev
	}
}
