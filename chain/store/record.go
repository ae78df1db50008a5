package store

import "github.com/chaindyno/chaindyno/chain/ledger"

// Ref names a block.
type Ref struct {
	Height uint32
	Hash   ledger.Hash
}

// Record is a block to be appended. The store copies what it keeps, except IDs
// and the histograms in Meta, which must not change any more.
type Record struct {
	Height uint32
	Body   []byte          // the whole encoded block, header first
	IDs    []ledger.Hash   // of its transactions, in order
	Undo   []ledger.Change // what it spent; nil for a block that is not connected
	Meta   Meta
	// Extend makes the block the tip of the best chain, which its parent must be
	// now. Otherwise it is kept aside until SetBest takes it up.
	Extend bool
}

// Meta is what the node knows about how a block came to be. All of it is local
// and none of it is covered by a rule.
type Meta struct {
	IntervalNs int64  // since the previous block, on the node's monotonic clock
	SealNs     int64  // time that the seal took
	Hashes     uint64 // tried for the seal
	Missing    uint64 // transactions without stage durations, since they were not received here
	Stages     []Stage
}

// Stage is one histogram of durations, V2 compressed.
type Stage struct {
	Name      string // at most 255 bytes
	Histogram []byte
}

// Bounds of Meta.
const (
	MaxStages    = 64
	MaxMetaBytes = 1 << 20
)

// Info is what is known of a block without reading its body.
type Info struct {
	Ref
	Header  ledger.Header
	Bytes   int // of the body
	Txs     int
	Best    bool // on the best chain
	Durable bool // the record is synced
}

// Step is what a follower does next: revert these, newest first, then apply
// those, oldest first. Both empty: the cursor stands at the tip.
type Step struct {
	Revert []Ref
	Apply  []Ref
}

// Recovered says what Open had to do.
type Recovered struct {
	Blocks       int    // read again from the log, since the indexes did not cover them
	TornFile     string // a file whose last bytes were not a whole record; empty if none
	TornOffset   int64  // where the valid part of it ends
	TornBytes    int64  // dropped after it, in that file and later ones
	IndexRebuilt bool   // all indexes were made again from the log
}

// Stats are counts since Open and present sizes.
type Stats struct {
	DiskBytes     int64 // log and indexes
	PendingTxs    int   // indexed in memory alone
	PendingBlocks int
	Waits         uint64 // Appends that waited for the indexes
	Syncs         uint64
}
