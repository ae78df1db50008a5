package refchain

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// twin is a chain as dumb as can be: it keeps every accepted transaction of
// one lane in order, and replays them all when it forgets some.
type twin struct {
	params  *ledger.Params
	start   map[ledger.OutPoint]ledger.Entry
	unspent map[ledger.OutPoint]ledger.Entry
	spent   map[ledger.OutPoint]bool
	log     []driver.Tx // accepted, in order
}

func newTwin(p *ledger.Params, coins []coin) *twin {
	w := &twin{params: p, start: map[ledger.OutPoint]ledger.Entry{}}
	for _, c := range coins {
		key := ledger.DevKey(p.DevSeed, p.DevScheme, c.key)
		w.start[c.point] = ledger.Entry{Output: ledger.Output{Value: c.value, Key: ledger.HashKey(p.DevScheme, key.Public())}}
	}
	w.replay(nil)
	return w
}

func (w *twin) replay(log []driver.Tx) {
	w.log, w.unspent, w.spent = nil, map[ledger.OutPoint]ledger.Entry{}, map[ledger.OutPoint]bool{}
	for at, e := range w.start {
		w.unspent[at] = e
	}
	for _, tx := range log {
		if r := w.offer(tx); r != ledger.RejectNone {
			panic("what was accepted is refused: " + r.String())
		}
	}
}

func (w *twin) offer(tx driver.Tx) ledger.Reject {
	t, rest, err := ledger.ParseTx(tx.Payload, ledger.MaxTxBytes)
	if err != nil || len(rest) > 0 || idOf(t.ID()) != tx.ID {
		return ledger.RejectMalformed
	}
	if r := ledger.CheckTx(&t, w.params); r != ledger.RejectNone {
		return r
	}
	if r := ledger.VerifyOne(&t, w.params.GenesisHash()); r != ledger.RejectNone {
		return r
	}
	sum := uint64(0)
	for i := range t.Inputs() {
		e, ok := w.unspent[t.Prev(i)]
		switch {
		case w.spent[t.Prev(i)]:
			return ledger.RejectDoubleSpend
		case !ok:
			return ledger.RejectMissingInput
		}
		if r := ledger.CheckSpend(&t, i, e, 1, w.params); r != ledger.RejectNone {
			return r
		}
		sum += e.Value
	}
	for i := range t.Outputs() {
		sum -= t.Out(i).Value
	}
	if sum < w.params.MinFee || sum > math.MaxUint32 {
		return ledger.RejectFee
	}
	w.take(&t)
	w.log = append(w.log, driver.Tx{ID: tx.ID, Seq: tx.Seq, Kind: tx.Kind, Payload: append([]byte(nil), tx.Payload...)})
	return ledger.RejectNone
}

func (w *twin) take(t *ledger.Tx) {
	for i := range t.Inputs() {
		delete(w.unspent, t.Prev(i))
		w.spent[t.Prev(i)] = true
	}
	for i := range t.Outputs() {
		w.unspent[ledger.OutPoint{TxID: t.ID(), Index: uint32(i)}] = ledger.Entry{Output: t.Out(i)}
	}
}

// expected is what the chain owes a transaction of each kind.
var expected = []ledger.Reject{
	kindTransfer: ledger.RejectNone, kindInvalidSignature: ledger.RejectSignature, kindDoubleSpend: ledger.RejectDoubleSpend,
}

func testCoins(p *ledger.Params, n int) []coin {
	coins := make([]coin, n)
	for i := range coins {
		coins[i] = coin{point: ledger.OutPoint{TxID: p.Genesis().Txs[0].ID(), Index: uint32(i)}, value: p.DevValue, key: uint32(i)}
	}
	return coins
}

func testPlan(p *ledger.Params, w driver.Workload, seed uint64) *plan {
	pl := &plan{
		seed: seed, workload: w, genesis: p.GenesisHash(), minFee: p.MinFee,
		reserve: cost(&w, p) + uint64(w.Inputs), skew: newSkew(int(p.DevOutputs), w.KeySkew),
	}
	g := p.Genesis().Txs[0]
	for i := range g.Outputs() {
		pl.payees = append(pl.payees, g.Out(i).Key)
	}
	return pl
}

func testLane(p *ledger.Params, w driver.Workload, seed uint64) (*lane, *twin) {
	coins := testCoins(p, w.Inputs)
	return newLane(testPlan(p, w, seed), 3, ownersOf(p, coins), coins), newTwin(p, coins)
}

func drawWorkload(t *rapid.T) driver.Workload {
	in := rapid.IntRange(1, 6).Draw(t, "inputs")
	return driver.Workload{
		Inputs: in, Outputs: in + rapid.IntRange(0, 3).Draw(t, "payments"),
		InvalidSignatures: rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "invalid"),
		DoubleSpends:      rapid.SampledFrom([]float64{0, 0.3, 0.7}).Draw(t, "twins"),
		KeySkew:           rapid.SampledFrom([]float64{0, 0.5, 1.2}).Draw(t, "skew"),
	}
}

func drawParams(t *rapid.T) *ledger.Params {
	p := ledger.TestParams()
	p.DevScheme = rapid.SampledFrom([]ledger.Scheme{ledger.SchemeEd25519, ledger.SchemeSecp256k1}).Draw(t, "scheme")
	p.MinFee = rapid.SampledFrom([]uint64{0, 1, 50}).Draw(t, "fee")
	return p
}

// live is a lane that is settled as it goes, with a chain that may refuse
// without reason, be reorganised, and lose its pool.
type live struct {
	*rapid.T
	lane  *lane
	twin  *twin
	mined int // of twin.log, from its start
	held  int // of those
}

func (l *live) next() driver.Tx {
	tx, err := l.lane.Next(nil)
	if err != nil {
		l.Fatalf("Next: %v", err)
	}
	return tx
}

// send wants the answer that the kind promises, whatever went on before.
func (l *live) send() {
	tx := l.next()
	if got := l.twin.offer(tx); got != expected[tx.Kind] {
		l.Fatalf("transaction %d of kind %d is answered %s", tx.Seq, tx.Kind, got)
	}
	if expected[tx.Kind] != ledger.RejectNone {
		l.lane.Settle(tx, driver.Refused)
		return
	}
	if l.mined == len(l.twin.log)-1 && rapid.Bool().Draw(l.T, "block before answer") {
		l.mine()
	}
	l.lane.Settle(tx, driver.Accepted)
}

// refuse answers without reason, as a chain does that is short of something.
func (l *live) refuse() { l.lane.Settle(l.next(), driver.Refused) }

func (l *live) mine() {
	if l.mined < len(l.twin.log) {
		l.settle(l.mined, driver.InBlock)
		l.mined++
	}
}

func (l *live) hold() {
	if l.held < l.mined {
		l.settle(l.held, driver.Held)
		l.held++
	}
}

func (l *live) revert() {
	if l.held < l.mined {
		l.mined--
		l.settle(l.mined, driver.Reverted)
	}
}

// crash loses what is not in a block.
func (l *live) crash() {
	lost := l.twin.log[l.mined:]
	l.twin.replay(l.twin.log[:l.mined])
	order := rapid.Permutation(lost).Draw(l.T, "order of loss")
	for _, tx := range order {
		l.lane.Settle(driver.Tx{ID: tx.ID, Seq: tx.Seq, Kind: tx.Kind}, driver.Lost)
	}
}

func (l *live) settle(i int, s driver.Settlement) {
	tx := l.twin.log[i]
	l.lane.Settle(driver.Tx{ID: tx.ID, Seq: tx.Seq, Kind: tx.Kind}, s)
}

func TestLiveLane(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &live{T: rt}
		l.lane, l.twin = testLane(drawParams(rt), drawWorkload(rt), rapid.Uint64().Draw(rt, "seed"))
		rt.Repeat(map[string]func(*rapid.T){
			"send":   func(*rapid.T) { l.send() },
			"send2":  func(*rapid.T) { l.send() },
			"refuse": func(*rapid.T) { l.refuse() },
			"mine":   func(*rapid.T) { l.mine() },
			"hold":   func(*rapid.T) { l.hold() },
			"revert": func(*rapid.T) { l.revert() },
			"crash":  func(*rapid.T) { l.crash() },
			"": func(*rapid.T) {
				if n := len(l.lane.track.pending); n > len(l.twin.log)-l.held+100 {
					rt.Fatalf("the lane remembers %d transactions", n)
				}
			},
		})
	})
}

// TestDeck builds far ahead, then deals in order until one is refused without
// reason or the pool is lost; from there on the lane builds live.
func TestDeck(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &live{T: rt}
		l.lane, l.twin = testLane(drawParams(rt), drawWorkload(rt), rapid.Uint64().Draw(rt, "seed"))
		const cards = 40
		var deck [cards]driver.Tx
		for i := range deck {
			if deck[i] = l.next(); deck[i].Seq != uint64(i) {
				rt.Fatalf("card %d has number %d", i, deck[i].Seq)
			}
		}
		end := rapid.IntRange(0, cards).Draw(rt, "dealt")
		for i := range end {
			if got := l.twin.offer(deck[i]); got != expected[deck[i].Kind] {
				rt.Fatalf("card %d of kind %d is answered %s", i, deck[i].Kind, got)
			}
			if expected[deck[i].Kind] == ledger.RejectNone {
				l.lane.Settle(deck[i], driver.Accepted)
			} else {
				l.lane.Settle(deck[i], driver.Refused)
			}
			if rapid.Bool().Draw(rt, "block") {
				l.mine()
			}
		}
		next := uint64(end)
		switch {
		case end == cards:
		case len(l.twin.log) > l.mined && rapid.Bool().Draw(rt, "crash"):
			l.crash()
		default:
			for next < cards && deck[next].Kind != kindTransfer {
				l.lane.Settle(deck[next], driver.Refused)
				next++
			}
			if next < cards {
				l.lane.Settle(deck[next], driver.Refused)
				next++
			}
		}
		for i := range uint64(20) {
			tx := l.next()
			if tx.Seq != next+i {
				rt.Fatalf("after the deck comes number %d, want %d", tx.Seq, next+i)
			}
			got := l.twin.offer(tx)
			if got != expected[tx.Kind] {
				rt.Fatalf("after the deck, transaction %d of kind %d is answered %s", tx.Seq, tx.Kind, got)
			}
			if got == ledger.RejectNone {
				l.lane.Settle(tx, driver.Accepted)
			} else {
				l.lane.Settle(tx, driver.Refused)
			}
		}
	})
}

// TestFoundAfterLoss includes a transaction that had been given up for lost,
// while its replacement waits for an answer.
func TestFoundAfterLoss(t *testing.T) {
	p := ledger.TestParams()
	l, w := testLane(p, driver.Workload{Inputs: 1, Outputs: 2}, 1)
	first, _ := l.Next(nil)
	w.offer(first)
	l.Settle(first, driver.Accepted)
	l.Settle(driver.Tx{ID: first.ID, Seq: first.Seq}, driver.Lost)
	second, _ := l.Next(nil)
	if got := w.offer(second); got != ledger.RejectDoubleSpend {
		t.Fatalf("after the loss the lane does not go on from its start: %s", got)
	}
	l.Settle(driver.Tx{ID: first.ID, Seq: first.Seq}, driver.InBlock)
	l.Settle(second, driver.Refused)
	third, _ := l.Next(nil)
	if got := w.offer(third); got != ledger.RejectNone {
		t.Errorf("after the inclusion: %s", got)
	}
}

// TestRefusedButIncluded: the answer to a copy says refused, but the original
// is in a block.
func TestRefusedButIncluded(t *testing.T) {
	p := ledger.TestParams()
	l, w := testLane(p, driver.Workload{Inputs: 1, Outputs: 1}, 1)
	first, _ := l.Next(nil)
	w.offer(first)
	l.Settle(driver.Tx{ID: first.ID, Seq: first.Seq}, driver.InBlock)
	l.Settle(first, driver.Refused)
	second, _ := l.Next(nil)
	if got := w.offer(second); got != ledger.RejectNone || second.Seq != 1 {
		t.Errorf("number %d: %s", second.Seq, got)
	}
}

// TestTwinAccepted: against all expectation a double spend was taken, so the
// original was not.
func TestTwinAccepted(t *testing.T) {
	p := ledger.TestParams()
	l, w := testLane(p, driver.Workload{Inputs: 1, Outputs: 2, DoubleSpends: 0.5}, 1)
	var last, twin driver.Tx
	for twin.Payload == nil {
		tx, err := l.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if tx.Kind == kindDoubleSpend {
			twin = tx
			break
		}
		if last.Payload != nil {
			w.offer(last)
			l.Settle(last, driver.Accepted)
		}
		last = tx
	}
	if got := w.offer(twin); got != ledger.RejectNone {
		t.Fatalf("the twin alone: %s", got)
	}
	l.Settle(twin, driver.Accepted)
	next, _ := l.Next(nil)
	if got := w.offer(next); got != expected[next.Kind] {
		t.Errorf("after the twin, kind %d: %s", next.Kind, got)
	}
}

// TestBuiltElsewhere settles a lane with what another value of the same lane
// has built; it goes on where that one stands.
func TestBuiltElsewhere(t *testing.T) {
	p := ledger.TestParams()
	w := driver.Workload{Inputs: 2, Outputs: 3, DoubleSpends: 0.3}
	builder, chain := testLane(p, w, 1)
	l, _ := testLane(p, w, 1)
	for range 20 {
		tx, err := builder.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if chain.offer(tx) == ledger.RejectNone {
			l.Settle(tx, driver.Accepted)
		} else {
			l.Settle(tx, driver.Refused)
		}
	}
	tx, err := l.Next(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := chain.offer(tx); got != ledger.RejectNone || tx.Seq != 20 {
		t.Errorf("number %d: %s", tx.Seq, got)
	}
}

// TestIDsDiffer builds and rewinds a lot: no ID may come twice.
func TestIDsDiffer(t *testing.T) {
	p := ledger.TestParams()
	for _, w := range []driver.Workload{
		{Inputs: 1, Outputs: 1, DoubleSpends: 0.6, InvalidSignatures: 0.3},
		{Inputs: 2, Outputs: 3, DoubleSpends: 0.3, InvalidSignatures: 0.6},
		{Inputs: 1, Outputs: 1},
	} {
		l, _ := testLane(p, w, 5)
		seen := map[driver.ID]bool{}
		for i := range 1000 {
			tx, err := l.Next(nil)
			if err != nil {
				t.Fatal(err)
			}
			if seen[tx.ID] {
				t.Fatalf("%+v: ID %s twice, the second time as number %d", w, tx.ID, i)
			}
			seen[tx.ID] = true
			if i%3 == 0 {
				l.Settle(tx, driver.Refused)
			}
		}
	}
}

// TestExhausted spends a lane down to its reserve: every transaction up to
// there is valid, and the end is an error.
func TestExhausted(t *testing.T) {
	p := ledger.TestParams()
	w := driver.Workload{Inputs: 2, Outputs: 3}
	coins := testCoins(p, 2)
	coins[0].value, coins[1].value = 6000, 7000
	l, chain := newLane(testPlan(p, w, 1), 0, ownersOf(p, coins), coins), newTwin(p, coins)
	for n := 0; ; n++ {
		tx, err := l.Next(nil)
		if errors.Is(err, driver.ErrExhausted) {
			if n < 10 {
				t.Errorf("exhausted after %d transactions", n)
			}
			return
		}
		if got := chain.offer(tx); got != ledger.RejectNone {
			t.Fatalf("transaction %d: %s", n, got)
		}
		l.Settle(tx, driver.Accepted)
	}
}

// TestShares counts kinds over many lanes: each within 5 standard deviations.
func TestShares(t *testing.T) {
	w := driver.Workload{InvalidSignatures: 0.05, DoubleSpends: 0.2}
	var count [3]float64
	const lanes, txs = 400, 500
	for lane := range uint32(lanes) {
		for seq := range uint64(txs) {
			d := newDice(9, lane, seq)
			count[d.drawKind(&w)]++
		}
	}
	for kind, share := range []float64{kindTransfer: 0.75, kindInvalidSignature: 0.05, kindDoubleSpend: 0.2} {
		n := float64(lanes * txs)
		if dev := math.Abs(count[kind]-n*share) / math.Sqrt(n*share*(1-share)); dev > 5 {
			t.Errorf("kind %d: %g of %g, which is %.1f standard deviations off", kind, count[kind], n, dev)
		}
	}
}

// TestSkew compares draws with Zipf's law.
func TestSkew(t *testing.T) {
	for _, exponent := range []float64{0, 0.7, 1, 2} {
		const keys, draws = 50, 200_000
		s := newSkew(keys, exponent)
		var count [keys]float64
		d := newDice(1, 2, 3)
		for range draws {
			count[s.draw(d.next())]++
		}
		norm := 0.0
		for i := range keys {
			norm += math.Pow(float64(i+1), -exponent)
		}
		for i := range keys {
			p := math.Pow(float64(i+1), -exponent) / norm
			if dev := math.Abs(count[i]-draws*p) / math.Sqrt(draws*p); dev > 5 {
				t.Errorf("exponent %g, key %d: %g draws, want %g", exponent, i, count[i], draws*p)
			}
		}
		for _, x := range []float64{0, 0.999999999, 1} {
			if i := newSkew(keys, max(exponent, 0.1)).draw(x); i < 0 || i >= keys {
				t.Errorf("draw(%g) = %d", x, i)
			}
		}
	}
}

func BenchmarkNext(b *testing.B) {
	p := ledger.TestParams()
	p.DevValue = 1 << 40
	for name, w := range map[string]driver.Workload{
		"1in2out": {Inputs: 1, Outputs: 2}, "2in2out": {Inputs: 2, Outputs: 2}, "skewed": {Inputs: 1, Outputs: 2, KeySkew: 1},
	} {
		b.Run(name, func(b *testing.B) {
			coins := testCoins(p, w.Inputs)
			for i := range coins {
				coins[i].value = 1 << 50
			}
			l := newLane(testPlan(p, w, 1), 0, ownersOf(p, coins), coins)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				tx, err := l.Next(buf[:0])
				if err != nil {
					b.Fatal(err)
				}
				buf = tx.Payload
			}
		})
	}
}
