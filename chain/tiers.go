package chain

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
)

// diskTier is the store as the read path's last tier.
type diskTier struct{ store *store.Store }

// Find looks at the indexes only if the hint does not hold any more.
func (d diskTier) Find(id ledger.Hash, hint tier.Location) (tier.Location, error) {
	if hint.Txs > 0 {
		if info, err := d.store.Info(hint.Block); err == nil && info.Best {
			return hint, nil
		}
	}
	block, index, ok, err := d.store.FindTx(id)
	if err != nil {
		return tier.Location{}, err
	}
	if !ok {
		return tier.Location{}, fmt.Errorf("transaction %s: %w", id, ErrNotFound)
	}
	info, err := d.store.Info(block.Hash)
	return tier.Location{Height: info.Height, Block: info.Hash, Header: info.Header, Index: index, Txs: info.Txs}, err
}

func (d diskTier) Body(block ledger.Hash) ([]byte, error) { return d.store.Body(block) }

func (d diskTier) Tx(id ledger.Hash, at tier.Location) ([]byte, error) {
	return d.store.Tx(at.Block, at.Index, id)
}

func (d diskTier) Proof(id ledger.Hash, at tier.Location) (ledger.Proof, error) {
	ids, err := d.store.IDs(at.Block)
	if err != nil {
		return ledger.Proof{}, err
	}
	if at.Index >= len(ids) || ids[at.Index] != id {
		return ledger.Proof{}, fmt.Errorf("transaction %d of block %s is not %s: %w", at.Index, at.Block, id, store.ErrDamaged)
	}
	return ledger.MerkleProof(ids, at.Index), nil
}

// tierEvents are those of the caller, and the log hears of Redis too.
func (n *Node) tierEvents() tier.Events {
	ev := n.ev.Tiers
	told := ev.Redis
	ev.Redis = func(up bool, err error) {
		if up {
			n.log.Info("Redis answers; reading through it")
		} else {
			n.log.Warn("Redis is left alone until it answers again; reading without it", "err", err)
		}
		if told != nil {
			told(up, err)
		}
	}
	return ev
}

// BlockReader reads the encoding of a block. Size is in bytes.
type BlockReader interface {
	io.ReadCloser
	Size() int64
}

// ReadBlock is OpenBlock through the tiers, for blocks that may be asked for
// again.
func (n *Node) ReadBlock(ctx context.Context, hash ledger.Hash) (uint32, BlockReader, error) {
	info, err := n.store.Info(hash)
	if err != nil {
		return 0, nil, err
	}
	if r, ok, err := n.tiers.Block(ctx, hash, info.Bytes); err != nil {
		return 0, nil, err
	} else if ok {
		return info.Height, r, nil
	}
	body, err := n.store.OpenBody(hash)
	if err != nil {
		return 0, nil, err
	}
	return info.Height, body, nil
}

// Transaction looks for a transaction in the pool and in the best chain. The
// error is ErrNotFound if it is in neither.
func (n *Node) Transaction(ctx context.Context, id ledger.Hash) (found Found, err error) {
	n.lookUp(func() (done bool) {
		found, err = n.transaction(ctx, id)
		return !errors.Is(err, ErrNotFound)
	})
	return found, err
}

func (n *Node) transaction(ctx context.Context, id ledger.Hash) (Found, error) {
	waiting := n.pool.Find([]ledger.Hash{id})[0]
	at, b, err := n.tiers.Tx(ctx, id)
	switch {
	case err == nil:
		return Found{Place: PlaceBlock, Block: Ref{Height: at.Height, Hash: at.Block}, Index: at.Index, Bytes: b}, nil
	case inPool(waiting):
		return Found{Place: PlacePooled, Bytes: waiting.Bytes()}, nil
	}
	return Found{}, err
}

// Proof returns the block of the best chain that a transaction is in, its
// header, and the proof that it is; or ErrNotFound.
func (n *Node) Proof(ctx context.Context, id ledger.Hash) (Ref, ledger.Header, ledger.Proof, error) {
	at, p, err := n.tiers.Proof(ctx, id)
	return Ref{Height: at.Height, Hash: at.Block}, at.Header, p, err
}
