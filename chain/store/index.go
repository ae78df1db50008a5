package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/chaindyno/chaindyno/internal/pebblex"
	"github.com/cockroachdb/pebble/v2"
)

// index is the indexes on disk: Pebble without a write-ahead log, changed by
// whole generations alone. All numbers in keys are big-endian.
//
//	b | hash                            an entry
//	h | height                          hash, header of the best chain; left over above its tip
//	t | 8 bytes of txid, height, index  nothing
//	m                                   the marker
//
// A key of t names a place where a transaction whose ID begins so may be. The
// place is in the key, so that IDs with an equal beginning do not hide each
// other, and who looks one up compares whole IDs there; so blocks that are
// abandoned need not be removed.
type index struct {
	path     string
	db       *pebble.DB
	problems pebblex.Problems

	mu     sync.RWMutex // read: db is in use; write: closing
	closed bool
}

const (
	tagBlock  = 'b'
	tagHeight = 'h'
	tagTx     = 't'

	txPrefixSize = 1 + 8

	entrySize = 4 + 8 + 8 + 4 + 4 + ledger.HeaderSize
)

var keyMarker = []byte("m")

// marker says what the indexes cover.
type marker struct {
	end     pos // of the log
	best    Ref
	hasBest bool
	txs     bool // transactions are indexed from the first block on
}

func (m *marker) append(dst []byte) []byte {
	dst = appendPos(dst, m.end)
	dst = binary.BigEndian.AppendUint32(dst, m.best.Height)
	dst = append(dst, m.best.Hash[:]...)
	return append(dst, boolByte(m.hasBest), boolByte(m.txs))
}

func parseMarker(b []byte) (m marker, err error) {
	if len(b) != 8+4+32+2 || b[44] > 1 || b[45] > 1 {
		return m, fmt.Errorf("the marker of the indexes does not decode")
	}
	m.end = parsePos(b)
	m.best = Ref{Height: binary.BigEndian.Uint32(b[8:]), Hash: ledger.Hash(b[12:])}
	m.hasBest, m.txs = b[44] == 1, b[45] == 1
	return m, nil
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendPos(dst []byte, p pos) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, p.seg), p.off)
}

func parsePos(b []byte) pos {
	return pos{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// openIndex opens the indexes, or starts them anew if they are damaged or lack
// what is asked for; all they hold is in the log.
func openIndex(dir *datadir.Dir, cfg *Config) (x *index, m marker, rebuilt bool, err error) {
	path := dir.Join("index")
	x, m, err = tryIndex(dir, path, cfg)
	switch {
	case err == nil && (m.txs || !cfg.TxIndex || m.end == logStart):
		return x, m, false, nil
	case err == nil:
		err = x.close()
	case !fromSystem(err):
		err = nil
	}
	if err == nil {
		if err = dir.FS.RemoveAll(path); err == nil {
			x, m, err = tryIndex(dir, path, cfg)
		}
	}
	if err != nil {
		return nil, m, false, fmt.Errorf("%s: %w", path, err)
	}
	return x, m, true, nil
}

// fromSystem says whether opening failed since the disk could not be used, which
// making the indexes again would not cure. Whatever else Pebble says is about
// what it found there: wrong checksums, sizes, settings, or a missing file.
func fromSystem(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && !errors.Is(err, fs.ErrNotExist)
}

func tryIndex(dir *datadir.Dir, path string, cfg *Config) (*index, marker, error) {
	cache := pebble.NewCache(max(cfg.IndexCacheBytes, 1<<20))
	defer cache.Unref() // Pebble has its own reference
	o, problems := pebblex.Options(dir.FS, cache, "store: the indexes")
	o.Comparer = comparer()
	x := &index{path: path, problems: problems}
	var err error
	if x.db, err = pebble.Open(path, o); err != nil {
		return nil, marker{}, err
	}
	m := marker{end: logStart}
	value, closer, err := x.db.Get(keyMarker)
	if errors.Is(err, pebble.ErrNotFound) {
		return x, m, nil
	}
	if err == nil {
		m, err = parseMarker(value)
		err = errors.Join(err, closer.Close())
	}
	if err != nil {
		return nil, m, errors.Join(err, x.db.Close())
	}
	return x, m, nil
}

// comparer orders by bytes and takes the first 9 bytes of a key of t as its
// prefix, so that a filter says of most tables that they hold none like it.
func comparer() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "chaindyno.blocks.1"
	c.Split = func(key []byte) int {
		if len(key) > txPrefixSize && key[0] == tagTx {
			return txPrefixSize
		}
		return len(key)
	}
	return &c
}

// damage names what Pebble found when it read something else than was written.
func damage(err error) error { return datadir.Damage(err, ErrDamaged) }

// get calls f with the value of a key; false if there is none.
func (x *index) get(key []byte, f func(value []byte) error) (bool, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return false, ErrClosed
	}
	value, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("%s: %w", x.path, damage(err))
	}
	defer closer.Close()
	return true, f(value)
}

func blockKey(hash ledger.Hash) []byte { return append([]byte{tagBlock}, hash[:]...) }

func heightKey(height uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tagHeight}, height)
}

// block returns the entry of a block, nil if there is none.
func (x *index) block(hash ledger.Hash) (e *entry, err error) {
	_, err = x.get(blockKey(hash), func(b []byte) error {
		e, err = parseEntry(hash, b)
		return err
	})
	return e, err
}

// at returns the best chain's block at a height.
func (x *index) at(height uint32) (p place, ok bool, err error) {
	ok, err = x.get(heightKey(height), func(b []byte) error {
		if len(b) != 32+ledger.HeaderSize {
			return fmt.Errorf("%s: %w: height %d does not decode", x.path, ErrDamaged, height)
		}
		p.Ref = Ref{Height: height, Hash: ledger.Hash(b)}
		p.header, err = ledger.ParseHeader(b[32:])
		return err
	})
	return p, ok, err
}

// txs returns where transactions whose ID begins with prefix may be.
func (x *index) txs(prefix uint64) (keys []txKey, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return nil, ErrClosed
	}
	it, err := x.db.NewIter(nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.path, err)
	}
	for ok := it.SeekPrefixGE(txKey{prefix: prefix}.append(nil)); ok; ok = it.Next() {
		keys = append(keys, parseTxKey(it.Key()))
	}
	if err := cmp.Or(it.Error(), it.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", x.path, damage(err))
	}
	return keys, nil
}

// txKey is a key of t.
type txKey struct {
	prefix        uint64
	height, index uint32
}

func (k txKey) compare(o txKey) int {
	return cmp.Or(cmp.Compare(k.prefix, o.prefix), cmp.Compare(k.height, o.height), cmp.Compare(k.index, o.index))
}

func (k txKey) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, tagTx), k.prefix)
	dst = binary.BigEndian.AppendUint32(dst, k.height)
	return binary.BigEndian.AppendUint32(dst, k.index)
}

func parseTxKey(b []byte) txKey {
	return txKey{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:]), binary.BigEndian.Uint32(b[13:])}
}

// change is a generation in the form in which it is written.
type change struct {
	entries [][2][]byte // key and value of b
	heights [][2][]byte // key and value of h
	runs    []*run
	txs     int
	marker  marker
}

// commit writes a change as one batch, in key order, which is the order in which
// Pebble will write it.
func (x *index) commit(c *change) error {
	slices.SortFunc(c.entries, comparePairs)
	slices.SortFunc(c.heights, comparePairs)
	b := x.db.NewBatchWithSize(len(c.entries)*160 + len(c.heights)*140 + c.txs*24 + 256)
	for _, p := range c.entries {
		_ = b.Set(p[0], p[1], nil) // a batch in memory cannot fail
	}
	for _, p := range c.heights {
		_ = b.Set(p[0], p[1], nil)
	}
	_ = b.Set(keyMarker, c.marker.append(nil), nil)
	var key []byte
	for _, k := range sortedKeys(c.runs, c.txs) {
		key = k.append(key[:0])
		_ = b.Set(key, nil, nil)
	}
	return errors.Join(x.db.Apply(b, pebble.NoSync), b.Close())
}

func comparePairs(a, b [2][]byte) int { return bytes.Compare(a[0], b[0]) }

func sortedKeys(runs []*run, txs int) []txKey {
	keys := make([]txKey, 0, txs)
	for _, r := range runs {
		keys = r.keys(keys)
	}
	slices.SortFunc(keys, txKey.compare)
	return keys
}

// write makes a change durable. It returns with an error when nothing has been
// written, or when quit ends the waiting; meanwhile failed hears of failures
// after which Pebble tries again.
func (x *index) write(c *change, failed func(error), quit <-chan struct{}) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if err := x.commit(c); err != nil {
		return fmt.Errorf("%s: %w", x.path, err)
	}
	done, err := x.problems.Flush(x.db, func(err error) { failed(fmt.Errorf("%s: %w", x.path, damage(err))) }, quit)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", x.path, err)
	case !done:
		return ErrClosed
	}
	return nil
}

func (x *index) size() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return 0
	}
	return int64(x.db.Metrics().DiskSpaceUsage())
}

// close waits for readers.
func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	return damage(x.db.Close())
}
