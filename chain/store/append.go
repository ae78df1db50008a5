package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Append writes a block to the log; if it returns an error, nothing of the block
// is visible, and the same or another block can be appended when the cause is
// gone (ErrDiskFull). durable says that the record is synced. A block that is in
// the store already is not written again, if it need not extend the best chain.
func (s *Store) Append(r *Record) (durable bool, err error) {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	e, err := s.admit(r)
	if err != nil {
		return false, fmt.Errorf("store: append block %d: %w", r.Height, err)
	}
	if e.at != (pos{}) {
		return e.at.before(s.log.syncedTo()), nil
	}
	if err := s.makeRoom(); err != nil {
		return false, err
	}
	var f frame
	s.enc.block(&f, r, e.Hash)
	at, err := s.commit(&f)
	if err != nil {
		return false, fmt.Errorf("store: append block %d: %w", r.Height, err)
	}
	meta := r.Meta
	e.at, e.ids, e.meta = at, r.IDs, &meta
	if f.length[sectionUndo] > 0 {
		e.undoAt = at
	}
	s.publishBlock(e, r.Extend, pos{at.seg, at.off + f.size()})
	return s.published(at), nil
}

// admit checks a block and returns its entry, with a place if the block is in
// the store already.
func (s *Store) admit(r *Record) (*entry, error) {
	switch {
	case len(r.Body) > ledger.MaxBlockBytes:
		return nil, fmt.Errorf("%w: body of %d bytes, permitted are %d", ErrTooLarge, len(r.Body), ledger.MaxBlockBytes)
	case len(r.IDs) > ledger.MaxBlockTxs:
		return nil, fmt.Errorf("%w: %d transactions, permitted are %d", ErrTooLarge, len(r.IDs), ledger.MaxBlockTxs)
	}
	if err := checkUndo(r.Undo); err != nil {
		return nil, err
	}
	if err := r.Meta.check(); err != nil {
		return nil, err
	}
	header, err := ledger.ParseHeader(r.Body)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	e := &entry{bytes: uint32(len(r.Body)), txs: uint32(len(r.IDs))}
	e.place = place{Ref: Ref{Height: r.Height, Hash: header.Hash()}, header: header}
	if old, err := s.find(e.Hash); err != nil || old != nil && !r.Extend {
		return old, err
	} else if old != nil {
		return nil, fmt.Errorf("%w: %s is in the store already; SetBest makes it the tip", ErrOrder, e.Hash)
	}
	return e, s.checkParent(e, r.Extend)
}

func checkUndo(spent []ledger.Change) error {
	if n := 4 + len(spent)*ledger.ChangeSize; n > int(sectionMax[sectionUndo]) {
		return fmt.Errorf("%w: undo data of %d bytes, permitted are %d", ErrTooLarge, n, sectionMax[sectionUndo])
	}
	return nil
}

// checkParent wants the parent to be the tip, or at least to be known.
func (s *Store) checkParent(e *entry, extend bool) error {
	best, ok := s.Best()
	if e.Height == 0 && !ok && extend {
		return nil
	}
	if extend {
		if !ok || e.parent() != best.Hash || e.Height != best.Height+1 {
			return fmt.Errorf("%w: its parent is %s, the tip %d %s", ErrOrder, e.parent(), best.Height, best.Hash)
		}
		return nil
	}
	parent, err := s.find(e.parent())
	if err == nil && (parent == nil || parent.Height+1 != e.Height) {
		err = fmt.Errorf("%w: its parent %s is unknown or of another height", ErrOrder, e.parent())
	}
	return err
}

// commit writes the record in the encoder and syncs it if the policy says so.
// After an error the log is what it was.
func (s *Store) commit(f *frame) (at pos, err error) {
	if at, err = s.log.append(f, s.enc.buf); err != nil {
		return pos{}, err
	}
	if s.cfg.Sync != SyncBlock && s.cfg.Sync != SyncAlways {
		return at, nil
	}
	began := time.Now()
	if err := s.log.syncLast(at); err != nil {
		return pos{}, err
	}
	s.noteSync(time.Since(began))
	return at, nil
}

// published finishes what the policy asks for after a record has become visible.
// An error of the indexes goes to Events and to later calls: the record is in
// the log, and the indexes are made from that.
func (s *Store) published(at pos) (durable bool) {
	if s.cfg.Sync == SyncAlways {
		_ = s.flush()
	}
	s.advance()
	return at.before(s.log.syncedTo())
}

// publishBlock makes a block visible.
func (s *Store) publishBlock(e *entry, extend bool, end pos) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(e)
	s.active.blocks[e.Hash] = e
	if extend {
		s.join(e, e.ids)
		s.best, s.hasBest = e.Ref, true
	}
	s.finish(end)
}

// join adds a block to the best chain, on top.
func (s *Store) join(e *entry, ids []ledger.Hash) {
	s.active.heights[e.Height] = &e.place
	if s.cfg.TxIndex {
		s.active.runs = append(s.active.runs, newRun(e.Ref, ids))
		s.active.txs += len(ids)
	}
}

// finish notes that a record is in memory.
func (s *Store) finish(end pos) {
	s.end = end
	if s.hasBest {
		s.landmarks = append(s.landmarks, landmark{end: end, best: s.best})
	}
	s.evict()
}

// remember keeps an entry in memory.
func (s *Store) remember(e *entry) {
	old := s.known[e.Hash]
	s.known[e.Hash] = e
	if old == nil {
		s.order = append(s.order, e.Hash)
		s.kept += e.kept()
	}
}

// evict forgets the oldest blocks that the indexes have, and what is large of
// the oldest others.
func (s *Store) evict() {
	for ; s.kept > s.cfg.RecentBytes && s.slim < len(s.order); s.slim++ {
		e := s.known[s.order[s.slim]]
		s.kept -= e.kept()
		e.ids, e.meta = nil, nil
	}
	n := 0
	for ; len(s.order)-n > s.cfg.RecentBlocks; n++ {
		hash := s.order[n]
		if s.active.blocks[hash] != nil || s.frozen != nil && s.frozen.blocks[hash] != nil {
			break
		}
		s.kept -= s.known[hash].kept()
		delete(s.known, hash)
	}
	s.order = slices.Delete(s.order, 0, n)
	s.slim = max(0, s.slim-n)
}
