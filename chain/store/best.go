package store

import (
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// AddUndo adds what a block spent, for a block that was appended without. Known
// already: nothing happens.
func (s *Store) AddUndo(hash ledger.Hash, spent []ledger.Change) error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	e, err := s.must(hash)
	if err == nil && e.undoAt != (pos{}) {
		return nil
	}
	if err == nil {
		err = checkUndo(spent)
	}
	if err == nil {
		err = s.makeRoom()
	}
	var f frame
	var at pos
	if err == nil {
		s.enc.undo(&f, e.Ref, spent)
		at, err = s.commit(&f)
	}
	if err != nil {
		return fmt.Errorf("store: undo data of block %s: %w", hash, err)
	}
	s.publishUndo(e, at, pos{at.seg, at.off + f.size()})
	s.published(at)
	return nil
}

// publishUndo replaces the entry instead of changing it: the generation that is
// being written must not come to know of a later record.
func (s *Store) publishUndo(e *entry, at, end pos) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := *e
	now.undoAt = at
	s.remember(&now)
	s.active.blocks[e.Hash] = &now
	s.finish(end)
}

// SetBest switches the best chain: revert from the tip downwards, then apply
// upwards. The blocks to be applied must be in the store with their undo data.
// durable as with Append.
func (s *Store) SetBest(revert, apply []ledger.Hash) (durable bool, err error) {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if err := s.makeRoom(); err != nil {
		return false, err
	}
	sw, err := s.plan(revert, apply)
	if err != nil {
		return false, fmt.Errorf("store: switch of the best chain: %w", err)
	}
	var f frame
	s.enc.best(&f, sw.tip, revert, apply)
	at, err := s.commit(&f)
	if err != nil {
		return false, fmt.Errorf("store: switch of the best chain: %w", err)
	}
	s.publishBest(sw, pos{at.seg, at.off + f.size()})
	return s.published(at), nil
}

// turn is a checked switch of the best chain.
type turn struct {
	tip   Ref // after it
	apply []*entry
	ids   [][]ledger.Hash // of those applied
}

// plan checks that the blocks form a way from the tip down and up again.
func (s *Store) plan(revert, apply []ledger.Hash) (*turn, error) {
	if n := len(revert) + len(apply); n > bestHashesMax {
		return nil, fmt.Errorf("%w: it names %d blocks, permitted are %d", ErrTooLarge, n, bestHashesMax)
	}
	best, ok := s.Best()
	if !ok {
		return nil, fmt.Errorf("%w: the store is empty", ErrOrder)
	}
	t := &turn{tip: best}
	for _, hash := range revert {
		e, err := s.must(hash)
		if err != nil {
			return nil, err
		}
		if hash != t.tip.Hash || e.Height == 0 {
			return nil, fmt.Errorf("%w: %s cannot be reverted from %d %s", ErrOrder, hash, t.tip.Height, t.tip.Hash)
		}
		t.tip = Ref{Height: e.Height - 1, Hash: e.parent()}
	}
	for _, hash := range apply {
		if err := s.climb(t, hash); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// climb adds a block on top of the turn.
func (s *Store) climb(t *turn, hash ledger.Hash) error {
	e, err := s.must(hash)
	if err != nil {
		return err
	}
	if e.parent() != t.tip.Hash || e.Height != t.tip.Height+1 {
		return fmt.Errorf("%w: %s cannot be applied to %d %s", ErrOrder, hash, t.tip.Height, t.tip.Hash)
	}
	if e.undoAt == (pos{}) {
		return fmt.Errorf("%w: %s has no undo data", ErrOrder, hash)
	}
	var ids []ledger.Hash
	if s.cfg.TxIndex {
		if ids, err = s.ids(e); err != nil {
			return err
		}
	}
	t.tip, t.apply, t.ids = e.Ref, append(t.apply, e), append(t.ids, ids)
	return nil
}

// publishBest leaves what was reverted where it is: heights above the tip are
// not looked at, and each is written anew when the chain gets there again.
func (s *Store) publishBest(t *turn, end pos) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range t.apply {
		s.join(e, t.ids[i])
	}
	s.best = t.tip
	s.finish(end)
}
