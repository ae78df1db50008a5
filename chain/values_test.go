package chain

import (
	"math"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// inflatingBlocks are blocks 2 that would make money out of nothing.
var inflatingBlocks = []blockCase{
	{"outputs whose sum wraps (CVE-2010-5139)", ledger.RejectValue, func(s *scene) *ledger.Block {
		return s.paying(1<<63, 1<<63, s.coins[0].value-fee)
	}},
	{"outputs whose sum wraps to less than the input", ledger.RejectValue, func(s *scene) *ledger.Block {
		return s.paying(math.MaxUint64, s.coins[0].value-fee)
	}},
	{"one output over all money", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(s.params.MaxMoney + 1) }},
	{"the largest output", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(math.MaxUint64) }},
	{"outputs over all money together", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(s.params.MaxMoney, 1) }},
	{"all money, of one coin", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(s.params.MaxMoney) }},
	{"one unit more than the input", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(s.coins[0].value + 1) }},
	{"an output of nothing", ledger.RejectValue, func(s *scene) *ledger.Block { return s.paying(s.coins[0].value-fee, 0) }},
	{"an input twice (CVE-2018-17144)", ledger.RejectInputTwice, func(s *scene) *ledger.Block {
		tx, _ := s.spend([]coin{s.coins[0], s.coins[0]}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"an input three times, not side by side", ledger.RejectInputTwice, func(s *scene) *ledger.Block {
		tx, _ := s.spend([]coin{s.coins[0], s.coins[1], s.coins[0], s.coins[0]}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"subsidy and one more", ledger.RejectSubsidy, func(s *scene) *ledger.Block { return s.rewarding(s.params.SubsidyAt(2) + 1) }},
	{"twice the subsidy, and the fees", ledger.RejectSubsidy, func(s *scene) *ledger.Block {
		tx, _ := s.spend(s.coins[:1], 1)
		b := s.unsealed(s.tip, 2, tx)
		out := b.Txs[0].Out(0)
		out.Value = 2*s.params.SubsidyAt(2) + fee
		return s.withCoinbase(b, 2, out)
	}},
	{"all money as reward", ledger.RejectSubsidy, func(s *scene) *ledger.Block { return s.rewarding(s.params.MaxMoney) }},
	{"a reward over all money", ledger.RejectValue, func(s *scene) *ledger.Block { return s.rewarding(s.params.MaxMoney + 1) }},
	{"rewards whose sum wraps to the subsidy", ledger.RejectValue, func(s *scene) *ledger.Block {
		return s.rewarding(1<<63, 1<<63, s.params.SubsidyAt(2))
	}},
}

// paying seals a block 2 with one transfer of the first coin to such outputs.
func (s *scene) paying(values ...uint64) *ledger.Block {
	tx, _ := s.pay([]ledger.Spend{{Prev: s.coins[0].point, Key: s.coins[0].key}}, s.outputs(values))
	return s.block(s.tip, 2, tx)
}

// rewarding seals a block 2 of a coinbase alone.
func (s *scene) rewarding(values ...uint64) *ledger.Block {
	b := s.unsealed(s.tip, 2)
	b.Txs[0] = s.parse(ledger.AppendCoinbase(nil, 2, 7, s.outputs(values)))
	return s.resealed(b)
}

func (s *scene) outputs(values []uint64) []ledger.Output {
	outs := make([]ledger.Output, len(values))
	for i, v := range values {
		outs[i] = ledger.Output{Value: v, Key: ledger.HashKey(s.coins[0].key.Scheme(), s.coins[0].key.Public())}
	}
	return outs
}

// What is in the set adds up to the schedule at every height, through all
// halvings, reorganisations and attempts to break it, where miners take all
// that they may.
func TestReliability07SupplyFollowsTheSchedule(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Network.Subsidy, cfg.Network.HalvingEvery = 1_000_000, 3
	r := open(t, cfg, Options{})
	g := newGrower(t, r.params, 7)
	tip := r.params.GenesisHash()
	mustFollow := func() {
		t.Helper()
		if d, want := r.digest(), r.params.SupplyAt(r.tip().Height); d.Height != r.tip().Height || d.Value != want {
			t.Fatalf("%d units at height %d, want %d", d.Value, d.Height, want)
		}
	}
	mustFollow()
	for range 66 { // the last subsidies are nothing: 20 halvings
		on := g.after[tip]
		greedy := g.unsealed(on.block.Header, on.height+1)
		out := greedy.Txs[0].Out(0)
		out.Value++
		greedy.Txs[0] = g.parse(ledger.AppendCoinbase(nil, on.height+1, 1<<40, []ledger.Output{out}))
		greedy.Header.Merkle, _ = ledger.MerkleRoot(greedy.IDs())
		r.accept(g.seal(greedy), ledger.RejectSubsidy)
		mustFollow()
		b := g.grow(tip, 3)
		tip = b.Header.Hash()
		r.accept(b, ledger.RejectNone)
		mustFollow()
	}
	if r.params.SubsidyAt(r.tip().Height) != 0 {
		t.Errorf("the subsidy at the end is %d, so that not all of the schedule was seen", r.params.SubsidyAt(r.tip().Height))
	}
	for _, b := range g.branch(g.ancestor(tip, 40), 41, 3) {
		r.accept(b, ledger.RejectNone)
		mustFollow()
	}
	if slices.ContainsFunc(r.blocks(t), func(b *ledger.Block) bool { return b.Header.Hash() == tip }) {
		t.Error("nothing was reorganised")
	}
}
