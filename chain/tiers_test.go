package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/internal/redistest"
)

// quiz knows what a node must answer about a chain of known blocks, without
// asking any store.
type quiz struct {
	blocks []*ledger.Block // by height
	txs    []asked
}

type asked struct {
	at     Ref
	header ledger.Header
	index  int
	tx     ledger.Tx
	proof  ledger.Proof
}

func newQuiz(genesis *ledger.Block, above []*ledger.Block) *quiz {
	q := &quiz{blocks: append([]*ledger.Block{genesis}, above...)}
	for height, b := range q.blocks {
		ids := b.IDs()
		for i, tx := range b.Txs {
			q.txs = append(q.txs, asked{Ref{Height: uint32(height), Hash: b.Header.Hash()}, b.Header, i, tx, ledger.MerkleProof(ids, i)})
		}
	}
	return q
}

// ask puts one random question of each kind; the error says what was wrong
// with the answer.
func (q *quiz) ask(ctx context.Context, n *Node, rng *rand.Rand) error {
	height := rng.IntN(len(q.blocks))
	a := q.txs[rng.IntN(len(q.txs))]
	var nobody ledger.Hash
	for i := range nobody {
		nobody[i] = byte(rng.Uint32())
	}
	_, err1 := n.Transaction(ctx, nobody)
	_, _, _, err2 := n.Proof(ctx, nobody)
	_, _, err3 := n.ReadBlock(ctx, nobody)
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("what is nowhere: %w", errors.Join(err, errors.New("not ErrNotFound")))
		}
	}
	return errors.Join(q.askBlock(ctx, n, height), a.ask(ctx, n))
}

func (q *quiz) askBlock(ctx context.Context, n *Node, height int) error {
	b := q.blocks[height]
	at, r, err := n.ReadBlock(ctx, b.Header.Hash())
	if err != nil {
		return err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil || int(at) != height || r.Size() != int64(b.Size()) || !bytes.Equal(body, b.Append(nil)) {
		return fmt.Errorf("block %d: %d bytes at height %d: %w", height, len(body), at, errors.Join(err, errWrong))
	}
	return nil
}

var errWrong = errors.New("wrong answer")

func (a *asked) ask(ctx context.Context, n *Node) error {
	found, err := n.Transaction(ctx, a.tx.ID())
	if want := (Found{Place: PlaceBlock, Block: a.at, Index: a.index, Bytes: a.tx.Bytes()}); err != nil || !cmp.Equal(found, want) {
		return fmt.Errorf("transaction %s: %+v: %w", a.tx.ID(), found, errors.Join(err, errWrong))
	}
	at, header, p, err := n.Proof(ctx, a.tx.ID())
	if err != nil || at != a.at || header != a.header || !cmp.Equal(p, a.proof) {
		return fmt.Errorf("proof of %s: %+v at %v: %w", a.tx.ID(), p, at, errors.Join(err, errWrong))
	}
	return nil
}

// vandal does to a Redis what must not matter.
type vandal struct {
	t   testing.TB
	s   *redistest.Server
	rng *rand.Rand
}

func (v *vandal) do(work func(do func(words ...string) rueidis.RedisResult)) {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{v.s.Addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		v.t.Error(err)
		return
	}
	defer c.Close()
	work(func(words ...string) rueidis.RedisResult {
		return c.Do(context.Background(), c.B().Arbitrary(words...).Build())
	})
}

func (v *vandal) flush() {
	v.do(func(do func(...string) rueidis.RedisResult) {
		if err := do("FLUSHALL").Error(); err != nil {
			v.t.Error(err)
		}
	})
}

// poison overwrites every value: with that of another key of its kind, which
// decodes and is valid elsewhere, with garbage, or with a part of itself.
func (v *vandal) poison() {
	v.do(func(do func(...string) rueidis.RedisResult) {
		keys, err := do("KEYS", "*").AsStrSlice()
		if err != nil {
			v.t.Error(err)
			return
		}
		slices.Sort(keys) // so that those of a kind are neighbours
		values := make([]string, len(keys))
		for i, k := range keys {
			values[i], _ = do("GET", k).ToString() // gone in between: empty
		}
		for i, k := range keys {
			wrong := values[(i+1)%len(values)]
			switch v.rng.IntN(4) {
			case 0:
				wrong = values[i][:len(values[i])/2]
			case 1:
				wrong = strings.Repeat("\x01\x00", 1+v.rng.IntN(300))
			}
			if err := do("SET", k, wrong).Error(); err != nil {
				v.t.Error(err)
				return
			}
		}
	})
}

// TestReliability16Redis reads blocks, transactions and proofs from two nodes
// that share a Redis, with and without an L1, while that is killed, flushed,
// poisoned and paused: all answers are those of the store alone, always.
func TestReliability16Redis(t *testing.T) {
	s := redistest.Start(t)
	p := ledger.TestParams()
	g := newGrower(t, p, 16)
	chain := g.branch(p.GenesisHash(), 40, 30)
	q := newQuiz(p.Genesis(), chain)
	readers := &quizzed{q: q}
	var nodes []*running
	for _, l1 := range []int{0, 1} {
		cfg := testConfig(fmt.Sprintf("/node-%d", l1))
		cfg.Cache.L1MB, cfg.Cache.Redis = l1, s.Addr
		n := open(t, cfg, Options{FS: vfs.NewMem()})
		for _, b := range chain {
			n.accept(b, ledger.RejectNone)
		}
		eventually(t, "Redis to be up", func() bool { return n.Stats().Tiers.L2Up })
		nodes = append(nodes, n)
		for reader := range 4 {
			readers.start(n.Node, uint64(4*l1+reader))
		}
	}
	v := &vandal{t, s, rand.New(rand.NewPCG(16, 0))}
	stats := func() tier.Stats { return nodes[0].Stats().Tiers }
	for range 2 {
		before := stats()
		readers.more(t, 200)
		eventually(t, "answers from Redis", func() bool { return stats().Tiers[tier.L2].Hits > before.Tiers[tier.L2].Hits })
		v.flush()
		readers.more(t, 200)
		v.poison()
		readers.more(t, 200)
		eventually(t, "poison to be met", func() bool { return stats().Poisoned > before.Poisoned })
		s.Kill()
		eventually(t, "a dead Redis to be left alone", func() bool { return !stats().L2Up })
		readers.more(t, 200)
		s.Restart()
		eventually(t, "Redis to be asked again", func() bool { return stats().L2Up })
		readers.more(t, 200)
		s.Pause()
		eventually(t, "a paused Redis to be left alone", func() bool { return !stats().L2Up })
		readers.more(t, 200)
		s.Resume()
		eventually(t, "Redis to be asked again", func() bool { return stats().L2Up })
	}
	if err := readers.stop(); err != nil {
		t.Error(err)
	}
	for i, n := range nodes {
		st := n.Stats().Tiers
		t.Logf("node %d: %+v", i, st)
		if st.Tiers[tier.L2].Hits == 0 || st.Tiers[tier.L3].Hits == 0 || st.Failures == 0 {
			t.Errorf("node %d has not been through it: %+v", i, st)
		}
	}
}

// quizzed is goroutines that ask nodes.
type quizzed struct {
	q       *quiz
	asked   atomic.Int64
	stopped atomic.Bool
	wrong   atomic.Pointer[error] // the first
	running sync.WaitGroup
}

func (r *quizzed) start(n *Node, seed uint64) {
	r.running.Go(func() {
		for rng := rand.New(rand.NewPCG(seed, 7)); !r.stopped.Load(); {
			if err := r.q.ask(context.Background(), n, rng); err != nil {
				r.wrong.CompareAndSwap(nil, &err)
				return
			}
			r.asked.Add(1)
		}
	})
}

// more returns when so many more questions have been answered.
func (r *quizzed) more(t testing.TB, n int64) {
	t.Helper()
	target := r.asked.Load() + n
	eventually(t, "readers to go on", func() bool { return r.asked.Load() >= target || r.wrong.Load() != nil })
}

func (r *quizzed) stop() error {
	r.stopped.Store(true)
	r.running.Wait()
	if err := r.wrong.Load(); err != nil {
		return *err
	}
	return nil
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// Reorganisations are seen at once through warm tiers: every transaction is
// where the winning branch has it, or nowhere.
func TestTiersFollowReorganisations(t *testing.T) {
	p := ledger.TestParams()
	g := newGrower(t, p, 5)
	r := open(t, testConfig("/node"), Options{FS: vfs.NewMem()})
	common := g.branch(p.GenesisHash(), 3, 10)
	fork := common[2].Header.Hash()
	branches := [][]*ledger.Block{g.branch(fork, 3, 10), g.branch(fork, 5, 10), g.branch(fork, 7, 10)}
	for _, b := range common {
		r.accept(b, ledger.RejectNone)
	}
	seen := map[ledger.Hash]bool{}
	for _, branch := range branches {
		for _, b := range branch {
			r.accept(b, ledger.RejectNone)
		}
		q := newQuiz(p.Genesis(), slices.Concat(common, branch))
		here := map[ledger.Hash]bool{}
		for range 2 { // cold, then warm
			for _, a := range q.txs {
				here[a.tx.ID()] = true
				if err := a.ask(t.Context(), r.Node); err != nil {
					t.Fatal(err)
				}
			}
		}
		for id := range seen {
			if here[id] {
				continue
			}
			if f, err := r.Transaction(t.Context(), id); f.Place == PlaceBlock || err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("abandoned transaction %s: %+v, %v", id, f, err)
			}
			if _, _, _, err := r.Proof(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("abandoned transaction %s is proved: %v", id, err)
			}
		}
		for id := range here {
			seen[id] = true
		}
	}
}
