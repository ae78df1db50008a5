package client

import (
	"context"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Outputs returns at most limit outputs that a key can spend (0: the node's
// default). ErrRefused where the node keeps no such index.
func (c *Client) Outputs(ctx context.Context, key ledger.KeyHash, limit int) ([]ledger.Change, error) {
	if limit < 0 || limit > 1<<20 {
		return nil, fmt.Errorf("limit %d: permitted 0 to %d", limit, 1<<20)
	}
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Outputs(ctx, &chainpb.OutputsRequest{Key: key[:], Limit: uint32(limit)})
	if err != nil {
		return nil, c.fail(err)
	}
	list := make([]ledger.Change, len(m.Outputs))
	for i, o := range m.Outputs {
		id, err := c.hash("id", o.Id)
		if err != nil {
			return nil, err
		}
		list[i] = ledger.Change{
			Point: ledger.OutPoint{TxID: id, Index: o.Index},
			Entry: ledger.Entry{Output: ledger.Output{Value: o.Value, Key: key}, Height: o.Height, Coinbase: o.Coinbase},
		}
	}
	return list, nil
}

// SetDigest sums up the output set after block Tip.
type SetDigest struct {
	Tip    Ref
	Count  uint64 // outputs
	Value  uint64 // of all outputs
	Digest ledger.Hash
}

// SetDigest asks for the digest of the whole output set, which the node reads
// for it: only ctx bounds the call.
func (c *Client) SetDigest(ctx context.Context) (SetDigest, error) {
	m, err := c.rpc.SetDigest(ctx, &chainpb.SetDigestRequest{})
	if err != nil {
		return SetDigest{}, c.fail(err)
	}
	d := SetDigest{Count: m.Count, Value: m.Value}
	if d.Digest, err = c.hash("digest", m.Digest); err != nil {
		return SetDigest{}, err
	}
	d.Tip, err = c.ref("tip", m.Tip)
	return d, err
}

// Seal asks for n blocks, 1 to 1,000, and returns the new tip. ErrRefused
// unless Info.OnDemand.
func (c *Client) Seal(ctx context.Context, n int) (Ref, error) {
	m, err := c.rpc.Seal(ctx, &chainpb.SealRequest{Count: uint32(max(n, 0))})
	if err != nil {
		return Ref{}, c.fail(err)
	}
	return c.ref("tip", m.Tip)
}
