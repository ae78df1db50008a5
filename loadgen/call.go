package loadgen

import (
	"context"
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
)

// Call is what became of one order. Its transactions are answered by the time
// that Send returns, as a rule; their fates come later.
type Call struct {
	number uint32 // within the wallet, not 0
	done   chan struct{}

	mu       sync.Mutex
	ids      []driver.ID // of what was sent
	open     int         // sent and without a fate
	refused  int         // rejected ones that have been let go of
	answers  Answers
	fates    [inflight.Fates]int
	sealed   bool // nothing more is sent
	finished bool // done is closed
}

// Answers are how the transactions of a call were answered.
type Answers struct {
	Asked    int // of the order
	Sent     int
	Accepted int
	Rejected int
	Unknown  int // no answer that says either
	Dropped  int // not sent
	Kinds    map[driver.Reject]int
	Detail   string        // of the first that was not accepted, in the chain's words; may be empty
	ByKind   []KindAnswers // by kind of transaction, as Info.Kinds
}

// KindAnswers are the answers to transactions of one kind.
type KindAnswers struct{ Sent, Accepted, Rejected int }

// Fates are what became of the transactions of a call.
type Fates struct{ Succeeded, Failed, Refused, Lost, Other int }

func (w *Wallet) newCall(n int) *Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last++; w.last == 0 {
		w.last++
	}
	c := &Call{number: w.last, done: make(chan struct{}), ids: make([]driver.ID, 0, n)}
	c.answers.Asked, c.answers.ByKind = n, make([]KindAnswers, len(w.d.e.info.Kinds))
	w.calls[c.number] = c
	return c
}

// done passes a fate on to the call. Calls without open transactions are let go
// of.
func (w *Wallet) done(en *inflight.Entry) {
	w.mu.Lock()
	c := w.calls[en.Call]
	w.mu.Unlock()
	if c != nil && c.settled(en) {
		w.retire(c)
	}
}

// retire forgets a call if nothing of it is open.
func (w *Wallet) retire(c *Call) {
	c.mu.Lock()
	over := c.finished
	c.mu.Unlock()
	if over {
		w.mu.Lock()
		delete(w.calls, c.number)
		w.mu.Unlock()
	}
}

func (c *Call) sent(tx *driver.Tx) {
	c.mu.Lock()
	c.ids = append(c.ids, tx.ID)
	c.answers.Sent++
	c.answers.ByKind[tx.Kind].Sent++
	c.open++
	c.mu.Unlock()
}

// unsent takes one back that was counted as sent. Which one it was does not
// matter: the whole batch is taken back.
func (c *Call) unsent(kind uint8) {
	c.mu.Lock()
	c.ids = c.ids[:len(c.ids)-1]
	c.answers.Sent--
	c.answers.ByKind[kind].Sent--
	c.answers.Dropped++
	c.open--
	c.mu.Unlock()
}

func (c *Call) answered(kind uint8, a driver.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a.Status {
	case driver.StatusAccepted:
		c.answers.Accepted++
		c.answers.ByKind[kind].Accepted++
		return
	case driver.StatusRejected:
		c.answers.Rejected++
		c.answers.ByKind[kind].Rejected++
		c.fates[inflight.FateRefused]++
		c.open--
		c.finishIfOver()
	default:
		c.answers.Unknown++
	}
	if c.answers.Kinds == nil {
		c.answers.Kinds = map[driver.Reject]int{}
	}
	c.answers.Kinds[a.Kind]++
	if c.answers.Detail == "" {
		c.answers.Detail = a.Detail
	}
}

func (c *Call) unanswered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.answers
	return a.Sent - a.Accepted - a.Rejected - a.Unknown
}

// settled counts a fate and says whether it was the last one. What is rejected
// counts as refused with its answer, though it is watched for some time in case
// a block holds it after all.
func (c *Call) settled(en *inflight.Entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fates[en.Fate]++
	if en.Status == driver.StatusRejected && c.refused < c.answers.Rejected {
		c.refused++
		c.fates[inflight.FateRefused]--
		return c.finished
	}
	c.open--
	return c.finishIfOver()
}

func (c *Call) seal(dropped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	c.answers.Dropped += dropped
	c.finishIfOver()
}

func (c *Call) finishIfOver() bool {
	if !c.sealed || c.open > 0 || c.finished {
		return false
	}
	c.finished = true
	close(c.done)
	return true
}

// Answers are those so far; a late one may still come.
func (c *Call) Answers() Answers {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.answers
	a.ByKind = append([]KindAnswers(nil), a.ByKind...)
	a.Kinds = map[driver.Reject]int{}
	for k, n := range c.answers.Kinds {
		a.Kinds[k] = n
	}
	return a
}

// IDs names what was sent, in the order of sending.
func (c *Call) IDs() []driver.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]driver.ID(nil), c.ids...)
}

// Wait waits until every transaction of the call has a fate.
func (c *Call) Wait(ctx context.Context) (Fates, error) {
	select {
	case <-c.done:
	default:
		select {
		case <-c.done:
		case <-ctx.Done():
			return c.Fates(), ctx.Err()
		}
	}
	return c.Fates(), nil
}

// Fates are those so far.
func (c *Call) Fates() Fates {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := Fates{
		Succeeded: c.fates[inflight.FateSucceeded], Failed: c.fates[inflight.FateFailed],
		Refused: c.fates[inflight.FateRefused], Lost: c.fates[inflight.FateLost],
	}
	for _, n := range c.fates {
		f.Other += n
	}
	f.Other -= f.Succeeded + f.Failed + f.Refused + f.Lost
	return f
}
