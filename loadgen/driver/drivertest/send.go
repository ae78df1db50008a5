package drivertest

import (
	"context"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// busyPause is how long the suite waits before it sends again what was busy.
const busyPause = 5 * time.Millisecond

// answers collects the acks of one Submit and notices wrong ones.
type answers struct {
	s    *suite
	mu   sync.Mutex
	acks []driver.Ack // Status 0: none yet
	left int
	done chan struct{}
}

func (a *answers) take(i int, ack driver.Ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case i < 0 || i >= len(a.acks):
		a.s.Errorf("ack for index %d of a batch of %d", i, len(a.acks))
	case a.acks[i].Status != 0:
		a.s.Errorf("second ack for index %d", i)
	case ack.Status < driver.StatusAccepted || ack.Status > driver.StatusUnknown:
		a.s.Errorf("ack for index %d has status %v", i, ack.Status)
	case (ack.Status == driver.StatusAccepted) != (ack.Kind == driver.RejectNone):
		a.s.Errorf("ack for index %d is %v with kind %v", i, ack.Status, ack.Kind)
	default:
		a.acks[i] = ack
		if a.left--; a.left == 0 {
			close(a.done)
		}
	}
}

// begin submits a batch and returns its answers, which may still come in.
func (s *suite) begin(ctx context.Context, session driver.Session, batch []driver.Tx) *answers {
	a := &answers{s: s, acks: make([]driver.Ack, len(batch)), left: len(batch), done: make(chan struct{})}
	session.Submit(ctx, batch, a.take)
	return a
}

// wait returns when every ack has come.
func (s *suite) wait(a *answers) []driver.Ack {
	s.Helper()
	select {
	case <-a.done:
	case <-s.ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		s.Fatalf("%d of %d acks did not come", a.left, len(a.acks))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]driver.Ack(nil), a.acks...)
}

// submit sends a batch until nothing of it is busy, and finds out what became
// of what was answered Unknown.
func (s *suite) submit(session driver.Session, batch []driver.Tx) []driver.Ack {
	s.Helper()
	final := make([]driver.Ack, len(batch))
	index := make([]int, len(batch)) // of what is still to be sent
	for i := range index {
		index[i] = i
	}
	for len(index) > 0 {
		again := make([]driver.Tx, len(index))
		for k, i := range index {
			again[k] = batch[i]
		}
		acks := s.wait(s.begin(s.ctx, session, again))
		var busy []int
		for k, i := range index {
			final[i] = acks[k]
			if acks[k].Status == driver.StatusRejected && acks[k].Kind == driver.RejectBusy {
				busy = append(busy, i)
			}
		}
		if index = busy; len(index) > 0 {
			s.pause(busyPause)
		}
	}
	s.lookUp(batch, final)
	return final
}

func (s *suite) pause(d time.Duration) {
	s.Helper()
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
		s.Fatalf("time is up")
	}
}

// lookUp turns Unknown into Accepted or Refused through Locate.
func (s *suite) lookUp(batch []driver.Tx, acks []driver.Ack) {
	s.Helper()
	for i := range acks {
		if acks[i].Status != driver.StatusUnknown {
			continue
		}
		if !s.opts.Unknown {
			s.Fatalf("transaction %d of lane %d was answered unknown (%v): %s", batch[i].Seq, batch[i].Lane, acks[i].Kind, acks[i].Detail)
		}
		if s.locate(batch[i].ID) == driver.PlaceUnknown {
			acks[i] = driver.Ack{Status: driver.StatusRejected, Kind: acks[i].Kind}
		} else {
			acks[i] = driver.Ack{Status: driver.StatusAccepted, ID: batch[i].ID}
		}
	}
}

func (s *suite) locate(id driver.ID) driver.Place {
	s.Helper()
	l, ok := s.d.(driver.Locator)
	if !ok {
		s.Fatalf("an unknown answer can't be looked up: the driver is no Locator")
	}
	places, err := l.Locate(s.ctx, []driver.ID{id})
	if err != nil || len(places) != 1 {
		s.Fatalf("Locate: %d places for one ID, %v", len(places), err)
	}
	return places[0]
}

// sent is one transaction and its final answer.
type sent struct {
	tx  driver.Tx
	ack driver.Ack
}

func (x sent) accepted() bool { return x.ack.Status == driver.StatusAccepted }

// id is the ID under which the chain knows the transaction.
func (s *suite) id(x sent) driver.ID {
	if s.info.LateID {
		return x.ack.ID
	}
	return x.tx.ID
}

// pump sends rounds transactions of every lane, one unanswered at a time, and
// settles them. Without anything corrupted, each must be answered as its kind
// expects.
func (s *suite) pump(session driver.Session, rounds int) []sent {
	s.Helper()
	lanes := session.Lanes()
	var all []sent
	for range rounds {
		for from := 0; from < len(lanes); from += s.info.BatchMax {
			part := lanes[from:min(from+s.info.BatchMax, len(lanes))]
			batch := make([]driver.Tx, len(part))
			for i, l := range part {
				batch[i] = s.next(l)
			}
			for i, ack := range s.submit(session, batch) {
				s.judge(batch[i], ack)
				part[i].Settle(batch[i], settlement(ack))
				all = append(all, sent{batch[i], ack})
			}
		}
	}
	return all
}

func settlement(a driver.Ack) driver.Settlement {
	if a.Status == driver.StatusAccepted {
		return driver.Accepted
	}
	return driver.Refused
}

// judge compares an answer with what the transaction's kind expects.
func (s *suite) judge(tx driver.Tx, a driver.Ack) {
	s.Helper()
	if int(tx.Kind) >= len(s.info.Kinds) {
		s.Fatalf("transaction of kind %d, but there are %d kinds", tx.Kind, len(s.info.Kinds))
	}
	k := s.info.Kinds[tx.Kind]
	if a.Kind != k.Expect {
		s.Errorf("transaction %d of lane %d, of kind %s, was answered %v (%v) %s; expected %v",
			tx.Seq, tx.Lane, k.Name, a.Status, a.Kind, a.Detail, k.Expect)
	}
}
