package tree

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

const anytime = ^uint32(0)

var neverDone = context.Background()

func params() *ledger.Params {
	p := ledger.TestParams()
	p.DevOutputs = 1
	return p
}

// mine returns a header on parent with the bits that the rule asks for.
func mine(t interface{ Fatal(...any) }, tr *Tree, parent *Node, time uint32, salt byte) ledger.Header {
	h := ledger.Header{
		Version: ledger.HeaderVersion, Prev: parent.Hash, Merkle: ledger.Hash{salt},
		Time: time, Bits: tr.NextBits(parent),
	}
	r, err := pow.Search(neverDone, h, pow.SearchConfig{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r.Header
}

// unmined returns the header with a nonce that misses its target.
func unmined(h ledger.Header, limit uint32) ledger.Header {
	for pow.CheckWork(&h, limit) {
		h.Nonce++
	}
	return h
}

func add(t *testing.T, tr *Tree, h ledger.Header) *Node {
	t.Helper()
	n, reject := tr.Add(h, anytime)
	if reject != ledger.RejectNone {
		t.Fatalf("Add: %v", reject)
	}
	return n
}

// grow adds n blocks on parent and returns them.
func grow(t *testing.T, tr *Tree, parent *Node, n int, salt byte) []*Node {
	t.Helper()
	var nodes []*Node
	for range n {
		parent = add(t, tr, mine(t, tr, parent, parent.Header.Time+1, salt))
		nodes = append(nodes, parent)
	}
	return nodes
}

func TestAddRejects(t *testing.T) {
	p := params()
	tr := New(p)
	chain := grow(t, tr, tr.Best(), 12, 0)
	tip := chain[len(chain)-1]
	for _, tc := range []struct {
		name   string
		change func(h *ledger.Header)
		now    uint32
		want   ledger.Reject
	}{
		{"honest", func(*ledger.Header) {}, anytime, ledger.RejectNone},
		{"at the median", func(h *ledger.Header) { h.Time = tip.MedianTime() }, anytime, ledger.RejectNone},
		{"before the median", func(h *ledger.Header) { h.Time = tip.MedianTime() - 1 }, anytime, ledger.RejectTimeOld},
		{"2 s ahead", func(h *ledger.Header) { h.Time = 1200 }, 1000, ledger.RejectNone},
		{"more than 2 s ahead", func(h *ledger.Header) { h.Time = 1201 }, 1000, ledger.RejectTimeNew},
		{"ahead at the end of time", func(h *ledger.Header) { h.Time = anytime }, anytime - 1, ledger.RejectNone},
		{"unknown parent", func(h *ledger.Header) { h.Prev = ledger.Hash{1} }, anytime, ledger.RejectParent},
		{"other bits", func(h *ledger.Header) { h.Bits = 0x207ffffe }, anytime, ledger.RejectTarget},
		{"unknown version", func(h *ledger.Header) { h.Version = 2 }, anytime, ledger.RejectVersion},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := mine(t, tr, tip, tip.Header.Time+1, 1)
			tc.change(&h)
			r, err := pow.Search(neverDone, h, pow.SearchConfig{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			before := tr.Len()
			n, got := tr.Add(r.Header, tc.now)
			if got != tc.want || (n == nil) != (got != ledger.RejectNone) {
				t.Errorf("node %v, %v, want %v", n, got, tc.want)
			}
			if got != ledger.RejectNone && tr.Len() != before {
				t.Error("a rejected header was kept")
			}
		})
	}
	if _, got := tr.Add(unmined(mine(t, tr, tip, 50, 2), p.Bits), anytime); got != ledger.RejectWork {
		t.Errorf("without work: %v", got)
	}
	if n, got := tr.Add(tip.Header, anytime); got != ledger.RejectDuplicate || n != tip {
		t.Errorf("known header: %v", got)
	}
}

func TestEqualWorkFirstSeenStays(t *testing.T) {
	tr := New(params())
	a := grow(t, tr, tr.Best(), 3, 1)
	b := grow(t, tr, tr.Get(a[0].Header.Prev), 3, 2)
	if tr.Best() != a[2] {
		t.Error("a later branch of equal work took over")
	}
	longer := grow(t, tr, b[2], 1, 2)
	if tr.Best() != longer[0] {
		t.Error("the branch with more work is not best")
	}
	revert, apply := tr.Plan(a[2], longer[0])
	if want := hashes(a[2], a[1], a[0]); !slices.Equal(revert, want) {
		t.Errorf("revert %v, want %v", revert, want)
	}
	if want := hashes(b[0], b[1], b[2], longer[0]); !slices.Equal(apply, want) {
		t.Errorf("apply %v, want %v", apply, want)
	}
}

func TestRefuse(t *testing.T) {
	tr := New(params())
	root := tr.Best()
	good := grow(t, tr, root, 2, 1)
	bad := grow(t, tr, good[0], 3, 2)
	if tr.Best() != bad[2] {
		t.Fatal("the longer branch is not best")
	}
	tr.Refuse(bad[0])
	if tr.Best() != good[1] {
		t.Errorf("best is %d %v", tr.Best().Height, tr.Best().Hash)
	}
	for _, n := range bad {
		if !n.Refused() {
			t.Errorf("height %d is not refused", n.Height)
		}
	}
	if _, got := tr.Add(mine(t, tr, bad[2], 9, 3), anytime); got != ledger.RejectInvalidParent {
		t.Errorf("child of a refused block: %v", got)
	}
	if _, got := tr.Add(bad[1].Header, anytime); got != ledger.RejectInvalidParent {
		t.Errorf("refused block again: %v", got)
	}
	add(t, tr, mine(t, tr, good[1], 9, 3))
	tr.Refuse(root)
	if tr.Best() == nil || root.Refused() {
		t.Error("the genesis was refused")
	}
}

func hashes(nodes ...*Node) []ledger.Hash {
	out := make([]ledger.Hash, len(nodes))
	for i, n := range nodes {
		out[i] = n.Hash
	}
	return out
}

func TestASERTAnchorsAtBlockOneOfTheBranch(t *testing.T) {
	p := params()
	p.FixedDifficulty, p.Bits = false, 0x2000ffff
	tr := New(p)
	// Two branches whose first blocks are at different times: each keeps its
	// own schedule, however long after the epoch.
	for salt, start := range []uint32{1000, 900_000} {
		n := add(t, tr, mine(t, tr, tr.Get(p.GenesisHash()), start, byte(salt)))
		if n.Header.Bits != p.Bits {
			t.Errorf("block 1 at %d has bits %#x", start, n.Header.Bits)
		}
		for range 4 { // in no time at all: harder than the limit
			n = add(t, tr, mine(t, tr, n, start, byte(salt)))
		}
		want := pow.NextBits(p, pow.Link{Height: n.Height, Time: start, First: start})
		if got := tr.NextBits(n); got != want || got == p.Bits {
			t.Errorf("start %d: bits %#x, want %#x", start, got, want)
		}
	}
}

// twin is the dumb model: parents in a map, everything computed by walking.
type twin struct {
	parent map[ledger.Hash]ledger.Hash
	header map[ledger.Hash]ledger.Header
	order  []ledger.Hash
	bad    map[ledger.Hash]bool
}

func (w *twin) branch(h ledger.Hash) (up []ledger.Hash) {
	for {
		up = append(up, h)
		next, ok := w.parent[h]
		if !ok {
			return up
		}
		h = next
	}
}

func (w *twin) work(h ledger.Hash) *big.Int {
	sum := new(big.Int)
	for _, b := range w.branch(h) {
		if _, ok := w.parent[b]; ok {
			sum.Add(sum, pow.Work(w.header[b].Bits).ToBig())
		}
	}
	return sum
}

func (w *twin) refused(h ledger.Hash) bool {
	return slices.ContainsFunc(w.branch(h), func(b ledger.Hash) bool { return w.bad[b] })
}

func (w *twin) best() (best ledger.Hash) {
	most := big.NewInt(-1)
	for _, h := range w.order {
		if work := w.work(h); !w.refused(h) && work.Cmp(most) > 0 {
			best, most = h, work
		}
	}
	return best
}

func (w *twin) median(h ledger.Hash) uint32 {
	var times []uint32
	for _, b := range w.branch(h) {
		times = append(times, w.header[b].Time)
	}
	times = times[:min(len(times), 11)]
	slices.SortFunc(times, cmp.Compare)
	return times[len(times)/2]
}

func TestAgainstNaiveTree(t *testing.T) {
	p := params()
	p.FixedDifficulty, p.Bits = false, 0x2007ffff
	rapid.Check(t, func(t *rapid.T) {
		tr := New(p)
		w := &twin{parent: map[ledger.Hash]ledger.Hash{}, header: map[ledger.Hash]ledger.Header{}, bad: map[ledger.Hash]bool{}}
		root := tr.Best()
		w.order, w.header[root.Hash] = append(w.order, root.Hash), root.Header
		for i := range rapid.IntRange(1, 25).Draw(t, "blocks") {
			// Mostly near the tip, so that branches get long.
			back := min(rapid.SampledFrom([]int{1, 1, 1, 2, 3, 8}).Draw(t, "back"), len(w.order))
			parent := tr.Get(w.order[len(w.order)-back])
			step := rapid.Uint32Range(0, 2000).Draw(t, "step")
			h := mine(t, tr, parent, max(parent.MedianTime(), parent.Header.Time)+step, byte(i))
			n, reject := tr.Add(h, anytime)
			if w.refused(parent.Hash) {
				if reject != ledger.RejectInvalidParent {
					t.Fatalf("child of refused: %v", reject)
				}
				continue
			}
			if reject != ledger.RejectNone {
				t.Fatal(reject)
			}
			w.parent[n.Hash], w.header[n.Hash] = h.Prev, h
			w.order = append(w.order, n.Hash)
			if rapid.IntRange(0, 9).Draw(t, "refuse") == 0 {
				w.bad[n.Hash] = true
				tr.Refuse(n)
			}
		}
		checkAgainst(t, tr, w)
	})
}

func checkAgainst(t *rapid.T, tr *Tree, w *twin) {
	if tr.Best().Hash != w.best() {
		t.Fatalf("best %v, want %v", tr.Best().Hash, w.best())
	}
	for _, h := range w.order {
		n, up := tr.Get(h), w.branch(h)
		if n.Work.ToBig().Cmp(w.work(h)) != 0 || n.MedianTime() != w.median(h) || n.Refused() != w.refused(h) {
			t.Fatalf("height %d: work, median or refusal differ", n.Height)
		}
		for height := range uint32(len(up)) {
			if got := n.Ancestor(height).Hash; got != up[len(up)-1-int(height)] {
				t.Fatalf("ancestor at %d of %d differs", height, n.Height)
			}
		}
		if n.Ancestor(n.Height+1) != nil {
			t.Fatal("an ancestor above the node")
		}
		checkPlan(t, tr, w, tr.Best(), n)
	}
}

func checkPlan(t *rapid.T, tr *Tree, w *twin, from, to *Node) {
	a, b := w.branch(from.Hash), w.branch(to.Hash)
	var revert, apply []ledger.Hash
	for _, h := range a {
		if !slices.Contains(b, h) {
			revert = append(revert, h)
		}
	}
	for _, h := range slices.Backward(b) {
		if !slices.Contains(a, h) {
			apply = append(apply, h)
		}
	}
	gotRevert, gotApply := tr.Plan(from, to)
	if !slices.Equal(gotRevert, revert) || !slices.Equal(gotApply, apply) {
		t.Fatal("plan differs from the sets of both branches")
	}
}

func TestAncestorOfLongChain(t *testing.T) {
	tr := New(params())
	n := tr.Best()
	for range 3000 {
		n = add(t, tr, mine(t, tr, n, n.Header.Time, 0))
	}
	steps := 0
	for at := n; at.Height > 1; steps++ {
		if at.jump.Height >= 1 {
			at = at.jump
		} else {
			at = at.Parent
		}
	}
	if got := n.Ancestor(1); got.Height != 1 || got.Parent.Parent != nil {
		t.Errorf("ancestor at 1 has height %d", got.Height)
	}
	if steps > 36 { // 3 log2(3000)
		t.Errorf("%d steps from 3000 to 1", steps)
	}
}

// Judge says of a run of headers what Add would say of each in turn, under
// adjusted difficulty, where every header depends on those before it; and it
// leaves the tree as it was.
func TestJudgeAgrees(t *testing.T) {
	p := params()
	p.FixedDifficulty, p.Bits = false, 0x2007ffff
	rapid.Check(t, func(t *rapid.T) {
		tr, ref := New(p), New(p)
		var chain []*Node
		for n := ref.Best(); len(chain) < 30; {
			h := mine(t, ref, n, n.Header.Time+rapid.Uint32Range(0, 2000).Draw(t, "step"), byte(len(chain)))
			n, _ = ref.Add(h, anytime)
			chain = append(chain, n)
		}
		known := rapid.IntRange(0, 29).Draw(t, "known")
		for _, n := range chain[:known] {
			tr.Add(n.Header, anytime)
		}
		from := rapid.IntRange(0, known).Draw(t, "from")
		to := rapid.IntRange(from+1, 30).Draw(t, "to")
		run := headersOf(chain[from:to])
		before, best := tr.Len(), tr.Best()
		last, reject := tr.Judge(run, anytime)
		if reject != ledger.RejectNone || last.Hash != chain[to-1].Hash || last.Height != uint32(to) || !last.Work.Eq(&chain[to-1].Work) {
			t.Fatalf("%v, %+v", reject, last)
		}
		if tr.Heavier(last) != (to > known) {
			t.Fatalf("%d headers against %d: heavier %v", to, known, tr.Heavier(last))
		}
		bad := rapid.IntRange(0, len(run)-1).Draw(t, "bad")
		run[bad] = unmined(run[bad], p.Bits)
		if _, reject := tr.Judge(run, anytime); reject != ledger.RejectWork {
			t.Fatalf("without work: %v", reject)
		}
		if tr.Len() != before || tr.Best() != best {
			t.Fatal("the tree changed")
		}
	})
}

func headersOf(nodes []*Node) (headers []ledger.Header) {
	for _, n := range nodes {
		headers = append(headers, n.Header)
	}
	return headers
}

func TestJudgeRefuses(t *testing.T) {
	tr, ref := New(params()), New(params())
	chain := headersOf(grow(t, ref, ref.Best(), 6, 0))
	side := headersOf(grow(t, ref, ref.Get(chain[1].Hash()), 3, 1))
	for _, h := range chain[:4] {
		add(t, tr, h)
	}
	for _, tc := range []struct {
		name string
		run  []ledger.Header
		now  uint32
		want ledger.Reject
	}{
		{"on the tip", chain[4:], anytime, ledger.RejectNone},
		{"all known", chain[:4], anytime, ledger.RejectNone},
		{"the genesis too", slices.Concat([]ledger.Header{tr.params.Genesis().Header}, chain), anytime, ledger.RejectNone},
		{"another branch", side, anytime, ledger.RejectNone},
		{"on what is not known", chain[5:], anytime, ledger.RejectParent},
		{"with a gap", []ledger.Header{chain[3], chain[5]}, anytime, ledger.RejectParent},
		{"with a gap among known ones", []ledger.Header{chain[1], chain[3]}, anytime, ledger.RejectParent},
		{"two branches", []ledger.Header{chain[4], side[0]}, anytime, ledger.RejectParent},
	} {
		if _, got := tr.Judge(tc.run, tc.now); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	future := mine(t, tr, tr.Best(), 1_000_000, 0)
	if _, got := tr.Judge([]ledger.Header{future}, 1000); got != ledger.RejectTimeNew {
		t.Errorf("from the future: %v", got)
	}
	if n, got := tr.Judge(nil, anytime); n != nil || got != ledger.RejectNone {
		t.Errorf("nothing: %v, %v", n, got)
	}
	equal, _ := tr.Judge(side[:2], anytime)
	if more, _ := tr.Judge(side, anytime); tr.Heavier(equal) || !tr.Heavier(more) {
		t.Error("an equal branch would win, or a heavier one would not")
	}
	tr.Refuse(tr.Get(chain[3].Hash()))
	for _, run := range [][]ledger.Header{chain[4:], chain[2:4], chain} {
		if _, got := tr.Judge(run, anytime); got != ledger.RejectInvalidParent {
			t.Errorf("on a refused block: %v", got)
		}
	}
}

// A locator leads to a common block that is not much farther off than the fork.
func TestLocator(t *testing.T) {
	tr := New(params())
	nodes := append([]*Node{tr.Best()}, grow(t, tr, tr.Best(), 1000, 0)...)
	height := map[ledger.Hash]int{}
	for i, n := range nodes {
		height[n.Hash] = i
	}
	for _, tip := range []int{0, 1, 7, 8, 9, 10, 100, 1000} {
		locator := nodes[tip].Locator()
		if height[locator[0]] != tip || locator[len(locator)-1] != nodes[0].Hash || len(locator) > 20 {
			t.Fatalf("from %d: %d hashes, %d to %d", tip, len(locator), height[locator[0]], height[locator[len(locator)-1]])
		}
		for fork := range tip + 1 {
			i := slices.IndexFunc(locator, func(h ledger.Hash) bool { return height[h] <= fork })
			if common := height[locator[i]]; tip-common > 2*(tip-fork) {
				t.Fatalf("from %d, fork at %d: led to %d", tip, fork, common)
			}
		}
	}
}

func TestAfter(t *testing.T) {
	tr := New(params())
	nodes := append([]*Node{tr.Best()}, grow(t, tr, tr.Best(), 9, 0)...)
	for _, tc := range []struct {
		from     uint32
		most     int
		first, n int
	}{{0, 100, 0, 10}, {4, 3, 4, 3}, {9, 1, 9, 1}, {9, 5, 9, 1}, {10, 5, 0, 0}, {3, 0, 0, 0}, {anytime, 5, 0, 0}} {
		if got, want := nodes[9].After(tc.from, tc.most), headersOf(nodes[tc.first:tc.first+tc.n]); !slices.Equal(got, want) {
			t.Errorf("%d from %d: %d headers, want %d", tc.most, tc.from, len(got), len(want))
		}
	}
}
