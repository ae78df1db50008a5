// Package driver is the contract between the load generator and a chain.
//
// The generator is the consumer, so the contract lives with it: a chain knows
// nothing of load tests, and a driver speaks the chain's wire and imports no
// node code. Package drivertest says whether a driver keeps the contract.
package driver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ID identifies a transaction or a block: 32 bytes in the order in which the
// chain's own tools write them, so that what a report names can be looked up.
type ID [32]byte

// String returns the ID in hexadecimal, first byte first.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Ref names a block. The zero Ref stands for "before genesis".
type Ref struct {
	Height uint64
	ID     ID
}

// Driver connects the generator to one chain. Its methods may be called by
// several goroutines at once.
type Driver interface {
	// Info tells what the chain is and what it permits. It has no side effect
	// and is the first call on a target.
	Info(ctx context.Context) (Info, error)
	// Prepare is called once per run, by one process: it funds, splits or
	// deploys whatever the lanes of the plan need. The Handout may be sent to
	// other processes.
	Prepare(ctx context.Context, p Plan) (Handout, error)
	// Open is called once per worker and connection. It sends no transaction.
	Open(ctx context.Context, h Handout, s Segment) (Session, error)
	// Follow emits every change of the best chain after block from, without a
	// gap, and reconnects by itself. It calls emit from one goroutine and
	// returns when ctx is done, when emit fails (with that error), or when the
	// chain can't be followed any more. The Update and its slices belong to
	// emit only until it returns.
	Follow(ctx context.Context, from Ref, emit func(Update) error) error
	// Close releases connections. Sessions must have been closed before.
	Close() error
}

// Session is one worker's connection. Submit may be called by one goroutine
// at a time; ack may be called from any goroutine, also after Submit returned.
type Session interface {
	// Lanes returns the ordered spenders of this session's segment. The caller
	// owns the slice; each lane is used by one goroutine.
	Lanes() []Lane
	// Submit sends a batch (at most Info.BatchMax) and may block while the
	// transport pushes back. ack is called exactly once for each transaction
	// of the batch, with its index, as each answer arrives; on a broken
	// connection with Unknown. Payloads must stay untouched until then.
	Submit(ctx context.Context, batch []Tx, ack func(i int, a Ack))
	// Close waits until every outstanding ack has been given (Unknown where no
	// answer came) and releases the connection.
	Close() error
}

// ErrStarved says that a lane has nothing to spend now, but may later.
var ErrStarved = errors.New("lane is starved: nothing to spend until an earlier transaction is held")

// ErrExhausted says that a lane has nothing left to spend for good.
var ErrExhausted = errors.New("lane is exhausted")

// Lane is one ordered spender. The generator sends a lane's next transaction
// only after the previous one was answered, so a driver never has to undo more
// than the unanswered one.
type Lane interface {
	// Next builds and signs the next transaction, appending its payload to dst
	// (Tx.Payload aliases dst's array or a grown copy). It does no I/O.
	// Seq counts from 0 without gaps within the lane.
	Next(dst []byte) (Tx, error)
	// Settle tells what became of a transaction of this lane. After Refused the
	// lane goes on from its last accepted output; after Lost or Failed from its
	// last included one, and what it built on the lost one is void. A
	// transaction whose Kind expects its refusal changes nothing when refused.
	// Payload is set for Accepted and Refused alone. Next may run far ahead of
	// Settle (pre-signed decks); Accepted and Refused come in Seq order,
	// InBlock at the latest before the lane's window is full.
	Settle(tx Tx, s Settlement)
}

// Tx is one transaction ready to be sent.
type Tx struct {
	ID      ID
	Seq     uint64 // within the lane
	Lane    uint32 // index within the whole handout, not the segment
	Kind    uint8  // index into Info.Kinds
	Payload []byte // the chain's own encoding
}

// Settlement is what a lane is told about a transaction.
type Settlement uint8

// The settlements, in the order in which a transaction can meet them.
const (
	Accepted Settlement = iota + 1 // answered: pooled (or found to be, after an unknown answer)
	Refused                        // answered: not pooled (never for Busy, which is sent again)
	InBlock                        // in a block of the best chain
	Held                           // its inclusion has lasted; its outputs are final
	Failed                         // included but failed in execution
	Reverted                       // its block was abandoned; it may be included again
	Lost                           // nowhere to be found: never arrived, or dropped from the pool
)

// Status is the class of an answer.
type Status uint8

// The answers. Unknown means that the transaction may still commit.
const (
	StatusAccepted Status = iota + 1
	StatusRejected
	StatusUnknown
)

var statusNames = [...]string{"", "accepted", "rejected", "unknown"}

func (s Status) String() string { return name(statusNames[:], int(s)) }

// Ack is the answer to one transaction.
type Ack struct {
	Status Status
	Kind   Reject // why, for StatusRejected and StatusUnknown
	ID     ID     // the chain's ID, where Info.LateID
	Detail string // the chain's own words; may be empty
}

// Reject is a kind of refusal or failure, common to all chains, so that
// reports of different chains can be compared. Zero means none.
type Reject uint8

// The kinds.
const (
	RejectNone         Reject = iota
	RejectBusy                // the system pushes back; the same payload may be sent again
	RejectMalformed           // does not decode, or breaks a static rule
	RejectTooLarge            // over a size bound
	RejectSignature           // a signature or key is wrong
	RejectDoubleSpend         // an input (or nonce) is spent already by another transaction
	RejectMissingInput        // an input is unknown
	RejectFee                 // pays too little
	RejectValue               // creates value, overflows, or has no funds
	RejectImmature            // spends a reward too early, or a time lock
	RejectDuplicate           // this very transaction is known already
	RejectDepth               // too long a chain of unconfirmed spends
	RejectUnauthorized        // the caller may not submit
	RejectTimeout             // no answer in time (unknown)
	RejectDisconnected        // connection lost before the answer (unknown)
	RejectReverted            // failed in execution
	RejectOther
)

var rejectNames = [...]string{
	"none", "busy", "malformed", "too_large", "signature", "double_spend", "missing_input", "fee", "value",
	"immature", "duplicate", "depth", "unauthorized", "timeout", "disconnected", "reverted", "other",
}

func (r Reject) String() string { return name(rejectNames[:], int(r)) }

// Rejects returns every kind, in order.
func Rejects() []Reject {
	all := make([]Reject, len(rejectNames))
	for i := range all {
		all[i] = Reject(i)
	}
	return all
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%d", i)
}

// Update is one step of the best chain: revert these, apply those, final up
// to here. Revert is ordered from the old tip downwards, Apply upwards.
type Update struct {
	Revert []Ref
	Apply  []Block
	Final  Ref           // zero if nothing is final
	Gone   []ID          // transactions the chain dropped from its pool
	Late   time.Duration // forwarding delay, where a coordinator relays
}

// Block is one block as a follower sees it.
type Block struct {
	Ref
	Parent  ID
	Claimed time.Time // the header's time; never subtracted from a local clock
	Bytes   uint64
	Used    uint64 // in Info.Unit
	Limit   uint64 // in Info.Unit; 0 = none
	Txs     []Included
	Stages  []StageHistogram // the node's own durations for this block's transactions
	Missing uint64           // transactions for which the node has no durations
	Durable bool             // synced to stable storage before it was announced
	// Sealing, where the chain reports it; zero otherwise.
	Interval time.Duration // since the previous block, on the node's monotonic clock
	Seal     time.Duration // spent in sealing
	Hashes   uint64        // tried while sealing
}

// StageHistogram is a node-side duration distribution: an HdrHistogram V2
// compressed encoding of nanoseconds.
type StageHistogram struct {
	Stage string // node_verify, node_order, node_seal, node_store
	V2    []byte
}

// Included is one transaction of a block. Failed == RejectNone: executed with
// success.
type Included struct {
	ID     ID
	Failed Reject
	Used   uint32
}

// Finality tells when an inclusion can't be undone.
type Finality uint8

// The kinds of finality.
const (
	FinalityProbabilistic Finality = iota + 1 // deeper is safer
	FinalityInstant                           // at inclusion
	FinalityCheckpoint                        // at Update.Final
)

// AckMeans tells what Accepted promises.
type AckMeans uint8

// The meanings.
const (
	AckReceived AckMeans = iota + 1
	AckVerified
	AckPooled
)

var (
	finalityNames = [...]string{"", "probabilistic", "instant", "checkpoint"}
	ackNames      = [...]string{"", "received", "verified", "pooled"}
)

func (f Finality) String() string { return name(finalityNames[:], int(f)) }
func (a AckMeans) String() string { return name(ackNames[:], int(a)) }

// Kind is one kind of transaction that lanes produce. Expect is the refusal
// that the chain owes it; RejectNone: it should succeed.
type Kind struct {
	Name   string
	Expect Reject
}

// Info describes a target.
type Info struct {
	Family     string // "reference", "null", "bitcoin", ...
	Network    string // name of the network, as the chain calls it
	Client     string // software and version
	Genesis    ID
	Finality   Finality
	AckMeans   AckMeans
	Kinds      []Kind        // what Tx.Kind indexes; at least one
	LaneWindow int           // most unconfirmed transactions of one lane
	BatchMax   int           // most transactions of one Submit
	PayloadMax int           // bytes of one payload
	PoolMax    int           // most transactions waiting; 0 = unknown
	LanesMax   int           // most lanes Prepare can hand out; 0 = no bound
	Interval   time.Duration // expected mean time between blocks; 0 = unknown
	OnDemand   bool          // blocks are made by Sealer.Seal only
	LateID     bool          // the ID is known only from the Ack
	Dev        bool          // a network that is known to be worthless
	Unit       string        // of Block.Used and Limit: "bytes", "gas"
	Tip        Ref           // best block when asked
	Settings   map[string]string
}

// Plan is what a run asks of Prepare.
type Plan struct {
	Lanes    int
	Txs      uint64 // at most this many transactions; 0 = unknown
	Workload Workload
	Seed     uint64
	Options  map[string]string // driver's own
}

// Workload shapes transactions. Shares are of all transactions, 0 to 1.
type Workload struct {
	Inputs, Outputs   int
	InvalidSignatures float64
	DoubleSpends      float64
	KeySkew           float64 // exponent of the Zipf law over receiving keys; 0 = uniform
	Scheme            string  // signature scheme; "" = the chain's default
}

// Handout is what Prepare made: serialisable, shared by all workers.
type Handout struct {
	Lanes int
	Start Ref // follow from here
	Plan  Plan
	Data  []byte // the driver's own
}

// Segment is one session's share of a handout: lanes From <= i < To.
type Segment struct {
	From, To int
	Target   int // which of several submit targets, modulo their number
}

// Place is where a Locator found a transaction.
type Place uint8

// The places.
const (
	PlaceUnsaid  Place = iota // part of the chain can't be asked now, and may know
	PlaceUnknown              // no part of the chain knows it
	PlacePooled
	PlaceBlock
)

// Locator looks transactions up by ID. The answers are in the order asked.
type Locator interface {
	Locate(ctx context.Context, ids []ID) ([]Place, error)
}

// Sealer makes n blocks at once, where Info.OnDemand.
type Sealer interface {
	Seal(ctx context.Context, n int) error
}

// Auditor lets a run be checked against the chain itself.
type Auditor interface {
	// Supply returns the value in existence and the value that the schedule
	// of rewards allows, at the tip that it names.
	Supply(ctx context.Context) (at Ref, have, want uint64, err error)
	// Digests returns tip and output-set digest of every node.
	Digests(ctx context.Context) ([]NodeDigest, error)
	// Prove checks that the transaction is in the block, by a proof against
	// headers alone.
	Prove(ctx context.Context, tx ID, at Ref) error
	// Headers checks the header chain from genesis to tip by itself (links,
	// work or certificates), and returns its tip.
	Headers(ctx context.Context) (Ref, error)
}

// NodeDigest is one node's view of the whole state.
type NodeDigest struct {
	Node   string
	Tip    Ref
	Digest ID
}

// Inspector reports a node's own resources and settings.
type Inspector interface {
	Inspect(ctx context.Context) ([]NodeStats, error)
}

// NodeStats is one reading of one node. Counters grow from the node's start.
type NodeStats struct {
	Node         string
	Pool         int     // transactions waiting
	PoolBytes    uint64  //
	Queue        int     // received but not verified
	CPUSeconds   float64 // user and system
	RSSBytes     uint64
	HeapBytes    uint64
	GCSeconds    float64 // stop-the-world, total
	DiskBytes    uint64  // written to the data folder, total
	Outputs      uint64  // in the set
	Threads      []ThreadStats
	Settings     map[string]string
	Uptime       time.Duration
	Rejected     map[string]uint64 // by kind
	BlocksSealed uint64
	Tiers        []TierStats // of its read path, the fastest first
}

// TierStats is one tier of a node's read path.
type TierStats struct {
	Name     string
	Hits     uint64        // reads that it answered
	Misses   uint64        // that it was asked for in vain
	Took     time.Duration // by the hits together
	Poisoned uint64        // values that were not what they were kept as
	Failures uint64        // no answer in time, or an error
}

// ThreadStats is one sealing thread.
type ThreadStats struct {
	Hashes uint64
	Busy   time.Duration
}
