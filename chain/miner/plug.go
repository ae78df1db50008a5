package miner

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Tip is what the next block builds on.
type Tip struct {
	Height  uint32      // of the block to be made
	Prev    ledger.Hash // its parent
	Bits    uint32      // the target that the rule asks for
	MinTime uint32      // the least time it may carry, in Params.TimeUnit
}

// Template is what a Source handed out for one block.
type Template struct {
	Txs    []ledger.Tx // parents before children, no coinbase
	Fees   uint64      // the sum of their fees
	Handle any         // the source's own; the miner only carries it
}

// Source hands out transactions: the pool. The miner gives every template back
// through Return, unless its block became the tip.
type Source interface {
	Take(maxTxs, maxBytes int) Template
	Return(t Template)
}

// Sealer makes a block final. Seal tries headers, beginning with h, until one
// is sealed; it asks next for another when it has tried all of one. It returns
// within a millisecond after ctx has ended, with ctx's error; what it has
// tried is told in any case. next may be called by one goroutine at a time.
type Sealer interface {
	Seal(ctx context.Context, h ledger.Header, threads int, next func() ledger.Header) (Found, error)
}

// Found is the outcome of a Sealer.
type Found struct {
	Header ledger.Header
	Hashes []uint64 // tried, per thread
}

// Sealed is a block ready to be committed.
type Sealed struct {
	Height   uint32
	Block    *ledger.Block
	IDs      []ledger.Hash // of all its transactions, the coinbase first
	Template Template      // what the block was made of
	Hashes   []uint64      // tried on this tip, per search thread
	Seal     time.Duration // searched on this tip
	At       time.Time     // when the seal was found
}

// Chain takes sealed blocks: the assembly.
type Chain interface {
	// Submit returns nil once the block is committed and, if it is the best
	// one, SetTip has been called: then the template's transactions are the
	// chain's. Otherwise it returns why not.
	Submit(ctx context.Context, s *Sealed) error
}

// Events are called as things happen, from the goroutine of Run. They must not
// block. Any may be nil.
type Events struct {
	Sealed  func(s *Sealed) // before it is submitted
	Stale   func(tip Tip)   // a template or a sealed block was too late: another block is the tip
	Refused func(err error) // Submit refused a sealed block, or the Sealer failed; tried again after a while
}
