package state

import (
	"errors"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2"
)

// indexKey adds to a batch what one change means for the index by key.
func indexKey(b *pebble.Batch, op ledger.OutPoint, v slot) {
	key := appendKey(make([]byte, 0, 64), v.entry.Key, op)
	if v.gone {
		_ = b.Delete(key, nil) // a batch in memory cannot fail
	} else {
		_ = b.Set(key, nil, nil)
	}
}

func appendKey(dst []byte, key ledger.KeyHash, op ledger.OutPoint) []byte {
	dst = append(dst, tagKey)
	return op.Append(append(dst, key[:]...))
}

// OutputsOf returns up to limit outputs of a key, in no particular order.
// ErrNoIndex if the index is off.
func (s *State) OutputsOf(key ledger.KeyHash, limit int) ([]ledger.Change, error) {
	if !s.cfg.KeyIndex {
		return nil, ErrNoIndex
	}
	s.mu.RLock()
	found, hidden := s.unwritten(key, limit)
	// The snapshot is taken under the lock: what it does not have is in the
	// generations that were asked.
	snap, err := s.disk.snapshot()
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	defer snap.close()
	return snap.outputsOf(key, found, hidden, limit)
}

// unwritten returns the key's outputs in generations that are not on disk yet,
// and a test for outputs that these know about, alive or spent.
func (s *State) unwritten(key ledger.KeyHash, limit int) (found []ledger.Change, hidden func(ledger.OutPoint) bool) {
	layers := []*generation{s.active}
	if s.frozen != nil {
		layers = append(layers, s.frozen)
	}
	seen := make(map[ledger.OutPoint]bool)
	for _, g := range layers {
		for _, op := range g.byKey[key] {
			if e, alive, known := s.inMemory(op); known && alive && !seen[op] && len(found) < limit {
				seen[op] = true
				found = append(found, ledger.Change{Point: op, Entry: e})
			}
		}
	}
	return found, func(op ledger.OutPoint) bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		if seen[op] {
			return true
		}
		for _, g := range layers {
			if _, ok := g.slots[op]; ok {
				return true
			}
		}
		return false
	}
}

// prepareKeys makes the index complete if it is on, and forgets it if it is
// off. The marker is written last and removed first, so that an index with a
// marker is complete.
func (d *disk) prepareKeys() error {
	marker, err := d.meta(keyKeys)
	if err != nil {
		return err
	}
	if d.cfg.KeyIndex == (marker != nil) {
		return nil
	}
	if err := d.db.Delete(keyKeys, pebble.NoSync); err != nil {
		return err
	}
	if err := d.db.DeleteRange([]byte{tagKey}, []byte{tagKey + 1}, pebble.NoSync); err != nil {
		return err
	}
	if d.cfg.KeyIndex {
		if err := d.buildKeys(); err != nil {
			return fmt.Errorf("index by key: %w", err)
		}
	}
	return d.db.Flush()
}

// buildKeys indexes all outputs on disk, in batches.
func (d *disk) buildKeys() error {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tagOutput}, UpperBound: []byte{tagOutput + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	b := d.db.NewBatch()
	for ok := it.First(); ok; ok = it.Next() {
		c, err := parseOutput(it.Key(), it.Value())
		if err != nil {
			return err
		}
		indexKey(b, c.Point, slot{entry: c.Entry})
		if b.Len() >= 1<<20 {
			if err := d.db.Apply(b, pebble.NoSync); err != nil {
				return err
			}
			b = d.db.NewBatch()
		}
	}
	_ = b.Set(keyKeys, nil, nil) // a batch in memory cannot fail
	return errors.Join(damage(it.Error()), d.db.Apply(b, pebble.NoSync))
}
