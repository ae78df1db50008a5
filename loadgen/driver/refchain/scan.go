package refchain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// dust is what a coin must have at least to be remembered: the payments of
// earlier runs are below it, and would fill the memory.
const dust = payment + varyMost + 1

var errScanned = errors.New("scanned")

// coins returns need coins, the richest first where there is a choice, and the
// block after which they can be spent. On a chain that carried load before it
// reads every block that has transactions.
func (d *Driver) coins(ctx context.Context, known *payees, params *ledger.Params, need int) ([]coin, client.Ref, error) {
	c, err := d.answering(ctx)
	if err != nil {
		return nil, client.Ref{}, err
	}
	tip, _, err := c.Tip(ctx)
	if err != nil {
		return nil, tip, err
	}
	s := newScan(known, params)
	if tip.Height > 0 {
		if err := s.readUpTo(ctx, c, client.Ref{Hash: known.genesis}, tip); err != nil {
			return nil, tip, fmt.Errorf("reading the chain for outputs to spend: %w", err)
		}
	}
	found, err := s.richest(need)
	return found, tip, err
}

// scan keeps the outputs of public keys while it goes through a chain.
type scan struct {
	keys    map[ledger.KeyHash]uint32
	unspent map[ledger.OutPoint]coin
}

func newScan(known *payees, params *ledger.Params) *scan {
	s := &scan{
		keys:    make(map[ledger.KeyHash]uint32, len(known.keys)),
		unspent: make(map[ledger.OutPoint]coin, len(known.keys)),
	}
	for i, k := range known.keys {
		s.keys[k] = uint32(i)
		at := ledger.OutPoint{TxID: known.coinbase, Index: uint32(i)}
		s.unspent[at] = coin{point: at, value: params.DevValue, key: uint32(i)}
	}
	return s
}

// readUpTo goes through the best chain after block from up to block to.
func (s *scan) readUpTo(ctx context.Context, c *client.Client, from, to client.Ref) error {
	err := c.Follow(ctx, from, func(e client.Event) error {
		if e.Block == nil {
			return errors.New("the chain was reorganised meanwhile: try again")
		}
		if err := s.read(ctx, c, e.Block); err != nil {
			return err
		}
		if e.Block.Height == to.Height {
			return errScanned
		}
		return nil
	})
	if errors.Is(err, errScanned) {
		return nil
	}
	return err
}

func (s *scan) read(ctx context.Context, c *client.Client, b *client.Block) error {
	if len(b.IDs) < 2 { // the reward alone
		return nil
	}
	whole, err := c.Block(ctx, b.Hash)
	if err != nil {
		return err
	}
	for i := range whole.Txs {
		s.take(&whole.Txs[i])
	}
	return nil
}

func (s *scan) take(tx *ledger.Tx) {
	for i := range tx.Inputs() {
		delete(s.unspent, tx.Prev(i))
	}
	if tx.IsCoinbase() {
		return // maybe not mature yet
	}
	for i := range tx.Outputs() {
		o := tx.Out(i)
		if key, ok := s.keys[o.Key]; ok && o.Value >= dust {
			at := ledger.OutPoint{TxID: tx.ID(), Index: uint32(i)}
			s.unspent[at] = coin{point: at, value: o.Value, key: key}
		}
	}
}

func (s *scan) richest(need int) ([]coin, error) {
	list := make([]coin, 0, len(s.unspent))
	for _, c := range s.unspent {
		list = append(list, c)
	}
	if len(list) < need {
		return nil, fmt.Errorf("lanes and inputs need %d outputs, but earlier runs left %d: use fewer lanes, or a new chain", need, len(list))
	}
	slices.SortFunc(list, func(a, b coin) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.key, b.key), cmp.Compare(a.point.Index, b.point.Index),
			slices.Compare(a.point.TxID[:], b.point.TxID[:]))
	})
	return list[:need], nil
}
