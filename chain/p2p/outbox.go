package p2p

import (
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// outgoing is a transaction on its way to one peer.
type outgoing struct {
	id   ledger.Hash
	body []byte // only when flooding
	born int64
	hops uint8
}

// outbox holds what is to be announced to one peer until its stream has room,
// so that announcements to a slow peer grow instead of queueing up. It is
// bounded; beyond, announcements are dropped, which lost remembers.
type outbox struct {
	flood bool
	ready chan struct{} // holds a hint while there is something

	mu    sync.Mutex
	items []outgoing
	bytes int
	lost  bool
}

func newOutbox(flood bool) outbox { return outbox{flood: flood, ready: make(chan struct{}, 1)} }

// add says whether there was room.
func (o *outbox) add(item outgoing) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.items) >= pendingTxs || o.bytes+len(item.body) > pendingBytes {
		o.lost = true
		return false
	}
	o.items = append(o.items, item)
	o.bytes += len(item.body)
	return true
}

// hint wakes the writer, after all that belongs together was added.
func (o *outbox) hint() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// lose notes that something was dropped before it came here.
func (o *outbox) lose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = true
}

// takeLost says whether anything was dropped since it was last asked, and there
// is room again.
func (o *outbox) takeLost() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.lost || len(o.items) > 0 {
		return false
	}
	o.lost = false
	return true
}

// frame takes what goes into one frame, or returns nil where there is nothing.
func (o *outbox) frame(h *Host) *chainpb.Frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.items) && n < announceIDs && size < chunkBytes {
		size += len(o.items[n].body)
		n++
	}
	if n == 0 {
		return nil
	}
	part := o.items[:n]
	hops, oldest := make([]byte, n), part[0].born
	for i := range part {
		hops[i] = part[i].hops
		oldest = min(oldest, part[i].born)
	}
	age := ageSince(oldest, h.now())
	var f *chainpb.Frame
	if o.flood {
		f = flooded(part, size, hops, age)
	} else {
		f = announcement(part, hops, age)
	}
	o.bytes -= size
	if o.items = o.items[n:]; len(o.items) == 0 {
		o.items = nil
	} else {
		o.hint()
	}
	return f
}

// ageSince is a time in whole microseconds, as messages carry it.
func ageSince(born, now int64) uint32 {
	us := max(0, now-born) / int64(time.Microsecond)
	return uint32(min(us, 1<<32-1))
}

func announcement(part []outgoing, hops []byte, age uint32) *chainpb.Frame {
	ids := make([]byte, 0, len(part)*hashBytes)
	for i := range part {
		ids = append(ids, part[i].id[:]...)
	}
	return &chainpb.Frame{Body: &chainpb.Frame_Announce{Announce: &chainpb.Announce{Ids: ids, Hops: hops, AgeUs: age}}}
}

func flooded(part []outgoing, size int, hops []byte, age uint32) *chainpb.Frame {
	t := &chainpb.Txs{
		Bodies: make([]byte, 0, size), Sizes: make([]uint32, 0, len(part)), Messages: make([]byte, 0, len(part)*hashBytes),
		Hops: hops, AgeUs: age,
	}
	for i := range part {
		t.Bodies = append(t.Bodies, part[i].body...)
		t.Sizes = append(t.Sizes, uint32(len(part[i].body)))
		t.Messages = append(t.Messages, part[i].id[:]...)
	}
	return frameTxs(t)
}
