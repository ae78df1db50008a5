package state

import (
	"slices"
	"time"
)

// writer writes frozen generations, one at a time, until Close.
func (s *State) writer() {
	defer close(s.done)
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
		err := s.disk.write(g, s.attempt, s.quit)
		if err == nil {
			s.retire(g)
			if f := s.cfg.Events.Flushed; f != nil {
				f(time.Since(began), len(g.slots))
			}
		}
		s.attempt(err)
	}
}

// retire turns the written generation into a part of the cache. The oldest go
// first, so that a newer one, which may know that an output is spent, outlives
// every older copy.
func (s *State) retire(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.byKey, g.listed = nil, 0
	s.flushed, s.frozen = g.tip, nil
	s.flushes++
	s.retired = slices.Insert(s.retired, 0, g)
	sum := int64(0)
	for i, r := range s.retired {
		if sum += r.bytes(); sum > s.cfg.CacheBytes/2 {
			clear(s.retired[i:])
			s.retired = s.retired[:i]
			break
		}
	}
}

// attempt tells those who wait how writing went. The writer calls it too when
// writing fails for now and is tried again below us.
func (s *State) attempt(err error) {
	s.mu.Lock()
	s.attempts++
	s.problem = err
	s.changed.Broadcast()
	s.mu.Unlock()
	if f := s.cfg.Events.Problem; f != nil && err != nil {
		f(err)
	}
}

// settle returns when nothing is frozen any more, or with an error when an
// attempt to write failed. mu is held, and given up while waiting.
func (s *State) settle() error {
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
