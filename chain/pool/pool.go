package pool

import (
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Pool is the stage. Any goroutine may call its methods.
type Pool struct{}

// New returns an empty pool over the given set. The error is about cfg.
func New(cfg Config, params *ledger.Params, outputs Outputs, ev Events) (*Pool, error) {
	panic("API only")
}

// Offer is ingest's Sink: it accepts or refuses, in order, every transaction
// whose answer is RejectNone, and sets the answer. The pool copies what it
// keeps. First seen wins. The kinds: RejectDuplicate (the same is in the pool,
// or was in one of the last blocks), RejectDoubleSpend (an input is spent in
// the pool or by one of the last RecentSpends inputs that blocks spent),
// RejectMissingInput, RejectKeyMismatch, RejectImmature, RejectValue,
// RejectFee, RejectTooLarge (does not fit into a block), RejectDepth,
// RejectBusy (the pool is full).
func (p *Pool) Offer(txs []ledger.Tx, received, verified time.Time, answers []ledger.Reject) {
	panic("API only")
}

// Take hands out the oldest transactions within both bounds, parents before
// children, together with the sum of their fees. They stay in the pool, so
// that conflicts with them are refused, until Commit or Return.
//
// The set must not be ahead of the pool: between the moment at which a block
// reaches Outputs and its Commit (or Revert), Take could hand out what the
// block has spent. Tell the miner of a tip only after Commit.
func (p *Pool) Take(maxTxs, maxBytes int) (txs []Tx, fees uint64) { panic("API only") }

// Return puts back what was taken for a block that was not sealed, or was
// refused: to its old place, ahead of newer ones. Transactions that have been
// committed or dropped since are ignored.
func (p *Pool) Return(txs []Tx) { panic("API only") }

// Commit tells the pool of a block that Outputs has already applied, the
// node's own or another's. Its transactions leave the pool; what conflicts
// with them is dropped together with its descendants.
func (p *Pool) Commit(b *ledger.Block) { panic("API only") }

// Revert tells the pool of a block that Outputs has already reverted. A
// reorganisation calls it from the old tip downwards, then Commit upwards. The
// block's transfers go back into the pool, in chain order, ahead of all
// others; they cannot be refused, and whatever conflicts with them is dropped.
func (p *Pool) Revert(b *ledger.Block) { panic("API only") }

// Has says which of the transactions are in the pool, taken ones included.
func (p *Pool) Has(ids []ledger.Hash) []bool { panic("API only") }

// Changed returns a channel that receives a hint after transactions were
// accepted or put back. Hints coalesce.
func (p *Pool) Changed() <-chan struct{} { panic("API only") }

// Stats is a snapshot of the pool. All but the first four count since New.
type Stats struct {
	Txs    int   // in the pool, taken ones included
	Bytes  int64 // of their encodings
	Taken  int   // handed out and neither committed nor returned
	Recent int   // spent inputs of past blocks that are remembered

	Answers   [ledger.RejectBlock]uint64 // of Offer, indexed by kind; RejectNone counts the accepted
	Dropped   [causes]uint64             // indexed by Cause
	Committed uint64                     // transactions of blocks that were in the pool
	Foreign   uint64                     // and that were not
	Returned  uint64
	Reverted  uint64
}

// Stats returns a snapshot.
func (p *Pool) Stats() Stats { panic("API only") }
