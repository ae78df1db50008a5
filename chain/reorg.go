package chain

import (
	"errors"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// invalidBlock says which block of a branch broke a rule when it was connected.
type invalidBlock struct {
	node *tree.Node
	kind ledger.Reject
}

func (e *invalidBlock) Error() string {
	return fmt.Sprintf("block %d %s: %s", e.node.Height, e.node.Hash, e.kind)
}

// aside appends a block of another branch to the log.
func (n *Node) aside(node *tree.Node, c *candidate) error {
	r, err := n.record(node, c)
	if err != nil {
		return n.halt(err)
	}
	r.Meta.IntervalNs = 0
	err = n.persist("append a block to the log", func() error {
		_, err := n.store.Append(r)
		return err
	})
	if err != nil {
		return err
	}
	n.at(stepAside)
	return nil
}

// reorganise moves to the branch with most work, if it is another one.
//
// The set is moved first, block by block, each of the new branch checked by
// Connect against the set as its parent left it, and what it spent appended to
// the log. Only when all of them connect does one record in the log switch the
// best chain, and the new tip is announced. So a follower never sees a branch
// that turns out to be invalid, and a crash in between leaves the log's best
// chain where it was: recovery brings the set back to it, forwards or
// backwards, from wherever its last flush left it.
//
// The pool takes back what was abandoned before the log is switched, and gives
// up what the new branch holds afterwards, so that each transaction is in at
// least one of them at every moment.
//
// A branch with an invalid block is refused from that block on, the set goes
// back, and the next best branch is tried. The first such block is returned.
func (n *Node) reorganise() (first *invalidBlock, err error) {
	for target := n.tree.Best(); target != n.tip; target = n.tree.Best() {
		err := n.moveSet(target)
		if bad := (*invalidBlock)(nil); errors.As(err, &bad) {
			if first == nil {
				first = bad
			}
			n.tree.Refuse(bad.node)
			err = n.moveSet(n.tip)
		} else if err == nil {
			err = n.switchTo(target)
		}
		if err != nil {
			return first, n.betweenBranches(err)
		}
	}
	return first, nil
}

// betweenBranches halts the node, since the set has been left on the way.
func (n *Node) betweenBranches(err error) error {
	if n.halted || n.stopping == nil {
		return err
	}
	return n.halt(err)
}

// switchTo makes the branch that the set stands at the best chain.
func (n *Node) switchTo(target *tree.Node) error {
	revert, apply := n.tree.Plan(n.tip, target)
	if err := n.tellPool(revert, n.pool.Revert); err != nil {
		return err
	}
	err := n.persist("switch the best chain", func() error {
		_, err := n.store.SetBest(revert, apply)
		return err
	})
	if err != nil {
		return err
	}
	n.at(stepSwitched)
	n.lastSealed = time.Time{} // of another branch
	n.setTip(target)
	if err := n.tellPool(apply, n.pool.Commit); err != nil {
		return err
	}
	n.setMinerTip()
	if f := n.ev.Reorganised; f != nil {
		f(len(revert), len(apply))
	}
	return nil
}

// tellPool tells the pool of blocks that went or came.
func (n *Node) tellPool(hashes []ledger.Hash, how func(*ledger.Block)) error {
	for _, hash := range hashes {
		b, err := n.readBlock(hash)
		if err != nil {
			return err
		}
		how(b)
	}
	return nil
}

// moveSet moves the output set from the block that it stands at to another. If
// a block breaks a rule, the error is an *invalidBlock, and the set stands at
// that block's parent.
func (n *Node) moveSet(to *tree.Node) error {
	_, hash, _ := n.state.Tip()
	from := n.tree.Get(hash)
	if from == nil {
		return fmt.Errorf("the output set stands at block %s, which is not in the tree", hash)
	}
	revert, apply := n.tree.Plan(from, to)
	for _, hash := range revert {
		if err := n.revertBlock(n.tree.Get(hash)); err != nil {
			return err
		}
		n.at(stepReverted)
	}
	for _, hash := range apply {
		if err := n.applyBlock(n.tree.Get(hash)); err != nil {
			return err
		}
		n.at(stepReapplied)
	}
	return nil
}

// revertBlock takes the set back by the block that it stands at.
func (n *Node) revertBlock(node *tree.Node) error {
	b, err := n.readBlock(node.Hash)
	if err != nil {
		return err
	}
	var spent []ledger.Change
	err = n.persist("read what a block spent", func() (err error) {
		spent, err = n.store.Undo(node.Hash)
		return err
	})
	if err != nil {
		return err
	}
	delta := deltaOf(b, node.Height, spent)
	return n.persist("revert a block", func() error { return n.state.Revert(delta) })
}

// applyBlock connects a block from the log and moves the set forward by it.
func (n *Node) applyBlock(node *tree.Node) error {
	b, err := n.readBlock(node.Hash)
	if err != nil {
		return err
	}
	delta, err := n.connect(node, b)
	if reject := ledger.RejectNone; errors.As(err, &reject) {
		return &invalidBlock{node, reject}
	}
	if err != nil {
		return err
	}
	err = n.persist("append what a block spent", func() error {
		return n.store.AddUndo(node.Hash, append([]ledger.Change{}, delta.Spent...))
	})
	if err != nil {
		return err
	}
	n.at(stepUndo)
	return n.persist("apply a block to the output set", func() error { return n.state.Apply(delta) })
}

func (n *Node) readBlock(hash ledger.Hash) (*ledger.Block, error) {
	var b ledger.Block
	err := n.persist("read a block", func() (err error) {
		b, err = n.store.Block(hash)
		return err
	})
	return &b, err
}
