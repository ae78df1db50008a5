package store

import (
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// After returns at most limit blocks, and at most 128, to revert and apply for a
// follower that stands at ref, which may be on an abandoned branch. ErrNotFound
// if the store does not know ref: the follower has to start from the beginning,
// which is After(nil).
func (s *Store) After(ref *Ref, limit int) (step Step, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	limit = min(max(limit, 1), chunk)
	next := uint32(0)
	if ref != nil {
		var there bool
		if next, there, err = s.descend(*ref, limit, &step); err != nil || !there {
			return step, err
		}
	}
	places, err := s.placesLocked(next, limit-len(step.Revert))
	for i := range places {
		step.Apply = append(step.Apply, places[i].Ref)
	}
	return step, err
}

// descend reverts from ref until it reaches the best chain, and returns the
// height that is to be applied next; there is false if the limit came first. mu
// is held.
func (s *Store) descend(ref Ref, limit int, step *Step) (next uint32, there bool, err error) {
	for {
		best, err := s.isBest(ref)
		if err != nil || best {
			return ref.Height + 1, best, err
		}
		if len(step.Revert) == limit {
			return 0, false, nil
		}
		e := s.known[ref.Hash]
		if e == nil {
			if e, err = s.index.block(ref.Hash); err != nil {
				return 0, false, err
			}
		}
		if e == nil || e.Height != ref.Height {
			return 0, false, fmt.Errorf("block %d %s: %w", ref.Height, ref.Hash, ErrNotFound)
		}
		step.Revert = append(step.Revert, ref)
		if ref.Height == 0 {
			return 0, true, nil
		}
		ref = Ref{Height: ref.Height - 1, Hash: e.parent()}
	}
}

// FindTx looks a transaction of the best chain up. ErrNoTxIndex if the index is
// off.
func (s *Store) FindTx(id ledger.Hash) (block Ref, index int, ok bool, err error) {
	if !s.cfg.TxIndex {
		return Ref{}, 0, false, ErrNoTxIndex
	}
	prefix := prefixOf(id)
	for _, r := range s.runs() {
		for _, k := range r.find(prefix) {
			if block, ok, err := s.isTx(k, id); ok || err != nil {
				return block, int(k.index), ok, err
			}
		}
	}
	keys, err := s.index.txs(prefix)
	if err != nil {
		return Ref{}, 0, false, err
	}
	for _, k := range keys {
		if block, ok, err := s.isTx(k, id); ok || err != nil {
			return block, int(k.index), ok, err
		}
	}
	return Ref{}, 0, false, nil
}

// runs returns the runs that are not on disk, newest first.
func (s *Store) runs() []*run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var runs []*run
	for _, g := range []*generation{s.active, s.frozen} {
		if g == nil {
			continue
		}
		for i := len(g.runs) - 1; i >= 0; i-- {
			runs = append(runs, g.runs[i])
		}
	}
	return runs
}

// isTx says whether the best chain has the transaction at that place, and in
// which block.
func (s *Store) isTx(k txKey, id ledger.Hash) (block Ref, ok bool, err error) {
	s.mu.RLock()
	p, ok, err := s.placeAt(k.height)
	s.mu.RUnlock()
	if err != nil || !ok {
		return Ref{}, false, err
	}
	e, err := s.must(p.Hash)
	if err != nil || k.index >= e.txs {
		return Ref{}, false, err
	}
	s.mu.RLock()
	ids := e.ids
	s.mu.RUnlock()
	if ids != nil {
		return e.Ref, ids[k.index] == id, nil
	}
	ok, err = s.hasID(e, k.index, id)
	return e.Ref, ok, err
}

// hasID compares one ID in the log. It needs no checksum: a difference is a
// different transaction, and 32 equal bytes are no accident.
func (s *Store) hasID(e *entry, index uint32, id ledger.Hash) (bool, error) {
	f, head, err := s.openRecord(e.at, e.Hash)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var b ledger.Hash
	if err := readFull(f, b[:], e.at.off+head.offset(sectionIDs)+32*index); err != nil {
		return false, s.damaged(e.at, err)
	}
	return b == id, nil
}
