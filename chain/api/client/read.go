package client

import (
	"context"
	"io"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// locateMax is how many IDs one message asks for.
const locateMax = 60_000

// Tip returns the best block.
func (c *Client) Tip(ctx context.Context) (Ref, ledger.Header, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Tip(ctx, &chainpb.TipRequest{})
	if err != nil {
		return Ref{}, ledger.Header{}, c.fail(err)
	}
	tip, err := c.ref("tip", m.Tip)
	if err != nil {
		return Ref{}, ledger.Header{}, err
	}
	h, err := c.header(m.Header, tip.Hash)
	return tip, h, err
}

// Headers calls fn with headers of the best chain, upwards from height from: at
// most count, or with count 0 all up to the tip. It does not check them.
func (c *Client) Headers(ctx context.Context, from, count uint32, fn func(height uint32, h ledger.Header) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Headers(ctx, &chainpb.HeadersRequest{From: from, Count: count})
	if err != nil {
		return c.fail(err)
	}
	for next := from; ; {
		m, err := stream.Recv()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return c.fail(err)
		}
		if m.Height != next || len(m.Headers)%ledger.HeaderSize != 0 {
			return c.broken("%d bytes of headers at height %d, wanted height %d", len(m.Headers), m.Height, next)
		}
		for b := m.Headers; len(b) > 0; b = b[ledger.HeaderSize:] {
			h, err := ledger.ParseHeader(b)
			if err != nil {
				return c.broken("header at height %d: %v", next, err)
			}
			if err := fn(next, h); err != nil {
				return err
			}
			next++
		}
	}
}

// Block returns a stored block by hash. It checks that the header hashes to it
// and no rule.
func (c *Client) Block(ctx context.Context, hash ledger.Hash) (ledger.Block, error) {
	return c.block(ctx, &chainpb.BlockRequest{Which: &chainpb.BlockRequest_Hash{Hash: hash[:]}})
}

// BlockAt returns a block of the best chain by height; otherwise like Block.
func (c *Client) BlockAt(ctx context.Context, height uint32) (ledger.Block, error) {
	return c.block(ctx, &chainpb.BlockRequest{Which: &chainpb.BlockRequest_Height{Height: height}})
}

func (c *Client) block(ctx context.Context, r *chainpb.BlockRequest) (ledger.Block, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Block(ctx, r)
	if err != nil {
		return ledger.Block{}, c.fail(err)
	}
	var body []byte
	var ref Ref
	for part := uint32(0); ; part++ {
		m, err := stream.Recv()
		if err == io.EOF {
			break
		} else if err != nil {
			return ledger.Block{}, c.fail(err)
		}
		if m.Part != part || len(body)+len(m.Data) > ledger.MaxBlockBytes {
			return ledger.Block{}, c.broken("part %d of a block where %d was due, after %d bytes", m.Part, part, len(body))
		}
		if part == 0 {
			if ref, err = c.ref("ref", m.Ref); err != nil {
				return ledger.Block{}, err
			}
		}
		body = append(body, m.Data...)
	}
	b, err := ledger.ParseBlock(body)
	if err != nil {
		return ledger.Block{}, c.broken("block of %d bytes: %v", len(body), err)
	}
	if got := b.Header.Hash(); got != ref.Hash {
		return ledger.Block{}, c.broken("block %s came for %s", got, ref.Hash)
	}
	return b, nil
}

// Place tells where a transaction is.
type Place uint8

// The places.
const (
	PlaceUnknown Place = iota + 1
	PlacePooled
	PlaceBlock // of the best chain
)

// Found is a transaction and where it is.
type Found struct {
	Place   Place
	Block   Ref    // for PlaceBlock
	Index   int    // for PlaceBlock
	Payload []byte // its encoding
}

// Transaction looks one transaction up; ErrNotFound if it is neither in the
// pool nor in the best chain.
func (c *Client) Transaction(ctx context.Context, id ledger.Hash) (Found, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Transaction(ctx, &chainpb.TransactionRequest{Id: id[:]})
	if err != nil {
		return Found{}, c.fail(err)
	}
	block, err := c.ref("block", m.Block)
	return Found{Place: Place(m.Place), Block: block, Index: int(m.Index), Payload: m.Payload}, err
}

// Locate tells where transactions are, in the order asked.
func (c *Client) Locate(ctx context.Context, ids []ledger.Hash) ([]Place, error) {
	places := make([]Place, 0, len(ids))
	for len(ids) > 0 {
		part := ids[:min(len(ids), locateMax)]
		got, err := c.locate(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, p := range got {
			places = append(places, Place(p))
		}
		ids = ids[len(part):]
	}
	return places, nil
}

func (c *Client) locate(ctx context.Context, ids []ledger.Hash) ([]byte, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Locate(ctx, &chainpb.LocateRequest{Ids: ledger.AppendHashes(nil, ids)})
	if err != nil {
		return nil, c.fail(err)
	}
	if len(m.Places) != len(ids) {
		return nil, c.broken("%d places for %d transactions", len(m.Places), len(ids))
	}
	return m.Places, nil
}

// Proof shows that a transaction is in a block, to one who has headers.
type Proof struct {
	ID     ledger.Hash
	Block  Ref
	Header ledger.Header
	Path   ledger.Proof
}

// Valid says whether the proof leads from the transaction to the block's hash.
// Whether that block is part of the chain is for the caller's headers to say.
func (p Proof) Valid() bool {
	return p.Header.Hash() == p.Block.Hash && p.Path.Verify(p.ID, p.Header.Merkle)
}

// Proof asks for a proof that a transaction is in the best chain, and does not
// check it; see Valid. ErrNotFound if the node knows of none.
func (c *Client) Proof(ctx context.Context, id ledger.Hash) (Proof, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Proof(ctx, &chainpb.ProofRequest{Id: id[:]})
	if err != nil {
		return Proof{}, c.fail(err)
	}
	p := Proof{ID: id, Path: ledger.Proof{Index: m.Index, Count: m.Count}}
	if p.Block, err = c.ref("block", m.Block); err != nil {
		return Proof{}, err
	}
	if p.Path.Siblings, err = c.hashes(nil, "siblings", m.Siblings); err != nil {
		return Proof{}, err
	}
	p.Header, err = c.header(m.Header, p.Block.Hash)
	return p, err
}
