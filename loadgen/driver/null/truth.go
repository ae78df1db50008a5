package null

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Truth is what really happened, against which a generator's figures can be
// held.
type Truth struct {
	Origin time.Time // where Event's times begin
	// Events are the transactions seen, ordered by lane and number: all, or the
	// first Behaviour.Record of each sort of event.
	Events []Event

	Accepted uint64 // taken in, answered so or not at all
	Included uint64 // in the best chain now
	Lost     uint64 // taken in, and never included
	Silent   uint64 // taken in, and answered Unknown
	Reverted uint64 // inclusions that were abandoned
	Rejected map[driver.Reject]uint64
}

// Event is one transaction. Times are ns since Truth.Origin, or -1.
type Event struct {
	Lane      uint32
	Seq       uint64
	Submitted int64 // the first call of Submit that had it
	Acked     int64 // the last answer, just before ack was called
	Included  int64 // the last time it was handed to emit, by the first follower there
}

// Truth returns what has happened so far.
func (d *Driver) Truth() Truth {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	t := Truth{
		Origin: c.origin, Events: c.log.events(), Rejected: map[driver.Reject]uint64{},
		Accepted: c.total.accepted, Included: c.total.included, Lost: c.total.lost,
		Silent: c.total.silent, Reverted: c.total.reverted,
	}
	for why, n := range c.total.rejected {
		if n > 0 {
			t.Rejected[driver.Reject(why)] = n
		}
	}
	return t
}

// truthLog keeps the first limit moments of each sort.
type truthLog struct {
	limit                   int
	submits, acks, includes []moment
}

type moment struct {
	seq  uint64
	at   int64
	lane uint32
}

func (l *truthLog) add(to *[]moment, batch []driver.Tx, at int64) {
	for i := range batch[:min(len(batch), l.limit-len(*to))] {
		*to = append(*to, moment{seq: batch[i].Seq, lane: batch[i].Lane, at: at})
	}
}

func (l *truthLog) included(txs []driver.Included, at int64) {
	for i := range txs[:min(len(txs), l.limit-len(l.includes))] {
		f := fields(&txs[i].ID)
		l.includes = append(l.includes, moment{seq: f.seq, lane: f.lane, at: at})
	}
}

func (c *chain) logAcks(batch []driver.Tx) {
	if c.b.Record == 0 {
		return
	}
	c.mu.Lock()
	c.log.add(&c.log.acks, batch, c.now())
	c.mu.Unlock()
}

// events joins the three logs.
func (l *truthLog) events() []Event {
	type key struct {
		lane uint32
		seq  uint64
	}
	byKey := map[key]*Event{}
	of := func(m moment) *Event {
		k := key{m.lane, m.seq}
		if byKey[k] == nil {
			byKey[k] = &Event{Lane: m.lane, Seq: m.seq, Submitted: -1, Acked: -1, Included: -1}
		}
		return byKey[k]
	}
	for _, m := range l.submits {
		if e := of(m); e.Submitted < 0 {
			e.Submitted = m.at
		}
	}
	for _, m := range l.acks {
		of(m).Acked = m.at
	}
	for _, m := range l.includes {
		of(m).Included = m.at
	}
	events := make([]Event, 0, len(byKey))
	for e := range maps.Values(byKey) {
		events = append(events, *e)
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Seq, b.Seq)) })
	return events
}
