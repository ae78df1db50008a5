package chain

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// A node behind on another branch catches up as peers do: headers first, then
// blocks that are checked out of order and at the same time, and accepted in
// order. Both end at the same tip, work and set.
func TestCatchUpFromPeer(t *testing.T) {
	far, behind := open(t, testConfig(t.TempDir()), Options{}), open(t, testConfig(t.TempDir()), Options{})
	g := newGrower(t, far.params, 21)
	common := g.branch(far.params.GenesisHash(), 12, 2)
	short := g.branch(g.ancestor(common[11].Header.Hash(), 3), 5, 2)
	long := g.branch(common[11].Header.Hash(), 40, 2)
	for _, b := range slices.Concat(common, long) {
		far.accept(b, ledger.RejectNone)
	}
	for _, b := range slices.Concat(common, short) {
		behind.accept(b, ledger.RejectNone)
	}
	for last := behind.tip().Hash; behind.tip() != far.tip(); {
		// What was fetched last is on no best chain of the node's own yet.
		from, headers, err := far.HeadersAfter(append([]ledger.Hash{last}, behind.Locator()...), 4)
		if err != nil || len(headers) == 0 {
			t.Fatalf("%d headers, %v", len(headers), err)
		}
		branch, err := behind.CheckHeaders(t.Context(), headers)
		last = headers[len(headers)-1].Hash()
		if want := (Ref{Height: from + uint32(len(headers)) - 1, Hash: last}); err != nil || branch.Ref != want {
			t.Fatalf("%+v, %v; want %v", branch, err, want)
		}
		tip := behind.tip()
		behind.fetch(far, headers)
		if moved := behind.tip() != tip; moved != branch.Better {
			t.Fatalf("the tip moved: %v, told that it would: %v", moved, branch.Better)
		}
	}
	if behind.TipWork() != far.TipWork() || behind.digest() != far.digest() {
		t.Error("the same tip, and another work or set")
	}
	if from, headers, err := far.HeadersAfter(behind.Locator(), 10); from != far.tip().Height+1 || len(headers) > 0 || err != nil {
		t.Errorf("at the tip: %d, %d headers, %v", from, len(headers), err)
	}
}

// fetch takes the blocks of known headers from another node.
func (r *running) fetch(from *running, headers []ledger.Header) {
	r.t.Helper()
	checked := make([]*Checked, len(headers))
	var all sync.WaitGroup
	for i := len(headers) - 1; i >= 0; i-- {
		all.Go(func() {
			b, err := from.store.Block(headers[i].Hash())
			if err == nil {
				checked[i], err = r.Check(r.t.Context(), &b)
			}
			if err != nil {
				r.t.Errorf("block %v: %v", headers[i].Hash(), err)
			}
		})
	}
	all.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
	for _, c := range checked {
		if err := r.AcceptChecked(r.t.Context(), c); err != nil && !errors.Is(err, ledger.RejectDuplicate) {
			r.t.Fatal(err)
		}
	}
}

func TestHeadersAfter(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	g := newGrower(t, r.params, 4)
	best := g.branch(r.params.GenesisHash(), 6, 1)
	side := g.branch(r.params.GenesisHash(), 3, 1)
	for _, b := range append(best, side...) {
		r.accept(b, ledger.RejectNone)
	}
	hash := func(b *ledger.Block) ledger.Hash { return b.Header.Hash() }
	for _, tc := range []struct {
		name    string
		locator []ledger.Hash
		from    uint32
	}{
		{"on the best chain", []ledger.Hash{hash(best[2])}, 4},
		{"aside, then the genesis", []ledger.Hash{hash(side[2]), hash(side[0]), r.params.GenesisHash()}, 1},
		{"unknown, then known", []ledger.Hash{{1}, hash(best[4])}, 6},
	} {
		from, headers, err := r.HeadersAfter(tc.locator, 2)
		if err != nil || from != tc.from || len(headers) == 0 || headers[0] != best[tc.from-1].Header {
			t.Errorf("%s: from %d, %d headers, %v", tc.name, from, len(headers), err)
		}
	}
	for _, locator := range [][]ledger.Hash{nil, {{1}}, append(make([]ledger.Hash, locatorMax), r.params.GenesisHash())} {
		if _, _, err := r.HeadersAfter(locator, 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("locator of %d: %v", len(locator), err)
		}
	}
}

// Headers are judged without their blocks, and nothing of them stays.
func TestCheckHeaders(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	first := m.block(r.params.Genesis().Header, 1)
	second := m.block(first.Header, 2)
	third := m.block(second.Header, 3)
	r.accept(first, ledger.RejectNone)
	bad := *second
	bad.Header.Version++
	m.seal(&bad)
	future := *third
	future.Header.Time = r.params.Units(time.Now().Add(time.Minute))
	m.seal(&future)
	for _, tc := range []struct {
		name   string
		run    []ledger.Header
		want   ledger.Reject
		better bool
	}{
		{"both", []ledger.Header{second.Header, third.Header}, ledger.RejectNone, true},
		{"known", []ledger.Header{first.Header}, ledger.RejectNone, false},
		{"none", nil, ledger.RejectNone, false},
		{"parent was only judged", []ledger.Header{third.Header}, ledger.RejectParent, false},
		{"version", []ledger.Header{bad.Header}, ledger.RejectVersion, false},
		{"from the future", []ledger.Header{second.Header, future.Header}, ledger.RejectTimeNew, false},
	} {
		branch, err := r.CheckHeaders(t.Context(), tc.run)
		if kindOf(err) != tc.want || (err == nil) != (tc.want == ledger.RejectNone) || branch.Better != tc.better {
			t.Errorf("%s: %+v, %v; want %v", tc.name, branch, err, tc.want)
		}
	}
	if n := r.tree.Len(); n != 2 {
		t.Errorf("%d headers are kept, want 2", n)
	}
}

// A branch of an earlier life, which no tree has yet, is known to CheckHeaders
// and AcceptChecked.
func TestPeersKnowSideBranchAfterRestart(t *testing.T) {
	cfg := testConfig(t.TempDir())
	r := open(t, cfg, Options{})
	g := newGrower(t, r.params, 8)
	best := g.branch(r.params.GenesisHash(), 3, 1)
	side := g.branch(r.params.GenesisHash(), 3, 1)
	for _, b := range append(best, side...) {
		r.accept(b, ledger.RejectNone)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = open(t, cfg, Options{})
	next := g.grow(side[2].Header.Hash(), 1)
	c, err := r.Check(t.Context(), next)
	if err != nil || c.Block() != next {
		t.Fatal(err)
	}
	if err := r.AcceptChecked(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r.mustBe(g, next.Header.Hash(), "after the branch went on")
	last := g.grow(next.Header.Hash(), 1)
	if branch, err := r.CheckHeaders(t.Context(), []ledger.Header{last.Header}); err != nil || !branch.Better {
		t.Errorf("%+v, %v", branch, err)
	}
}

// What Check refuses is counted once; a header that is condemned is remembered
// by AcceptChecked, one that is not stays open to the honest list.
func TestCheckRefuses(t *testing.T) {
	s, r := newScene(t)
	forged := invalidBlocks[0].make(s)
	c, err := r.Check(t.Context(), forged)
	if c == nil || !errors.Is(err, ledger.RejectSignature) {
		t.Fatalf("%v, %v", c, err)
	}
	child := s.block(forged.Header, 3)
	r.accept(child, ledger.RejectParent)
	if err := r.AcceptChecked(t.Context(), c); !errors.Is(err, ledger.RejectSignature) {
		t.Errorf("%v", err)
	}
	r.accept(child, ledger.RejectInvalidParent)
	if n := r.blockRejects[ledger.RejectSignature].Load(); n != 1 {
		t.Errorf("counted %d times", n)
	}

	honest := s.block(s.tip, 2)
	mutant := &ledger.Block{Header: honest.Header, Txs: append(slices.Clone(honest.Txs), honest.Txs...)}
	c, err = r.Check(t.Context(), mutant)
	if c == nil || !errors.Is(err, ledger.RejectMutated) && !errors.Is(err, ledger.RejectMerkle) {
		t.Fatalf("%v, %v", c, err)
	}
	if again := r.AcceptChecked(t.Context(), c); kindOf(again) != kindOf(err) {
		t.Errorf("%v, then %v", err, again)
	}
	r.accept(honest, ledger.RejectNone)

	idle := s.unsealed(honest.Header, 3)
	for workDone(idle) {
		idle.Header.Nonce++
	}
	if c, err := r.Check(t.Context(), idle); c != nil || !errors.Is(err, ledger.RejectWork) {
		t.Errorf("without work: %v, %v", c, err)
	}
}

// Check needs no parent, AcceptChecked does.
func TestCheckBeforeParent(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	parent := m.block(r.params.Genesis().Header, 1)
	child := m.block(parent.Header, 2)
	c, err := r.Check(t.Context(), child)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.AcceptChecked(t.Context(), c); !errors.Is(err, ledger.RejectParent) {
		t.Errorf("%v, want %v", err, ledger.RejectParent)
	}
	r.accept(parent, ledger.RejectNone)
	for _, want := range []ledger.Reject{ledger.RejectNone, ledger.RejectDuplicate} {
		if err := r.AcceptChecked(t.Context(), c); kindOf(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// The signatures of what the pool has are not checked again, those of others
// are: the pool is handed a forged transaction, which it cannot tell.
func TestPooledSignaturesAreTrusted(t *testing.T) {
	s, r := newScene(t)
	forged := invalidBlocks[0].make(s)
	tx := forged.Txs[1]
	if _, err := r.Check(t.Context(), forged); !errors.Is(err, ledger.RejectSignature) {
		t.Fatalf("not in the pool: %v", err)
	}
	answers := make([]ledger.Reject, 1)
	r.pool.Offer([]ledger.Tx{tx}, time.Now(), time.Now(), answers)
	if answers[0] != ledger.RejectNone {
		t.Fatal(answers[0])
	}
	if _, err := r.Check(t.Context(), forged); err != nil {
		t.Errorf("in the pool: %v", err)
	}
	honest, _ := s.spend(s.coins[1:], 1)
	raw := slices.Clone(honest.Bytes())
	raw[7+36+32+5] ^= 1
	if _, err := r.Check(t.Context(), s.block(s.tip, 2, tx, s.parse(raw))); !errors.Is(err, ledger.RejectSignature) {
		t.Errorf("one in the pool, one not: %v", err)
	}
}

// Another's block carries the durations of what was received here, and counts
// the rest.
func TestForeignBlockCarriesStages(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	var txs []ledger.Tx
	for i := range 5 {
		tx, _ := m.spend([]coin{m.genesis(i)}, 1)
		txs = append(txs, tx)
	}
	submit(r.Node, txs[0], txs[3])
	genesis := r.tip()
	r.accept(m.block(r.params.Genesis().Header, 1, txs...), ledger.RejectNone)
	step, err := r.Next(t.Context(), genesis)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range step.Block.Meta.Stages {
		names = append(names, s.Name)
		if h, err := hdr.Decode(s.Histogram); err != nil || h.TotalCount() != 2 {
			t.Errorf("%s: %v, %v; want 2 values", s.Name, h, err)
		}
	}
	if want := []string{StageVerify, StageOrder, StageSeal, StageStore}; !slices.Equal(names, want) || step.Block.Meta.Missing != 3 {
		t.Errorf("stages %v, %d missing; want %v, 3", names, step.Block.Meta.Missing, want)
	}
}

// The pool as peers see it.
func TestPoolForPeers(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	parent, coins := m.spend([]coin{m.genesis(0)}, 1)
	child, _ := m.spend(coins, 1)
	other, _ := m.spend([]coin{m.genesis(1)}, 1)
	submit(r.Node, parent, child)
	ids := []ledger.Hash{child.ID(), other.ID(), parent.ID()}
	if got := r.Pooled(ids); !slices.Equal(got[0], child.Bytes()) || got[1] != nil || !slices.Equal(got[2], parent.Bytes()) {
		t.Errorf("%x", got)
	}
	if got := r.PoolIDs(math.MaxInt); !slices.Equal(got, []ledger.Hash{parent.ID(), child.ID()}) {
		t.Errorf("%v", got)
	}
	short := func(id ledger.Hash) uint64 { return uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 }
	txs := r.MatchPool(short, []uint64{short(other.ID()), short(child.ID())})
	if txs[0].Size() > 0 || txs[1].ID() != child.ID() {
		t.Errorf("%v, %v", txs[0].ID(), txs[1].ID())
	}
	found, err := r.Transaction(t.Context(), child.ID())
	if err != nil || found.Place != PlacePooled || !slices.Equal(found.Bytes, child.Bytes()) {
		t.Errorf("%+v, %v", found, err)
	}
}
