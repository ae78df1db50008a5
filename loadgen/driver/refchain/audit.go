package refchain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

var places = map[client.Place]driver.Place{
	client.PlaceUnknown: driver.PlaceUnknown,
	client.PlacePooled:  driver.PlacePooled,
	client.PlaceBlock:   driver.PlaceBlock,
}

// Locate implements driver.Locator.
func (d *Driver) Locate(ctx context.Context, ids []driver.ID) ([]driver.Place, error) {
	asked := make([]ledger.Hash, len(ids))
	for i, id := range ids {
		asked[i] = ledger.Hash(id)
	}
	got, err := d.nodes[0].Locate(ctx, asked)
	if err != nil {
		return nil, err
	}
	found := make([]driver.Place, len(got))
	for i, p := range got {
		var ok bool
		if found[i], ok = places[p]; !ok {
			return nil, fmt.Errorf("node %s: place %d of transaction %s is not one that this driver knows", d.cfg.Targets[0], p, asked[i])
		}
	}
	return found, nil
}

// sealMax is how many blocks one call may ask for.
const sealMax = 1000

// Seal implements driver.Sealer.
func (d *Driver) Seal(ctx context.Context, n int) error {
	for n > 0 {
		part := min(n, sealMax)
		if _, err := d.nodes[0].Seal(ctx, part); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// Supply implements driver.Auditor.
func (d *Driver) Supply(ctx context.Context) (at driver.Ref, have, want uint64, err error) {
	info, err := d.nodes[0].Info(ctx)
	if err != nil {
		return driver.Ref{}, 0, 0, err
	}
	set, err := d.nodes[0].SetDigest(ctx)
	if err != nil {
		return driver.Ref{}, 0, 0, err
	}
	return ref(set.Tip), set.Value, info.Params.SupplyAt(set.Tip.Height), nil
}

// Digests implements driver.Auditor.
func (d *Driver) Digests(ctx context.Context) ([]driver.NodeDigest, error) {
	list := make([]driver.NodeDigest, len(d.nodes))
	for i, c := range d.nodes {
		set, err := c.SetDigest(ctx)
		if err != nil {
			return nil, err
		}
		list[i] = driver.NodeDigest{Node: c.Target(), Tip: ref(set.Tip), Digest: driver.ID(set.Digest)}
	}
	return list, nil
}

// Headers implements driver.Auditor: it reads every header, and checks links,
// targets and work. What it has checked is what Prove goes by.
func (d *Driver) Headers(ctx context.Context) (driver.Ref, error) {
	c := d.nodes[0]
	info, err := c.Info(ctx)
	if err != nil {
		return driver.Ref{}, err
	}
	check := headerCheck{genesis: info.Genesis, fixed: info.Params.FixedDifficulty, bits: info.Params.Bits}
	if err := c.Headers(ctx, 0, 0, check.add); err != nil {
		return driver.Ref{}, err
	}
	if len(check.hashes) == 0 {
		return driver.Ref{}, fmt.Errorf("node %s: sent no header", c.Target())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.headers = check.hashes
	tip := len(check.hashes) - 1
	return driver.Ref{Height: uint64(tip), ID: driver.ID(check.hashes[tip])}, nil
}

// headerCheck verifies a chain of headers by itself.
type headerCheck struct {
	genesis ledger.Hash
	fixed   bool   // every block's bits are the network's
	bits    uint32 // easiest target permitted
	hashes  []ledger.Hash
}

func (c *headerCheck) add(height uint32, h ledger.Header) error {
	hash := h.Hash()
	if err := c.check(&h, hash); err != nil {
		return fmt.Errorf("header %s at height %d: %w", hash, height, err)
	}
	c.hashes = append(c.hashes, hash)
	return nil
}

func (c *headerCheck) check(h *ledger.Header, hash ledger.Hash) error {
	if len(c.hashes) == 0 {
		if hash != c.genesis {
			return fmt.Errorf("the genesis is %s", c.genesis)
		}
		return nil // given by the rules, without work
	}
	if h.Prev != c.hashes[len(c.hashes)-1] {
		return errors.New("does not follow the one before it")
	}
	target, limit := target(h.Bits), target(c.bits)
	switch {
	case c.fixed && h.Bits != c.bits:
		return fmt.Errorf("bits are %#08x, the network's %#08x", h.Bits, c.bits)
	case target.Sign() <= 0 || target.Cmp(limit) > 0:
		return fmt.Errorf("bits %#08x are easier than the network's limit %#08x", h.Bits, c.bits)
	case number(hash).Cmp(target) > 0:
		return fmt.Errorf("the hash is over the target of bits %#08x", h.Bits)
	}
	return nil
}

// target expands the compact form (Bitcoin's nBits): a byte of exponent, a sign
// bit, 23 bits of mantissa. Negative ones are no target and come out as 0.
func target(bits uint32) *big.Int {
	exponent, mantissa := int(bits>>24), int64(bits&0x007fffff)
	if bits&0x00800000 != 0 {
		return new(big.Int)
	}
	t := big.NewInt(mantissa)
	if exponent <= 3 {
		return t.Rsh(t, uint(8*(3-exponent)))
	}
	return t.Lsh(t, uint(8*(exponent-3)))
}

// number reads a hash as Bitcoin does, the last byte being the highest.
func number(h ledger.Hash) *big.Int {
	for i := range len(h) / 2 {
		h[i], h[len(h)-1-i] = h[len(h)-1-i], h[i]
	}
	return new(big.Int).SetBytes(h[:])
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
			return fmt.Errorf("block %s at height %d is not in the header chain", ledger.Hash(at.ID), at.Height)
		}
	}
	p, err := d.nodes[0].Proof(ctx, ledger.Hash(tx))
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
	return at.Height < uint64(len(d.headers)) && d.headers[at.Height] == ledger.Hash(at.ID)
}

// Inspect implements driver.Inspector.
func (d *Driver) Inspect(ctx context.Context) ([]driver.NodeStats, error) {
	list := make([]driver.NodeStats, len(d.nodes))
	for i, c := range d.nodes {
		s, err := c.Stats(ctx)
		if err != nil {
			return nil, err
		}
		list[i] = driver.NodeStats{
			Node:         c.Target(),
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
			list[i].Threads[k] = driver.ThreadStats{Hashes: t.Hashes, Busy: t.Busy}
		}
	}
	return list, nil
}
