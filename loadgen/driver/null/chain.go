package null

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// chain is the state of the system. mu guards all of it; it is held for a batch
// or a block at a time.
type chain struct {
	b      Behaviour
	origin time.Time    // of the ns in here
	began  atomic.Int64 // the first submission, where stalling periods begin; -1 = none yet

	mu      sync.Mutex
	epoch   uint32
	lanes   []spender
	ready   []driver.Included // due for a block, oldest first
	waiting [2]queue          // not yet due: the quick and the slow
	pooled  int               // in ready and waiting together
	tokens  float64           // transactions that Rate permits now
	refill  int64             // when tokens were last added to

	blocks  []*block // the best chain that is kept, by height
	orphans map[driver.ID]*block
	kept    int           // transactions in blocks and orphans
	changed chan struct{} // closed at each new block
	wake    chan struct{} // told when a transaction begins to wait

	total totals
	log   truthLog
}

// spender is a lane as the chain sees it.
type spender struct {
	next uint64 // nonce it must use next
	seq  uint64 // one more than the last sequence number accepted
}

// totals count since the start.
type totals struct {
	accepted, included, lost, silent, reverted uint64
	rejected                                   [32]uint64 // by driver.Reject; 0 is not counted
}

// queue holds transactions in the order in which they are due.
type queue struct{ groups []group }

type group struct {
	due int64
	txs []driver.Included
}

// block is one block. It is not changed once it is made, but for txs, which is
// dropped when it leaves the history, and emitted.
type block struct {
	driver.Ref
	parent   driver.ID
	at       int64 // ns
	interval int64
	txs      []driver.Included
	pruned   bool
	emitted  bool // handed to a follower
}

const (
	minBlocks = 64      // kept whatever they hold
	maxBlocks = 1 << 16 // kept at most
)

func newChain(b Behaviour) *chain {
	c := &chain{
		b: b, origin: time.Now(), orphans: map[driver.ID]*block{},
		changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	c.began.Store(-1)
	genesis := &block{}
	genesis.ID = genesisID
	c.blocks = []*block{genesis}
	c.log.limit = b.Record
	return c
}

func (c *chain) now() int64 { return int64(time.Since(c.origin)) }

func (c *chain) tip() *block { return c.blocks[len(c.blocks)-1] }

// at returns the block of the best chain at a height, or nil if it is not kept.
func (c *chain) at(height uint64) *block {
	first := c.blocks[0].Height
	if height < first || height > c.tip().Height {
		return nil
	}
	return c.blocks[height-first]
}

// prepare makes the lanes of a handout: new ones for a new epoch.
func (c *chain) prepare(epoch uint32, lanes int) {
	if epoch != c.epoch {
		c.epoch, c.lanes = epoch, nil
	}
	for len(c.lanes) < lanes {
		c.lanes = append(c.lanes, spender{})
	}
}

// admit takes in a batch that was submitted at called, and sets the answers.
func (c *chain) admit(batch []driver.Tx, answers []driver.Ack, called int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.began.CompareAndSwap(-1, now)
	var groups [2]group
	for i := range batch {
		answers[i] = driver.Ack{Status: driver.StatusRejected}
		var p payload
		why := c.check(&p, batch[i].Payload, now)
		if answers[i].Kind = why; why != driver.RejectNone {
			c.total.rejected[why%32]++
			continue
		}
		id := p.id()
		answers[i].ID, answers[i].Status = id, driver.StatusAccepted
		if one(&id, c.b.SilentOneIn, saltSilent) {
			answers[i].Status, answers[i].Kind = driver.StatusUnknown, driver.RejectTimeout
			c.total.silent++
		}
		c.take(&p, id, &groups)
	}
	c.await(now, groups)
	c.log.add(&c.log.submits, batch, called)
}

// take notes an accepted transaction.
func (c *chain) take(p *payload, id driver.ID, groups *[2]group) {
	s := &c.lanes[p.lane]
	s.next, s.seq = p.nonce+1, p.seq+1
	c.total.accepted++
	if one(&id, c.b.LossOneIn, saltLoss) {
		c.total.lost++
		return
	}
	c.pooled++
	tx := driver.Included{ID: id, Used: uint32(c.b.PayloadBytes)}
	if c.slow(&id) {
		groups[1].txs = append(groups[1].txs, tx)
	} else if c.b.Delay > 0 {
		groups[0].txs = append(groups[0].txs, tx)
	} else {
		c.ready = append(c.ready, tx)
	}
}

func (c *chain) slow(id *driver.ID) bool {
	return c.b.SlowShare > 0 && share(id, saltSlow) < c.b.SlowShare
}

// await queues what is not due yet and wakes the maker of blocks.
func (c *chain) await(now int64, groups [2]group) {
	delays := [2]time.Duration{c.b.Delay, c.b.Slow}
	for i, g := range groups {
		if len(g.txs) > 0 {
			g.due = now + int64(delays[i])
			c.waiting[i].groups = append(c.waiting[i].groups, g)
		}
	}
	if c.b.Interval == 0 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// check says why a payload is refused, or RejectNone.
func (c *chain) check(p *payload, data []byte, now int64) driver.Reject {
	if len(data) > c.b.PayloadBytes {
		return driver.RejectTooLarge
	}
	if !p.parse(data, c.b.PayloadBytes) {
		return driver.RejectMalformed
	}
	if p.epoch != c.epoch || int(p.lane) >= len(c.lanes) {
		return driver.RejectMissingInput
	}
	if p.kind == kindInvalidSignature {
		return driver.RejectSignature
	}
	switch s := c.lanes[p.lane]; {
	case p.nonce > s.next || p.kind == kindDoubleSpend && p.nonce == s.next:
		return driver.RejectMissingInput
	case p.nonce+1 == s.next && p.seq+1 == s.seq:
		return driver.RejectDuplicate
	case p.nonce < s.next:
		return driver.RejectDoubleSpend
	}
	if c.pooled >= c.b.PoolMax || c.b.Refuse && !c.permit(now) {
		return driver.RejectBusy
	}
	return driver.RejectNone
}

// permit takes one token of the rate, if there is one.
func (c *chain) permit(now int64) bool {
	c.addTokens(now, c.b.Rate*0.010)
	if c.tokens < 1 {
		return false
	}
	c.tokens--
	return true
}

// addTokens lets tokens grow with time, up to burst and the
// fraction that is left over.
func (c *chain) addTokens(now int64, burst float64) {
	c.tokens += c.b.Rate * float64(now-c.refill) / 1e9
	c.tokens = min(c.tokens, burst+1)
	c.refill = now
}

// stall returns until when the system stands still at a time, if it does.
func (c *chain) stall(now int64) (until int64, stalled bool) {
	began, every := c.began.Load(), int64(c.b.StallEvery)
	if every == 0 || began < 0 || now < began {
		return 0, false
	}
	phase := (now - began) % every
	return now - phase + every, phase >= every-int64(c.b.StallFor)
}

// afterStall returns t, or the end of the stall that t falls into.
func (c *chain) afterStall(t int64) int64 {
	if until, stalled := c.stall(t); stalled {
		return until
	}
	return t
}

// nextDue returns when the next waiting transaction is due: now, where one is
// ready already.
func (c *chain) nextDue(now int64) (due int64, ok bool) {
	if len(c.ready) > 0 {
		return now, true
	}
	for _, q := range c.waiting {
		if len(q.groups) > 0 && (!ok || q.groups[0].due < due) {
			due, ok = q.groups[0].due, true
		}
	}
	return due, ok
}

// seal makes the next block of what is due, or on a height for it, replaces the
// last blocks first.
func (c *chain) seal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.collectDue(now)
	again := 0
	if e := uint64(c.b.ReorgEvery); e > 0 && (c.tip().Height+1)%e == 0 {
		again = c.reorganise(now)
	}
	c.addBlock(c.pick(now, again), now)
	c.prune()
	close(c.changed)
	c.changed = make(chan struct{})
}

// collectDue moves what is due from waiting to ready.
func (c *chain) collectDue(now int64) {
	for i := range c.waiting {
		q := &c.waiting[i]
		for len(q.groups) > 0 && q.groups[0].due <= now {
			c.ready = append(c.ready, q.groups[0].txs...)
			q.groups[0].txs = nil
			q.groups = q.groups[1:]
		}
	}
}

// pick takes what the next block holds out of ready. The first ones have been
// in a block before, so the rate has let them through already.
func (c *chain) pick(now int64, again int) []driver.Included {
	n := len(c.ready)
	if c.b.Rate > 0 && !c.b.Refuse {
		c.addTokens(now, c.b.Rate*float64(now-c.refill)/1e9)
		n = min(n, again+int(c.tokens))
		c.tokens -= float64(n - again)
	}
	txs := c.ready[:n:n]
	if n == len(c.ready) {
		c.ready = make([]driver.Included, 0, n)
	} else {
		c.ready = c.ready[n:]
	}
	c.pooled -= n
	c.total.included += uint64(n)
	return txs
}

func (c *chain) addBlock(txs []driver.Included, now int64) {
	parent := c.tip()
	b := &block{parent: parent.ID, at: now, interval: now - parent.at, txs: txs}
	b.Height = parent.Height + 1
	var head [48]byte
	copy(head[:], parent.ID[:])
	binary.LittleEndian.PutUint64(head[32:], uint64(now))
	binary.LittleEndian.PutUint64(head[40:], uint64(len(c.orphans)))
	b.ID = sha256.Sum256(head[:])
	c.blocks = append(c.blocks, b)
	c.kept += len(txs)
}

// reorganise abandons the last blocks and puts empty ones in their place. Their
// transactions are ready again, ahead of newer ones; it returns how many.
func (c *chain) reorganise(now int64) int {
	depth := min(c.b.ReorgDepth, len(c.blocks)-1)
	first := len(c.blocks) - depth
	abandoned := c.blocks[first:]
	c.blocks = c.blocks[:first:first]
	var back []driver.Included
	for _, b := range abandoned {
		c.orphans[b.ID] = b
		back = append(back, b.txs...)
	}
	c.total.reverted += uint64(len(back))
	c.total.included -= uint64(len(back))
	c.pooled += len(back)
	c.ready = append(back, c.ready...)
	for range abandoned {
		c.addBlock(nil, now)
	}
	return len(back)
}

// prune forgets what is beyond the history's bounds: block bodies and, further
// back, blocks.
func (c *chain) prune() {
	for len(c.blocks) > minBlocks && (c.kept > c.b.HistoryTxs || len(c.blocks) > maxBlocks) {
		c.drop(c.blocks[0])
		c.blocks[0] = nil
		c.blocks = c.blocks[1:]
	}
	for id, b := range c.orphans {
		if b.Height < c.blocks[0].Height {
			c.drop(b)
			delete(c.orphans, id)
		}
	}
}

func (c *chain) drop(b *block) {
	c.kept -= len(b.txs)
	b.txs, b.pruned = nil, true
}
