package chain

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// Checked is a block whose content was judged, and what else there was to learn
// before its turn: how long its transactions took that had been received here.
// It holds the block, of up to 32 MiB, and some 40 bytes for each transaction.
// The node keeps none that was not handed to AcceptChecked: whoever calls Check
// bounds how many there are.
type Checked struct {
	block    *ledger.Block
	ids      []ledger.Hash
	content  ledger.Reject // RejectNone: it broke no rule
	received time.Time
	times    stageTimes
}

// Block returns what was checked; it must not be changed.
func (c *Checked) Block() *ledger.Block { return c.block }

// Check judges what needs neither the output set nor the blocks before: the
// block's own work, all static rules and all signatures. Any goroutine may call
// it, for blocks in any order and before their parents are known; acceptsMax
// are checked at once, on all cores, and further callers wait. The block must
// not be changed any more.
//
// A transaction that is in the pool has passed these rules, and its ID commits
// to the signatures too, so that none is checked twice.
//
// A refusal is a ledger.Reject. It comes with the Checked where the header did
// not show it: AcceptChecked then remembers a header that is condemned, and
// returns the same. The error is ctx's when that ended first.
func (n *Node) Check(ctx context.Context, b *ledger.Block) (*Checked, error) {
	release, err := n.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if !pow.CheckWork(&b.Header, n.params.Bits) {
		return nil, n.refused(ledger.RejectWork)
	}
	return n.check(ctx, b, time.Now())
}

func (n *Node) check(ctx context.Context, b *ledger.Block, received time.Time) (*Checked, error) {
	c := &Checked{block: b, received: received}
	if c.content = ledger.CheckBlock(b, n.params); c.content == ledger.RejectNone {
		c.ids = b.IDs()
		pooled := n.pool.Find(c.ids[1:])
		c.content = n.verify(ctx, strangers(b.Txs[1:], pooled))
		if err := c.measure(pooled); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if c.content != ledger.RejectNone {
		return c, n.refused(c.content)
	}
	return c, nil
}

// strangers returns those of txs that are not in the pool.
func strangers(txs []ledger.Tx, pooled []pool.Tx) []ledger.Tx {
	if !slices.ContainsFunc(pooled, inPool) {
		return txs
	}
	var rest []ledger.Tx
	for i := range txs {
		if !inPool(pooled[i]) {
			rest = append(rest, txs[i])
		}
	}
	return rest
}

// inPool tells what Pool.Find found.
func inPool(t pool.Tx) bool { return t.Size() > 0 }

// measure makes the histograms of the transactions that were received here.
func (c *Checked) measure(pooled []pool.Tx) (err error) {
	c.times, err = newStageRecorder().block(pooled, c.received)
	return err
}

// AcceptChecked takes a block that Check has judged, with the outcome of
// Accept. Its parent must be known by then: blocks of one branch are handed
// over in order, each after the one before has been accepted, while others are
// still being checked.
func (n *Node) AcceptChecked(ctx context.Context, c *Checked) error {
	return n.serial(ctx, func() error {
		if c.content != ledger.RejectNone {
			return n.condemn(c)
		}
		if err := n.gate(&c.block.Header); err != nil {
			return err
		}
		node, reject := n.tree.Add(c.block.Header, n.now())
		if reject != ledger.RejectNone {
			return n.refused(reject)
		}
		return n.refused(n.commit(node, &candidate{block: c.block, ids: c.ids, sealed: c.received, times: c.times}))
	})
}

// condemn remembers the header of a refused block where its refusal holds for
// the header, and the header would have been accepted. Check has counted it.
func (n *Node) condemn(c *Checked) error {
	if !c.content.CondemnsHeader() {
		return c.content
	}
	if _, err := n.find(c.block.Header.Prev); err != nil {
		return err
	}
	if node, reject := n.tree.Add(c.block.Header, n.now()); reject == ledger.RejectNone {
		n.tree.Refuse(node)
	}
	return c.content
}

// verify checks all signatures of transactions, on all cores. It returns early
// when ctx ends or one is wrong.
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
