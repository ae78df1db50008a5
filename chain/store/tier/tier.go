package tier

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Source is L3: the store, and the only one who knows the best chain. What it
// returns must not change any more.
type Source interface {
	// Find says where the best chain has a transaction at this moment. hint is
	// where it was before, or zero: if that block is still on the best chain,
	// nothing else need be looked at.
	Find(id ledger.Hash, hint Location) (Location, error)
	// Body returns the encoding of a block of whatever branch.
	Body(block ledger.Hash) ([]byte, error)
	// Tx returns the encoding of the transaction at a place.
	Tx(id ledger.Hash, at Location) ([]byte, error)
	// Proof returns the proof for the transaction at a place.
	Proof(id ledger.Hash, at Location) (ledger.Proof, error)
}

// Location is where a block has a transaction. That a block has it there is
// true for ever; that the block is on the best chain is not.
type Location struct {
	Height uint32
	Block  ledger.Hash
	Header ledger.Header // of Block
	Index  int           // in Block
	Txs    int           // of Block
}

// Tiers reads through the tiers. Any goroutine may call its methods. Until Run,
// and after it has ended, there is no L2.
type Tiers struct {
	src      Source
	ev       Events
	prefix   string                  // of the keys in L2
	l1       *otter.Cache[key, item] // nil: none
	l2       *remote                 // nil: none
	counts   [L3 + 1]counter         // by Level
	flights  flights                 // of what L1 does not have
	heavy    chan struct{}           // slots of those that read whole blocks of L3
	lent     atomic.Int64            // bytes of blocks that readers hold
	lendMax  int64                   // bound of lent
	streamed atomic.Uint64           // blocks that were not lent
}

// key names content in L1. A transaction has one proof at a time there.
type key struct {
	kind Kind
	hash ledger.Hash
}

// item is content in L1.
type item struct {
	bytes []byte       // of a block or transaction
	proof ledger.Proof // of KindProof
	at    Location     // where it was; not of KindBlock
}

// itemOverhead is what an item takes beside its content, in bytes: the
// Location, keys, and otter's own fields.
const itemOverhead = 512

func weigh(_ key, it item) uint32 {
	return uint32(itemOverhead + len(it.bytes) + len(it.proof.Siblings)*len(ledger.Hash{}))
}

// New returns tiers over src. Keys in Redis are kept apart by the genesis, so
// that networks may share one.
func New(cfg Config, genesis ledger.Hash, src Source, ev Events) (*Tiers, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	t := &Tiers{
		src: src, ev: ev,
		prefix:  "chaindyno:" + hex.EncodeToString(genesis[:8]) + ":",
		flights: flights{byKey: map[string]*flight{}},
		heavy:   make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
		lendMax: max(cfg.L1Bytes, ledger.MaxBlockBytes),
	}
	if cfg.L1Bytes > 0 {
		var err error
		if t.l1, err = otter.New(&otter.Options[key, item]{MaximumWeight: uint64(cfg.L1Bytes), Weigher: weigh}); err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
	if cfg.Redis != "" {
		t.l2 = newRemote(cfg, ev)
	}
	return t, nil
}

// Run keeps up the connection to L2 and writes to it, until ctx ends.
func (t *Tiers) Run(ctx context.Context) error {
	if t.l2 == nil {
		<-ctx.Done()
		return nil
	}
	return t.l2.run(ctx)
}

// want is a read.
type want struct {
	key   key
	at    Location                              // zero for KindBlock
	name  string                                // of exactly this content, in L2
	most  int                                   // bytes of its encoding
	check func(b []byte) (item, bool)           // decides whether bytes of L2 are it
	load  func() (it item, b []byte, err error) // reads L3; b is its encoding
}

// Tx returns a transaction of the best chain and where it is. Errors are those
// of Source, or of ctx.
func (t *Tiers) Tx(ctx context.Context, id ledger.Hash) (Location, []byte, error) {
	at, it, err := t.located(ctx, key{KindTx, id}, func(at Location) want {
		return want{
			name: "t:" + hex.EncodeToString(id[:]), most: ledger.MaxTxBytes,
			check: func(b []byte) (item, bool) { return item{bytes: b, at: at}, checkTx(id, b) },
			load: func() (item, []byte, error) {
				b, err := t.src.Tx(id, at)
				return item{bytes: b, at: at}, b, err
			},
		}
	})
	return at, it.bytes, err
}

// Proof returns the proof that a transaction is in the best chain, and where.
// Errors as with Tx.
func (t *Tiers) Proof(ctx context.Context, id ledger.Hash) (Location, ledger.Proof, error) {
	at, it, err := t.located(ctx, key{KindProof, id}, func(at Location) want {
		return want{
			name: "p:" + hex.EncodeToString(at.Block[:]) + ":" + hex.EncodeToString(id[:]), most: proofMax,
			check: func(b []byte) (item, bool) {
				p, ok := checkProof(id, at, b)
				return item{proof: p, at: at}, ok
			},
			load: func() (item, []byte, error) {
				p, err := t.src.Proof(id, at)
				return item{proof: p, at: at}, p.Append(nil), err
			},
		}
	})
	return at, it.proof, err
}

// proofMax is the size of the longest proof: 18 levels stand above MaxBlockTxs.
const proofMax = 8 + 18*32

// located reads what belongs to a transaction. Where that is now decides, and
// only the store knows; what L1 remembers makes it quick to say.
func (t *Tiers) located(ctx context.Context, k key, of func(at Location) want) (Location, item, error) {
	began := time.Now()
	before, _ := t.peek(k)
	at, err := t.src.Find(k.hash, before.at)
	if err != nil {
		return at, item{}, err
	}
	if it, ok := t.recall(k, at); ok {
		if it.at != at { // the same transaction, in another block since a reorganisation
			it.at = at
			t.keep(k, it)
		}
		t.answered(k.kind, L1, began)
		return at, it, nil
	}
	w := of(at)
	w.key, w.at = k, at
	it, err := t.read(ctx, w, began)
	return at, it, err
}

// Block opens a block of a known size in bytes. ok is false where it should be
// read from the store by parts instead: readers hold too many blocks in memory
// already. The caller closes the reader.
func (t *Tiers) Block(ctx context.Context, hash ledger.Hash, size int) (r *Reader, ok bool, err error) {
	if t.l1 == nil && t.l2 == nil || !t.lend(int64(size)) {
		t.streamed.Add(1)
		return nil, false, nil
	}
	b, err := t.block(ctx, hash, size)
	if err != nil {
		t.lent.Add(-int64(size))
		return nil, true, err
	}
	return &Reader{Reader: bytes.NewReader(b), back: func() { t.lent.Add(-int64(size)) }}, true, nil
}

func (t *Tiers) block(ctx context.Context, hash ledger.Hash, size int) ([]byte, error) {
	began, k := time.Now(), key{KindBlock, hash}
	if it, ok := t.recall(k, Location{}); ok {
		t.answered(KindBlock, L1, began)
		return it.bytes, nil
	}
	it, err := t.read(ctx, want{
		key: k, name: "b:" + hex.EncodeToString(hash[:]), most: size,
		check: func(b []byte) (item, bool) { return item{bytes: b}, checkBlock(hash, b) },
		load: func() (item, []byte, error) {
			b, err := t.src.Body(hash)
			return item{bytes: b}, b, err
		},
	}, began)
	return it.bytes, err
}

// lend takes n bytes out of what readers may hold. A slow reader keeps its
// block in memory after L1 has let go of it.
func (t *Tiers) lend(n int64) bool {
	if t.lent.Add(n) > t.lendMax {
		t.lent.Add(-n)
		return false
	}
	return true
}

// Reader reads a block that is in memory.
type Reader struct {
	*bytes.Reader
	once sync.Once
	back func()
}

var _ io.ReadCloser = (*Reader)(nil)

// Close lets go of the block. It may be called twice.
func (r *Reader) Close() error {
	r.once.Do(r.back)
	return nil
}

// peek returns what L1 has under a key.
func (t *Tiers) peek(k key) (it item, ok bool) {
	if t.l1 != nil {
		it, ok = t.l1.GetIfPresent(k)
	}
	return it, ok
}

// recall returns what L1 has, if it serves one who wants it at a place: a
// proof is of one block, a transaction the same in any.
func (t *Tiers) recall(k key, at Location) (item, bool) {
	it, ok := t.peek(k)
	return it, ok && (k.kind != KindProof || it.at == at)
}

// keep puts content into L1, unless it would fill most of it alone.
func (t *Tiers) keep(k key, it item) {
	if t.l1 != nil && uint64(weigh(k, it)) <= t.l1.GetMaximum()/2 {
		t.l1.Set(k, it)
	}
}

// read gets what L1 does not have, in one flight for all who want it.
func (t *Tiers) read(ctx context.Context, w want, began time.Time) (item, error) {
	t.counts[L1].misses.Add(1)
	it, from, err := t.flights.do(ctx, w.name, func(ctx context.Context) (item, Level, error) {
		if it, ok := t.recall(w.key, w.at); ok { // a flight has landed since the caller looked
			return it, L1, nil
		}
		return t.fetch(ctx, w)
	})
	if err == nil {
		t.answered(w.key.kind, from, began)
	}
	return it, err
}

// fetch reads L2, and what that does not have or has wrong, L3.
func (t *Tiers) fetch(ctx context.Context, w want) (item, Level, error) {
	if it, ok := t.fromL2(ctx, w); ok {
		t.keep(w.key, it)
		return it, L2, nil
	}
	if w.key.kind != KindTx {
		select {
		case t.heavy <- struct{}{}:
			defer func() { <-t.heavy }()
		case <-ctx.Done():
			return item{}, 0, ctx.Err()
		}
	}
	it, b, err := w.load()
	if err != nil {
		return item{}, 0, err
	}
	t.keep(w.key, it)
	if t.l2 != nil {
		t.l2.put(t.prefix+w.name, b, w.most)
	}
	return it, L3, nil
}

// fromL2 returns what L2 has, if it is what its key names.
func (t *Tiers) fromL2(ctx context.Context, w want) (item, bool) {
	if t.l2 == nil || w.most > valueMax {
		return item{}, false
	}
	name := t.prefix + w.name
	b, found, asked := t.l2.get(ctx, name, w.most)
	if found {
		it, ok := w.check(b)
		if ok {
			return it, true
		}
		t.l2.poisoned.Add(1)
		t.l2.put(name, nil, 0)
	}
	if asked {
		t.counts[L2].misses.Add(1)
	}
	return item{}, false
}
