package chain

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// acceptsMax bounds the foreign blocks that are verified at once, each of up to
// 32 MiB. Further callers of Accept wait.
const acceptsMax = 4

// Accept takes a block that another node has made. It returns nil once the
// block is in the log, on the best chain or aside; the tip may have changed by
// then. A refusal is a ledger.Reject: RejectDuplicate for a block that is known
// already, RejectParent for one whose parent has to be accepted first.
//
// A refused block leaves the tip as it is. Only a rejection that holds for the
// header itself, whatever transactions come with it, is remembered
// (Reject.CondemnsHeader): a mutated list does not poison the honest block of
// the same hash. The block must not be changed any more.
func (n *Node) Accept(ctx context.Context, b *ledger.Block) error {
	select {
	case n.accepts <- struct{}{}:
		defer func() { <-n.accepts }()
	case <-ctx.Done():
		return ctx.Err()
	}
	received := time.Now()
	// The header first: what follows is expensive, and a header costs its work.
	err := n.serial(ctx, func() error { return n.gate(&b.Header) })
	if err != nil {
		return err
	}
	reject := ledger.CheckBlock(b, n.params)
	if reject == ledger.RejectNone {
		reject = n.verify(ctx, b.Txs)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return n.serial(ctx, func() error { return n.acceptChecked(b, reject, received) })
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
	if reject := n.checkHeader(h, parent); reject != ledger.RejectNone {
		return n.refused(reject)
	}
	return nil
}

func (n *Node) checkHeader(h *ledger.Header, parent *tree.Node) ledger.Reject {
	switch {
	case parent == nil:
		return ledger.RejectParent
	case parent.Refused():
		return ledger.RejectInvalidParent
	case h.Version != ledger.HeaderVersion:
		return ledger.RejectVersion
	case h.Bits != n.tree.NextBits(parent):
		return ledger.RejectTarget
	case !pow.CheckWork(h, n.params.Bits):
		return ledger.RejectWork
	}
	return ledger.CheckHeaderTime(h, parent.MedianTime(), n.now(), n.params)
}

// acceptChecked takes a block whose content was judged.
func (n *Node) acceptChecked(b *ledger.Block, content ledger.Reject, received time.Time) error {
	if content != ledger.RejectNone && !content.CondemnsHeader() {
		return n.refused(content)
	}
	node, reject := n.tree.Add(b.Header, n.now())
	switch {
	case reject != ledger.RejectNone:
		return n.refused(reject)
	case content != ledger.RejectNone:
		n.tree.Refuse(node)
		return n.refused(content)
	}
	return n.refused(n.commit(node, &candidate{block: b, ids: b.IDs(), sealed: received}))
}

// verify checks all signatures of a block, on all cores. It returns early when
// ctx ends or one is wrong.
func (n *Node) verify(ctx context.Context, txs []ledger.Tx) ledger.Reject {
	var next, bad atomic.Int64
	var wg sync.WaitGroup
	batch := n.cfg.Ingest.BatchSize
	for range min(n.cfg.Ingest.Verifiers, (len(txs)+batch-1)/batch) {
		wg.Go(func() {
			v, verdicts := ledger.NewVerifier(n.params.GenesisHash()), make([]ledger.Reject, batch)
			for bad.Load() == 0 && ctx.Err() == nil {
				from := int(next.Add(int64(batch))) - batch
				if from >= len(txs) {
					return
				}
				part := txs[from:min(from+batch, len(txs))]
				clear(verdicts)
				v.Verify(part, verdicts[:len(part)])
				bad.Add(int64(count(verdicts[:len(part)])))
			}
		})
	}
	wg.Wait()
	if bad.Load() > 0 {
		return ledger.RejectSignature
	}
	return ledger.RejectNone
}

// count counts the verdicts that are rejections.
func count(verdicts []ledger.Reject) (bad int) {
	for _, v := range verdicts {
		if v != ledger.RejectNone {
			bad++
		}
	}
	return bad
}
