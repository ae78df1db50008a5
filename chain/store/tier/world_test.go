package tier

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNone = errors.New("no such thing")

// world is a store in memory: blocks, of which some are the best chain.
type world struct {
	mu     sync.Mutex
	blocks map[ledger.Hash]*ledger.Block
	best   []ledger.Hash

	bodies, txs, proofs atomic.Int64  // reads
	gate                chan struct{} // not nil: each read of content takes one from it
}

func newWorld() *world { return &world{blocks: map[ledger.Hash]*ledger.Block{}} }

// block makes a block of so many transactions, which differ by seed, on the
// tip, and makes it the tip.
func (w *world) block(t testing.TB, seed, txs int) *ledger.Block {
	b := &ledger.Block{}
	for i := range txs {
		raw := ledger.AppendCoinbase(nil, uint32(seed), uint64(i), []ledger.Output{{Value: uint64(seed)<<20 + uint64(i)}})
		tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
		if err != nil {
			t.Fatal(err)
		}
		b.Txs = append(b.Txs, tx)
	}
	w.extend(b)
	return b
}

func (w *world) extend(b *ledger.Block) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.best); n > 0 {
		b.Header.Prev = w.best[n-1]
	}
	b.Header.Merkle, _ = ledger.MerkleRoot(b.IDs())
	w.blocks[b.Header.Hash()] = b
	w.best = append(w.best, b.Header.Hash())
}

// abandon takes the tip off the best chain.
func (w *world) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.best = w.best[:len(w.best)-1]
}

func (w *world) Find(id ledger.Hash, _ Location) (Location, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for height, hash := range w.best {
		b := w.blocks[hash]
		for i := range b.Txs {
			if b.Txs[i].ID() == id {
				return Location{Height: uint32(height), Block: hash, Header: b.Header, Index: i, Txs: len(b.Txs)}, nil
			}
		}
	}
	return Location{}, errNone
}

func (w *world) get(hash ledger.Hash, reads *atomic.Int64) (*ledger.Block, error) {
	reads.Add(1)
	if w.gate != nil {
		<-w.gate
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.blocks[hash]; b != nil {
		return b, nil
	}
	return nil, errNone
}

func (w *world) Body(hash ledger.Hash) ([]byte, error) {
	b, err := w.get(hash, &w.bodies)
	if err != nil {
		return nil, err
	}
	return b.Append(nil), nil
}

func (w *world) Tx(_ ledger.Hash, at Location) ([]byte, error) {
	b, err := w.get(at.Block, &w.txs)
	if err != nil {
		return nil, err
	}
	return b.Txs[at.Index].Bytes(), nil
}

func (w *world) Proof(_ ledger.Hash, at Location) (ledger.Proof, error) {
	b, err := w.get(at.Block, &w.proofs)
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.MerkleProof(b.IDs(), at.Index), nil
}

var genesis = ledger.Hash{1, 2, 3}

// start makes tiers over a world and drives them until the test ends.
func start(t testing.TB, w *world, cfg Config) *Tiers {
	t.Helper()
	tiers, err := New(cfg, genesis, w, Events{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tiers.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if cfg.Redis != "" {
		await(t, "Redis to be up", func() bool { return tiers.Stats().L2Up })
	}
	return tiers
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// body reads a whole block through the tiers.
func (t *Tiers) body(ctx context.Context, b *ledger.Block) ([]byte, error) {
	size := b.Size()
	r, ok, err := t.Block(ctx, b.Header.Hash(), size)
	if err != nil || !ok {
		return nil, errors.Join(err, errors.New("no block"))
	}
	defer r.Close()
	got := make([]byte, r.Size())
	_, err = r.Read(got)
	return got, err
}
