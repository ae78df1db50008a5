package store

import (
	"io"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Store keeps blocks. One goroutine appends (Append, AddUndo, SetBest); all
// other methods may be called from any goroutine.
type Store struct{ cfg Config }

// Open opens or creates the folder. It refuses, with one line that wraps an
// error of this package: a folder of another network or of a newer format, one
// that is in use or cannot be written, too little room, and a log that is
// damaged before its end. What a crash tore off the end is dropped; see
// Recovered.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Store{cfg: cfg}, nil
}

// Recovered says what Open had to do.
func (s *Store) Recovered() Recovered { return Recovered{} }

// Append writes a block to the log; if it returns an error, nothing of the block
// is visible, and the same or another block can be appended when the cause is
// gone (ErrDiskFull). durable says that the record is synced. A block that is in
// the store already is not written again, if it need not extend the best chain.
func (s *Store) Append(r *Record) (durable bool, err error) { return false, ErrClosed }

// AddUndo adds what a block spent, for a block that was appended without; known
// already: nothing happens.
func (s *Store) AddUndo(hash ledger.Hash, spent []ledger.Change) error { return ErrClosed }

// SetBest switches the best chain: revert from the tip downwards, then apply
// upwards. The blocks to be applied must be in the store with their undo data.
// durable as with Append.
func (s *Store) SetBest(revert, apply []ledger.Hash) (durable bool, err error) {
	return false, ErrClosed
}

// Sync makes everything that was appended durable. The output set must not be
// written before; state.Config.Barrier is the place for it.
func (s *Store) Sync() error { return ErrClosed }

// Flush is Sync and writes the indexes.
func (s *Store) Flush() error { return ErrClosed }

// Close flushes and gives the folder back. Reads under way fail.
func (s *Store) Close() error { return ErrClosed }

// Best returns the tip of the best chain; false: the store is empty.
func (s *Store) Best() (Ref, bool) { return Ref{}, false }

// Durable returns the highest block up to which the best chain is synced.
func (s *Store) Durable() (Ref, bool) { return Ref{}, false }

// Has says whether the block is in the store, on any branch.
func (s *Store) Has(hash ledger.Hash) (bool, error) { return false, ErrClosed }

// Info returns what is known of a block. ErrNotFound as from all that follow.
func (s *Store) Info(hash ledger.Hash) (Info, error) { return Info{}, ErrClosed }

// InfoAt is Info of the block of the best chain at a height.
func (s *Store) InfoAt(height uint32) (Info, error) { return Info{}, ErrClosed }

// Headers returns up to n headers of the best chain, from a height upwards.
func (s *Store) Headers(from uint32, n int) ([]ledger.Header, error) { return nil, ErrClosed }

// Body returns the encoded block, checked; the caller owns it.
func (s *Store) Body(hash ledger.Hash) ([]byte, error) { return nil, ErrClosed }

// Block decodes Body.
func (s *Store) Block(hash ledger.Hash) (ledger.Block, error) { return ledger.Block{}, ErrClosed }

// OpenBody checks the encoded block without holding it in memory, and returns a
// reader of any part of it, to be closed by the caller.
func (s *Store) OpenBody(hash ledger.Hash) (*BodyReader, error) { return nil, ErrClosed }

// BodyReader reads parts of an encoded block.
type BodyReader struct {
	io.SectionReader
	close func() error
}

// Close gives the file back.
func (b *BodyReader) Close() error { return b.close() }

// IDs returns the IDs of a block's transactions; they must not be changed.
func (s *Store) IDs(hash ledger.Hash) ([]ledger.Hash, error) { return nil, ErrClosed }

// Undo returns what a block spent. ErrNotFound also if the block was never
// connected.
func (s *Store) Undo(hash ledger.Hash) ([]ledger.Change, error) { return nil, ErrClosed }

// Meta returns what came with Append.
func (s *Store) Meta(hash ledger.Hash) (Meta, error) { return Meta{}, ErrClosed }

// FindTx looks a transaction of the best chain up. ErrNoTxIndex if the index is
// off.
func (s *Store) FindTx(id ledger.Hash) (height uint32, index int, ok bool, err error) {
	return 0, 0, false, ErrClosed
}

// After returns at most limit blocks to revert and apply for a follower that
// stands at ref, which may be on an abandoned branch. ErrNotFound if the store
// does not know ref: the follower has to start from the beginning, which is
// After(nil).
func (s *Store) After(ref *Ref, limit int) (Step, error) { return Step{}, ErrClosed }

// Stats returns counts and sizes.
func (s *Store) Stats() Stats { return Stats{} }
