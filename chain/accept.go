package chain

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// acceptsMax bounds the foreign blocks that are verified at once, each of up to
// 32 MiB. Further callers of Accept and Check wait.
const acceptsMax = 4

// Accept takes a block that another node has made: Check and AcceptChecked in
// one, after the rules of the header alone. It returns nil once the block is in
// the log, on the best chain or aside; the tip may have changed by then. A
// refusal is a ledger.Reject: RejectDuplicate for a block that is known
// already, RejectParent for one whose parent has to be accepted first.
//
// A refused block leaves the tip as it is. Only a rejection that holds for the
// header itself, whatever transactions come with it, is remembered
// (Reject.CondemnsHeader): a mutated list does not poison the honest block of
// the same hash. The block must not be changed any more.
func (n *Node) Accept(ctx context.Context, b *ledger.Block) error {
	release, err := n.admit(ctx)
	if err != nil {
		return err
	}
	defer release()
	received := time.Now()
	// The header first: what follows is expensive, and a header costs its work.
	if err := n.serial(ctx, func() error { return n.gate(&b.Header) }); err != nil {
		return err
	}
	c, err := n.check(ctx, b, received)
	if c == nil {
		return err
	}
	return n.AcceptChecked(ctx, c)
}

// admit waits for one of the acceptsMax places, which release gives back.
func (n *Node) admit(ctx context.Context) (release func(), err error) {
	select {
	case n.accepts <- struct{}{}:
		return func() { <-n.accepts }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gate checks a header by all rules without adding it to the tree: the tree
// holds only headers whose block is in the log, and those refused for good.
func (n *Node) gate(h *ledger.Header) error {
	if known := n.tree.Get(h.Hash()); known != nil {
		if known.Refused() {
			return n.refused(ledger.RejectInvalidParent)
		}
		return n.refused(ledger.RejectDuplicate)
	}
	parent, err := n.find(h.Prev)
	if err != nil {
		return err
	}
	if reject := n.tree.Check(h, parent, n.now()); reject != ledger.RejectNone {
		return n.refused(reject)
	}
	return nil
}
