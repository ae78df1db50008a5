package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
)

// Ref names a block. The zero Ref stands for "before genesis".
type Ref = store.Ref

// What reads return where there is no answer. They may be wrapped.
var (
	ErrNotFound = store.ErrNotFound
	ErrNoIndex  = state.ErrNoIndex
)

// Submit hands a batch of transactions to the first stage. It never blocks;
// see ingest.Ingest.Submit.
func (n *Node) Submit(b *ingest.Batch) { n.ingest.Submit(b) }

// Seal makes blocks at once, one after the other, and returns the last.
func (n *Node) Seal(ctx context.Context, blocks int) (Ref, error) {
	hashes, err := n.miner.Seal(ctx, blocks)
	if err != nil || len(hashes) == 0 {
		return Ref{}, err
	}
	info, err := n.store.Info(hashes[len(hashes)-1])
	return info.Ref, err
}

// Tip returns the announced tip and its header.
func (n *Node) Tip() (Ref, ledger.Header) {
	tip := n.view.load().tip
	return Ref{Height: tip.Height, Hash: tip.Hash}, tip.Header
}

// Headers returns headers of the best chain from a height upwards, at most
// most of them.
func (n *Node) Headers(from uint32, most int) ([]ledger.Header, error) {
	return n.store.Headers(from, most)
}

// BlockAt returns the hash of the best chain's block at a height, or
// ErrNotFound.
func (n *Node) BlockAt(height uint32) (ledger.Hash, error) {
	info, err := n.store.InfoAt(height)
	return info.Hash, err
}

// OpenBlock returns a stored block's height and a reader of its encoding, to be
// closed by the caller. It reads the store and leaves the tiers as they are.
func (n *Node) OpenBlock(hash ledger.Hash) (uint32, *store.BodyReader, error) {
	info, err := n.store.Info(hash)
	if err != nil {
		return 0, nil, err
	}
	body, err := n.store.OpenBody(hash)
	return info.Height, body, err
}

// Step is one change of the best chain: either blocks to revert, newest first,
// or a block to apply.
type Step struct {
	Revert []Ref
	Parent Ref // where the best chain stands after Revert
	Block  *Committed
}

// Committed is a block of the best chain and how it came to be.
type Committed struct {
	store.Info
	IDs  []ledger.Hash // of all transactions, the coinbase first; not to be changed
	Meta store.Meta    // its stages with StageStore, where that is known
}

// revertsAtOnce bounds the blocks that one Step reverts.
const revertsAtOnce = 1000

// Knows says whether a block is in the log, on whatever branch.
func (n *Node) Knows(at Ref) bool {
	if at == (Ref{}) {
		return true
	}
	has, err := n.store.Has(at.Hash)
	return has && err == nil
}

// Next returns the step after a known block. On the best chain that is the
// block on top of it; Next waits until there is one. After the zero Ref comes
// the genesis.
func (n *Node) Next(ctx context.Context, at Ref) (Step, error) {
	for {
		v := n.view.load()
		switch here := v.tip.Ancestor(at.Height); {
		case at == Ref{}:
			return n.applyStep(v.tip.Ancestor(0).Hash)
		case here == nil || here.Hash != at.Hash:
			if step, err := n.revertStep(at); err != nil || step.Revert != nil {
				return step, err
			}
			// The log has switched to the caller's branch: the view follows.
		case here != v.tip:
			return n.applyStep(v.tip.Ancestor(at.Height + 1).Hash)
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return Step{}, ctx.Err()
		}
	}
}

// revertStep leads from an abandoned block towards the best chain. It is empty
// if the block is on the log's best chain.
func (n *Node) revertStep(at Ref) (Step, error) {
	s, err := n.store.After(&at, revertsAtOnce)
	if err != nil || len(s.Revert) == 0 {
		return Step{}, err
	}
	last, err := n.store.Info(s.Revert[len(s.Revert)-1].Hash)
	if err != nil {
		return Step{}, err
	}
	return Step{Revert: s.Revert, Parent: Ref{Height: last.Height - 1, Hash: last.Header.Prev}}, nil
}

func (n *Node) applyStep(hash ledger.Hash) (Step, error) {
	c, err := n.committed(hash)
	return Step{Block: c}, err
}

func (n *Node) committed(hash ledger.Hash) (*Committed, error) {
	info, err := n.store.Info(hash)
	if err != nil {
		return nil, err
	}
	ids, err := n.store.IDs(hash)
	if err != nil {
		return nil, err
	}
	meta, err := n.store.Meta(hash)
	if err != nil {
		return nil, err
	}
	if t, ok := n.storeTimes.get(hash); ok {
		h, err := newStageRecorder().same(t.took, t.txs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", StageStore, err)
		}
		meta.Stages = append(append([]store.Stage(nil), meta.Stages...), store.Stage{Name: StageStore, Histogram: h})
	}
	return &Committed{Info: info, IDs: ids, Meta: meta}, nil
}

// Place says where a transaction is.
type Place uint8

// The places.
const (
	PlaceUnknown Place = iota + 1
	PlacePooled
	PlaceBlock // of the best chain
)

// Found is a transaction and where it is.
type Found struct {
	Place Place
	Block Ref    // for PlaceBlock
	Index int    // for PlaceBlock
	Bytes []byte // its encoding; not to be changed
}

// Locate returns one place for each ID, in order. Without the index by
// transaction those in blocks are unknown.
func (n *Node) Locate(ids []ledger.Hash) (places []Place, err error) {
	places = make([]Place, len(ids))
	unknown := make([]int, len(ids))
	for i := range unknown {
		unknown[i] = i
	}
	n.lookUp(func() (done bool) {
		unknown, err = n.locate(ids, unknown, places)
		return len(unknown) == 0 || err != nil
	})
	return places, err
}

// lookUp calls look, which asks the pool and then the log, until it is done or
// the best chain stood still meanwhile, so that nothing that was accepted is
// missed on its way. A transaction is in the log before it leaves the pool, which
// the order sees to; a reorganisation takes it the other way. Three times are
// enough but for a chain that moves faster than it can be read.
func (n *Node) lookUp(look func() (done bool)) {
	for range 3 {
		before, _ := n.store.Best()
		if look() {
			return
		}
		if after, _ := n.store.Best(); after == before {
			return
		}
	}
}

// locate fills in the places of those IDs that are numbered, and returns the
// numbers of those that it does not find.
func (n *Node) locate(ids []ledger.Hash, numbers []int, places []Place) (unknown []int, err error) {
	wanted := make([]ledger.Hash, len(numbers))
	for k, i := range numbers {
		wanted[k] = ids[i]
	}
	pooled := n.pool.Has(wanted)
	for k, i := range numbers {
		_, _, ok, err := n.store.FindTx(ids[i])
		if err != nil && !errors.Is(err, store.ErrNoTxIndex) {
			return nil, err
		}
		switch {
		case ok:
			places[i] = PlaceBlock
		case pooled[k]:
			places[i] = PlacePooled
		default:
			places[i] = PlaceUnknown
			unknown = append(unknown, i)
		}
	}
	return unknown, nil
}

// OutputsOf returns at most limit outputs that a key can spend, or ErrNoIndex.
func (n *Node) OutputsOf(key ledger.KeyHash, limit int) ([]ledger.Change, error) {
	return n.state.OutputsOf(key, limit)
}

// Digest reads the whole output set from a snapshot.
func (n *Node) Digest(ctx context.Context) (state.Digest, error) { return n.state.Digest(ctx) }

// Params returns the rules of the network; they must not be changed.
func (n *Node) Params() *ledger.Params { return n.params }

// Config returns the configuration that the node was opened with.
func (n *Node) Config() Config { return n.cfg }

// Uptime is the time since Open.
func (n *Node) Uptime() time.Duration { return time.Since(n.started) }
