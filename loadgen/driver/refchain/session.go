package refchain

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// openTimeout bounds how long Submit waits for a broken stream to come back
// before it answers busy: nothing has been sent then.
const openTimeout = time.Second

// session submits over one stream and opens another when it breaks: to the
// next target, where the last one can't be had. A lane's next transaction waits
// until what became of its last one is known, so it may go to another node.
//
// What is written to a stream that breaks is unknown: it may have arrived. What
// finds no stream is busy: it certainly has not.
type session struct {
	client  *client.Client                           // Submit's and Close's own
	dial    func(target int) (*client.Client, error) // does no I/O
	target  int
	targets int
	lanes   []driver.Lane
	limits  client.Limits
	timeout time.Duration
	stop    chan struct{}
	once    sync.Once      // of Close
	running sync.WaitGroup // readers of streams and the clock

	link     *link    // Submit's and Close's own; nil: none is open
	payloads [][]byte // reused by Submit
}

func newSession(c *client.Client, limits client.Limits, timeout time.Duration, lanes []driver.Lane) *session {
	return &session{client: c, targets: 1, lanes: lanes, limits: limits, timeout: timeout, stop: make(chan struct{})}
}

// turn makes the next target the one that is submitted to. No stream is open.
func (s *session) turn() {
	if s.targets < 2 {
		return
	}
	next := (s.target + 1) % s.targets
	c, err := s.dial(next)
	if err != nil {
		return // it stays where it is
	}
	_ = s.client.Close() // nothing is under way on it
	s.client, s.target = c, next
}

// Lanes implements driver.Session.
func (s *session) Lanes() []driver.Lane { return s.lanes }

// Submit implements driver.Session. It returns when the batch is written, or
// answered without having been.
func (s *session) Submit(ctx context.Context, batch []driver.Tx, ack func(i int, a driver.Ack)) {
	sent := s.fit(batch)
	s.send(ctx, batch[:sent], ack) // nearly always all of it
	for sent < len(batch) {
		first, part := sent, batch[sent:]
		part = part[:s.fit(part)]
		s.send(ctx, part, func(i int, a driver.Ack) { ack(first+i, a) })
		sent += len(part)
	}
}

// fit is how many transactions one message takes, at least one: a single
// payload that is too large is for the node to refuse.
func (s *session) fit(batch []driver.Tx) int {
	size := 0
	for i := range batch {
		size += len(batch[i].Payload)
		if i > 0 && (size > s.limits.BatchBytes || i == s.limits.BatchTxs) {
			return i
		}
	}
	return len(batch)
}

func (s *session) send(ctx context.Context, batch []driver.Tx, ack func(i int, a driver.Ack)) {
	n := len(batch)
	if n == 0 {
		return
	}
	if s.limits.BatchBytes < len(batch[0].Payload) {
		ackAll(n, ack, driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectTooLarge})
		return
	}
	s.payloads = s.payloads[:0]
	for i := range batch {
		s.payloads = append(s.payloads, batch[i].Payload)
	}
	l, detail := s.open(ctx)
	if l == nil || !l.send(ctx, s.payloads, ack) {
		ackAll(n, ack, driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectBusy, Detail: detail})
	}
	clear(s.payloads)
}

func ackAll(n int, ack func(i int, a driver.Ack), a driver.Ack) {
	for i := range n {
		ack(i, a)
	}
}

// open returns the stream, a new one where the last has broken, or nil and why
// there is none. The client paces attempts to connect.
func (s *session) open(ctx context.Context) (*link, string) {
	if s.link != nil && !s.link.isBroken() {
		return s.link, ""
	}
	s.link = nil
	if ctx.Err() != nil {
		return nil, "cancelled before it was sent"
	}
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	late := time.AfterFunc(openTimeout, cancel)
	unhook := context.AfterFunc(ctx, cancel)
	stream, err := s.client.SubmitStream(streamCtx)
	inTime := late.Stop()
	unhook()
	if err == nil && !inTime {
		err = errors.New("the node did not take a stream in time")
	}
	if err != nil {
		cancel()
		s.turn()
		return nil, err.Error()
	}
	l := newLink(stream, cancel, s.timeout)
	s.running.Go(l.read)
	s.running.Go(func() { l.clock(s.stop) })
	s.link = l
	return l, ""
}

// Close implements driver.Session. It may be called more than once.
func (s *session) Close() error {
	s.once.Do(func() {
		if s.link != nil {
			s.link.finish()
		}
		close(s.stop)
		s.running.Wait()
	})
	return s.client.Close()
}

// link is one stream and the batches on it that are unanswered.
type link struct {
	stream  *client.SubmitStream
	cancel  context.CancelFunc
	timeout time.Duration
	ended   chan struct{} // closed when the reader is done

	mu     sync.Mutex
	queue  []*flight // in order of sending, which is the order of the answers
	seq    uint64    // of the next batch
	broken bool
	idle   *sync.Cond // the queue has become empty, or the link has broken
}

// flight is one message's transactions. Whoever sets answered, under the
// link's lock, gives the acks.
type flight struct {
	seq      uint64
	n        int
	ack      func(i int, a driver.Ack)
	due      time.Time
	answered bool
}

func newLink(stream *client.SubmitStream, cancel context.CancelFunc, timeout time.Duration) *link {
	l := &link{stream: stream, cancel: cancel, timeout: timeout, ended: make(chan struct{})}
	l.idle = sync.NewCond(&l.mu)
	return l
}

func (l *link) isBroken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// send writes one message. It returns false, without an ack, if the link is
// known to be broken. A caller that gives up while the node does not read
// breaks the link.
func (l *link) send(ctx context.Context, payloads [][]byte, ack func(i int, a driver.Ack)) bool {
	if ctx.Err() != nil {
		return false
	}
	f := &flight{n: len(payloads), ack: ack, due: time.Now().Add(l.timeout)}
	l.mu.Lock()
	if l.broken {
		l.mu.Unlock()
		return false
	}
	f.seq = l.seq
	l.seq++
	l.queue = append(l.queue, f)
	l.mu.Unlock()

	unhook := context.AfterFunc(ctx, l.cancel)
	err := l.stream.Send(f.seq, payloads)
	unhook()
	if err != nil {
		l.cancel() // the reader is told, and answers what is under way
	}
	return true
}

// read gives the acks as answers come, until the stream ends.
func (l *link) read() {
	defer close(l.ended)
	var answers []ledger.Reject
	for {
		seq, got, err := l.stream.Recv(answers[:0])
		if err != nil {
			l.fail(err)
			return
		}
		answers = got
		f, ok := l.take(seq, len(got))
		if !ok {
			l.fail(errors.New("the node answered another batch than was due"))
			return
		}
		if f == nil {
			continue // timed out before
		}
		for i, r := range got {
			f.ack(i, toAck(r))
		}
	}
}

// take removes the batch that is due; nil if its acks were given already.
func (l *link) take(seq uint64, n int) (f *flight, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || l.queue[0].seq != seq || l.queue[0].n != n {
		return nil, false
	}
	f = l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	if len(l.queue) == 0 {
		l.idle.Broadcast()
	}
	if f.answered {
		return nil, true
	}
	f.answered = true
	return f, true
}

// fail breaks the link: whatever is unanswered stays unknown.
func (l *link) fail(err error) {
	l.cancel()
	l.mu.Lock()
	l.broken = true
	left := l.queue
	l.queue = nil
	l.idle.Broadcast()
	left = l.claim(left)
	l.mu.Unlock()
	for _, f := range left {
		ackAll(f.n, f.ack, driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectDisconnected, Detail: err.Error()})
	}
}

// claim returns those whose acks have not been given, which are now the
// caller's to give. The lock must be held.
func (l *link) claim(list []*flight) []*flight {
	var mine []*flight
	for _, f := range list {
		if !f.answered {
			f.answered = true
			mine = append(mine, f)
		}
	}
	return mine
}

// clock gives up on answers that are late, until the link has ended.
func (l *link) clock(stop <-chan struct{}) {
	tick := time.NewTicker(max(l.timeout/20, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			l.expire(now)
		case <-l.ended:
			return
		case <-stop:
			return
		}
	}
}

func (l *link) expire(now time.Time) {
	l.mu.Lock()
	late := 0
	for late < len(l.queue) && l.queue[late].due.Before(now) {
		late++
	}
	mine := l.claim(l.queue[:late])
	if late > 0 && late == len(l.queue) {
		l.idle.Broadcast()
	}
	l.mu.Unlock()
	for _, f := range mine {
		ackAll(f.n, f.ack, driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectTimeout})
	}
}

// finish waits until every ack has been given and ends the stream. Nothing is
// sent on the link any more.
func (l *link) finish() {
	if l.stream.CloseSend() != nil {
		l.cancel()
	}
	l.mu.Lock()
	for !l.broken && !l.settled() {
		l.idle.Wait()
	}
	l.mu.Unlock()
	l.cancel()
	<-l.ended
}

// settled says whether every batch on the link is answered or given up.
func (l *link) settled() bool {
	return len(l.queue) == 0 || l.queue[len(l.queue)-1].answered
}
