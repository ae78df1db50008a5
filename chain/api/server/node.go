package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// What a node's methods return where they have no answer. They may be wrapped.
var (
	// ErrNotFound: no such block or transaction.
	ErrNotFound = errors.New("not found")
	// ErrNoIndex: the node was configured without the index that this needs.
	ErrNoIndex = errors.New("the index by key is off on this node")
)

// Node is what the server needs of a node: the pieces that chain hands it. All
// methods may be called by many goroutines at once. What they return is not
// changed by anybody afterwards.
type Node struct {
	Submitter Submitter
	Chain     Chain
	Follower  Follower
	Lookup    Lookup
	Set       Set
	Inspector Inspector
	Sealer    Sealer // nil: blocks can't be asked for
}

// Submitter takes transactions.
type Submitter interface {
	// Submit never blocks. It takes the payloads over: they must not change any
	// more. done is called exactly once, from a goroutine of the node, with one
	// answer for each payload and the IDs of those that decoded (the zero Hash
	// for others; ids may be nil if none did). done does not block; the slices
	// are the callee's to keep.
	Submit(payloads [][]byte, done func(answers []ledger.Reject, ids []ledger.Hash))
}

// Ref names a block. The zero Hash stands for "before genesis".
type Ref struct {
	Height uint32
	Hash   ledger.Hash
}

// Chain reads the best chain and stored blocks.
type Chain interface {
	// Tip returns the best block and its header.
	Tip() (Ref, ledger.Header)
	// Headers returns headers of the best chain upwards from height from: at
	// most n, none past the tip.
	Headers(from uint32, n int) ([]ledger.Header, error)
	// BlockAt returns the hash of the best chain's block at a height, or
	// ErrNotFound.
	BlockAt(height uint32) (ledger.Hash, error)
	// OpenBlock returns a stored block's height and encoding, to be closed by the
	// caller, or ErrNotFound.
	OpenBlock(ctx context.Context, hash ledger.Hash) (height uint32, body Body, err error)
}

// Body reads the encoding of a block, so that a slow caller does not keep a
// whole block in memory. Size is in bytes.
type Body interface {
	io.ReadCloser
	Size() int64
}

// Follower reads changes of the best chain by cursor.
type Follower interface {
	// Knows says whether a block is stored, on whatever branch. It is true for
	// the zero Ref.
	Knows(at Ref) bool
	// Next returns the step that follows a known block: if at is on the best
	// chain, the block on top of it, for which Next waits until there is one or
	// ctx is done; otherwise what must be reverted to come back to the best
	// chain. After the zero Ref comes genesis.
	Next(ctx context.Context, at Ref) (Step, error)
}

// Step is one change of the best chain: either a list of blocks to revert, or
// a block to apply.
type Step struct {
	Revert []Ref // from at downwards; nil where Block is set
	Parent Ref   // where the best chain stands after Revert; unset where Block is set
	Block  *Committed
	Final  Ref // nothing up to here is ever reverted; zero: nothing is final
}

// Committed is a block as followers see it.
type Committed struct {
	Ref
	Header   ledger.Header
	IDs      []ledger.Hash // of all transactions, the coinbase first
	Bytes    uint64        // encoded size
	Durable  bool          // synced to stable storage before it was announced
	Interval time.Duration // since the previous block, on the monotonic clock; 0 = unknown
	Seal     time.Duration // spent in sealing
	Hashes   uint64        // tried while sealing
	Missing  uint64        // transactions for which the node has no durations
	Stages   []Stage
}

// Stage is the distribution of one stage's durations over the transactions of
// a block: an HdrHistogram of nanoseconds in V2 compressed encoding.
type Stage struct {
	Name string // node_verify, node_order, node_seal, node_store
	V2   []byte
}

// Place tells where a transaction is. The numbers are those of the wire.
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

// Lookup finds transactions, in the pool and in the best chain.
type Lookup interface {
	// Transaction returns ErrNotFound for one that is in neither.
	Transaction(ctx context.Context, id ledger.Hash) (Found, error)
	// Locate returns one place for each ID, in order.
	Locate(ids []ledger.Hash) ([]Place, error)
	// Proof shows that a transaction is in the best chain, or returns
	// ErrNotFound.
	Proof(ctx context.Context, id ledger.Hash) (Proof, error)
}

// Proof shows that a transaction is in a block, to one who has headers.
type Proof struct {
	Block  Ref
	Header ledger.Header
	Path   ledger.Proof
}

// Set reads the output set.
type Set interface {
	// OutputsOf returns at most limit outputs that a key can spend, or
	// ErrNoIndex.
	OutputsOf(key ledger.KeyHash, limit int) ([]ledger.Change, error)
	// Digest reads the whole set, from a snapshot.
	Digest(ctx context.Context) (SetDigest, error)
}

// SetDigest sums up the output set after block Tip.
type SetDigest struct {
	Tip    Ref
	Count  uint64 // outputs
	Value  uint64 // of all outputs
	Digest ledger.Hash
}

// Inspector describes the node.
type Inspector interface {
	Info() Info
	Stats() Stats
}

// AckMeans tells what RejectNone as an answer promises. The numbers are those
// of the wire.
type AckMeans uint8

// The meanings.
const (
	AckReceived AckMeans = iota + 1
	AckVerified
	AckPooled
)

// Info is the node's identity, rules and bounds. The server adds its own
// bounds.
type Info struct {
	Client    string // software and version
	Name      string // of this node, as configured
	Params    *ledger.Params
	Interval  time.Duration // expected mean time between blocks; 0 = unknown
	OnDemand  bool          // blocks are made by Sealer only
	AckMeans  AckMeans
	PoolTxs   int // bound of the pool
	PoolBytes int64
	PoolDepth int               // longest chain of unconfirmed spends
	Settings  map[string]string // what reports print, e.g. sync: "interval"
}

// Stats is one reading of the node's counters, which grow from its start.
type Stats struct {
	Uptime       time.Duration
	PoolTxs      int
	PoolBytes    uint64
	QueueTxs     int    // received but not verified
	Outputs      uint64 // in the set
	BlocksSealed uint64
	Threads      []Thread
	Rejected     map[string]uint64 // by kind
	CPUSeconds   float64           // user and system
	GCSeconds    float64           // stop-the-world
	RSSBytes     uint64
	HeapBytes    uint64
	DiskBytes    uint64 // written to the data folder
	Tiers        []Tier // of the read path, the fastest first
}

// Tier is one tier of the read path: l1 in process, l2 Redis, l3 the store.
type Tier struct {
	Name     string
	Hits     uint64        // reads that it answered
	Misses   uint64        // that it was asked for in vain
	Took     time.Duration // by the hits together, from the question to the answer
	Poisoned uint64        // values that were not what they were kept as; never used
	Failures uint64        // no answer in time, or an error
}

// Thread is one sealing thread.
type Thread struct {
	Hashes uint64
	Busy   time.Duration
}

// Sealer makes blocks on demand.
type Sealer interface {
	// Seal makes n blocks one after the other and returns the new tip.
	Seal(ctx context.Context, n int) (Ref, error)
}
