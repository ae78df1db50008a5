package p2p

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// ID is the name of a node: random, kept in its data folder.
type ID [32]byte

// String returns the first 8 bytes in hexadecimal, enough to tell peers apart.
func (id ID) String() string { return hex.EncodeToString(id[:8]) }

// Work is the work of a branch, big-endian.
type Work [32]byte

// Cmp compares two works as numbers.
func (w Work) Cmp(other Work) int { return bytes.Compare(w[:], other[:]) }

// Tip is a best block and the work of its branch from the genesis on.
type Tip struct {
	Height uint32
	Hash   ledger.Hash
	Work   Work
}

// Outline is a block of the best chain without its transactions.
type Outline struct {
	Tip
	Header ledger.Header
	IDs    []ledger.Hash // of all transactions, the coinbase first; not to be changed
}

// Branch is what a run of headers leads to.
type Branch struct {
	Tip
	Better bool // it has more work than the best chain
}

// Body reads parts of a block's encoding.
type Body interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Chain reads the best chain and stored blocks.
type Chain interface {
	// Tip returns the announced tip.
	Tip() Tip
	// NextTip waits until the tip is another than after and returns it.
	NextTip(ctx context.Context, after Tip) (Outline, error)
	// Knows says whether a block was accepted, on whatever branch.
	Knows(hash ledger.Hash) bool
	// OpenBlock returns a reader of a stored block, to be closed.
	OpenBlock(hash ledger.Hash) (Body, error)
}

// Headers compares chains.
type Headers interface {
	// Locator lists hashes of the best chain, newest first, exponentially
	// apart, the genesis last.
	Locator() []ledger.Hash
	// HeadersAfter returns at most most headers of the best chain after the
	// first block of the locator that is on it, and the height of the first.
	HeadersAfter(locator []ledger.Hash, most int) (from uint32, headers []ledger.Header, err error)
	// CheckHeaders judges headers in order by all rules for headers and keeps
	// none. The first must build on a known block. The error is a ledger.Reject
	// where one breaks a rule.
	CheckHeaders(ctx context.Context, headers []ledger.Header) (Branch, error)
}

// Checked is a block whose content was checked; it belongs to the node.
type Checked any

// Blocks accepts blocks in two steps.
type Blocks interface {
	// Check checks what needs no parent. Any goroutine may call it. A refusal is
	// a ledger.Reject; what comes with it, unless nil, is handed to Accept all
	// the same, which then remembers the header and refuses it too.
	Check(ctx context.Context, b *ledger.Block) (Checked, error)
	// Accept takes a checked block whose parent is known. A refusal is a
	// ledger.Reject.
	Accept(ctx context.Context, c Checked) error
}

// Pool is where transactions wait.
type Pool interface {
	// Submit offers transactions; done is called once, must not block, and gets
	// one answer and one ID for each.
	Submit(payloads [][]byte, done func(answers []ledger.Reject, ids []ledger.Hash))
	// Pooled returns the encodings of those in the pool, nil for others.
	Pooled(ids []ledger.Hash) [][]byte
	// PoolIDs lists at most most IDs, oldest first.
	PoolIDs(most int) []ledger.Hash
	// MatchPool returns for each short ID the one transaction that has it, or
	// the zero Tx where there is none or more than one.
	MatchPool(short func(ledger.Hash) uint64, want []uint64) []ledger.Tx
}

// Node is the node that a Host serves. The pieces may be the same value.
type Node struct {
	Params  *ledger.Params
	Chain   Chain
	Headers Headers
	Blocks  Blocks
	Pool    Pool
}
