package miner

import (
	"context"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of Config.
const (
	MaxThreads = 1024
	MaxPace    = 24 * time.Hour
)

// Config says how blocks are made.
type Config struct {
	// Threads is the number of search threads, 0 to MaxThreads. With 0 the
	// node makes no blocks, and Seal fails.
	Threads int
	// OnDemand makes blocks only when Seal asks for them.
	OnDemand bool
	// Pace is the mean interval between this miner's blocks, up to MaxPace;
	// with 0 it searches without waiting.
	Pace time.Duration
	// PaceMin is the shortest interval that pace draws, at most Pace.
	PaceMin time.Duration
	// Refresh is how long a search goes on with one template, before it takes
	// newer transactions in; 0 is for ever.
	Refresh time.Duration
	// Payout is the key that the subsidy and the fees are paid to.
	Payout ledger.KeyHash
	// Seed is the seed of the draws.
	Seed uint64
}

// DefaultConfig returns one thread with a pace of 250 ms.
func DefaultConfig() Config {
	return Config{Threads: 1, Pace: 250 * time.Millisecond, PaceMin: 25 * time.Millisecond, Refresh: time.Second}
}

// Validate says which field is out of its range.
func (c Config) Validate() error {
	switch {
	case c.Threads < 0 || c.Threads > MaxThreads:
		return fmt.Errorf("miner: threads is %d, permitted are 0 to %d", c.Threads, MaxThreads)
	case c.Pace < 0 || c.Pace > MaxPace:
		return fmt.Errorf("miner: pace is %v, permitted are 0s to %v", c.Pace, MaxPace)
	case c.PaceMin < 0 || c.PaceMin > c.Pace:
		return fmt.Errorf("miner: pace_min is %v, permitted are 0s to the pace, %v", c.PaceMin, c.Pace)
	case c.Refresh < 0:
		return fmt.Errorf("miner: refresh is %v, permitted is 0s or more", c.Refresh)
	}
	return nil
}

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
// through Return, unless Submit accepted its block.
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
	// Submit returns nil once the block is committed; the template's
	// transactions are the chain's then, and SetTip has been or will be
	// called. Otherwise it returns why not, and the miner keeps the template.
	Submit(ctx context.Context, s *Sealed) error
}

// Events are called as things happen, from the goroutine of Run. They must not
// block. Any may be nil.
type Events struct {
	Sealed  func(s *Sealed) // before it is submitted
	Stale   func(tip Tip)   // a template was given up for a newer tip
	Refused func(err error) // Submit refused a sealed block
}
