package chain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// Commit is the one serial place of a node. A single goroutine, started by
// Run, owns the tree of headers and is the only one that changes the block
// log, the output set and the announced tip. Sealed blocks come to it from the
// miner, foreign ones from Accept and AcceptChecked, over an unbuffered
// channel: each sender has at most one block under way and waits for its
// outcome, so the bound of the queue is the number of senders: one miner,
// acceptsMax, and the callers of AcceptChecked.
//
// A block that builds on the tip goes through these steps:
//
//	check     its seal and the header's rules, into the tree     pure
//	connect   ledger.Connect against the output set              reads the set
//	append    store.Append: the block, what it spent, and that   durable when the policy is always or block
//	          it is the tip, in one record
//	apply     state.Apply: the set moves on, in memory           written to disk later, in the background
//	announce  the view, and a hint to those who wait for it
//	clear     pool.Commit: its transactions leave the pool
//	next      miner.SetTip
//
// The order is what makes a crash harmless at every point:
//
//   - Append comes before apply, because the log must never be behind the set.
//     The set on disk is that of some earlier block; recovery replays the log
//     from there. Were the set ahead, there would be nothing to replay and no
//     undo data to go back with. The set's background writer keeps to the same
//     rule: it calls store.Sync (state.Config.Barrier) before it writes.
//   - Announce comes after append and apply. Whoever has seen a tip can look up
//     its outputs, and finds it again after a kill -9, since the operating
//     system has the record; under the policies always and block also after a
//     loss of power, since the record is synced then. Under interval and none
//     a block is announced first and durable later, and says so: its durable
//     flag is read from the log at the time of asking, never assumed.
//   - Announce comes before clear, so that followers do not wait for the pool.
//     A look-up that asks the pool first and the log second then finds every
//     accepted transaction at every moment: in the pool until clear, in the log
//     from append on.
//   - Next comes after clear: the pool hands out transactions as the set
//     stands, and between apply and clear it could hand out what the block has
//     spent.
//
// A block on another branch is appended aside. When its branch has most work,
// reorganise moves the set there and only then switches the best chain in the
// log; see there.
//
// What is not checked again: the signatures and static rules of the node's own
// blocks. Each transaction passed them on its way in, the pool hands out
// nothing else, and the process that would check them again is the one that
// checked them before. Connect is run on them like on any block, because it
// computes the change and costs a fifteenth of the signatures. Should it ever
// refuse an own block, pool and set disagree, which is a defect: the node stops
// with the reason, because its next template would be as wrong.
//
// A step that fails for want of room or by an I/O error has changed nothing
// and is tried again until it succeeds or the node stops. Nothing overtakes it,
// the pool and the queue behind it fill up, and senders are told busy. The
// alternative, to drop the block and go on, would leave a header in the tree
// whose block nobody has.
//
// A simpler design locks one mutex around all of it in the callers' goroutines.
// It was rejected since then no one goroutine can be shown to own the tree, and
// a stop in the middle would have to be thought through for every caller.

// errStopped says that the node stopped before the block was committed.
var errStopped = errors.New("the node is stopping")

// retryEvery is how long a failed step waits before it is tried again.
const retryEvery = time.Second

// anyTime waives the check of a header's time against the local clock.
const anyTime = math.MaxUint32

// A step is a point at which a test may stop the process.
type step string

const (
	stepChecked   step = "checked"
	stepConnected step = "connected"
	stepAppended  step = "appended"
	stepApplied   step = "applied"
	stepAnnounced step = "announced"
	stepCleared   step = "cleared"
	stepAside     step = "aside"
	stepReverted  step = "reverted"
	stepUndo      step = "undo"
	stepReapplied step = "reapplied"
	stepSwitched  step = "switched"
)

func (n *Node) at(s step) {
	if n.hook != nil {
		n.hook(s)
	}
}

// job is one piece of work for the commit goroutine.
type job struct {
	run  func() error
	done chan error
}

// serial runs f in the commit goroutine and returns its error. Once f has
// begun, it waits for its end whatever happens to ctx.
func (n *Node) serial(ctx context.Context, f func() error) error {
	j := job{run: f, done: make(chan error, 1)}
	select {
	case n.jobs <- j:
		return <-j.done
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ended:
		return errStopped
	}
}

// commitLoop runs jobs until quit is closed.
func (n *Node) commitLoop(quit <-chan struct{}) {
	defer close(n.ended)
	for {
		select {
		case j := <-n.jobs:
			if n.halted {
				j.done <- errStopped
				continue
			}
			j.done <- j.run()
		case <-quit:
			return
		}
	}
}

// persist tries f until it succeeds. The error is errStopped, or one that no
// repetition can cure, which stops the node.
func (n *Node) persist(what string, f func() error) error {
	err := f()
	if err == nil {
		return nil
	}
	if n.stopping == nil { // Open: whoever starts the node is told at once
		return fmt.Errorf("%s: %w", what, err)
	}
	began := time.Now()
	for ; err != nil; err = f() {
		if incurable(err) {
			return n.halt(fmt.Errorf("%s: %w", what, err))
		}
		n.problem(what, err)
		select {
		case <-n.stopping:
			n.halted = true
			return errStopped
		case <-time.After(retryEvery):
		}
	}
	n.resumed(what, time.Since(began))
	return nil
}

// incurable says whether an error will be the same at the next try.
func incurable(err error) bool {
	for _, e := range []error{
		store.ErrSync, store.ErrOrder, store.ErrDamaged, store.ErrClosed, store.ErrNotFound,
		state.ErrOrder, state.ErrDamaged, state.ErrClosed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// halt ends the node with an error: nothing is committed any more.
func (n *Node) halt(err error) error {
	n.halted = true
	if n.fail != nil { // Run has begun
		n.fail(err)
	}
	return err
}

// candidate is a block whose content has been checked, all but Connect.
type candidate struct {
	block  *ledger.Block
	ids    []ledger.Hash
	sealed time.Time // or received
	own    *miner.Sealed
	times  stageTimes // of an own block only from record on
}

// commit takes a block whose header the tree has just accepted. The error is a
// Reject if the block, or a branch with it, broke a rule.
func (n *Node) commit(node *tree.Node, c *candidate) error {
	n.at(stepChecked)
	var err error
	if node.Parent == n.tip {
		err = n.extend(node, c)
	} else {
		err = n.aside(node, c)
	}
	if err != nil {
		return err
	}
	bad, err := n.reorganise()
	if n.tip == node {
		n.lastSealed = c.sealed
	}
	switch {
	case err != nil:
		return err
	case !node.Refused():
		return nil
	case bad.node == node:
		return bad.kind
	}
	return ledger.RejectInvalidParent
}

// extend commits a block that builds on the tip.
func (n *Node) extend(node *tree.Node, c *candidate) error {
	t := time.Now()
	delta, err := n.connect(node, c.block)
	if err != nil {
		return n.refuseConnected(node, c, err)
	}
	ev := Commit{Height: node.Height, Hash: node.Hash, Txs: len(c.block.Txs), Own: c.own != nil}
	ev.Connect = lap(&t)
	n.at(stepConnected)
	if ev.Durable, ev.Bytes, err = n.appendBlock(node, c, delta); err != nil {
		return err
	}
	ev.Append = lap(&t)
	n.at(stepAppended)
	if err := n.persist("apply a block to the output set", func() error { return n.state.Apply(delta) }); err != nil {
		return err
	}
	ev.Apply = lap(&t)
	n.at(stepApplied)
	n.announce(node, c)
	n.at(stepAnnounced)
	lap(&t)
	n.pool.Commit(c.block)
	ev.Pool = lap(&t)
	n.at(stepCleared)
	n.setMinerTip()
	call(n.ev.Committed, ev)
	return nil
}

// lap returns the time since *t and sets it to now.
func lap(t *time.Time) time.Duration {
	now := time.Now()
	d := now.Sub(*t)
	*t = now
	return d
}

// connect checks a block against the output set, which stands at its parent.
func (n *Node) connect(node *tree.Node, b *ledger.Block) (delta *ledger.Delta, err error) {
	var reject ledger.Reject
	err = n.persist("read the output set", func() error {
		delta, err = ledger.Connect(b, node.Height, n.params, n.state.Lookup)
		if errors.As(err, &reject) {
			return nil
		}
		return err
	})
	if err == nil && reject != ledger.RejectNone {
		return nil, reject
	}
	return delta, err
}

// refuseConnected deals with a block that Connect refused.
func (n *Node) refuseConnected(node *tree.Node, c *candidate, err error) error {
	var reject ledger.Reject
	if !errors.As(err, &reject) {
		return err
	}
	if c.own != nil {
		return n.halt(fmt.Errorf("own block %d %s breaks a rule (%w): pool and output set disagree", node.Height, node.Hash, reject))
	}
	n.tree.Refuse(node)
	return reject
}

// appendBlock writes a block that extends the best chain to the log.
func (n *Node) appendBlock(node *tree.Node, c *candidate, d *ledger.Delta) (durable bool, size int, err error) {
	r, err := n.record(node, c)
	if err != nil {
		return false, 0, n.halt(err)
	}
	r.Undo, r.Extend = d.Spent, true
	if r.Undo == nil {
		r.Undo = []ledger.Change{} // connected, and spent nothing
	}
	err = n.persist("append a block to the log", func() (err error) {
		durable, err = n.store.Append(r)
		return err
	})
	return durable, len(r.Body), err
}

// record is what the log keeps of a block, but for what it spent.
func (n *Node) record(node *tree.Node, c *candidate) (*store.Record, error) {
	n.body = c.block.Append(slices.Grow(n.body[:0], c.block.Size()))
	r := &store.Record{Height: node.Height, Body: n.body, IDs: c.ids}
	if !n.lastSealed.IsZero() {
		r.Meta.IntervalNs = c.sealed.Sub(n.lastSealed).Nanoseconds()
	}
	if c.own != nil {
		r.Meta.SealNs = c.own.Seal.Nanoseconds()
		for _, hashes := range c.own.Hashes {
			r.Meta.Hashes += hashes
		}
		var err error
		if c.times, err = n.stages.block(handle(c.own.Template), c.sealed); err != nil {
			return nil, err
		}
	}
	r.Meta.Stages, r.Meta.Missing = c.times.stages, c.times.missing
	return r, nil
}

// announce makes a committed block the tip that everybody sees.
func (n *Node) announce(node *tree.Node, c *candidate) {
	if known := c.times.known; known > 0 {
		n.storeTimes.put(node.Hash, storeTime{took: time.Since(c.sealed), txs: int64(known)})
	}
	n.setTip(node)
}

func (n *Node) setTip(node *tree.Node) {
	n.tip = node
	n.view.announce(node)
}

func (n *Node) setMinerTip() {
	n.miner.SetTip(miner.Tip{
		Height: n.tip.Height + 1, Prev: n.tip.Hash, Bits: n.tree.NextBits(n.tip), MinTime: n.tip.MedianTime(),
	})
}

// sealedChain is the miner's Chain.
type sealedChain struct{ node *Node }

// errAside makes the miner give the template back: the block is on a branch
// that lost, and its transactions have to go into another one.
var errAside = errors.New("the sealed block builds on an abandoned tip")

func (c sealedChain) Submit(ctx context.Context, s *miner.Sealed) error {
	n := c.node
	return n.serial(ctx, func() error {
		node, reject := n.tree.Add(s.Block.Header, n.now())
		if reject != ledger.RejectNone {
			return n.refused(reject)
		}
		err := n.commit(node, &candidate{block: s.Block, ids: s.IDs, sealed: s.At, own: s})
		if err == nil && n.tip.Ancestor(node.Height) != node {
			return errAside
		}
		return n.refused(err)
	})
}

// now is the local clock in the network's units.
func (n *Node) now() uint32 { return n.params.Units(time.Now()) }

// refused counts err if it is the refusal of a block, and returns it.
func (n *Node) refused(err error) error {
	if kind := ledger.RejectNone; errors.As(err, &kind) {
		n.blockRejects[kind].Add(1)
		call(n.ev.Refused, kind)
	}
	return err
}
