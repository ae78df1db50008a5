package loadgen

import (
	"container/heap"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
)

// lane is one ordered spender as its sender sees it. It has at most one
// unanswered transaction: what follows a refused payload could not be valid,
// and with 20,000 lanes there is no need to send it early (see decision 0001).
type lane struct {
	drv      driver.Lane
	tx       driver.Tx     // the unanswered one
	buf      []byte        // its payload, where drv built it in place
	slot     inflight.Slot // in the table
	open     int32         // accepted and not yet in a block
	waiting  bool          // tx is unanswered, or to be sent again
	queued   bool          // in the ready queue
	attempts uint8
}

// lanes is the lanes of one sender and which of them can take a transaction
// now: those with nothing unanswered and fewer than window unconfirmed ones.
// Ready lanes take turns, so that a row of the deck is used up together.
// Owner: the sender's goroutine.
type lanes struct {
	all    []lane
	ready  fifo
	window int32
	again  retries
}

func newLanes(drv []driver.Lane, window int) *lanes {
	l := &lanes{all: make([]lane, len(drv)), window: int32(window)}
	for i := range drv {
		l.all[i].drv = drv[i]
		l.queue(int32(i))
	}
	return l
}

// queue puts a lane at the end of the ready queue, if it is ready.
func (l *lanes) queue(i int32) {
	ln := &l.all[i]
	if ln.waiting || ln.queued || (l.window > 0 && ln.open >= l.window) {
		return
	}
	ln.queued = true
	l.ready.push(i)
}

// pop takes the lane whose turn it is; ok is false when none is ready.
func (l *lanes) pop() (i int32, ok bool) {
	for l.ready.len() > 0 {
		i = l.ready.pop()
		ln := &l.all[i]
		ln.queued = false
		if !ln.waiting && (l.window <= 0 || ln.open < l.window) {
			return i, true
		}
	}
	return 0, false
}

// settle takes an answer: the lane moves on, or waits to send again at due. It
// says whether the answer was waited for: an inclusion may have told before.
func (l *lanes) settle(a answer, now int64) bool {
	ln := &l.all[a.lane]
	if !ln.waiting || ln.tx.Seq != a.seq {
		return false
	}
	if a.busy {
		wait := min(busyWait<<min(ln.attempts, 16), busyWaitMax)
		ln.attempts = min(ln.attempts+1, 250)
		heap.Push(&l.again, retry{due: now + int64(wait), lane: a.lane})
		return true
	}
	if a.what == driver.Accepted {
		ln.open++
	}
	ln.drv.Settle(ln.tx, a.what)
	ln.waiting, ln.attempts = false, 0
	l.queue(a.lane)
	return true
}

// note takes news of a transaction. An inclusion that comes before the answer,
// or instead of one, is an acceptance.
func (l *lanes) note(ev laneEvent) {
	ln := &l.all[ev.lane]
	if ev.what == driver.InBlock && ln.waiting && ln.tx.Seq == ev.seq {
		l.settle(answer{lane: ev.lane, seq: ev.seq, what: driver.Accepted}, 0)
	}
	switch ev.what {
	case driver.InBlock, driver.Lost:
		ln.open--
	case driver.Reverted:
		ln.open++
	}
	ln.drv.Settle(driver.Tx{ID: ev.id, Seq: ev.seq, Kind: ev.kind}, ev.what)
	l.queue(ev.lane)
}

// fifo is a queue of lane indexes over a ring that grows.
type fifo struct {
	ring       []int32
	head, size int
}

func (q *fifo) len() int { return q.size }

func (q *fifo) push(v int32) {
	if q.size == len(q.ring) {
		grown := make([]int32, max(64, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.size)%len(q.ring)] = v
	q.size++
}

func (q *fifo) pop() int32 {
	v := q.ring[q.head]
	q.head = (q.head + 1) % len(q.ring)
	q.size--
	return v
}

// retry is a lane whose payload was answered busy.
type retry struct {
	due  int64 // ns since the start
	lane int32
}

// retries is a heap by due time.
type retries []retry

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].due < r[j].due }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *retries) Push(x any) { *r = append(*r, x.(retry)) }

// Pop implements heap.Interface.
func (r *retries) Pop() any {
	old := *r
	last := old[len(old)-1]
	*r = old[:len(old)-1]
	return last
}
