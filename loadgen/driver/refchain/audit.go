package refchain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/tree"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

var places = map[client.Place]driver.Place{
	client.PlaceUnknown: driver.PlaceUnknown,
	client.PlacePooled:  driver.PlacePooled,
	client.PlaceBlock:   driver.PlaceBlock,
}

// Locate implements driver.Locator over all nodes. A transaction is where any
// of them has it, and nowhere once all have said so. While one can't be asked, what
// the others do not know is unsaid: that one may hold it.
func (d *Driver) Locate(ctx context.Context, ids []driver.ID) ([]driver.Place, error) {
	asked := make([]ledger.Hash, len(ids))
	for i, id := range ids {
		asked[i] = hashOf(id)
	}
	answers, errs := all(ctx, d.nodes, func(c *client.Client, ctx context.Context) ([]client.Place, error) {
		return ask(ctx, d.nodes, c, func(c *client.Client, ctx context.Context) ([]client.Place, error) { return c.Locate(ctx, asked) })
	})
	found, answered := make([]driver.Place, len(ids)), 0
	for n, got := range answers {
		if errs[n] != nil {
			continue
		}
		answered++
		for i, p := range got {
			place, ok := places[p]
			if !ok {
				return nil, fmt.Errorf("node %s: place %d of transaction %s is not one that this driver knows", d.cfg.Targets[n], p, asked[i])
			}
			found[i] = max(found[i], place) // the places ascend with what is known
		}
	}
	if answered == 0 {
		return nil, errors.Join(errs...)
	}
	if slices.ContainsFunc(errs, mayKnow) {
		for i, p := range found {
			if p == driver.PlaceUnknown {
				found[i] = driver.PlaceUnsaid
			}
		}
	}
	return found, nil
}

// mayKnow says whether a node that could not be asked may have a pool all the
// same: one that can't be reached may be cut off, but where nobody listens the
// process is gone. The system's error comes as text alone.
func mayKnow(err error) bool {
	return err != nil && !(errors.Is(err, client.ErrUnreachable) && strings.Contains(err.Error(), "connection refused"))
}

// sealMax is how many blocks one call may ask for.
const sealMax = 1000

// Seal implements driver.Sealer.
func (d *Driver) Seal(ctx context.Context, n int) error {
	for n > 0 {
		part := min(n, sealMax)
		if _, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (client.Ref, error) { return c.Seal(ctx, part) }); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// Supply implements driver.Auditor.
func (d *Driver) Supply(ctx context.Context) (at driver.Ref, have, want uint64, err error) {
	info, err := d.info(ctx)
	if err != nil {
		return driver.Ref{}, 0, 0, err
	}
	set, err := first(ctx, d.nodes, (*client.Client).SetDigest)
	if err != nil {
		return driver.Ref{}, 0, 0, err
	}
	return ref(set.Tip), set.Value, info.Params.SupplyAt(set.Tip.Height), nil
}

// Digests implements driver.Auditor. All nodes are asked at once, so that they
// are likely to stand at the same block; it is an error if one can't be asked.
func (d *Driver) Digests(ctx context.Context) ([]driver.NodeDigest, error) {
	sets, errs := all(ctx, d.nodes, (*client.Client).SetDigest)
	list := make([]driver.NodeDigest, len(d.nodes))
	for i, set := range sets {
		list[i] = driver.NodeDigest{Node: d.nodes[i].Target(), Tip: ref(set.Tip), Digest: idOf(set.Digest)}
	}
	return list, errors.Join(errs...)
}

// Headers implements driver.Auditor: it reads every header, and checks links,
// targets, work and times. What it has checked is what Prove goes by.
func (d *Driver) Headers(ctx context.Context) (driver.Ref, error) {
	c, err := d.answering(ctx)
	if err != nil {
		return driver.Ref{}, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return driver.Ref{}, err
	}
	chain := tree.NewChain(info.Params, info.Genesis)
	var hashes []ledger.Hash
	err = c.Headers(ctx, 0, 0, func(_ uint32, h ledger.Header) error {
		hash, err := chain.Add(&h, tree.AnyTime)
		hashes = append(hashes, hash)
		return err
	})
	if err != nil {
		return driver.Ref{}, err
	}
	if len(hashes) == 0 {
		return driver.Ref{}, fmt.Errorf("node %s: sent no header", c.Target())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.headers = hashes
	tip := len(hashes) - 1
	return driver.Ref{Height: uint64(tip), ID: idOf(hashes[tip])}, nil
}

// Prove implements driver.Auditor: by a Merkle proof against a header that
// Headers has verified. It verifies headers first where they do not reach the
// block.
func (d *Driver) Prove(ctx context.Context, tx driver.ID, at driver.Ref) error {
	if !d.verified(at) {
		if _, err := d.Headers(ctx); err != nil {
			return err
		}
		if !d.verified(at) {
			return fmt.Errorf("block %s at height %d is not in the header chain", at.ID, at.Height)
		}
	}
	p, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (client.Proof, error) {
		return c.Proof(ctx, hashOf(tx))
	})
	switch {
	case err != nil:
		return err
	case ref(p.Block) != at:
		return fmt.Errorf("the proof is for block %s at height %d", p.Block.Hash, p.Block.Height)
	case !p.Valid():
		return errors.New("the proof does not lead to the block's Merkle root")
	}
	return nil
}

func (d *Driver) verified(at driver.Ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return at.Height < uint64(len(d.headers)) && d.headers[at.Height] == hashOf(at.ID)
}

// Inspect implements driver.Inspector. A node that does not answer has no
// figures; it is an error where none does.
func (d *Driver) Inspect(ctx context.Context) ([]driver.NodeStats, error) {
	stats, err := each(ctx, d.nodes, func(c *client.Client, ctx context.Context) (driver.NodeStats, error) {
		s, err := c.Stats(ctx)
		return nodeStats(c.Target(), &s), err
	})
	return stats, err
}

func nodeStats(name string, s *client.Stats) driver.NodeStats {
	out := driver.NodeStats{
		Node:         name,
		Pool:         s.PoolTxs,
		PoolBytes:    s.PoolBytes,
		Queue:        s.QueueTxs,
		CPUSeconds:   s.CPUSeconds,
		RSSBytes:     s.RSSBytes,
		HeapBytes:    s.HeapBytes,
		GCSeconds:    s.GCSeconds,
		DiskBytes:    s.DiskBytes,
		Outputs:      s.Outputs,
		Threads:      make([]driver.ThreadStats, len(s.Threads)),
		Settings:     s.Settings,
		Uptime:       s.Uptime,
		Rejected:     s.Rejected,
		BlocksSealed: s.BlocksSealed,
	}
	for k, t := range s.Threads {
		out.Threads[k] = driver.ThreadStats{Hashes: t.Hashes, Busy: t.Busy}
	}
	for _, t := range s.Tiers {
		out.Tiers = append(out.Tiers, driver.TierStats(t))
	}
	return out
}
