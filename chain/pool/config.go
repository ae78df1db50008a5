package pool

import (
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of Config.
const (
	MaxMaxTxs   = 1 << 24
	MaxMaxBytes = 1 << 36
	MaxMaxDepth = 1 << 10
)

// Config sets the bounds of the pool.
type Config struct {
	// MaxTxs bounds the transactions in the pool, those taken for a block
	// included, 1 to MaxMaxTxs. A full pool answers RejectBusy. What a
	// reorganisation puts back may exceed the bound up to the double.
	MaxTxs int
	// MaxBytes bounds their encodings in the same way, ledger.MaxTxBytes to
	// MaxMaxBytes.
	MaxBytes int64
	// MaxDepth bounds a chain of unconfirmed spends, 1 to MaxMaxDepth.
	MaxDepth int
	// MaxAge is how long a transaction may wait before it is dropped together
	// with its descendants, 1 s or more.
	MaxAge time.Duration
}

// DefaultConfig returns the bounds that a node has unless told otherwise.
func DefaultConfig() Config {
	return Config{MaxTxs: 200_000, MaxBytes: 128 << 20, MaxDepth: 64, MaxAge: 15 * time.Minute}
}

// Validate says which field is out of its range.
func (c Config) Validate() error {
	switch {
	case c.MaxTxs < 1 || c.MaxTxs > MaxMaxTxs:
		return fmt.Errorf("pool: max_txs is %d, permitted are 1 to %d", c.MaxTxs, MaxMaxTxs)
	case c.MaxBytes < ledger.MaxTxBytes || c.MaxBytes > MaxMaxBytes:
		return fmt.Errorf("pool: max_bytes is %d, permitted are %d to %d", c.MaxBytes, ledger.MaxTxBytes, int64(MaxMaxBytes))
	case c.MaxDepth < 1 || c.MaxDepth > MaxMaxDepth:
		return fmt.Errorf("pool: max_depth is %d, permitted are 1 to %d", c.MaxDepth, MaxMaxDepth)
	case c.MaxAge < time.Second:
		return fmt.Errorf("pool: max_age is %v, permitted is 1s or more", c.MaxAge)
	}
	return nil
}

// Outputs is the set of outputs that can be spent; the state.
type Outputs interface {
	// Lookup returns an output of the set; false if it is not in it. The error
	// is one of I/O.
	Lookup(op ledger.OutPoint) (e ledger.Entry, ok bool, err error)
	// Tip returns the block that the set stands at; false before the first.
	Tip() (height uint32, hash ledger.Hash, ok bool)
}

// Tx is a transaction in the pool, and how long the stages before took. The
// times are zero for one that came with a block and not over the wire.
type Tx struct {
	ledger.Tx
	Fee     uint64
	Verify  time.Duration // from received to verified
	Order   time.Duration // from verified to ordered
	Ordered time.Time     // when the pool accepted it
}

// Cause is why a transaction left the pool other than by a block.
type Cause uint8

// The causes. Descendants leave with their ancestor, for the same cause.
const (
	Conflict Cause = iota // a block spent one of its inputs, or took back the output that it spends
	Expired               // older than Config.MaxAge
	Evicted               // the newest, when a reorganisation put back more than twice the bounds
	causes
)

func (c Cause) String() string { return [...]string{"conflict", "expired", "evicted"}[c] }

// Events are called as things happen, with the pool locked: they must neither
// block nor call the pool. Any may be nil.
type Events struct {
	// Accepted reports what Offer accepted, in order, once for each run of
	// transactions that it had the lock for. The slice is the pool's and holds
	// for the call; the transactions may be kept.
	Accepted func(txs []ledger.Tx)
	// Dropped reports a transaction that was accepted and will not commit.
	Dropped func(id ledger.Hash, cause Cause)
	// Fault reports an I/O error of Outputs. The transaction that needed the
	// answer was refused as RejectBusy, or stays for a later block.
	Fault func(err error)
}
