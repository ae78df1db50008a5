package store

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/datadir"
)

// Store keeps blocks. One goroutine appends (Append, AddUndo, SetBest); all
// other methods may be called from any goroutine.
//
// Locks, in this order: writeMu, mu, those of log and index. What is in memory
// is guarded by mu, which is never held while the log is written or synced. It
// may be held for reading while the indexes are read, so that a height and the
// block there fit together.
type Store struct {
	cfg       Config
	dir       *datadir.Dir
	log       *blockLog
	index     *index
	recovered Recovered

	writeMu sync.Mutex // held by whoever appends
	enc     encoder    // under writeMu

	mu      sync.RWMutex
	changed *sync.Cond // on mu: frozen, attempts or closed changed
	known   map[ledger.Hash]*entry
	order   []ledger.Hash // of known, oldest first
	slim    int           // so many of order have neither IDs nor metadata in memory
	kept    int64         // bytes of these
	active  *generation
	frozen  *generation // nil or being written
	written *generation // the last one that was, for its heights
	end     pos         // of the last record that is in memory or indexed
	covered pos         // by the indexes on disk
	best    Ref
	hasBest bool
	closed  bool

	landmarks  []landmark // not durable yet, oldest first
	durable    Ref
	hasDurable bool

	attempts uint64 // of writing a generation, finished
	problem  error  // of the last attempt, if it failed
	waits    uint64
	syncs    uint64

	kick     chan struct{} // to the writer: there may be a frozen generation
	quit     chan struct{} // to the background goroutines: end
	children sync.WaitGroup
}

// landmark is the best block after a record, and where that ends.
type landmark struct {
	end  pos
	best Ref
}

// Open opens or creates the folder. It refuses, with one line that wraps an
// error of this package: a folder of another network or of a newer format, one
// that is in use or cannot be written, too little room, and a log that is
// damaged before its end. What a crash tore off the end is dropped; see
// Recovered.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, known: make(map[ledger.Hash]*entry),
		active: newGeneration(), written: newGeneration(),
		kick: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	s.changed = sync.NewCond(&s.mu)
	format := datadir.Format{Kind: "chaindyno-blocks", Version: 1, Network: cfg.Network, Params: cfg.Params}
	var err error
	if s.dir, err = datadir.Open(cfg.FS, cfg.Dir, format, cfg.MinFreeBytes); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), s.release())
	}
	if cfg.Sync == SyncInterval {
		s.children.Go(s.syncer)
	}
	return s, nil
}

// open reads what the indexes do not cover.
func (s *Store) open() error {
	var m marker
	var err error
	if s.index, m, s.recovered.IndexRebuilt, err = openIndex(s.dir, &s.cfg); err != nil {
		return err
	}
	s.end, s.covered, s.best, s.hasBest = m.end, m.end, m.best, m.hasBest
	scan, err := newScanner(s.dir)
	if err != nil {
		return err
	}
	if s.cfg.VerifyLog {
		if err := s.verify(scan, m.end); err != nil {
			return err
		}
	}
	end, lost, err := scan.run(m.end, s.replay)
	if err != nil {
		return err
	}
	s.recovered.note(s.dir, lost)
	if s.log, err = openLog(s.dir, s.cfg.SegmentBytes, scan, m.end, end); err != nil {
		return err
	}
	s.durable, s.hasDurable, s.landmarks = s.best, s.hasBest, nil
	s.children.Go(s.writer)
	return nil
}

func (r *Recovered) note(dir *datadir.Dir, lost torn) {
	if lost.bytes > 0 {
		r.TornFile, r.TornOffset, r.TornBytes = dir.Join(segmentName(lost.at.seg)), int64(lost.at.off), lost.bytes
	}
}

// verify checks the part of the log that the indexes cover.
func (s *Store) verify(scan *scanner, to pos) error {
	past := errors.New("past the part that is indexed")
	end, _, err := scan.run(logStart, func(r *record) error {
		if r.at.before(to) {
			return nil
		}
		return past
	})
	if errors.Is(err, past) {
		return nil
	}
	if err == nil && end.before(to) {
		err = scan.damaged(end, errors.New("what was synced is not there"))
	}
	return err
}

// Recovered says what Open had to do.
func (s *Store) Recovered() Recovered { return s.recovered }

// Best returns the tip of the best chain; false: the store is empty.
func (s *Store) Best() (Ref, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.best, s.hasBest
}

// Durable returns the tip that the best chain is sure to have, or to have had,
// after a loss of power now.
func (s *Store) Durable() (Ref, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable, s.hasDurable
}

// Sync makes everything that was appended durable. The output set must not be
// written before; state.Config.Barrier is the place for it.
func (s *Store) Sync() error {
	if s.isClosed() {
		return ErrClosed
	}
	return s.sync()
}

func (s *Store) sync() error {
	began := time.Now()
	if err := s.log.sync(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.noteSync(time.Since(began))
	return nil
}

func (s *Store) noteSync(took time.Duration) {
	s.mu.Lock()
	s.syncs++
	s.mu.Unlock()
	if f := s.cfg.Events.Synced; f != nil {
		f(took)
	}
	s.advance()
}

// advance moves the durable tip to what is synced.
func (s *Store) advance() {
	synced := s.log.syncedTo()
	s.mu.Lock()
	n := 0
	for n < len(s.landmarks) && s.landmarks[n].end.compare(synced) <= 0 {
		s.durable, s.hasDurable = s.landmarks[n].best, true
		n++
	}
	s.landmarks = s.landmarks[n:]
	durable := s.durable
	s.mu.Unlock()
	if f := s.cfg.Events.Durable; f != nil && n > 0 {
		f(durable)
	}
}

// syncer syncs the log now and then, under SyncInterval.
func (s *Store) syncer() {
	tick := time.NewTicker(s.cfg.SyncInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
		}
		if err := s.sync(); err != nil {
			s.report(err)
		}
	}
}

func (s *Store) report(err error) {
	if f := s.cfg.Events.Problem; f != nil {
		f(err)
	}
}

func (s *Store) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// Stats returns counts and sizes.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	st := Stats{PendingTxs: s.active.txs, PendingBlocks: len(s.active.blocks), Waits: s.waits, Syncs: s.syncs}
	if s.frozen != nil {
		st.PendingTxs += s.frozen.txs
		st.PendingBlocks += len(s.frozen.blocks)
	}
	s.mu.RUnlock()
	st.DiskBytes = s.log.size() + s.index.size()
	return st
}

// Close flushes and gives the folder back. Reads under way fail.
func (s *Store) Close() error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if s.isClosed() {
		return ErrClosed
	}
	err := s.flush()
	return errors.Join(err, s.release())
}

// release ends the background work and gives back what is open.
func (s *Store) release() (err error) {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	close(s.quit)
	s.children.Wait()
	if s.log != nil {
		err = s.log.close()
	}
	if s.index != nil {
		err = errors.Join(err, s.index.close())
	}
	return errors.Join(err, s.dir.Close())
}
