package refchain

import (
	"context"
	"errors"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Tip implements driver.Reader.
func (d *Driver) Tip(ctx context.Context) (driver.Ref, error) {
	tip, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (client.Ref, error) {
		r, _, err := c.Tip(ctx)
		return r, err
	})
	return ref(tip), err
}

// Proof implements driver.Reader: a Merkle proof, which leads to the root of
// the header that came with it.
func (d *Driver) Proof(ctx context.Context, tx driver.ID) (driver.Proof, error) {
	p, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (client.Proof, error) {
		return c.Proof(ctx, hashOf(tx))
	})
	if err != nil {
		return driver.Proof{}, absent(err)
	}
	if !p.Valid() {
		return driver.Proof{}, fmt.Errorf("the proof of transaction %s does not lead to the Merkle root of block %s", tx, p.Block.Hash)
	}
	out := driver.Proof{Tx: tx, Block: ref(p.Block), Index: int(p.Path.Index), Count: int(p.Path.Count)}
	for _, h := range p.Path.Siblings {
		out.Path = append(out.Path, idOf(h))
	}
	return out, nil
}

// Block implements driver.Reader.
func (d *Driver) Block(ctx context.Context, height uint64) (driver.BlockInfo, error) {
	info, err := d.info(ctx)
	if err != nil {
		return driver.BlockInfo{}, err
	}
	if tip := uint64(info.Tip.Height); height > tip {
		return driver.BlockInfo{}, fmt.Errorf("block at height %d: %w: the best one is at %d", height, driver.ErrNotFound, tip)
	}
	b, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (ledger.Block, error) {
		return c.BlockAt(ctx, uint32(height))
	})
	if err != nil {
		return driver.BlockInfo{}, absent(err)
	}
	out := driver.BlockInfo{
		Ref: driver.Ref{Height: height, ID: idOf(b.Header.Hash())}, Parent: idOf(b.Header.Prev), Claimed: info.Params.Clock(b.Header.Time),
		Bytes: ledger.HeaderSize, Txs: make([]driver.ID, len(b.Txs)),
	}
	for i := range b.Txs {
		out.Txs[i] = idOf(b.Txs[i].ID())
		out.Bytes += uint64(b.Txs[i].Size())
	}
	return out, nil
}

// absent tells what the chain does not have from what could not be asked.
func absent(err error) error {
	if errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("%w: %w", driver.ErrNotFound, err)
	}
	return err
}

// Decode implements driver.Decoder. It checks the encoding and no rule.
func (d *Driver) Decode(payload []byte) (driver.Tx, error) {
	tx, rest, err := ledger.ParseTx(payload, ledger.MaxTxBytes)
	if err != nil {
		return driver.Tx{}, fmt.Errorf("not a transaction: %w", err)
	}
	if len(rest) > 0 {
		return driver.Tx{}, fmt.Errorf("not a transaction: %d bytes follow it", len(rest))
	}
	return driver.Tx{ID: idOf(tx.ID()), Kind: kindTransfer, Payload: payload}, nil
}
