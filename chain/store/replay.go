package store

import (
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// replay does again what a record in the log says, when the folder is opened.
// What does not fit was never appended by us.
func (s *Store) replay(r *record) error {
	if err := s.replayRoom(); err != nil {
		return err
	}
	switch r.kind {
	case kindBlock:
		s.recovered.Blocks++
		return s.replayBlock(r)
	case kindUndo:
		return s.replayUndo(r)
	}
	return s.replayBest(r)
}

func (s *Store) replayBlock(r *record) error {
	header, err := ledger.ParseHeader(r.sections[sectionBody])
	if err != nil {
		return err
	}
	e := &entry{at: r.at, bytes: r.length[sectionBody], txs: r.length[sectionIDs] / 32, ids: parseHashes(r.sections[sectionIDs])}
	e.place = place{Ref: Ref{Height: r.height, Hash: r.hash}, header: header}
	if header.Hash() != r.hash {
		return fmt.Errorf("the record says block %s, its header %s", r.hash, header.Hash())
	}
	if r.length[sectionUndo] > 0 {
		e.undoAt = r.at
	}
	if err := s.checkParent(e, r.flags&flagExtend != 0); err != nil {
		return err
	}
	s.publishBlock(e, r.flags&flagExtend != 0, r.end())
	return nil
}

func (s *Store) replayUndo(r *record) error {
	e, err := s.must(r.hash)
	if err != nil {
		return err
	}
	s.publishUndo(e, r.at, r.end())
	return nil
}

func (s *Store) replayBest(r *record) error {
	revert, apply, err := parseBest(r.sections[sectionBody], r.sections[sectionIDs])
	if err != nil {
		return err
	}
	t, err := s.plan(revert, apply)
	if err != nil {
		return err
	}
	s.publishBest(t, r.end())
	return nil
}

// replayRoom writes the indexes when enough has gathered. The writer is not
// running yet, and neither is the log open; its files are synced here.
func (s *Store) replayRoom() error {
	if !s.full(1) {
		return nil
	}
	if err := syncSegments(s.dir, s.covered.seg, s.end.seg); err != nil {
		return err
	}
	s.freeze()
	g := s.frozen
	if err := s.index.write(g.change(), s.attempt, s.quit); err != nil {
		return err
	}
	s.retire(g)
	return nil
}
