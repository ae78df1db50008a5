package state

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/chaindyno/chaindyno/internal/pebblex"
	"github.com/cockroachdb/pebble/v2"
)

// disk is the layer at the bottom: Pebble without a write-ahead log. It changes
// by whole generations alone, each a single batch, which Pebble never splits
// between two of its own flushes; so whatever it has after a crash is the set
// at some block, with the marker of that block.
type disk struct {
	cfg *Config
	dir *datadir.Dir
	db  *pebble.DB
	tip tip // at Open

	problems pebblex.Problems

	mu     sync.RWMutex // read: db is in use; write: closing
	closed bool
}

func openDisk(cfg *Config) (*disk, error) {
	format := datadir.Format{Kind: "chaindyno-outputs", Version: formatVersion, Network: cfg.Network, Params: cfg.Params}
	dir, err := datadir.Open(cfg.FS, cfg.Dir, format, cfg.MinFreeBytes)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	d := &disk{cfg: cfg, dir: dir}
	if err := d.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("state: %s: %w", cfg.Dir, damage(err)), dir.Close())
	}
	return d, nil
}

func (d *disk) open() (err error) {
	cache := pebble.NewCache(max(d.cfg.CacheBytes/4, 1<<20))
	defer cache.Unref() // Pebble has its own reference
	o, problems := pebblex.Options(d.dir.FS, cache, "state: the output set")
	for i := range o.Levels {
		o.Levels[i].BlockSize = 8 << 10
	}
	d.problems = problems
	if d.db, err = pebble.Open(d.dir.Join("set"), o); err != nil {
		return fmt.Errorf("%w: %s", ErrDamaged, datadir.OneLine(err))
	}
	if err = d.load(); err == nil {
		err = d.prepareKeys()
	}
	if err != nil {
		return errors.Join(err, d.db.Close())
	}
	return nil
}

// write makes a generation durable. It returns with an error when nothing has
// been written, or when quit ends the waiting; meanwhile failed hears of
// failures after which Pebble tries again.
func (d *disk) write(g *generation, failed func(error), quit <-chan struct{}) error {
	// Pebble does not survive when its own catalogue cannot be written.
	if err := d.dir.CheckRoom(2 * int64(len(g.slots)) * ledger.ChangeSize); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if d.cfg.Barrier != nil {
		if err := d.cfg.Barrier(); err != nil {
			return fmt.Errorf("state: block log: %w", err)
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.commit(g); err != nil {
		return fmt.Errorf("state: %s: %w", d.cfg.Dir, damage(err))
	}
	named := func(err error) error { return fmt.Errorf("state: %s: %w", d.cfg.Dir, damage(err)) }
	done, err := d.problems.Flush(d.db, func(err error) { failed(named(err)) }, quit)
	switch {
	case err != nil:
		return named(err)
	case !done:
		return errStopped
	}
	return nil
}

// commit puts the generation into one batch, in key order, which is the order
// in which Pebble will write it.
func (d *disk) commit(g *generation) error {
	points := make([]ledger.OutPoint, 0, len(g.slots))
	for op := range g.slots {
		points = append(points, op)
	}
	slices.SortFunc(points, comparePoints)
	b := d.db.NewBatchWithSize(len(points)*(ledger.ChangeSize+4) + 256)
	var key, value []byte
	for _, op := range points {
		v := g.slots[op]
		key = op.Append(append(key[:0], tagOutput))
		if v.gone {
			_ = b.Delete(key, nil) // a batch in memory cannot fail
		} else {
			value = ledger.AppendEntry(value[:0], v.entry)
			_ = b.Set(key, value, nil)
		}
		if d.cfg.KeyIndex {
			indexKey(b, op, v)
		}
	}
	_ = b.Set(keyTip, g.tip.append(nil), nil)
	return errors.Join(d.db.Apply(b, pebble.NoSync), b.Close())
}

// get reads an output.
func (d *disk) get(op ledger.OutPoint) (e ledger.Entry, found bool, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return ledger.Entry{}, false, ErrClosed
	}
	var buf [1 + ledger.OutPointSize]byte
	value, closer, err := d.db.Get(op.Append(append(buf[:0], tagOutput)))
	if errors.Is(err, pebble.ErrNotFound) {
		return ledger.Entry{}, false, nil
	} else if err != nil {
		return ledger.Entry{}, false, fmt.Errorf("state: %s: %w", d.cfg.Dir, damage(err))
	}
	defer closer.Close()
	if e, err = ledger.ParseEntry(value); err != nil {
		return ledger.Entry{}, false, fmt.Errorf("state: %s: %w: output %s:%d", d.cfg.Dir, ErrDamaged, op.TxID, op.Index)
	}
	return e, true, nil
}

// damage names what Pebble found when it read something else than was written.
func damage(err error) error { return datadir.Damage(err, ErrDamaged) }

func (d *disk) size() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return 0
	}
	return int64(d.db.Metrics().DiskSpaceUsage())
}

// close waits for readers.
func (d *disk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return errors.Join(damage(d.db.Close()), d.dir.Close())
}
