package null

import (
	"context"
	"fmt"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// updateBlocks is the most blocks of one Update.
const updateBlocks = 64

// Follow implements driver.Driver. The transactions of a block are shared by
// all followers: emit must not change them.
func (d *Driver) Follow(ctx context.Context, from driver.Ref, emit func(driver.Update) error) error {
	c := d.chain
	cursor, err := c.find(from)
	if err != nil {
		return err
	}
	for {
		steps, err := c.advance(&cursor)
		if err != nil {
			return err
		}
		if !steps.empty() {
			if err := emit(steps.update); err != nil {
				return err
			}
			continue
		}
		select {
		case <-steps.changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-d.done:
			return ErrClosed
		}
	}
}

// cursor is where a follower stands: after a block, or before genesis (nil).
type cursor = *block

// find returns the cursor at a block that is kept.
func (c *chain) find(ref driver.Ref) (cursor, error) {
	if ref == (driver.Ref{}) {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.lookup(ref.ID, ref.Height); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("null driver: no block %s at height %d is kept", ref.ID, ref.Height)
}

func (c *chain) lookup(id driver.ID, height uint64) *block {
	if b := c.at(height); b != nil && b.ID == id {
		return b
	}
	if b := c.orphans[id]; b != nil && b.Height == height {
		return b
	}
	return nil
}

// steps is what a follower is to be told next; changed tells when to ask again.
type steps struct {
	update  driver.Update
	changed <-chan struct{}
}

func (s *steps) empty() bool { return len(s.update.Revert) == 0 && len(s.update.Apply) == 0 }

// advance moves a cursor towards the tip: down to the best chain, then up by at
// most updateBlocks.
func (c *chain) advance(cur *cursor) (steps, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := steps{changed: c.changed}
	first := uint64(0)
	if *cur != nil {
		fork, err := c.descend(*cur, &s.update)
		if err != nil {
			return steps{}, err
		}
		*cur, first = fork, fork.Height+1
	}
	if first < c.blocks[0].Height {
		return steps{}, errBehind(first, c.blocks[0].Height)
	}
	now := c.now()
	for h := first; h <= c.tip().Height && len(s.update.Apply) < updateBlocks; h++ {
		b := c.at(h)
		*cur = b
		s.update.Apply = append(s.update.Apply, c.describe(b))
		if !b.emitted {
			b.emitted = true
			c.log.included(b.txs, now)
		}
	}
	if c.b.ReorgEvery == 0 {
		s.update.Final = (*cur).Ref
	}
	return s, nil
}

// descend reverts from a block down to the best chain.
func (c *chain) descend(b *block, u *driver.Update) (*block, error) {
	for c.at(b.Height) != b {
		parent := c.lookup(b.parent, b.Height-1)
		if b.pruned || parent == nil {
			return nil, errBehind(b.Height, c.blocks[0].Height)
		}
		u.Revert = append(u.Revert, b.Ref)
		b = parent
	}
	return b, nil
}

func errBehind(at, first uint64) error {
	return fmt.Errorf("null driver: the follower is at height %d, but blocks are kept from %d on: raise history", at, first)
}

func (c *chain) describe(b *block) driver.Block {
	bytes := uint64(len(b.txs) * c.b.PayloadBytes)
	return driver.Block{
		Ref: b.Ref, Parent: b.parent, Claimed: c.origin.Add(duration64(b.at)),
		Bytes: bytes, Used: bytes, Txs: b.txs, Missing: uint64(len(b.txs)),
		Durable: true, Interval: duration64(b.interval),
	}
}
