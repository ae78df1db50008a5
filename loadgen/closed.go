package loadgen

import (
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/record"
)

// closedLoop sends whenever fewer than window of a sender's transactions are
// unresolved. What it intends is what it does, so its latencies hide the time
// that a slow chain kept it from sending; reports label it.
type closedLoop struct {
	window  int
	open    int   // the sender's unresolved transactions
	since   int64 // when the window last opened; -1 while it is shut
	blocked int64 // ns spent waiting with a shut window or no ready lane, or pushed back
	shut    bool  // the coming wait is on the chain
}

// settled takes what resolves a transaction; the rest leaves it open.
func (c *closedLoop) settled(what driver.Settlement) {
	switch what {
	case driver.Refused, driver.Held, driver.Failed, driver.Lost:
		c.open--
	}
}

// fill adds to a batch what the window permits. Small openings linger, so that
// a trickle of refusals makes no batches of one.
func (c *closedLoop) fill(s *sender, b *batch, size int, now int64) {
	free := c.window - c.open
	if c.shut = free <= 0; c.shut {
		c.since = -1
		return
	}
	if c.since < 0 {
		c.since = now
	}
	if free < size && now-c.since < int64(s.e.sc.Load.Batch.Linger.Std()) {
		return
	}
	for ; free > 0 && len(b.txs) < size; free-- {
		i, ok := s.lanes.pop()
		if !ok {
			c.shut = true
			return
		}
		s.rec.Offered(record.AnyKind, now)
		s.rec.Dispatched(record.AnyKind, now, now)
		s.e.waiting.Add(1)
		if !s.start(b, i, now, now) {
			return
		}
		c.open++
	}
	c.since = now
}

// end shuts the books at the end of the load: what is waited for then is the
// drain.
func (c *closedLoop) end() { c.shut = false }

// wait bounds a sleep by the linger of a window that is open.
func (c *closedLoop) wait(d, linger time.Duration) time.Duration {
	if c.shut {
		return d
	}
	return min(d, linger)
}

// waited adds up the time that the loop was blocked on the chain.
func (c *closedLoop) waited(from, to int64) {
	if c.shut {
		c.blocked += to - from
	}
}
