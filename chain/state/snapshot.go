package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2"
)

// Digest describes the whole set at one block.
type Digest struct {
	Height uint32
	Block  ledger.Hash
	Count  uint64      // outputs in the set
	Value  uint64      // of all of them; the rules keep it under MaxMoney
	Sum    ledger.Hash // SHA-256 over all outputs in the order of txid and index, each encoded as a ledger.Change
}

// Digest flushes and reads the whole set from a snapshot, while blocks go on
// being applied. It belongs to the block named in it, which is the tip at the
// time of the call or a later one.
func (s *State) Digest(ctx context.Context) (Digest, error) {
	if err := s.Flush(); err != nil {
		return Digest{}, err
	}
	snap, err := s.disk.snapshot()
	if err != nil {
		return Digest{}, err
	}
	defer snap.close()
	return snap.digest(ctx)
}

// snapshot is the set as it is on disk at one moment. Every batch brings its
// own tip, so any snapshot is a whole set. Close waits until it is closed.
type snapshot struct {
	disk *disk
	snap *pebble.Snapshot
}

func (d *disk) snapshot() (*snapshot, error) {
	d.mu.RLock()
	if d.closed {
		d.mu.RUnlock()
		return nil, ErrClosed
	}
	return &snapshot{disk: d, snap: d.db.NewSnapshot()}, nil
}

func (s *snapshot) close() {
	_ = s.snap.Close() // only fails when closed already
	s.disk.mu.RUnlock()
}

func (s *snapshot) digest(ctx context.Context) (d Digest, err error) {
	if d.Height, d.Block, err = s.tip(); err != nil {
		return Digest{}, err
	}
	sum := sha256.New()
	err = s.scan([]byte{tagOutput}, []byte{tagOutput + 1}, func(key, value []byte) (bool, error) {
		sum.Write(key[1:])
		sum.Write(value)
		entry, err := ledger.ParseEntry(value)
		if err != nil {
			return false, fmt.Errorf("state: %s: %w: an output of the set does not decode: %w", s.disk.cfg.Dir, ErrDamaged, err)
		}
		d.Value += entry.Value
		if d.Count++; d.Count%4096 == 0 {
			return true, ctx.Err()
		}
		return true, nil
	})
	if err != nil {
		return Digest{}, err
	}
	sum.Sum(d.Sum[:0])
	return d, nil
}

func (s *snapshot) tip() (uint32, ledger.Hash, error) {
	value, closer, err := s.snap.Get(keyTip)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, ledger.Hash{}, nil // no block yet: an empty set
	} else if err != nil {
		return 0, ledger.Hash{}, damage(err)
	}
	defer closer.Close()
	t, _, err := parseTip(value)
	return t.height, t.hash, err
}

// scan calls f with all pairs of a range until it says false. The slices are
// only valid within f.
func (s *snapshot) scan(from, to []byte, f func(key, value []byte) (bool, error)) error {
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("state: %s: %w", s.disk.cfg.Dir, damage(err))
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if more, err := f(it.Key(), it.Value()); !more || err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("state: %s: %w", s.disk.cfg.Dir, damage(err))
	}
	return nil
}

// outputsOf adds to found what is on disk and not hidden by a layer above.
func (s *snapshot) outputsOf(key ledger.KeyHash, found []ledger.Change, hidden func(ledger.OutPoint) bool, limit int) ([]ledger.Change, error) {
	prefix := append([]byte{tagKey}, key[:]...)
	// No key hash with a successor is lost: 0xff bytes end the prefix only if all
	// outpoints after it do too.
	end := append(prefix[:len(prefix):len(prefix)], make([]byte, ledger.OutPointSize+1)...)
	for i := len(prefix); i < len(end); i++ {
		end[i] = 0xff
	}
	err := s.scan(prefix, end, func(k, _ []byte) (bool, error) {
		op, err := ledger.ParseOutPoint(k[len(prefix):])
		if err != nil || len(found) >= limit {
			return false, err
		}
		if hidden(op) {
			return true, nil
		}
		value, closer, err := s.snap.Get(op.Append([]byte{tagOutput}))
		if err != nil {
			return false, fmt.Errorf("state: %s: %w: index by key names output %s:%d", s.disk.cfg.Dir, ErrDamaged, op.TxID, op.Index)
		}
		defer closer.Close()
		e, err := ledger.ParseEntry(value)
		found = append(found, ledger.Change{Point: op, Entry: e})
		return true, err
	})
	return found, err
}

// parseOutput decodes a pair of the set.
func parseOutput(key, value []byte) (c ledger.Change, err error) {
	if c.Point, err = ledger.ParseOutPoint(key[1:]); err == nil {
		c.Entry, err = ledger.ParseEntry(value)
	}
	if err != nil {
		return c, fmt.Errorf("%w: pair %x", ErrDamaged, key)
	}
	return c, nil
}
