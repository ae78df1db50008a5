package ingest

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// worthwhile is how many transactions are verified together at nearly the full
// gain of a batch. While a verifier is idle a job of that many is not made to
// wait for more, and a wire batch is shared out in jobs no smaller than that.
const worthwhile = 128

// part is a run of payloads of one wire batch.
type part struct {
	batch    *Batch
	from, to int
}

// job is what one verifier checks at once. It passes from the collector to a
// verifier, to the orderer, and back through Ingest.free.
type job struct {
	parts    []part
	txs      []ledger.Tx     // in the order of parts
	verdicts []ledger.Reject // one per element of txs
	size     int             // payloads in parts
	verified time.Time
	done     chan struct{} // receives once when the verifier has finished
}

// collector forms jobs. It belongs to one goroutine.
type collector struct {
	in     *Ingest
	open   *job // being filled; nil = none
	opened int  // jobs so far, so that a reused job is told from the one before
	limit  int  // payloads of the open job
	linger *time.Timer
}

func newCollector(in *Ingest) *collector {
	c := &collector{in: in, linger: time.NewTimer(0)}
	c.linger.Stop()
	return c
}

// run forms jobs until ctx ends, then passes on what is still in the queue.
func (c *collector) run(ctx context.Context) {
	for {
		select {
		case b := <-c.in.queue:
			c.add(b)
		case <-c.linger.C:
			c.flush()
		case <-ctx.Done():
			c.stop()
			return
		}
	}
}

// stop ends the jobs: verifiers answer busy from now on, so that it takes no
// longer than the jobs which they have begun.
func (c *collector) stop() {
	c.in.shut()
	for len(c.in.queue) > 0 {
		c.add(<-c.in.queue)
	}
	c.dispatch()
	close(c.in.work)
	close(c.in.ordered)
}

// add puts a batch into the open job and as many others as it needs.
func (c *collector) add(b *Batch) {
	n := len(b.Payloads)
	if c.open == nil {
		c.limit = c.share(n)
	}
	for from := 0; from < n; {
		if c.open == nil {
			c.begin(b.Received)
		}
		to := min(n, from+c.limit-c.open.size)
		c.open.parts = append(c.open.parts, part{batch: b, from: from, to: to})
		c.open.size += to - from
		from = to
		if c.open.size == c.limit {
			c.dispatch()
		}
	}
	if c.open != nil && c.open.size >= worthwhile && c.idle() {
		c.dispatch()
	}
}

// share returns how many of n payloads make a job: an equal part for each
// verifier while one is idle, else as many as are allowed.
func (c *collector) share(n int) int {
	most := c.in.cfg.BatchSize
	if !c.idle() {
		return most
	}
	equal := (n + c.in.cfg.Verifiers - 1) / c.in.cfg.Verifiers
	return min(max(equal, worthwhile), most)
}

func (c *collector) idle() bool { return c.in.verifying.Load() < int64(c.in.cfg.Verifiers) }

// begin opens a job, whose first transaction was received at the given time.
func (c *collector) begin(received time.Time) {
	select {
	case c.open = <-c.in.free:
	default:
		c.open = &job{done: make(chan struct{}, 1)}
	}
	c.opened++
	c.linger.Reset(time.Until(received.Add(c.in.cfg.Linger)))
}

// flush dispatches the open job, after it has taken in what is in the queue:
// with a backlog, jobs are late and full.
func (c *collector) flush() {
	for this := c.opened; c.open != nil && c.opened == this; {
		select {
		case b := <-c.in.queue:
			c.add(b)
		default:
			c.dispatch()
		}
	}
}

// dispatch hands the open job, if any, to the orderer and to the verifiers. It
// waits while too many jobs are under way.
func (c *collector) dispatch() {
	if c.open == nil {
		return
	}
	j := c.open
	c.open = nil
	c.linger.Stop()
	c.in.verifying.Add(1)
	c.in.ordered <- j
	c.in.work <- j
}
