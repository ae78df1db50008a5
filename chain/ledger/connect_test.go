package ledger

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world is a small network to build blocks in: its genesis outputs are in set,
// output i belonging to key i.
type world struct {
	params *Params
	keys   []Signer
	set    map[OutPoint]Entry
	points []OutPoint // genesis outputs
	tip    Hash
	height uint32
}

func newWorld(t interface{ Fatal(...any) }) *world {
	p := TestParams()
	p.Name, p.DevOutputs, p.DevValue, p.MinFee, p.Maturity = "world", 16, 1000, 2, 3
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	w := &world{params: p, set: map[OutPoint]Entry{}}
	d, err := Connect(p.Genesis(), 0, p, w.lookup)
	if err != nil {
		t.Fatal("genesis: ", err)
	}
	w.apply(d)
	for i := range p.DevOutputs {
		w.keys = append(w.keys, DevKey(p.DevSeed, p.DevScheme, i))
		w.points = append(w.points, d.Created[i].Point)
	}
	return w
}

func (w *world) lookup(p OutPoint) (Entry, bool, error) {
	e, ok := w.set[p]
	return e, ok, nil
}

func (w *world) apply(d *Delta) {
	for _, c := range d.Spent {
		delete(w.set, c.Point)
	}
	for _, c := range d.Created {
		w.set[c.Point] = c.Entry
	}
	w.tip, w.height = d.Block, d.Height
}

func (w *world) revert(d *Delta) {
	for _, c := range d.Created {
		delete(w.set, c.Point)
	}
	for _, c := range d.Spent {
		w.set[c.Point] = c.Entry
	}
	w.tip, w.height = d.Prev, d.Height-1
}

// pay returns a transfer of points, each owned by the key beside it, to keys
// of the given values; output i goes to key i.
func (w *world) pay(points []OutPoint, owners []int, values ...uint64) Tx {
	ins := make([]Spend, len(points))
	for i := range points {
		ins[i] = Spend{Prev: points[i], Key: w.keys[owners[i]]}
	}
	return w.tx(AppendTransfer(nil, w.params.GenesisHash(), ins, w.outputs(values...)))
}

// spend pays one genesis output onwards.
func (w *world) spend(i int, values ...uint64) Tx {
	return w.pay([]OutPoint{w.points[i]}, []int{i}, values...)
}

func (w *world) outputs(values ...uint64) []Output {
	outs := make([]Output, len(values))
	for i, v := range values {
		outs[i] = Output{Value: v, Key: HashKey(w.keys[i].Scheme(), w.keys[i].Public())}
	}
	return outs
}

func (w *world) tx(raw []byte) Tx {
	tx, _, err := ParseTx(raw, MaxBlockBytes)
	if err != nil {
		panic(err)
	}
	return tx
}

func (w *world) coinbase(extra uint64, values ...uint64) Tx {
	return w.tx(AppendCoinbase(nil, w.height+1, extra, w.outputs(values...)))
}

// block puts transactions behind a coinbase that takes subsidy and fees.
func (w *world) block(fees uint64, txs ...Tx) *Block {
	return w.seal(append([]Tx{w.coinbase(0, w.params.SubsidyAt(w.height+1)+fees)}, txs...)...)
}

func (w *world) seal(txs ...Tx) *Block {
	b := &Block{Header: Header{Version: HeaderVersion, Prev: w.tip, Bits: w.params.Bits}, Txs: txs}
	b.Header.Merkle, _ = MerkleRoot(b.IDs())
	return b
}

// accept judges a block as a node does.
func (w *world) accept(b *Block) error {
	if r := CheckBlock(b, w.params); r != RejectNone {
		return r
	}
	verdicts := make([]Reject, len(b.Txs))
	NewVerifier(w.params.GenesisHash()).Verify(b.Txs, verdicts)
	if i := slices.IndexFunc(verdicts, func(r Reject) bool { return r != RejectNone }); i >= 0 {
		return verdicts[i]
	}
	d, err := Connect(b, w.height+1, w.params, w.lookup)
	if err == nil {
		w.apply(d)
	}
	return err
}

// blockCases are blocks that break one rule each, by name and kind. Those that
// should be accepted stand beside them, at the edge of the rule.
var blockCases = []struct {
	name string
	make func(w *world) *Block
	want Reject
}{
	{"coinbase alone", func(w *world) *Block { return w.block(0) }, RejectNone},
	{"one transfer", func(w *world) *Block { return w.block(2, w.spend(0, 998)) }, RejectNone},
	{"all of a fee burnt", func(w *world) *Block { return w.block(0, w.spend(0, 998)) }, RejectNone},
	{"pays nothing", func(w *world) *Block { return w.seal(w.coinbase(0, 0)) }, RejectNone},
	{"many inputs and outputs", func(w *world) *Block {
		return w.block(2, w.pay(w.points[:3], []int{0, 1, 2}, 999, 999, 999, 1))
	}, RejectNone},
	{"chain within the block", func(w *world) *Block {
		a := w.spend(0, 500, 498)
		b := w.pay([]OutPoint{{a.ID(), 0}, {a.ID(), 1}}, []int{0, 1}, 996)
		return w.block(4, a, b)
	}, RejectNone},

	{"nothing at all", func(w *world) *Block { return w.seal() }, RejectEmpty},
	{"unknown version", func(w *world) *Block {
		b := w.block(0)
		b.Header.Version++
		return b
	}, RejectVersion},
	{"one transaction too many", func(w *world) *Block {
		w.params.MaxBlockTxs = 2
		return w.block(4, w.spend(0, 998), w.spend(1, 998))
	}, RejectBlockSize},
	{"one byte too many", func(w *world) *Block {
		b := w.block(2, w.spend(0, 998))
		w.params.MaxBlockBytes = b.Size() - 1
		return b
	}, RejectBlockSize},
	{"another root", func(w *world) *Block {
		b := w.block(0)
		b.Header.Merkle[0]++
		return b
	}, RejectMerkle},
	{"order changed after the root", func(w *world) *Block {
		b := w.block(4, w.spend(0, 998), w.spend(1, 998))
		b.Txs[1], b.Txs[2] = b.Txs[2], b.Txs[1]
		return b
	}, RejectMerkle},
	{"last transaction doubled, same root", func(w *world) *Block {
		b := w.block(4, w.spend(0, 998), w.spend(1, 998))
		b.Txs = append(b.Txs, b.Txs[2])
		return b
	}, RejectMutated},

	{"no coinbase", func(w *world) *Block { return w.seal(w.spend(0, 998)) }, RejectCoinbase},
	{"coinbase not first", func(w *world) *Block { return w.seal(w.spend(0, 998), w.coinbase(0, 1)) }, RejectCoinbase},
	{"two coinbases", func(w *world) *Block { return w.seal(w.coinbase(0, 1), w.coinbase(1, 1)) }, RejectCoinbase},
	{"coinbase of another height", func(w *world) *Block {
		w.height++
		b := w.block(0)
		w.height--
		return b
	}, RejectCoinbase},
	{"coinbase of the genesis", func(w *world) *Block { return w.seal(w.params.Genesis().Txs[0]) }, RejectCoinbase},
	{"coinbase too large", func(w *world) *Block {
		outs := make([]Output, MaxTxBytes/outputSize+1)
		return w.seal(w.tx(AppendCoinbase(nil, w.height+1, 0, outs)))
	}, RejectTooLarge},
	{"subsidy and one more", func(w *world) *Block { return w.block(1) }, RejectSubsidy},
	{"fees and one more", func(w *world) *Block { return w.block(3, w.spend(0, 998)) }, RejectSubsidy},
	{"coinbase sum overflows", func(w *world) *Block {
		return w.seal(w.coinbase(0, 1<<63, 1<<63))
	}, RejectValue},
	{"coinbase over MaxMoney", func(w *world) *Block {
		return w.seal(w.coinbase(0, w.params.MaxMoney, 1))
	}, RejectValue},

	{"wrong signature", func(w *world) *Block {
		tx := w.spend(0, 998)
		raw := slices.Clone(tx.Bytes())
		raw[txHeadSize+prevSize+32+5] ^= 1
		return w.block(2, w.tx(raw))
	}, RejectSignature},
	{"signature of another network", func(w *world) *Block {
		in := []Spend{{w.points[0], w.keys[0]}}
		return w.block(2, w.tx(AppendTransfer(nil, Hash{7}, in, w.outputs(998))))
	}, RejectSignature},
	{"key of somebody else", func(w *world) *Block {
		return w.block(2, w.pay(w.points[:1], []int{1}, 998))
	}, RejectKeyMismatch},
	{"unknown output", func(w *world) *Block {
		return w.block(2, w.pay([]OutPoint{{Hash{5}, 0}}, []int{0}, 998))
	}, RejectMissingInput},
	{"index past the outputs of the set", func(w *world) *Block {
		return w.block(2, w.pay([]OutPoint{{w.points[0].TxID, 16}}, []int{0}, 998))
	}, RejectMissingInput},
	{"index past the outputs of the block", func(w *world) *Block {
		a := w.spend(0, 998)
		return w.block(4, a, w.pay([]OutPoint{{a.ID(), 1}}, []int{0}, 1))
	}, RejectMissingInput},
	{"child before parent", func(w *world) *Block {
		a := w.spend(0, 998)
		return w.block(4, w.pay([]OutPoint{{a.ID(), 0}}, []int{0}, 996), a)
	}, RejectMissingInput},
	{"output of the set spent twice", func(w *world) *Block {
		return w.block(4, w.spend(0, 998), w.spend(0, 997))
	}, RejectDoubleSpend},
	{"output of the block spent twice", func(w *world) *Block {
		a := w.spend(0, 998)
		point := []OutPoint{{a.ID(), 0}}
		return w.block(4, a, w.pay(point, []int{0}, 996), w.pay(point, []int{0}, 995))
	}, RejectDoubleSpend},
	{"same transaction twice, not at the end", func(w *world) *Block {
		a := w.spend(0, 998)
		return w.block(4, a, a, w.spend(1, 998))
	}, RejectDoubleSpend},
	{"output spent twice by one transaction", func(w *world) *Block {
		return w.block(2, w.pay([]OutPoint{w.points[0], w.points[0]}, []int{0, 0}, 1998))
	}, RejectInputTwice},
	{"output spent twice by one large transaction", func(w *world) *Block {
		points, owners := make([]OutPoint, 30), make([]int, 30)
		for i := range points {
			points[i] = OutPoint{Hash{1}, uint32(i % 29)}
		}
		return w.block(2, w.pay(points, owners, 1))
	}, RejectInputTwice},
	{"outputs over inputs", func(w *world) *Block { return w.block(0, w.spend(0, 1001)) }, RejectValue},
	{"output of nothing", func(w *world) *Block { return w.block(2, w.spend(0, 998, 0)) }, RejectValue},
	{"sum of outputs overflows", func(w *world) *Block {
		return w.block(0, w.spend(0, 1<<63, 1<<63, 998))
	}, RejectValue},
	{"output over MaxMoney", func(w *world) *Block {
		return w.block(0, w.spend(0, w.params.MaxMoney+1))
	}, RejectValue},
	{"fee under the minimum", func(w *world) *Block { return w.block(1, w.spend(0, 999)) }, RejectFee},
	{"own coinbase spent", func(w *world) *Block {
		c := w.coinbase(0, 1000)
		return w.seal(c, w.pay([]OutPoint{{c.ID(), 0}}, []int{0}, 998))
	}, RejectImmature},
}

// TestReliability04BlockCases wants each case refused with its kind, the set untouched, and
// an honest block accepted afterwards.
func TestReliability04BlockCases(t *testing.T) {
	for _, tc := range blockCases {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			b := tc.make(w)
			before := len(w.set)
			err := w.accept(b)
			if kindOf(err) != tc.want || err == nil != (tc.want == RejectNone) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if tc.want == RejectNone {
				return
			}
			if len(w.set) != before || w.height != 0 {
				t.Error("a refused block left something behind")
			}
			w.params = newWorld(t).params // cases may have tightened them
			if err := w.accept(w.block(2, w.spend(3, 998))); err != nil {
				t.Errorf("honest block afterwards: %v", err)
			}
		})
	}
}

func TestCheckTxCases(t *testing.T) {
	w := newWorld(t)
	large := w.tx(AppendTransfer(nil, Hash{}, []Spend{{w.points[0], w.keys[0]}}, make([]Output, MaxTxBytes/outputSize)))
	for _, tc := range []struct {
		name string
		tx   Tx
		want Reject
	}{
		{"transfer", w.spend(0, 998), RejectNone},
		{"all money there is", w.spend(0, w.params.MaxMoney), RejectNone},
		{"one more", w.spend(0, w.params.MaxMoney, 1), RejectValue},
		{"output of nothing", w.spend(0, 998, 0), RejectValue},
		{"sum that wraps to 998", w.spend(0, 1<<63, 1<<63, 998), RejectValue},
		{"coinbase", w.coinbase(0, 1), RejectCoinbase},
		{"too large", large, RejectTooLarge},
		{"input twice", w.pay([]OutPoint{w.points[0], w.points[1], w.points[0]}, []int{0, 1, 0}, 1), RejectInputTwice},
	} {
		if got := CheckTx(&tc.tx, w.params); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// A list that was doubled at its end carries the honest block's header: the
// refusal must not stick to it (CVE-2012-2459).
func TestMutationDoesNotCondemnTheHonestBlock(t *testing.T) {
	w := newWorld(t)
	honest := w.block(4, w.spend(0, 998), w.spend(1, 998))
	mutant := &Block{Header: honest.Header, Txs: append(slices.Clone(honest.Txs), honest.Txs[2])}
	got := kindOf(w.accept(mutant))
	if got != RejectMutated || got.CondemnsHeader() || mutant.Header.Hash() != honest.Header.Hash() {
		t.Fatalf("mutant: %v", got)
	}
	if err := w.accept(honest); err != nil {
		t.Errorf("the honest block with the same header: %v", err)
	}
}

func TestCondemnsHeader(t *testing.T) {
	for _, tc := range blockCases {
		// What is decided before the list is known to be the header's own.
		own := !slices.Contains([]Reject{RejectNone, RejectEmpty, RejectBlockSize, RejectMerkle, RejectMutated}, tc.want)
		if tc.want.CondemnsHeader() != own {
			t.Errorf("%s: %v condemns the header: %v", tc.name, tc.want, !own)
		}
	}
	for _, r := range []Reject{RejectTimeNew, RejectParent, RejectBusy, RejectMalformed} {
		if r.CondemnsHeader() {
			t.Errorf("%v condemns the header", r)
		}
	}
}

func TestMaturity(t *testing.T) {
	w := newWorld(t)
	first := w.block(0)
	if err := w.accept(first); err != nil {
		t.Fatal(err)
	}
	reward := OutPoint{first.Txs[0].ID(), 0}
	spend := func() *Block {
		return w.block(2, w.pay([]OutPoint{reward}, []int{0}, w.params.Subsidy-2))
	}
	for height := uint32(2); height < 1+w.params.Maturity; height++ {
		if err := w.accept(spend()); err != RejectImmature {
			t.Fatalf("spent at %d: %v", height, err)
		}
		if err := w.accept(w.block(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.accept(spend()); err != nil {
		t.Errorf("spent %d blocks later: %v", w.params.Maturity, err)
	}
}

func TestMaturityDoesNotOverflow(t *testing.T) {
	p := TestParams()
	p.Maturity = 10
	tx := parseOne(t, transfer(SchemeEd25519, 1, 1, 1))
	e := Entry{Output: Output{Key: HashKey(SchemeEd25519, tx.In(0).Key)}, Height: ^uint32(0) - 3, Coinbase: true}
	if got := CheckSpend(&tx, 0, e, ^uint32(0), p); got != RejectImmature {
		t.Errorf("%v at the last height", got)
	}
}

func TestConnectPassesErrorsOn(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("disk")
	_, err := Connect(w.block(2, w.spend(0, 998)), 1, w.params, func(OutPoint) (Entry, bool, error) {
		return Entry{}, false, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestOnlyTheGenesisConnectsAtZero(t *testing.T) {
	w := newWorld(t)
	if _, err := Connect(w.block(0), 0, w.params, w.lookup); err != RejectParent {
		t.Errorf("another block at height 0: %v", err)
	}
	if _, err := Connect(w.params.Genesis(), 1, w.params, w.lookup); err != RejectParent {
		t.Errorf("the genesis at height 1: %v", err)
	}
}

// naive is the dumb twin: a map that every transaction is applied to in turn.
func (w *world) naive(b *Block) (map[OutPoint]Entry, bool) {
	set := map[OutPoint]Entry{}
	for p, e := range w.set {
		set[p] = e
	}
	fees := uint64(0)
	for i := 1; i < len(b.Txs); i++ {
		tx, in, out := &b.Txs[i], uint64(0), uint64(0)
		for j := range tx.Inputs() {
			e, ok := set[tx.Prev(j)]
			if !ok || HashKey(tx.Scheme(), tx.In(j).Key) != e.Key {
				return nil, false
			}
			if e.Coinbase && e.Height > 0 && w.height+1-e.Height < w.params.Maturity {
				return nil, false
			}
			delete(set, tx.Prev(j))
			in += e.Value
		}
		for j := range tx.Outputs() {
			out += tx.Out(j).Value
			set[OutPoint{tx.ID(), uint32(j)}] = Entry{Output: tx.Out(j), Height: w.height + 1}
		}
		if in < out+w.params.MinFee {
			return nil, false
		}
		fees += in - out
	}
	paid := uint64(0)
	for j := range b.Txs[0].Outputs() {
		paid += b.Txs[0].Out(j).Value
		set[OutPoint{b.Txs[0].ID(), uint32(j)}] = Entry{Output: b.Txs[0].Out(j), Height: w.height + 1, Coinbase: true}
	}
	return set, paid <= w.params.SubsidyAt(w.height+1)+fees
}

// randomBlock mostly spends what can be spent: outputs of the set, and of the
// block before; now and then something that breaks a rule.
func (w *world) randomBlock(t *rapid.T) *Block {
	type coin struct {
		point OutPoint
		owner int
		value uint64
	}
	var coins []coin
	for p, e := range w.set {
		owner := slices.IndexFunc(w.keys, func(k Signer) bool { return HashKey(k.Scheme(), k.Public()) == e.Key })
		coins = append(coins, coin{p, owner, e.Value})
	}
	slices.SortFunc(coins, func(a, b coin) int { return slices.Compare(a.point.Append(nil), b.point.Append(nil)) })
	var txs []Tx
	fees := uint64(0)
	for range rapid.IntRange(0, 6).Draw(t, "txs") {
		var points []OutPoint
		var owners []int
		in := uint64(0)
		for range rapid.IntRange(1, 3).Draw(t, "inputs") {
			at := rapid.IntRange(0, len(coins)-1).Draw(t, "coin")
			c := coins[at]
			if slices.Contains(points, c.point) {
				continue
			}
			points, owners, in = append(points, c.point), append(owners, c.owner), in+c.value
			if rapid.IntRange(0, 19).Draw(t, "keep") > 0 && len(coins) > 1 {
				coins = slices.Delete(coins, at, at+1)
			}
		}
		fee := rapid.SampledFrom([]uint64{2, 2, 2, 2, 2, 2, 2, 2, 3, 50, 1}).Draw(t, "fee")
		if in < fee+2 {
			continue
		}
		tx := w.pay(points, owners, 1, in-fee-1)
		txs, fees = append(txs, tx), fees+fee
		for i := range 2 {
			coins = append(coins, coin{OutPoint{tx.ID(), uint32(i)}, i, tx.Out(i).Value})
		}
	}
	extra := rapid.SampledFrom([]uint64{0, 0, 0, 0, 0, 0, 0, 1}).Draw(t, "extra")
	return w.block(fees+extra, txs...)
}

func TestConnectAgainstNaiveLedger(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 6).Draw(t, "blocks") {
			b := w.randomBlock(t)
			want, ok := w.naive(b)
			d, err := Connect(b, w.height+1, w.params, w.lookup)
			if (err == nil) != ok {
				t.Fatalf("Connect: %v, twin accepts: %v", err, ok)
			}
			if !ok {
				refused++
				continue
			}
			accepted++
			before, tip, height := cloneSet(w.set), w.tip, w.height
			w.apply(d)
			mustEqual(t, w.set, want)
			w.revert(d)
			mustEqual(t, w.set, before)
			if w.tip != tip || w.height != height {
				t.Fatal("reverting does not lead back")
			}
			w.apply(d)
			mustSupply(t, w)
		}
	})
	if !testing.Short() && (accepted < 50 || refused < 20) { // -short draws a fifth of the cases
		t.Errorf("%d blocks accepted, %d refused: the cases are one-sided", accepted, refused)
	}
}

func cloneSet(set map[OutPoint]Entry) map[OutPoint]Entry {
	c := map[OutPoint]Entry{}
	for p, e := range set {
		c[p] = e
	}
	return c
}

func mustEqual(t *rapid.T, got, want map[OutPoint]Entry) {
	t.Helper()
	for p, e := range want {
		if got[p] != e {
			t.Fatalf("output %v: %+v, want %+v", p, got[p], e)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d outputs, want %d", len(got), len(want))
	}
}

// mustSupply wants all outputs to add up to the schedule: these miners take
// every fee.
func mustSupply(t *rapid.T, w *world) {
	sum := uint64(0)
	for _, e := range w.set {
		sum += e.Value
	}
	if want := w.params.SupplyAt(w.height); sum != want {
		t.Fatalf("supply %d at height %d, want %d", sum, w.height, want)
	}
}

func BenchmarkConnect(b *testing.B) {
	w := newWorld(b)
	w.params.MaxBlockTxs = MaxBlockTxs
	const n = 10_000
	txs := make([]Tx, n)
	for i := range txs {
		raw := transfer(SchemeEd25519, uint32(i), 1, 2)
		txs[i] = parseOne(b, raw)
		in := txs[i].In(0)
		w.set[in.Prev] = Entry{Output: Output{Value: 1000, Key: HashKey(SchemeEd25519, in.Key)}}
	}
	block := w.block(0, txs...)
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if r := CheckBlock(block, w.params); r != RejectNone {
				b.Fatal(r)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tx")
	})
	b.Run("connect", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Connect(block, 1, w.params, w.lookup); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tx")
	})
}
