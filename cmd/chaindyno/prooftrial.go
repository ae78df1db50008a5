package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// witness is what one node said. Nothing of it is believed but what the fields
// say was verified.
type witness struct {
	target   string
	proof    *client.Proof // not verified; nil: proofErr
	proofErr error

	err     error // why its headers are not believed
	headers uint64
	height  uint32
	tip     ledger.Hash
	time    uint32
	work    uint256.Int
	anchors map[uint32]anchor // verified headers at the heights of proofs
}

// anchor is what a verified header commits to.
type anchor struct{ hash, merkle ledger.Hash }

// interview asks every node for its proof, and then for its headers, of which
// those are kept that any proof names.
func (l *lightClient) interview(ctx context.Context, nodes []*client.Client) []*witness {
	all := make([]*witness, len(nodes))
	var asking sync.WaitGroup
	for i, c := range nodes {
		all[i] = &witness{target: c.Target(), anchors: map[uint32]anchor{}}
		asking.Go(func() { all[i].askProof(ctx, c, l.ids) })
	}
	asking.Wait()
	for _, w := range all {
		for _, other := range all {
			if other.proof != nil {
				w.anchors[other.proof.Block.Height] = anchor{}
			}
		}
	}
	for i, c := range nodes {
		asking.Go(func() { all[i].err = all[i].askHeaders(ctx, c, l.params, l.genesis[0]) })
	}
	asking.Wait()
	return all
}

func (w *witness) askProof(ctx context.Context, c *client.Client, ids []ledger.Hash) {
	for _, id := range ids {
		p, err := c.Proof(ctx, id)
		if err == nil {
			w.proof, w.proofErr = &p, nil
			return
		}
		if w.proofErr == nil || !errors.Is(err, client.ErrNotFound) {
			w.proofErr = err
		}
	}
}

// clockSlack is how far a header may be ahead of this machine's clock: a light
// client's is not kept as well as a node's.
const clockSlack = 2 * time.Minute

// errNoHeader says that a node sent none.
var errNoHeader = errors.New("it sent no header")

func (w *witness) askHeaders(ctx context.Context, c *client.Client, p *ledger.Params, genesis ledger.Hash) error {
	chain := tree.NewChain(p, genesis)
	now := p.Units(time.Now().Add(clockSlack))
	err := c.Headers(ctx, 0, 0, func(height uint32, h ledger.Header) error {
		hash, err := chain.Add(&h, now)
		if _, wanted := w.anchors[height]; wanted && err == nil {
			w.anchors[height] = anchor{hash, h.Merkle}
		}
		return err
	})
	if err == nil && chain.Len() == 0 {
		err = errNoHeader
	}
	w.headers, w.time, w.work = chain.Len(), chain.Time(), chain.Work()
	w.height, w.tip = chain.Tip()
	return err
}

// finding is what the witnesses amount to.
type finding struct {
	best        *witness      // of the valid chains the one with most work; nil: none is valid
	proof       *client.Proof // verified against best; nil: err
	prover      string        // whose proof it is
	others      []string      // what is said of the other nodes
	err         error
	moved       bool // a proof is for a block that is not in best: the chain may have moved
	unreachable bool // no node could be asked
}

// judge believes the heaviest valid chain, and any proof that leads to it.
func (l *lightClient) judge(all []*witness) (v finding) {
	v.unreachable = true
	var broken []string
	for _, w := range all {
		v.unreachable = v.unreachable && (errors.Is(w.err, client.ErrUnreachable) || errors.Is(w.err, client.ErrDenied) || errors.Is(w.err, context.DeadlineExceeded))
		switch {
		case w.err != nil:
			broken = append(broken, told(w.target, w.err))
		case v.best == nil || w.work.Gt(&v.best.work):
			v.best = w
		}
	}
	if v.best == nil {
		v.err = fmt.Errorf("no valid chain: %s", strings.Join(broken, "; "))
		return v
	}
	var refused []string
	for _, w := range all {
		if w != v.best && w.err == nil && w.tip != v.best.tip {
			v.others = append(v.others, fmt.Sprintf("%s: a valid chain of less work or the same, up to %d", w.target, w.height))
		}
		switch err := v.weigh(w); {
		case err == nil && v.proof == nil:
			v.proof, v.prover = w.proof, w.target
		case err != nil && (w.err == nil || w.proof != nil): // else it has been named
			refused = append(refused, told(w.target, err))
		}
	}
	v.others = append(v.others, broken...)
	if v.proof != nil {
		v.others, v.moved = append(v.others, refused...), false
		return v
	}
	v.err = fmt.Errorf("transaction %s is not proved to be in the chain: %s", l.ids[0], strings.Join(refused, "; "))
	return v
}

// weigh checks a node's proof against the chain that is believed.
func (v *finding) weigh(w *witness) error {
	if w.proof == nil {
		return w.proofErr
	}
	p := w.proof
	at, ok := v.best.anchors[p.Block.Height]
	switch {
	case !ok || at.hash != p.Block.Hash:
		v.moved = true
		return fmt.Errorf("its proof is for block %s at height %d, which is not in the heaviest chain", p.Block.Hash, p.Block.Height)
	case !p.Path.Verify(p.ID, at.merkle):
		return fmt.Errorf("its proof does not lead to the Merkle root of block %d", p.Block.Height)
	}
	return nil
}

// told puts the node's name before what it did, unless the error has it.
func told(target string, err error) string {
	if s := err.Error(); strings.Contains(s, target) {
		return s
	}
	return fmt.Sprintf("node %s: %v", target, err)
}
