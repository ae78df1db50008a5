package state

import (
	"context"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// State is the set of outputs. One goroutine changes it (Apply, Revert); all
// other methods may be called from any goroutine.
type State struct{ cfg Config }

// Digest describes the whole set at one block.
type Digest struct {
	Height uint32
	Block  ledger.Hash
	Count  uint64      // outputs in the set
	Sum    ledger.Hash // SHA-256 over all outputs in the order of txid and index
}

// Stats are counts since Open and present sizes.
type Stats struct {
	DirtyBytes int64 // changes that are in memory alone
	CacheBytes int64 // retired and fetched outputs
	DiskBytes  int64
	Waits      uint64 // changes that waited for a flush
	Flushes    uint64
}

// Open opens or creates the folder. It refuses, with one line that wraps an
// error of this package, a folder of another network or of a newer format, one
// that is in use or cannot be written, and too little room.
func Open(cfg Config) (*State, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &State{cfg: cfg}, nil
}

// Tip returns the block that the set stands at; false: no block yet.
func (s *State) Tip() (height uint32, hash ledger.Hash, ok bool) { return 0, ledger.Hash{}, false }

// Flushed returns the block that the set on disk stands at: after a crash,
// blocks are applied (or reverted) from here.
func (s *State) Flushed() (height uint32, hash ledger.Hash, ok bool) { return 0, ledger.Hash{}, false }

// Lookup returns an output that can be spent. It never waits for the disk to
// be written.
func (s *State) Lookup(op ledger.OutPoint) (ledger.Entry, bool, error) {
	return ledger.Entry{}, false, ErrClosed
}

// Apply moves the set forward by a block whose parent is the tip (the first has
// height 0). All or nothing: after an error the set is what it was, and the same
// call can be made again. The delta is not kept.
func (s *State) Apply(d *ledger.Delta) error { return ErrClosed }

// Revert moves the set back by the block at the tip, also below Flushed.
// Otherwise like Apply. The first block cannot be reverted.
func (s *State) Revert(d *ledger.Delta) error { return ErrClosed }

// Flush writes all changes up to the present tip and returns when they are
// durable.
func (s *State) Flush() error { return ErrClosed }

// Digest flushes and reads the whole set from a snapshot, while blocks go on
// being applied. It belongs to the block named in it, which is the tip at the
// time of the call or a later one.
func (s *State) Digest(ctx context.Context) (Digest, error) { return Digest{}, ErrClosed }

// OutputsOf returns up to limit outputs of a key, in no particular order.
// ErrNoIndex if the index is off.
func (s *State) OutputsOf(key ledger.KeyHash, limit int) ([]ledger.Change, error) {
	return nil, ErrNoIndex
}

// Stats returns counts and sizes.
func (s *State) Stats() Stats { return Stats{} }

// Close flushes, ends the background work and gives the folder back.
func (s *State) Close() error { return ErrClosed }
