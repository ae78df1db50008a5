package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// What nodes ask one another about. Check and AcceptChecked are in check.go.

// Pooled returns the encodings of those of the transactions that are in the
// pool, nil for the others, in the order asked. They must not be changed.
func (n *Node) Pooled(ids []ledger.Hash) [][]byte {
	encodings := make([][]byte, len(ids))
	for i, tx := range n.pool.Find(ids) {
		encodings[i] = tx.Bytes()
	}
	return encodings
}

// PoolIDs returns the IDs of at most most transactions of the pool, oldest
// first, parents before children: what a peer that has just connected may lack.
func (n *Node) PoolIDs(most int) []ledger.Hash { return n.pool.IDs(most) }

// MatchPool finds transactions of the pool by short names; see pool.Match. The
// others are the zero Tx.
func (n *Node) MatchPool(short func(ledger.Hash) uint64, want []uint64) []ledger.Tx {
	found := n.pool.Match(short, want)
	txs := make([]ledger.Tx, len(found))
	for i := range found {
		txs[i] = found[i].Tx
	}
	return txs
}

// TipWork returns the work of the best chain up to the announced tip.
func (n *Node) TipWork() uint256.Int { return n.view.load().tip.Work }

// Locator names the best chain for HeadersAfter of another node: hashes from
// the tip down, ever farther apart, the genesis last; some 40 at most.
func (n *Node) Locator() []ledger.Hash { return n.view.load().tip.Locator() }

// locatorMax bounds the hashes of a locator that are looked at.
const locatorMax = 64

// HeadersAfter returns at most most headers of the best chain that come after
// the first of the locator's hashes which is on it, and the height of the first
// of them; none if that is the tip. ErrNotFound if no hash is on it, which a
// locator of the same network excludes.
func (n *Node) HeadersAfter(locator []ledger.Hash, most int) (from uint32, headers []ledger.Header, err error) {
	tip := n.view.load().tip
	for _, hash := range locator[:min(len(locator), locatorMax)] {
		info, err := n.store.Info(hash)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		if here := tip.Ancestor(info.Height); here != nil && here.Hash == hash {
			return info.Height + 1, tip.After(info.Height+1, most), nil
		}
	}
	return 0, nil, fmt.Errorf("a locator of %d hashes: %w", len(locator), ErrNotFound)
}

// Branch is what a run of headers leads to.
type Branch struct {
	Ref    Ref         // its last block
	Work   uint256.Int // from the genesis up to there
	Better bool        // than the best chain: the node would reorganise
}

// CheckHeaders judges a run of headers by all rules of headers, in order: each
// builds on the one before, and the first on a block that is known. Those that
// are known themselves are passed over. Nothing is kept. The error is a
// ledger.Reject if one breaks a rule, RejectParent if the run is not one; no
// headers are a zero Branch.
//
// It runs in the commit goroutine, which a thousand headers hold up for some
// milliseconds, and needs some 300 bytes for each until it returns: the caller
// bounds their number.
func (n *Node) CheckHeaders(ctx context.Context, headers []ledger.Header) (Branch, error) {
	var branch Branch
	err := n.serial(ctx, func() error {
		if len(headers) == 0 {
			return nil
		}
		if _, err := n.find(headers[0].Prev); err != nil {
			return err
		}
		last, reject := n.tree.Judge(headers, n.now())
		if reject != ledger.RejectNone {
			return reject
		}
		branch = Branch{Ref: Ref{Height: last.Height, Hash: last.Hash}, Work: last.Work, Better: n.tree.Heavier(last)}
		return nil
	})
	return branch, err
}
