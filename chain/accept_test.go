package chain

import (
	"slices"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// scene is a node with one block, two coins to spend, and one invalid thing.
type scene struct {
	*maker
	tip    ledger.Header // of block 1
	reward coin          // of block 1, not mature
	coins  []coin        // of the genesis
}

// blockCase is a block 2 that breaks one rule.
type blockCase struct {
	name string
	want ledger.Reject
	make func(s *scene) *ledger.Block
}

// invalidBlocks break any rule.
var invalidBlocks = []blockCase{
	{"signature", ledger.RejectSignature, func(s *scene) *ledger.Block {
		tx, _ := s.spend(s.coins[:1], 2)
		raw := append([]byte(nil), tx.Bytes()...)
		raw[7+36+32+5] ^= 1
		return s.block(s.tip, 2, s.parse(raw))
	}},
	{"double spend", ledger.RejectDoubleSpend, func(s *scene) *ledger.Block {
		a, _ := s.spend(s.coins[:1], 1)
		b, _ := s.spend(s.coins[:1], 2)
		return s.block(s.tip, 2, a, b)
	}},
	{"input twice", ledger.RejectInputTwice, func(s *scene) *ledger.Block {
		tx, _ := s.spend([]coin{s.coins[0], s.coins[0]}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"missing input", ledger.RejectMissingInput, func(s *scene) *ledger.Block {
		c := s.coins[0]
		c.point.Index = 100_000
		tx, _ := s.spend([]coin{c}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"child before parent", ledger.RejectMissingInput, func(s *scene) *ledger.Block {
		parent, coins := s.spend(s.coins[:1], 1)
		child, _ := s.spend(coins, 1)
		return s.block(s.tip, 2, child, parent)
	}},
	{"another's key", ledger.RejectKeyMismatch, func(s *scene) *ledger.Block {
		c := s.coins[0]
		c.key = s.coins[1].key
		tx, _ := s.spend([]coin{c}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"value from nothing", ledger.RejectValue, func(s *scene) *ledger.Block {
		c := s.coins[0]
		c.value++
		c.value += fee
		tx, _ := s.spend([]coin{c}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"no fee", ledger.RejectFee, func(s *scene) *ledger.Block {
		c := s.coins[0]
		c.value += fee
		tx, _ := s.spend([]coin{c}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"immature reward", ledger.RejectImmature, func(s *scene) *ledger.Block {
		tx, _ := s.spend([]coin{s.reward}, 1)
		return s.block(s.tip, 2, tx)
	}},
	{"subsidy", ledger.RejectSubsidy, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		out := b.Txs[0].Out(0)
		out.Value++
		return s.withCoinbase(b, 2, out)
	}},
	{"coinbase of another height", ledger.RejectCoinbase, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		return s.withCoinbase(b, 3, b.Txs[0].Out(0))
	}},
	{"no coinbase", ledger.RejectCoinbase, func(s *scene) *ledger.Block {
		tx, _ := s.spend(s.coins[:1], 1)
		b := s.unsealed(s.tip, 2, tx)
		b.Txs = b.Txs[1:]
		return s.resealed(b)
	}},
	{"second coinbase", ledger.RejectCoinbase, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Txs = append(b.Txs, s.unsealed(s.tip, 2).Txs[0])
		return s.resealed(b)
	}},
	{"empty", ledger.RejectEmpty, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Txs = nil
		return s.seal(b)
	}},
	{"wrong root", ledger.RejectMerkle, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Header.Merkle[0] ^= 1
		return s.seal(b)
	}},
	{"version", ledger.RejectVersion, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Header.Version++
		return s.seal(b)
	}},
	{"unknown parent", ledger.RejectParent, func(s *scene) *ledger.Block {
		stranger := s.tip
		stranger.Time++
		return s.block(stranger, 2)
	}},
	{"no work", ledger.RejectWork, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		for workDone(b) {
			b.Header.Nonce++
		}
		return b
	}},
	{"easier target", ledger.RejectTarget, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Header.Bits -= 1 << 16
		return s.seal(b)
	}},
	{"too old", ledger.RejectTimeOld, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Header.Time = s.params.Genesis().Header.Time
		return s.seal(b)
	}},
	{"from the future", ledger.RejectTimeNew, func(s *scene) *ledger.Block {
		b := s.unsealed(s.tip, 2)
		b.Header.Time = s.params.Units(time.Now().Add(time.Minute))
		return s.seal(b)
	}},
}

func workDone(b *ledger.Block) bool {
	hash := b.Header.Hash()
	return hash[31] <= 0x7f
}

func (s *scene) withCoinbase(b *ledger.Block, height uint32, out ledger.Output) *ledger.Block {
	b.Txs[0] = s.parse(ledger.AppendCoinbase(nil, height, 7, []ledger.Output{out}))
	return s.resealed(b)
}

func (s *scene) resealed(b *ledger.Block) *ledger.Block {
	b.Header.Merkle, _ = ledger.MerkleRoot(b.IDs())
	return s.seal(b)
}

func newScene(t *testing.T) (*scene, *running) {
	r := open(t, testConfig(t.TempDir()), Options{})
	m := newMaker(t, r.params)
	// Well after the genesis, so that a time can be too old.
	first := m.unsealed(r.params.Genesis().Header, 1)
	first.Header.Time += 10
	m.seal(first)
	r.accept(first, ledger.RejectNone)
	tx := &first.Txs[0]
	return &scene{
		maker: m, tip: first.Header, coins: []coin{m.genesis(0), m.genesis(1)},
		reward: coin{ledger.OutPoint{TxID: tx.ID()}, tx.Out(0).Value, m.key(0)},
	}, r
}

// Every invalid block is rejected with its kind and counted, the tip and the
// set stay, and honest blocks are accepted afterwards.
func TestReliability04InvalidBlocks(t *testing.T) { refuseAll(t, invalidBlocks) }

// The same of blocks that would make money.
func TestReliability07Values(t *testing.T) { refuseAll(t, inflatingBlocks) }

func refuseAll(t *testing.T, cases []blockCase) {
	s, r := newScene(t)
	before := r.digest()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := tc.make(s)
			counted := r.blockRejects[tc.want].Load()
			r.accept(b, tc.want)
			if got := r.blockRejects[tc.want].Load(); got != counted+1 {
				t.Errorf("counted %d times, want once more than %d", got, counted)
			}
			if r.tip().Hash != s.tip.Hash() {
				t.Errorf("the tip moved to %v", r.tip())
			}
		})
	}
	if after := r.digest(); after != before {
		t.Errorf("the set changed: %+v, was %+v", after, before)
	}
	tx, _ := s.spend(s.coins[:1], 2)
	honest := s.block(s.tip, 2, tx)
	r.accept(honest, ledger.RejectNone)
	if r.tip().Hash != honest.Header.Hash() {
		t.Error("the honest block is not the tip")
	}
	if want := freshDigest(t, r.params, r.blocks(t)); r.digest() != want {
		t.Errorf("digest %+v, want %+v", r.digest(), want)
	}
}

// blocks returns the best chain from the log, without the genesis.
func (r *running) blocks(t testing.TB) (blocks []*ledger.Block) {
	t.Helper()
	for h := uint32(1); h <= r.tip().Height; h++ {
		hash, err := r.BlockAt(h)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.store.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, &b)
	}
	return blocks
}

// A block that was refused for good is refused at once, and so is what builds
// on it.
func TestRefusalSticksToDescendants(t *testing.T) {
	s, r := newScene(t)
	bad := invalidBlocks[0].make(s)
	r.accept(bad, ledger.RejectSignature)
	r.accept(bad, ledger.RejectInvalidParent)
	r.accept(s.block(bad.Header, 3), ledger.RejectInvalidParent)
}

// The mutants of CVE-2012-2459 have the honest block's hash: whatever is
// doubled of whatever number of transactions, the mutant is refused as such and
// the honest block is accepted after it.
func TestReliability08Merkle(t *testing.T) {
	s, r := newScene(t)
	mutants, tip := 0, s.tip
	for n := 1; n <= 13; n++ {
		var txs []ledger.Tx
		for i := range n - 1 { // beside the coinbase
			tx, _ := s.spend([]coin{s.genesis(n*16 + i)}, 1)
			txs = append(txs, tx)
		}
		honest := s.block(tip, uint32(n+1), txs...)
		for width := 1; width < n; width *= 2 {
			if n%width != 0 || n/width%2 == 0 {
				continue // would have another root
			}
			mutant := &ledger.Block{Header: honest.Header, Txs: slices.Concat(honest.Txs, honest.Txs[n-width:])}
			r.accept(mutant, ledger.RejectMutated)
			mutants++
		}
		if n > 1 {
			r.accept(&ledger.Block{Header: honest.Header, Txs: honest.Txs[:n-1]}, ledger.RejectMerkle)
		}
		if r.tip().Hash != tip.Hash() {
			t.Fatalf("%d transactions: the tip moved", n)
		}
		r.accept(honest, ledger.RejectNone)
		r.accept(honest, ledger.RejectDuplicate)
		tip = honest.Header
	}
	if mutants < 8 {
		t.Errorf("only %d mutants", mutants)
	}
	if want := freshDigest(t, r.params, r.blocks(t)); r.digest() != want {
		t.Errorf("digest %+v, want %+v", r.digest(), want)
	}
}
