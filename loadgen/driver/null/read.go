package null

import (
	"context"
	"fmt"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

var _ driver.Reader = (*Driver)(nil)

// Tip implements driver.Reader.
func (d *Driver) Tip(context.Context) (driver.Ref, error) {
	d.chain.mu.Lock()
	defer d.chain.mu.Unlock()
	return d.chain.tip().Ref, nil
}

// Proof implements driver.Reader, for the blocks that are kept. There is nothing
// to prove it by, so the path is empty.
func (d *Driver) Proof(_ context.Context, tx driver.ID) (driver.Proof, error) {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.blocks) - 1; i >= 0; i-- {
		b := c.blocks[i]
		for k := range b.txs {
			if b.txs[k].ID == tx {
				return driver.Proof{Tx: tx, Block: b.Ref, Index: k, Count: len(b.txs)}, nil
			}
		}
	}
	return driver.Proof{}, fmt.Errorf("null driver: transaction %s: %w", tx, driver.ErrNotFound)
}

// Block implements driver.Reader, for the blocks that are kept.
func (d *Driver) Block(_ context.Context, height uint64) (driver.BlockInfo, error) {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	if height < c.blocks[0].Height || height > c.tip().Height {
		return driver.BlockInfo{}, fmt.Errorf("null driver: block at height %d: %w", height, driver.ErrNotFound)
	}
	b := c.at(height)
	out := driver.BlockInfo{Ref: b.Ref, Parent: b.parent, Bytes: uint64(len(b.txs) * c.b.PayloadBytes), Txs: make([]driver.ID, len(b.txs))}
	for i := range b.txs {
		out.Txs[i] = b.txs[i].ID
	}
	return out, nil
}
