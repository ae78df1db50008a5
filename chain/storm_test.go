package chain

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// stormDepth is the deepest reorganisation of the storm.
const stormDepth = 100

// Reorganisations of random depths from 1 to 100, the deepest among them, while
// transactions come in that conflict with either branch: the set is always that
// of a fresh node that saw the winning branch alone, the pool holds no conflict
// and can fill a valid block, and a follower sees each change once. Headers and
// pool stay within their bounds.
func TestReliability05Storm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	cfg := testConfig(t.TempDir())
	cfg.State.FlushBlocks = 7 // so that reorganisations go below what is on disk
	cfg.Pool.MaxTxs = 40      // so that what is abandoned exceeds it
	r := open(t, cfg, Options{})
	g := newGrower(t, r.params, seed)
	watch := &observer{r: r}
	tip := r.params.GenesisHash()
	blocks := g.branch(tip, stormDepth+5, 2)
	for _, b := range blocks {
		r.accept(b, ledger.RejectNone)
	}
	tip = blocks[len(blocks)-1].Header.Hash()
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		depth := 1 + g.rng.IntN(stormDepth)
		if round == 0 {
			depth = stormDepth
		}
		r.submitConflicts(g, tip)
		branch := g.branch(g.ancestor(tip, depth), depth+1, 2)
		if g.rng.IntN(2) == 0 {
			watch.catchUp()
		}
		for _, b := range branch {
			r.accept(b, ledger.RejectNone)
		}
		tip = branch[depth].Header.Hash()
		where := fmt.Sprintf("round %d, depth %d", round, depth)
		r.mustBe(g, tip, where)
		r.poolHoldsNoConflict(where)
		if s := r.Stats().Pool; s.Txs > 2*cfg.Pool.MaxTxs {
			t.Fatalf("%s: %d transactions in the pool, permitted are twice %d", where, s.Txs, cfg.Pool.MaxTxs)
		}
		if round%3 == 2 {
			tip = r.mineThePool(g, tip)
		}
	}
	if n := r.tree.Len(); n != len(g.after) {
		t.Errorf("%d headers are kept of %d blocks", n, len(g.after))
	}
	watch.catchUp()
	for i, ref := range watch.chain {
		if hash, err := r.BlockAt(uint32(i)); err != nil || hash != ref.Hash {
			t.Fatalf("height %d: the follower has %v, the log %v (%v)", i, ref.Hash, hash, err)
		}
	}
}

// submitConflicts offers transactions that spend coins of the tip, several of
// each, and some of them a coin that is older than the next fork.
func (r *running) submitConflicts(g *grower, tip ledger.Hash) {
	coins := g.after[tip].coins
	for range 30 {
		c := coins[g.rng.IntN(len(coins))]
		if c.value < 100*fee {
			continue
		}
		first, out := g.spend([]coin{c}, 2)
		child, _ := g.spend(out[:1], 1)
		twin, _ := g.spend([]coin{c}, 3)
		submit(r.Node, first, child, twin)
	}
}

// poolHoldsNoConflict requires that no two transactions of the pool spend the
// same output, and that each spends what is in the set, or what one before it
// makes.
func (r *running) poolHoldsNoConflict(where string) {
	r.t.Helper()
	ids := r.PoolIDs(1 << 20)
	spent, made := map[ledger.OutPoint]bool{}, map[ledger.OutPoint]bool{}
	for _, tx := range r.pool.Find(ids) {
		for k := range tx.Inputs() {
			point := tx.Prev(k)
			if spent[point] {
				r.t.Fatalf("%s: output %v is spent twice in the pool", where, point)
			}
			spent[point] = true
			if _, ok, err := r.state.Lookup(point); err != nil || !ok && !made[point] {
				r.t.Fatalf("%s: transaction %v of the pool spends output %v, which is nowhere (%v)", where, tx.ID(), point, err)
			}
		}
		for k := range tx.Outputs() {
			made[ledger.OutPoint{TxID: tx.ID(), Index: uint32(k)}] = true
		}
	}
}

// mineThePool makes a block of all that the pool hands out.
func (r *running) mineThePool(g *grower, tip ledger.Hash) ledger.Hash {
	r.t.Helper()
	taken, _ := r.pool.Take(1000, 1<<20)
	on := g.after[tip]
	coins := slices.Clone(on.coins)
	var txs []ledger.Tx
	for i := range taken {
		tx := &taken[i].Tx
		txs = append(txs, *tx)
		for k := range tx.Inputs() {
			coins = slices.DeleteFunc(coins, func(c coin) bool { return c.point == tx.Prev(k) })
		}
	}
	b := g.block(on.block.Header, on.height+1, txs...)
	g.after[b.Header.Hash()] = grown{block: b, height: on.height + 1, parent: tip, coins: coins}
	r.accept(b, ledger.RejectNone)
	return b.Header.Hash()
}

// A reorganisation by 100 blocks goes block by block: what is in memory at any
// step of it is far less than all its blocks, what they spent or what they made.
func TestReliability05MemoryOfDeepReorganisation(t *testing.T) {
	if testing.Short() {
		t.Skip("200 large blocks")
	}
	const outputs, least = 1700, 60 << 20
	cfg := testConfig(t.TempDir())
	cfg.Pool.MaxMB, cfg.State.CacheMB = 1, 1
	var peak uint64
	steps := map[step]int{}
	moving := false
	r := open(t, cfg, Options{hook: func(s step) {
		if steps[s]++; moving && steps[s]%10 == 0 {
			peak = max(peak, heap())
		}
	}})
	m := newMaker(t, r.params)
	grow := func(n, each int) (blocks []*ledger.Block, size int) {
		at := r.params.Genesis().Header
		for i := range n {
			a, _ := m.spend([]coin{m.genesis(2 * i)}, each)
			b, _ := m.spend([]coin{m.genesis(2*i + 1)}, each)
			block := m.block(at, uint32(i+1), a, b)
			at, blocks, size = block.Header, append(blocks, block), size+block.Size()+2*each*ledger.ChangeSize
		}
		return blocks, size
	}
	old, all := grow(stormDepth, outputs)
	branch, more := grow(stormDepth+1, outputs-1)
	if all += more; all < least {
		t.Fatalf("the blocks and their changes have %d bytes together, too few to tell", all)
	}
	for _, b := range slices.Concat(old, branch[:stormDepth]) {
		r.accept(b, ledger.RejectNone)
	}
	before := heap()
	moving = true
	r.accept(branch[stormDepth], ledger.RejectNone)
	if r.tip().Hash != branch[stormDepth].Header.Hash() || steps[stepReverted] != stormDepth || steps[stepReapplied] != stormDepth+1 {
		t.Fatalf("tip %v after %v", r.tip(), steps)
	}
	t.Logf("%d MB of blocks and changes; heap %d MB before, at most %d MB meanwhile", all>>20, before>>20, peak>>20)
	if peak > before+least/4 {
		t.Errorf("the heap grew from %d to %d bytes", before, peak)
	}
	if s := r.Stats().Pool; s.Bytes > 2<<20 {
		t.Errorf("the pool has %d bytes", s.Bytes)
	}
}

// heap returns the bytes of what can be reached.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
