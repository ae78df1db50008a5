package null

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// owedMax is how many batches of one session may wait for their answers; then
// Submit blocks.
const owedMax = 1024

// session is one connection. Without AckDelay answers are given within Submit;
// with it, by a goroutine that runs until Close.
type session struct {
	d       *Driver
	lanes   []driver.Lane
	closed  atomic.Bool
	answers []driver.Ack // scratch of Submit

	owed   chan owed
	ending chan struct{} // closed by Close: what is owed is Unknown
	acker  sync.WaitGroup
}

// owed is a batch whose answers are due later.
type owed struct {
	due     int64
	answers []driver.Ack
	batch   []driver.Tx // only to log lanes and numbers
	ack     func(int, driver.Ack)
}

func newSession(d *Driver, lanes []driver.Lane) *session {
	s := &session{d: d, lanes: lanes}
	if d.chain.b.AckDelay > 0 {
		s.owed, s.ending = make(chan owed, owedMax), make(chan struct{})
		s.acker.Go(s.giveAnswers)
	}
	return s
}

// Lanes implements driver.Session.
func (s *session) Lanes() []driver.Lane { return append([]driver.Lane(nil), s.lanes...) }

// Submit implements driver.Session. During a stall it blocks.
func (s *session) Submit(ctx context.Context, batch []driver.Tx, ack func(i int, a driver.Ack)) {
	c := s.d.chain
	called := c.now()
	if !s.awaitStall(ctx) {
		answerAll(len(batch), ack, driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectDisconnected})
		return
	}
	if len(batch) > c.b.BatchMax {
		answerAll(len(batch), ack, driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectTooLarge})
		return
	}
	if cap(s.answers) < len(batch) {
		s.answers = make([]driver.Ack, len(batch))
	}
	answers := s.answers[:len(batch)]
	c.admit(batch, answers, called)
	if c.b.AckDelay > 0 {
		s.owe(ctx, batch, answers, ack)
		return
	}
	c.logAcks(batch)
	for i, a := range answers {
		ack(i, a)
	}
}

func answerAll(n int, ack func(int, driver.Ack), a driver.Ack) {
	for i := range n {
		ack(i, a)
	}
}

// awaitStall returns false when the session can't take anything (any more).
func (s *session) awaitStall(ctx context.Context) bool {
	c := s.d.chain
	for ctx.Err() == nil && !s.closed.Load() {
		until, stalled := c.stall(c.now())
		if !stalled {
			return true
		}
		c.pause(until, ctx.Done(), s.d.done)
		select {
		case <-s.d.done:
			return false
		default:
		}
	}
	return false
}

// owe queues answers. They are copied: the caller may use the batch's slice
// again only after the last of them, but the scratch is used by the next Submit.
func (s *session) owe(ctx context.Context, batch []driver.Tx, answers []driver.Ack, ack func(int, driver.Ack)) {
	c := s.d.chain
	o := owed{due: c.afterStall(c.now() + int64(c.b.AckDelay)), answers: append([]driver.Ack(nil), answers...), batch: batch, ack: ack}
	select {
	case s.owed <- o:
	case <-ctx.Done():
		answerAll(len(answers), ack, driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectTimeout})
	}
}

func (s *session) giveAnswers() {
	c := s.d.chain
	for o := range s.owed {
		if !c.pause(o.due, s.ending, nil) {
			answerAll(len(o.answers), o.ack, driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectDisconnected})
			continue
		}
		c.logAcks(o.batch)
		for i, a := range o.answers {
			o.ack(i, a)
		}
	}
}

// Close implements driver.Session.
func (s *session) Close() error {
	if s.closed.Swap(true) || s.owed == nil {
		return nil
	}
	close(s.ending)
	close(s.owed)
	s.acker.Wait()
	return nil
}
