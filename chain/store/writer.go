package store

import (
	"fmt"
	"time"
)

// writer writes frozen generations to the indexes, one at a time, until Close.
func (s *Store) writer() {
	for {
		select {
		case <-s.quit:
			return
		case <-s.kick:
		}
		s.mu.RLock()
		g := s.frozen
		s.mu.RUnlock()
		if g == nil {
			continue
		}
		began := time.Now()
		err := s.writeGeneration(g)
		if err == nil {
			s.retire(g)
			if f := s.cfg.Events.IndexWritten; f != nil {
				f(time.Since(began), g.txs)
			}
		}
		s.attempt(err)
	}
}

// writeGeneration syncs the log first: the indexes must not know a record that
// a crash can still take away.
func (s *Store) writeGeneration(g *generation) error {
	if err := s.sync(); err != nil {
		return err
	}
	// Pebble does not survive when its own catalogue cannot be written.
	if err := s.dir.CheckRoom(int64(g.txs)*64 + int64(len(g.blocks))*512); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.index.write(g.change(), s.attempt, s.quit); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// retire keeps the heights of the written generation, for those who follow the
// tip.
func (s *Store) retire(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written, s.frozen = &generation{heights: g.heights}, nil
	s.covered = g.marker.end
	s.evict()
}

// attempt tells those who wait how writing went. It is also called when writing
// fails for now and is tried again below us.
func (s *Store) attempt(err error) {
	s.mu.Lock()
	s.attempts++
	s.problem = err
	s.changed.Broadcast()
	s.mu.Unlock()
	if err != nil {
		s.report(err)
	}
}

// settle returns when nothing is frozen any more, or with an error when an
// attempt to write failed. mu is held, and given up while waiting.
func (s *Store) settle() error {
	for s.frozen != nil {
		attempts := s.attempts
		s.wake()
		for s.frozen != nil && s.attempts == attempts && !s.closed {
			s.changed.Wait()
		}
		switch {
		case s.closed:
			return ErrClosed
		case s.frozen != nil && s.problem != nil:
			return s.problem
		}
	}
	return nil
}

func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default: // it is awake already
	}
}

// freeze hands the active generation to the writer. Nothing may be frozen.
func (s *Store) freeze() {
	// Transactions are indexed from the first block on, or the indexes would have
	// been started anew.
	s.active.marker = marker{end: s.end, best: s.best, hasBest: s.hasBest, txs: s.cfg.TxIndex}
	s.frozen, s.active = s.active, newGeneration()
	s.wake()
}

func (s *Store) full(times int) bool {
	return s.active.txs >= times*s.cfg.IndexTxs || len(s.active.blocks) >= times*s.cfg.IndexBlocks
}

// makeRoom waits while the indexes are too far behind, which bounds the memory
// and what a crash makes us read again. If they cannot be written, so that
// waiting would not help, the caller gets the reason.
func (s *Store) makeRoom() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !s.full(1) {
		return nil
	}
	if s.frozen != nil && s.full(pendingFactor) {
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
	if s.frozen == nil {
		s.freeze()
	}
	return nil
}

// pendingFactor is how far the active generation may grow, in units of its
// normal size, while the one before is still being written.
const pendingFactor = 3

// Flush is Sync and writes the indexes.
func (s *Store) Flush() error {
	if s.isClosed() {
		return ErrClosed
	}
	return s.flush()
}

func (s *Store) flush() error {
	if err := s.sync(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for target := s.end; ; {
		if err := s.settle(); err != nil {
			return err
		}
		if s.covered.compare(target) >= 0 {
			return nil
		}
		s.freeze()
	}
}
