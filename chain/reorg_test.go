package chain

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// grower grows branches of random blocks. Each block knows the coins that can
// be spent after it.
type grower struct {
	*maker
	rng   *rand.Rand
	after map[ledger.Hash]grown
}

type grown struct {
	block  *ledger.Block
	height uint32
	parent ledger.Hash
	coins  []coin
}

func newGrower(t testing.TB, p *ledger.Params, seed uint64) *grower {
	g := &grower{maker: newMaker(t, p), rng: rand.New(rand.NewPCG(seed, 1)), after: map[ledger.Hash]grown{}}
	var coins []coin
	for i := range int(p.DevOutputs) {
		coins = append(coins, g.genesis(i))
	}
	g.after[p.GenesisHash()] = grown{block: p.Genesis(), coins: coins}
	return g
}

// grow makes a block of up to so many transactions on parent, some of them
// spending others of the block.
func (g *grower) grow(parent ledger.Hash, most int) *ledger.Block {
	on := g.after[parent]
	coins := slices.Clone(on.coins)
	var txs []ledger.Tx
	for range g.rng.IntN(most + 1) {
		var in []coin
		for range 1 + g.rng.IntN(2) {
			i := g.rng.IntN(len(coins))
			if g.rng.IntN(3) == 0 {
				i = len(coins) - 1 // likely born in this block
			}
			in = append(in, coins[i])
			coins = slices.Delete(coins, i, i+1)
		}
		if in[0].value < 100*fee {
			continue // worn out by splitting
		}
		tx, out := g.spend(in, 1+g.rng.IntN(3))
		txs, coins = append(txs, tx), append(coins, out...)
	}
	b := g.block(on.block.Header, on.height+1, txs...)
	g.after[b.Header.Hash()] = grown{block: b, height: on.height + 1, parent: parent, coins: coins}
	return b
}

// branch makes n blocks on parent.
func (g *grower) branch(parent ledger.Hash, n, most int) (blocks []*ledger.Block) {
	for range n {
		b := g.grow(parent, most)
		parent = b.Header.Hash()
		blocks = append(blocks, b)
	}
	return blocks
}

// path returns the blocks from the genesis, without it, to tip.
func (g *grower) path(tip ledger.Hash) (blocks []*ledger.Block) {
	for b := g.after[tip]; b.height > 0; b = g.after[b.parent] {
		blocks = append(blocks, b.block)
	}
	slices.Reverse(blocks)
	return blocks
}

func (g *grower) ancestor(hash ledger.Hash, depth int) ledger.Hash {
	for range depth {
		hash = g.after[hash].parent
	}
	return hash
}

// observer follows the chain by cursor and keeps what it is told.
type observer struct {
	r     *running
	chain []Ref
}

// catchUp pulls until it stands at the tip.
func (o *observer) catchUp() {
	o.r.t.Helper()
	for at := o.at(); at != o.r.tip(); at = o.at() {
		step, err := o.r.Next(o.r.t.Context(), at)
		if err != nil {
			o.r.t.Fatal(err)
		}
		for _, ref := range step.Revert {
			if ref != o.at() {
				o.r.t.Fatalf("told to revert %v at %v", ref, o.at())
			}
			o.chain = o.chain[:len(o.chain)-1]
		}
		if b := step.Block; b != nil {
			if b.Header.Prev != o.at().Hash {
				o.r.t.Fatalf("told to apply %v on %v", b.Ref, o.at())
			}
			o.chain = append(o.chain, b.Ref)
		} else if step.Parent != o.at() {
			o.r.t.Fatalf("told to stand at %v, stands at %v", step.Parent, o.at())
		}
	}
}

func (o *observer) at() Ref {
	if len(o.chain) == 0 {
		return Ref{}
	}
	return o.chain[len(o.chain)-1]
}

// mustBe requires that tip is the node's and that its set is a fresh build's.
func (r *running) mustBe(g *grower, tip ledger.Hash, where string) {
	r.t.Helper()
	if r.tip().Hash != tip {
		r.t.Fatalf("%s: tip %v, want %v", where, r.tip().Hash, tip)
	}
	want := freshDigest(r.t, r.params, g.path(tip))
	if got := r.digest(); got != want {
		r.t.Fatalf("%s: digest %+v, want %+v", where, got, want)
	}
	if st := r.Stats(); st.Outputs != want.Count {
		r.t.Fatalf("%s: %d outputs counted, the set has %d", where, st.Outputs, want.Count)
	}
}

// What was abandoned is in the pool again, in order; a transaction that is in
// both branches is not, and a conflict of the new branch wins.
func TestAbandonedTransactionsReturn(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	genesis := r.params.Genesis().Header
	parent, coins := m.spend([]coin{m.genesis(0)}, 2)
	child, _ := m.spend(coins[:1], 1)
	both, _ := m.spend([]coin{m.genesis(1)}, 1)
	loser, _ := m.spend([]coin{m.genesis(2)}, 1)
	winner, _ := m.spend([]coin{m.genesis(2)}, 3)
	old := m.block(genesis, 1, parent, both, loser, child)
	r.accept(old, ledger.RejectNone)
	first := m.block(genesis, 1, winner)
	r.accept(first, ledger.RejectNone)
	if r.tip().Hash != old.Header.Hash() {
		t.Fatal("an equal branch that came later won")
	}
	r.accept(m.block(first.Header, 2, both), ledger.RejectNone)

	places, err := r.Locate([]ledger.Hash{parent.ID(), child.ID(), both.ID(), loser.ID(), winner.ID()})
	if want := []Place{PlacePooled, PlacePooled, PlaceBlock, PlaceUnknown, PlaceBlock}; err != nil || !slices.Equal(places, want) {
		t.Errorf("places %v (%v), want %v", places, err, want)
	}
	taken, _ := r.pool.Take(10, 1<<20)
	if len(taken) != 2 || taken[0].ID() != parent.ID() || taken[1].ID() != child.ID() {
		t.Errorf("the pool hands out %d transactions, want parent and child", len(taken))
	}
}

// A heavier branch with an invalid block leaves tip and set alone, and honest
// blocks go on from either side of it.
func TestInvalidBranch(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	g := newGrower(t, r.params, 9)
	own := g.branch(r.params.GenesisHash(), 3, 2)
	side := g.branch(r.params.GenesisHash(), 2, 2)
	spent := g.after[side[1].Header.Hash()].coins[0]
	a, _ := g.spend([]coin{spent}, 1)
	bad := g.block(side[1].Header, 3, a)
	b, _ := g.spend([]coin{spent}, 2)
	worse := g.block(bad.Header, 4, b) // spends what bad has spent
	for _, b := range slices.Concat(own, side, []*ledger.Block{bad}) {
		r.accept(b, ledger.RejectNone)
	}
	r.accept(worse, ledger.RejectMissingInput)
	r.mustBe(g, own[2].Header.Hash(), "after the invalid branch")
	r.accept(g.block(worse.Header, 5), ledger.RejectInvalidParent)

	g.after[bad.Header.Hash()] = grown{block: bad, height: 3, parent: side[1].Header.Hash(), coins: g.after[side[1].Header.Hash()].coins[1:]}
	honest := g.grow(bad.Header.Hash(), 2)
	r.accept(honest, ledger.RejectNone)
	r.mustBe(g, honest.Header.Hash(), "after the honest rest of the branch")
}

// A branch from before a restart is known when something builds on it.
func TestSideBranchSurvivesRestart(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig("/data")
	r := open(t, cfg, Options{FS: fs})
	g := newGrower(t, r.params, 3)
	best := g.branch(r.params.GenesisHash(), 3, 2)
	side := g.branch(r.params.GenesisHash(), 3, 2)
	for _, b := range append(best, side...) {
		r.accept(b, ledger.RejectNone)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = open(t, cfg, Options{FS: fs})
	r.mustBe(g, best[2].Header.Hash(), "after the restart")
	next := g.grow(side[2].Header.Hash(), 2)
	r.accept(next, ledger.RejectNone)
	r.mustBe(g, next.Header.Hash(), "after the branch went on")
}
