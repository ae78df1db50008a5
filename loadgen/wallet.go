package loadgen

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
)

// roomWait is how often a wallet looks again whether the table of what is in
// flight has room.
const roomWait = 2 * time.Millisecond

// Wallet is a share of a driven run's lanes. Its methods are for one goroutine;
// those of the calls that it returns are for any.
type Wallet struct {
	d    *Driven
	s    *sender // its lanes and their news
	conn *conn

	mu    sync.Mutex
	calls map[uint32]*Call // that have transactions without a fate
	last  uint32           // number of the last call
}

// Wallet returns wallet i, 0 <= i < DrivenOptions.Wallets. It makes each one
// once.
func (d *Driven) Wallet(i int) (*Wallet, error) {
	if i < 0 || i >= d.opt.Wallets {
		return nil, fmt.Errorf("wallet %d: there are %d", i, d.opt.Wallets)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.wallets[i].Load(); w != nil {
		return w, nil
	}
	c := d.conns[d.connOf(i)]
	first, end := d.firstLane(i), d.firstLane(i+1)
	s := &sender{e: d.e, index: i, session: c.session, base: first, rec: c.rec, ackRec: c.ackRec, timer: time.NewTimer(time.Hour)}
	s.in.wake = make(chan struct{}, 1)
	s.lanes = newLanes(c.lanes[first-c.from:end-c.from], d.e.info.LaneWindow)
	w := &Wallet{d: d, s: s, conn: c, calls: map[uint32]*Call{}}
	d.e.senders[i] = s
	d.wallets[i].Store(w)
	return w, nil
}

// Lanes is how many lanes the wallet has.
func (w *Wallet) Lanes() int { return len(w.s.lanes.all) }

// Signed is a transaction of a wallet that was built and not sent yet. Its lane
// waits for it.
type Signed struct {
	w    *Wallet
	lane int32
	tx   driver.Tx
	sent bool
}

// ID names the transaction.
func (x *Signed) ID() driver.ID { return x.tx.ID }

// Payload is the transaction in the chain's own encoding.
func (x *Signed) Payload() []byte { return x.tx.Payload }

// Sign builds and signs n transactions of the workload, each on a lane that
// takes no other one before it was sent.
func (w *Wallet) Sign(n int) ([]*Signed, error) {
	w.s.takeIn()
	var all []*Signed
	for range n {
		i, ok := w.s.lanes.pop()
		if !ok {
			err := fmt.Errorf("%d of the wallet's %d lanes are free, and each carries one unsent transaction", len(all), w.Lanes())
			w.forget(all)
			return nil, err
		}
		tx, err := w.s.lanes.all[i].drv.Next(nil)
		if err != nil {
			w.s.lanes.queue(i)
			w.forget(all)
			return nil, err
		}
		w.s.lanes.all[i].waiting = true
		all = append(all, &Signed{w: w, lane: i, tx: tx})
	}
	return all, nil
}

// forget gives the lanes of unsent transactions back.
func (w *Wallet) forget(all []*Signed) {
	for _, x := range all {
		ln := &w.s.lanes.all[x.lane]
		ln.drv.Settle(x.tx, driver.Refused)
		ln.waiting, x.sent = false, true
		w.s.lanes.queue(x.lane)
	}
}

// Order is what a call sends: Next transactions of the workload, then Pay, then
// Signed, then Foreign.
type Order struct {
	Next   int
	Pay    []driver.Payment
	Signed []*Signed
	// Foreign are transactions that no lane of this run has built. What is
	// answered busy is not sent again.
	Foreign []driver.Tx
	// Intended is when they were due; zero: now.
	Intended time.Time
	// Timeout bounds how long lanes, room and answers are waited for; zero: 15 s.
	Timeout time.Duration
}

const orderTimeout = 15 * time.Second

func (o *Order) count() int { return o.Next + len(o.Pay) + len(o.Signed) + len(o.Foreign) }

// check refuses what can't be sent at all, before anything is.
func (w *Wallet) check(o *Order) error {
	if w.d.e.dispatched.Load() {
		return ErrEnded
	}
	if w.d.isLost() {
		return errLost
	}
	for i := range o.Signed {
		if x := o.Signed[i]; x.w != w || x.sent {
			return fmt.Errorf("transaction %s was sent already, or is another wallet's", x.tx.ID)
		}
	}
	if len(o.Pay) > 0 {
		if _, ok := w.s.lanes.all[0].drv.(driver.Payer); !ok {
			return fmt.Errorf("%s has no payments to a payee of choice", w.d.e.info.Family)
		}
	}
	return nil
}

// Send sends an order and waits until each of its transactions is answered or
// the timeout is over. What could not be sent by then was dropped. An error says
// that the order could not be carried out, or not to its end; the call, if there
// is one, says what was done of it.
func (w *Wallet) Send(ctx context.Context, o Order) (*Call, error) {
	if err := w.check(&o); err != nil {
		return nil, err
	}
	if o.Timeout == 0 {
		o.Timeout = orderTimeout
	}
	j := &job{w: w, o: &o, call: w.newCall(o.count()), dispatched: w.d.e.now()}
	j.intended = j.dispatched
	if !o.Intended.IsZero() {
		j.intended = min(max(0, int64(o.Intended.Sub(w.d.e.start))), j.dispatched)
	}
	w.s.takeIn()
	w.giveUp(nil) // what came late for an earlier order
	w.d.e.waiting.Add(int64(o.count()))
	for range o.count() {
		w.s.rec.Offered(record.AnyKind, j.intended)
		w.s.rec.Dispatched(record.AnyKind, j.intended, j.dispatched)
	}
	limited, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	err := j.run(limited)
	j.finish(ctx, err)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return j.call, err
}

// job is one order under way. The wallet's goroutine owns it.
type job struct {
	w                    *Wallet
	o                    *Order
	call                 *Call
	intended, dispatched int64
	started              int // of the order
	full                 bool
}

// run sends batch after batch until all is answered. It returns without an
// error when time is over.
func (j *job) run(ctx context.Context) error {
	s, e := j.w.s, j.w.d.e
	for {
		s.takeIn()
		now := e.now()
		b := newBatch(s)
		b.call = j.call
		for len(b.txs) < e.info.BatchMax && len(s.lanes.again) > 0 && s.lanes.again[0].due <= now {
			s.resend(b, heap.Pop(&s.lanes.again).(retry).lane)
		}
		err := j.fill(b, e.info.BatchMax)
		n := len(b.txs)
		if n > 0 {
			if !j.w.submit(ctx, b) { // b is the session's now
				return nil
			}
		} else {
			b.free()
		}
		switch {
		case err != nil:
			return err
		case n > 0 && j.started < j.o.count():
			continue
		case j.started == j.o.count() && j.call.unanswered() <= 0:
			return nil
		case !j.wait(ctx):
			if j.w.d.isLost() {
				return errLost
			}
			return nil
		}
	}
}

// fill starts what lanes and table have room for.
func (j *job) fill(b *batch, most int) error {
	e := j.w.d.e
	j.full = false
	for len(b.txs) < most && j.started < j.o.count() {
		if e.dispatched.Load() {
			return ErrEnded
		}
		if int64(e.table.Len()) >= e.bound {
			j.full = true
			return nil
		}
		ok, err := j.start(b, j.started)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		j.started++
		e.waiting.Add(-1)
	}
	return nil
}

// start adds the order's k-th transaction to the batch; ok is false while there
// is no lane or no room for it.
func (j *job) start(b *batch, k int) (ok bool, err error) {
	o := j.o
	if k < o.Next {
		return j.next(b, nil)
	}
	if k -= o.Next; k < len(o.Pay) {
		return j.next(b, &o.Pay[k])
	}
	if k -= len(o.Pay); k < len(o.Signed) {
		x := o.Signed[k]
		if ok, err = j.added(x.tx, j.w.s.register(b, x.lane, x.tx, j.call.number, j.intended, j.dispatched)); ok {
			x.sent = true
		}
		return ok, err
	}
	tx := o.Foreign[k-len(o.Signed)]
	tx.Lane = noLane
	return j.added(tx, j.w.s.register(b, -1, tx, j.call.number, j.intended, j.dispatched))
}

// next has the lane whose turn it is build a transaction.
func (j *job) next(b *batch, pay *driver.Payment) (ok bool, err error) {
	s := j.w.s
	i, ok := s.lanes.pop()
	if !ok {
		return false, nil
	}
	ln := &s.lanes.all[i]
	var tx driver.Tx
	if pay == nil {
		tx, err = ln.drv.Next(ln.buf[:0])
	} else {
		tx, err = ln.drv.(driver.Payer).Pay(ln.buf[:0], *pay)
	}
	if err != nil {
		if !errors.Is(err, driver.ErrExhausted) {
			s.lanes.queue(i)
		}
		return false, err
	}
	return j.added(tx, s.put(b, i, tx, j.call.number, j.intended, j.dispatched))
}

// added counts a transaction that the table has taken; ok is false where it was
// full.
func (j *job) added(tx driver.Tx, err error) (ok bool, _ error) {
	if errors.Is(err, inflight.ErrFull) {
		j.full = true
		return false, nil
	}
	if err == nil {
		j.call.sent(&tx)
	}
	return err == nil, err
}

// submit hands a batch to the connection when it is this wallet's turn. It
// returns false where ctx ended before: then the batch was not sent.
func (w *Wallet) submit(ctx context.Context, b *batch) bool {
	select {
	case w.conn.turn <- struct{}{}:
	case <-ctx.Done():
		w.takeBack(b)
		return false
	}
	defer func() { <-w.conn.turn }()
	if w.d.e.dispatched.Load() { // the session may be closed
		w.takeBack(b)
		return false
	}
	w.s.submit(ctx, b)
	return true
}

// takeBack undoes a batch that was never submitted. A payload that was sent
// before stays with its lane, to be given up by finish.
func (w *Wallet) takeBack(b *batch) {
	s := w.s
	for i := range b.txs {
		lane := b.lanes[i]
		if b.entries[i].Attempts > 1 {
			heap.Push(&s.lanes.again, retry{lane: lane})
			continue
		}
		s.e.table.Cancel(b.slots[i])
		b.call.unsent(b.txs[i].Kind)
		s.rec.Withdrawn(1)
		if lane >= 0 {
			s.lanes.settle(answer{lane: lane, seq: b.txs[i].Seq, what: driver.Refused}, 0)
		}
	}
	b.free()
}

// wait sleeps until there is news, a payload is due again, or ctx ends.
func (j *job) wait(ctx context.Context) bool {
	s := j.w.s
	d := idle
	if len(s.lanes.again) > 0 {
		d = min(d, time.Duration(s.lanes.again[0].due-s.e.now()))
	}
	if j.full {
		d = min(d, roomWait)
	}
	s.timer.Reset(max(d, 10*time.Microsecond))
	select {
	case <-s.in.wake:
	case <-s.timer.C:
	case <-j.w.d.lost:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// finish gives up what is answered busy still, and counts what was never sent:
// as dropped, or where the caller itself was cut short as withdrawn.
func (j *job) finish(ctx context.Context, err error) {
	s := j.w.s
	j.w.giveUp(j.call)
	left := j.o.count() - j.started
	s.e.waiting.Add(-int64(left))
	for i := range j.o.Signed {
		if !j.o.Signed[i].sent {
			j.w.forget(j.o.Signed[i : i+1])
		}
	}
	switch {
	case left == 0:
	case ctx.Err() != nil || errors.Is(err, ErrEnded):
		s.rec.Withdrawn(uint64(left))
	case err != nil:
		j.drop(left, record.Starved, err.Error())
	default:
		j.drop(left, record.Overload, "no lane was free, or no room in flight, within "+j.o.Timeout.String())
	}
	j.call.seal(left)
	j.w.retire(j.call)
}

// giveUp ends what is answered busy still; c is told, if not nil.
func (w *Wallet) giveUp(c *Call) {
	s := w.s
	busy := driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectBusy}
	for _, r := range s.lanes.again {
		ln := &s.lanes.all[r.lane]
		if c != nil {
			c.answered(ln.tx.Kind, busy)
		}
		s.answered(ln.slot, busy)
		s.lanes.settle(answer{lane: r.lane, seq: ln.tx.Seq, what: driver.Refused}, 0)
	}
	s.lanes.again = s.lanes.again[:0]
}

func (j *job) drop(n int, why record.Drop, detail string) {
	for range n {
		j.w.s.rec.Dropped(j.intended, why, detail)
	}
}
