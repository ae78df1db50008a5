package state

import (
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// State is the set of outputs. One goroutine changes it (Apply, Revert); all
// other methods may be called from any goroutine.
//
// Three goroutines meet here: the one that changes, those that look up, and the
// writer that Open starts and Close waits for. mu guards the layers; it is never
// held while the disk is used.
type State struct {
	cfg  Config
	disk *disk

	mu      sync.RWMutex
	changed *sync.Cond // on mu: frozen, attempts or closed changed
	tip     tip
	flushed tip
	active  *generation
	frozen  *generation   // nil or being written
	retired []*generation // written, newest first
	fetched fetched
	epoch   uint64 // counts Apply and Revert, see remember
	closed  bool

	attempts uint64 // of writing a generation, finished
	problem  error  // of the last attempt, if it failed
	waits    uint64
	flushes  uint64

	kick chan struct{} // to the writer: there may be a frozen generation
	quit chan struct{} // to the writer: end
	done chan struct{} // from the writer: ended
}

// tip is a block that a set stands at.
type tip struct {
	height  uint32
	hash    ledger.Hash
	outputs uint64 // in the set
	ok      bool   // false: no block at all
}

// Stats are counts since Open and present sizes.
type Stats struct {
	Outputs    uint64 // in the set
	DirtyBytes int64  // changes that are in memory alone
	CacheBytes int64  // retired and fetched outputs
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
	s := &State{
		cfg: cfg, active: newGeneration(cfg.KeyIndex), fetched: newFetched(cfg.CacheBytes / 4),
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	s.changed = sync.NewCond(&s.mu)
	var err error
	if s.disk, err = openDisk(&s.cfg); err != nil {
		return nil, err
	}
	s.flushed = s.disk.tip
	s.tip = s.flushed
	go s.writer()
	return s, nil
}

// Tip returns the block that the set stands at; false: no block yet.
func (s *State) Tip() (height uint32, hash ledger.Hash, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tip.height, s.tip.hash, s.tip.ok
}

// Flushed returns the block that the set on disk stands at: after a crash,
// blocks are applied (or reverted) from here.
func (s *State) Flushed() (height uint32, hash ledger.Hash, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.flushed.height, s.flushed.hash, s.flushed.ok
}

// Lookup returns an output that can be spent. It never waits for the disk to
// be written.
func (s *State) Lookup(op ledger.OutPoint) (ledger.Entry, bool, error) {
	s.mu.RLock()
	e, found, known := s.inMemory(op)
	epoch, closed := s.epoch, s.closed
	s.mu.RUnlock()
	if closed {
		return ledger.Entry{}, false, ErrClosed
	}
	if known {
		return e, found, nil
	}
	e, found, err := s.disk.get(op)
	if found {
		s.remember(op, e, epoch)
	}
	return e, found, err
}

// inMemory goes down the layers. known is false if none of them knows the
// output, so that the disk decides.
func (s *State) inMemory(op ledger.OutPoint) (e ledger.Entry, found, known bool) {
	v, ok := s.active.slots[op]
	if !ok && s.frozen != nil {
		v, ok = s.frozen.slots[op]
	}
	for i := 0; !ok && i < len(s.retired); i++ {
		v, ok = s.retired[i].slots[op]
	}
	if ok {
		return v.entry, !v.gone, true
	}
	e, ok = s.fetched.get(op)
	return e, ok, ok
}

// remember keeps what was read from disk, unless a block was applied or
// reverted since the layers were asked: it may have spent the output, and then
// the dropped generation of that block could no longer hide a stale copy.
func (s *State) remember(op ledger.OutPoint, e ledger.Entry, epoch uint64) {
	s.mu.Lock()
	if s.epoch == epoch {
		s.fetched.put(op, e)
	}
	s.mu.Unlock()
}

// Apply moves the set forward by a block whose parent is the tip (the first has
// height 0). All or nothing: after an error the set is what it was, and the same
// call can be made again. The delta is not kept.
func (s *State) Apply(d *ledger.Delta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tip.ok && (d.Prev != s.tip.hash || d.Height != s.tip.height+1) || !s.tip.ok && d.Height != 0 {
		return fmt.Errorf("state: apply block %d %s: %w at height %d %s", d.Height, d.Block, ErrOrder, s.tip.height, s.tip.hash)
	}
	return s.move(d.Spent, d.Created, tip{height: d.Height, hash: d.Block, ok: true})
}

// Revert moves the set back by the block at the tip, also below Flushed.
// Otherwise like Apply. The first block cannot be reverted.
func (s *State) Revert(d *ledger.Delta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tip.ok || d.Block != s.tip.hash || d.Height != s.tip.height || d.Height == 0 {
		return fmt.Errorf("state: revert block %d %s: %w at height %d %s", d.Height, d.Block, ErrOrder, s.tip.height, s.tip.hash)
	}
	return s.move(d.Created, d.Spent, tip{height: d.Height - 1, hash: d.Prev, ok: true})
}

func (s *State) move(spent, created []ledger.Change, to tip) error {
	if err := s.makeRoom(); err != nil {
		return err
	}
	if err := s.active.change(spent, created); err != nil {
		return err
	}
	s.fetched.drop(spent)
	s.epoch++
	s.active.blocks++
	to.outputs = s.tip.outputs + uint64(len(created)) - uint64(len(spent))
	s.tip = to
	if s.full() && s.frozen == nil {
		s.freeze()
	}
	return nil
}

func (s *State) full() bool {
	return s.active.bytes() >= s.cfg.FlushBytes || s.active.blocks >= s.cfg.FlushBlocks
}

// makeRoom freezes a full generation. If the one before is still being written
// it waits for it, which bounds the memory; if that cannot be written, so that
// waiting would not help, the caller gets the reason.
func (s *State) makeRoom() error {
	if s.closed {
		return ErrClosed
	}
	if !s.full() {
		return nil
	}
	if s.frozen != nil {
		began := time.Now()
		err := s.settle()
		s.waits++
		if f := s.cfg.Events.Waited; f != nil {
			f(time.Since(began))
		}
		if err != nil {
			return err
		}
	}
	if s.full() {
		s.freeze()
	}
	return nil
}

// freeze hands the active generation to the writer. Nothing may be frozen.
func (s *State) freeze() {
	s.active.tip = s.tip
	s.frozen, s.active = s.active, newGeneration(s.cfg.KeyIndex)
	s.wake()
}

func (s *State) wake() {
	select {
	case s.kick <- struct{}{}:
	default: // it is awake already
	}
}

// Flush writes all changes up to the present tip and returns when they are
// durable.
func (s *State) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.flush()
}

func (s *State) flush() error {
	for target := s.epoch; ; {
		if err := s.settle(); err != nil {
			return err
		}
		if s.active.blocks == 0 || s.epoch-uint64(s.active.blocks) >= target {
			return nil // what is left came later
		}
		s.freeze()
	}
}

// Stats returns counts and sizes.
func (s *State) Stats() Stats {
	s.mu.RLock()
	st := Stats{Outputs: s.tip.outputs, DirtyBytes: s.active.bytes(), CacheBytes: s.fetched.bytes(), Waits: s.waits, Flushes: s.flushes}
	if s.frozen != nil {
		st.DirtyBytes += s.frozen.bytes()
	}
	for _, g := range s.retired {
		st.CacheBytes += g.bytes()
	}
	s.mu.RUnlock()
	st.DiskBytes = s.disk.size()
	return st
}

// Close flushes, ends the background work and gives the folder back. What could
// not be flushed is lost, as after a crash.
func (s *State) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	err := s.flush()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	close(s.quit)
	<-s.done
	if e := s.disk.close(); err == nil {
		err = e
	}
	return err
}

var errStopped = fmt.Errorf("%w while it was being written", ErrClosed)
