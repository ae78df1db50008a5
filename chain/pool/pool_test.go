package pool

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// TestKinds: every reason to refuse has its own kind.
func TestKinds(t *testing.T) {
	c := newChain(20)
	p := newPool(t, c, nil)
	reward := func(b *ledger.Block) ledger.OutPoint { return out(b.Txs[0], 0) }
	ripe := reward(commit(t, c, p, 0)) // may be in block 3
	commit(t, c, p, 0)
	first := pay(anyone, points(start(0)), 600, 300)
	committed := pay(anyone, points(start(1), start(2)), 900)
	offerOne(t, p, "first", first, ledger.RejectNone)
	offerOne(t, p, "committed", committed, ledger.RejectNone)
	taken, _ := p.Take(10, 1<<20)
	last := reward(commit(t, c, p, 100+1100, first, committed))
	offerOne(t, p, "pooled", pay(anyone, points(start(3)), 900), ledger.RejectNone)
	p.Return(taken)
	cases := []struct {
		name string
		tx   ledger.Tx
		want ledger.Reject
	}{
		{"pooled already", pay(anyone, points(start(3)), 900), ledger.RejectDuplicate},
		{"committed already", committed, ledger.RejectDuplicate},
		{"twin of a pooled one", pay(anyone, points(start(3)), 901), ledger.RejectDoubleSpend},
		{"twin of a committed one", pay(anyone, points(start(1)), 1), ledger.RejectDoubleSpend},
		{"twin by the second input", pay(anyone, points(start(4), start(2)), 1), ledger.RejectDoubleSpend},
		{"unknown", pay(anyone, points(start(99)), 1), ledger.RejectMissingInput},
		{"no such output of a committed one", pay(anyone, points(out(first, 2)), 1), ledger.RejectMissingInput},
		{"no such output of a pooled one", pay(anyone, points(out(pay(anyone, points(start(3)), 900), 1)), 1), ledger.RejectMissingInput},
		{"another's", pay(owner(2), points(start(4)), 1), ledger.RejectKeyMismatch},
		{"more than there is", pay(anyone, points(start(4)), 1001), ledger.RejectValue},
		{"no fee", pay(anyone, points(start(4)), 1000), ledger.RejectFee},
		{"unripe", pay(anyone, points(last), 1), ledger.RejectImmature},
		{"ripe", pay(anyone, points(ripe), 1), ledger.RejectNone},
		{"child of a committed one", pay(anyone, points(out(first, 1)), 1), ledger.RejectNone},
		{"child of a pooled one", pay(anyone, points(out(pay(anyone, points(start(3)), 900), 0)), 1), ledger.RejectNone},
	}
	for _, test := range cases {
		offerOne(t, p, test.name, test.tx, test.want)
	}
	c.fault = errors.New("disk")
	offerOne(t, p, "no answer from the set", pay(anyone, points(start(5)), 1), ledger.RejectBusy)
	if err := p.audit(); err != nil {
		t.Error(err)
	}
	if got := p.Stats(); got.Answers[ledger.RejectDoubleSpend] != 3 || got.Answers[ledger.RejectNone] != 6 || got.Committed != 2 {
		t.Errorf("stats are %+v", got)
	}
}

// TestSkips: what was refused before is neither looked at nor counted.
func TestSkips(t *testing.T) {
	c := newChain(2)
	p := newPool(t, c, nil)
	txs := []ledger.Tx{{}, pay(anyone, points(start(0)), 1)}
	answers := []ledger.Reject{ledger.RejectSignature, ledger.RejectNone}
	p.Offer(txs, time.Now(), time.Now(), answers)
	if want := []ledger.Reject{ledger.RejectSignature, ledger.RejectNone}; !slices.Equal(answers, want) {
		t.Errorf("answers are %v, want %v", answers, want)
	}
	if n := p.Stats().Answers[ledger.RejectSignature]; n != 0 {
		t.Errorf("%d signatures are counted as refused by the pool", n)
	}
}

func TestBounds(t *testing.T) {
	c := newChain(20)
	one := pay(anyone, points(start(0)), 1)
	t.Run("count", func(t *testing.T) {
		p := newPool(t, c, func(cfg *Config) { cfg.MaxTxs = 2 })
		offerOne(t, p, "first", pay(anyone, points(start(0)), 1), ledger.RejectNone)
		p.Take(1, 1<<20)
		offerOne(t, p, "second", pay(anyone, points(start(1)), 1), ledger.RejectNone)
		offerOne(t, p, "third", pay(anyone, points(start(2)), 1), ledger.RejectBusy)
		offerOne(t, p, "hopeless", pay(anyone, points(start(1)), 2), ledger.RejectDoubleSpend)
		commit(t, c, p, 999, pay(anyone, points(start(0)), 1))
		offerOne(t, p, "third again", pay(anyone, points(start(2)), 1), ledger.RejectNone)
	})
	t.Run("bytes", func(t *testing.T) {
		p := newPool(t, c, func(cfg *Config) { cfg.MaxBytes = ledger.MaxTxBytes })
		var big []uint64
		for range (ledger.MaxTxBytes - 200) / 28 {
			big = append(big, 1)
		}
		c.set[start(50)] = ledger.Entry{Output: ledger.Output{Value: 1 << 20, Key: anyone.hash()}}
		offerOne(t, p, "small", pay(anyone, points(start(5)), 1), ledger.RejectNone)
		offerOne(t, p, "big", pay(anyone, points(start(50)), big...), ledger.RejectBusy)
		offerOne(t, p, "less big", pay(anyone, points(start(50)), big[20:]...), ledger.RejectNone)
	})
	t.Run("block", func(t *testing.T) {
		params := *c.params
		c := &chain{params: &params, set: c.set}
		params.MaxBlockBytes = blockOverhead + one.Size()
		p := newPool(t, c, nil)
		offerOne(t, p, "fits", pay(anyone, points(start(6)), 1), ledger.RejectNone)
		offerOne(t, p, "does not", pay(anyone, points(start(7)), 1, 1), ledger.RejectTooLarge)
	})
	t.Run("depth", func(t *testing.T) {
		p := newPool(t, c, func(cfg *Config) { cfg.MaxDepth = 3 })
		txs := []ledger.Tx{pay(anyone, points(start(8)), 900)}
		for value := uint64(800); value > 300; value -= 100 {
			txs = append(txs, pay(anyone, points(out(txs[len(txs)-1], 0)), value))
		}
		for _, tx := range txs[:3] {
			offerOne(t, p, "within the depth", tx, ledger.RejectNone)
		}
		offerOne(t, p, "too deep", txs[3], ledger.RejectDepth)
		commit(t, c, p, 200, txs[:2]...)
		offerOne(t, p, "second of three", txs[3], ledger.RejectNone)
		offerOne(t, p, "third", txs[4], ledger.RejectNone)
		offerOne(t, p, "too deep again", txs[5], ledger.RejectDepth)
		p.Revert(c.revert())
		commit(t, c, p, 100, txs[0])
		offerOne(t, p, "far too deep", txs[5], ledger.RejectDepth)
		commit(t, c, p, 300, txs[1:4]...)
		offerOne(t, p, "second", txs[5], ledger.RejectNone)
	})
}

// TestTake: oldest first, within both bounds, and what stays behind is next.
func TestTake(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	var txs []ledger.Tx
	for i := range 6 {
		txs = append(txs, pay(anyone, points(start(i)), uint64(900-i)))
	}
	offer(p, txs...)
	size := txs[0].Size()
	take := func(maxTxs, maxBytes int, want []ledger.Tx, wantFees uint64) []Tx {
		t.Helper()
		got, fees := p.Take(maxTxs, maxBytes)
		if !slices.Equal(ids(got), ids(want)) || fees != wantFees {
			t.Errorf("took %d transactions with fees of %d, want %d with %d", len(got), fees, len(want), wantFees)
		}
		return got
	}
	a := take(2, 1<<20, txs[:2], 201)
	b := take(10, 3*size-1, txs[2:4], 205)
	p.Return(b)
	p.Return(a[:1])
	p.Return(a[:1])
	take(10, 1<<20, []ledger.Tx{txs[0], txs[2], txs[3], txs[4], txs[5]}, 100+205+209)
	take(10, 1<<20, nil, 0)
	if s := p.Stats(); s.Txs != 6 || s.Taken != 6 || s.Returned != 3 {
		t.Errorf("stats are %+v, want 6 transactions, all taken, 3 returned", s)
	}
	if err := p.audit(); err != nil {
		t.Error(err)
	}
}

// TestAge: what is too old goes with its descendants; what was taken stays.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(10)
		p := newPool(t, c, func(cfg *Config) { cfg.MaxAge = time.Minute })
		var dropped []ledger.Hash
		p.ev.Dropped = func(id ledger.Hash, cause Cause) {
			if cause == Expired {
				dropped = append(dropped, id)
			}
		}
		taken, old := pay(anyone, points(start(0)), 900), pay(anyone, points(start(1)), 900)
		child, other := pay(anyone, points(out(old, 0)), 800), pay(anyone, points(start(2)), 900)
		offer(p, taken)
		p.Take(1, 1<<20)
		offer(p, old)
		time.Sleep(40 * time.Second)
		offer(p, child, other)
		time.Sleep(20 * time.Second)
		offer(p)
		p.Take(0, 0)
		if len(dropped) != 0 {
			t.Errorf("%d are dropped at the age that is permitted", len(dropped))
		}
		time.Sleep(time.Nanosecond)
		p.Take(0, 0)
		if want := ids([]ledger.Tx{old, child}); !slices.Equal(dropped, want) {
			t.Errorf("dropped are %v, want %v", dropped, want)
		}
		if has := p.Has(ids([]ledger.Tx{taken, old, child, other})); !slices.Equal(has, []bool{true, false, false, true}) {
			t.Errorf("in the pool are %v", has)
		}
		offerOne(t, p, "old again", old, ledger.RejectNone)
		if err := p.audit(); err != nil {
			t.Error(err)
		}
	})
}

// TestTimes: the times of the stages before travel with the transaction.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(1)
		p := newPool(t, c, nil)
		received := time.Now()
		time.Sleep(3 * time.Millisecond)
		verified := time.Now()
		time.Sleep(5 * time.Millisecond)
		p.Offer([]ledger.Tx{pay(anyone, points(start(0)), 1)}, received, verified, make([]ledger.Reject, 1))
		ordered := time.Now()
		time.Sleep(time.Second)
		got, _ := p.Take(1, 1<<20)
		if tx := got[0]; tx.Verify != 3*time.Millisecond || tx.Order != 5*time.Millisecond || !tx.Ordered.Equal(ordered) {
			t.Errorf("times are %v, %v and %v", tx.Verify, tx.Order, tx.Ordered)
		}
		b := commit(t, c, p, 999, got[0].Tx)
		c.revert()
		p.Revert(b)
		if got, fees := p.Take(1, 1<<20); len(got) != 1 || fees != 999 || got[0].Fee != 999 || !got[0].Ordered.IsZero() {
			t.Errorf("after a reorganisation took %d with fees of %d, ordered at %v", len(got), fees, got[0].Ordered)
		}
	})
}

// TestForget: spends of the past are remembered up to the bound, oldest first
// to go, and a spend that is remembered twice stays until its last place goes.
func TestForget(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	p.recent.size = 3
	spend := func(i int) ledger.Tx { return pay(anyone, points(start(i)), 900) }
	twin := func(i int, want ledger.Reject) {
		t.Helper()
		offerOne(t, p, "twin", pay(anyone, points(start(i)), 1), want)
	}
	commit(t, c, p, 100, spend(0))
	p.Revert(c.revert())
	commit(t, c, p, 200, spend(1), spend(0)) // the ring: 0, 1, 0
	commit(t, c, p, 100, spend(2))           // 2, 1, 0
	twin(0, ledger.RejectDoubleSpend)
	twin(1, ledger.RejectDoubleSpend)
	commit(t, c, p, 100, spend(3)) // 2, 3, 0
	twin(0, ledger.RejectDoubleSpend)
	twin(1, ledger.RejectMissingInput)
	commit(t, c, p, 100, spend(4)) // 2, 3, 4
	twin(0, ledger.RejectMissingInput)
	twin(2, ledger.RejectDoubleSpend)
	if n := p.Stats().Recent; n != 3 {
		t.Errorf("%d spends are remembered, want 3", n)
	}
	if err := p.audit(); err != nil {
		t.Error(err)
	}
}

// TestReorganise: what is abandoned goes first and in chain order, conflicts
// with the new branch go with their descendants, and so does what spends a
// reward that no longer exists.
func TestReorganise(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	commit(t, c, p, 0)
	a := pay(anyone, points(start(0)), 900)
	b := pay(anyone, points(out(a, 0)), 800)
	lost := pay(anyone, points(start(1)), 900)
	lostChild := pay(anyone, points(out(lost, 0)), 800)
	block2 := commit(t, c, p, 200, a, lost)
	commit(t, c, p, 100, b)
	commit(t, c, p, 0)
	spendsReward := pay(anyone, points(out(block2.Txs[0], 0)), 1)
	newer := pay(anyone, points(start(2)), 900)
	offerOne(t, p, "newer", newer, ledger.RejectNone)
	offerOne(t, p, "child of a committed one", lostChild, ledger.RejectNone)
	offerOne(t, p, "spends a reward", spendsReward, ledger.RejectNone)
	for range 3 {
		p.Revert(c.revert())
	}
	winner := pay(anyone, points(start(1)), 1)
	commit(t, c, p, 999, winner)
	got, fees := p.Take(10, 1<<20)
	if want := []ledger.Tx{a, b, newer}; !slices.Equal(ids(got), ids(want)) || fees != 300 {
		t.Errorf("took %v with fees of %d, want %v with 300", ids(got), fees, ids(want))
	}
	if s := p.Stats(); s.Dropped[Conflict] != 3 || s.Reverted != 3 || s.Foreign != 4 {
		t.Errorf("stats are %+v, want 3 dropped, 3 reverted, 4 foreign", s)
	}
	if err := p.audit(); err != nil {
		t.Error(err)
	}
}

// TestRevertAgainstNewer: what a reorganisation puts back wins against what was
// accepted after the set let go of its inputs, however that is tied together.
func TestRevertAgainstNewer(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	p.recent.size = 1
	older := pay(anyone, points(start(0)), 900)
	commit(t, c, p, 200, older, pay(anyone, points(start(1)), 900))
	b := c.revert()
	newer := pay(anyone, points(start(0)), 400, 400)
	both := pay(anyone, points(out(newer, 0), out(newer, 1)), 300, 300)
	left, right := pay(anyone, points(out(both, 0)), 200), pay(anyone, points(out(both, 1), start(2)), 200)
	for _, tx := range []ledger.Tx{newer, both, left, right} {
		offerOne(t, p, "before the pool knows", tx, ledger.RejectNone)
	}
	p.Revert(b)
	offerOne(t, p, "frees an input", pay(anyone, points(start(2)), 900), ledger.RejectNone)
	if s := p.Stats(); s.Dropped[Conflict] != 4 || s.Txs != 3 {
		t.Errorf("stats are %+v, want 4 dropped and 3 there", s)
	}
	if err := p.audit(); err != nil {
		t.Error(err)
	}
}

// TestRecheck: a doubtful transaction that no longer stands takes no room in
// the template, and stays when the set does not answer.
func TestRecheck(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	reward := commit(t, c, p, 0).Txs[0]
	commit(t, c, p, 0)
	spendsReward := pay(anyone, points(out(reward, 0)), 1)
	other := pay(anyone, points(start(0)), 1)
	offerOne(t, p, "spends a reward", spendsReward, ledger.RejectNone)
	offerOne(t, p, "other", other, ledger.RejectNone)
	c.fault = errors.New("disk")
	faults := 0
	p.ev.Fault = func(error) { faults++ }
	if got, _ := p.Take(10, 1<<20); len(got) != 0 || faults != 1 {
		t.Errorf("without an answer took %d and reported %d faults", len(got), faults)
	}
	c.fault = nil
	got, _ := p.Take(1, 1<<20)
	if len(got) != 1 || got[0].ID() != spendsReward.ID() {
		t.Errorf("took %v", ids(got))
	}
	p.Return(got)
	for range 2 {
		p.Revert(c.revert())
	}
	if got, _ := p.Take(10, other.Size()); len(got) != 1 || got[0].ID() != other.ID() {
		t.Errorf("after the reorganisation took %v", ids(got))
	}
}

// TestBehind: while the set has a block that the pool has not been told of,
// nothing is taken, and a missing input may be the block's doing.
func TestBehind(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	commit(t, c, p, 0)
	offerOne(t, p, "waits", pay(anyone, points(start(0)), 900), ledger.RejectNone)
	unknown := pay(anyone, points(start(99)), 1)
	offerOne(t, p, "unknown", unknown, ledger.RejectMissingInput)
	b := c.block(100, pay(anyone, points(start(1)), 900))
	if err := c.apply(b); err != nil {
		t.Fatal(err)
	}
	twin := pay(anyone, points(start(1)), 901)
	offerOne(t, p, "unknown", unknown, ledger.RejectBusy)
	offerOne(t, p, "twin of a foreign one", twin, ledger.RejectBusy)
	offerOne(t, p, "not concerned", pay(anyone, points(start(2)), 900), ledger.RejectNone)
	if got, _ := p.Take(10, 1<<20); len(got) != 0 {
		t.Errorf("took %d behind the set", len(got))
	}
	p.Commit(b)
	offerOne(t, p, "unknown", unknown, ledger.RejectMissingInput)
	offerOne(t, p, "twin of a foreign one", twin, ledger.RejectDoubleSpend)
	if got, _ := p.Take(10, 1<<20); len(got) != 2 {
		t.Errorf("took %d, want 2", len(got))
	}
}

// TestTakeDuringReorganisation: a set that moves under Take says nothing about
// the doubtful, which stay.
func TestTakeDuringReorganisation(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, nil)
	parent := pay(anyone, points(start(0)), 900)
	child := pay(anyone, points(out(parent, 0)), 800)
	commit(t, c, p, 100, parent)
	commit(t, c, p, 100, child)
	p.Revert(c.revert()) // the child waits, and is doubtful
	var gone *ledger.Block
	c.before = func() { gone = c.revert() }
	if got, _ := p.Take(10, 1<<20); len(got) != 0 {
		t.Errorf("took %v from a set on its way", ids(got))
	}
	p.Revert(gone)
	if got, _ := p.Take(10, 1<<20); len(got) != 2 || got[0].ID() != parent.ID() || got[1].ID() != child.ID() {
		t.Errorf("took %v, want parent and child", ids(got))
	}
}

// TestBehindFromTheStart: a pool over a set that has blocks knows which.
func TestBehindFromTheStart(t *testing.T) {
	c := newChain(10)
	parent := pay(anyone, points(start(0)), 900)
	if err := c.apply(c.block(100, parent)); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, c, nil)
	child := pay(anyone, points(out(parent, 0)), 800)
	gone := c.revert()
	offerOne(t, p, "spends what is being abandoned", child, ledger.RejectBusy)
	p.Revert(gone)
	offerOne(t, p, "spends what was abandoned", child, ledger.RejectNone)
}

// TestInvalidBranch: what was accepted while the set stood on a branch that
// came to nothing does not get into a template.
func TestInvalidBranch(t *testing.T) {
	for _, during := range []bool{false, true} {
		c := newChain(10)
		p := newPool(t, c, nil)
		commit(t, c, p, 0)
		made := pay(anyone, points(start(0)), 900)
		branch := func() {
			if err := c.apply(c.block(100, made)); err != nil {
				t.Fatal(err)
			}
		}
		if during {
			c.before = branch
		} else {
			branch()
		}
		offerOne(t, p, "spends what the branch made", pay(anyone, points(out(made, 0)), 800), ledger.RejectNone)
		other := pay(anyone, points(start(1)), 900)
		offerOne(t, p, "other", other, ledger.RejectNone)
		c.revert()
		if got, _ := p.Take(10, 1<<20); len(got) != 1 || got[0].ID() != other.ID() {
			t.Errorf("took %v, want the other alone", ids(got))
		}
	}
}

// TestOverflow: sums do not wrap, whatever the set holds.
func TestOverflow(t *testing.T) {
	c := newChain(0)
	p := newPool(t, c, nil)
	for i, v := range []uint64{1 << 63, 1<<63 + 1000, c.params.MaxMoney, c.params.MaxMoney} {
		c.set[start(i)] = ledger.Entry{Output: ledger.Output{Value: v, Key: anyone.hash()}}
	}
	offerOne(t, p, "wraps", pay(anyone, points(start(0), start(1)), 900), ledger.RejectValue)
	offerOne(t, p, "over the bound", pay(anyone, points(start(2), start(3)), 900), ledger.RejectValue)
	offerOne(t, p, "at the bound", pay(anyone, points(start(2)), 900), ledger.RejectNone)
}

// TestDepthMoves: blocks that come and go change the depth of what waits.
func TestDepthMoves(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, func(cfg *Config) { cfg.MaxDepth = 3 })
	txs := []ledger.Tx{pay(anyone, points(start(0)), 900)}
	for value := uint64(800); value > 300; value -= 100 {
		txs = append(txs, pay(anyone, points(out(txs[len(txs)-1], 0)), value))
	}
	commit(t, c, p, 100, txs[0])
	offerOne(t, p, "first", txs[1], ledger.RejectNone)
	offerOne(t, p, "second", txs[2], ledger.RejectNone)
	commit(t, c, p, 0)
	offerOne(t, p, "third", txs[3], ledger.RejectNone)
	offerOne(t, p, "fourth", txs[4], ledger.RejectDepth)
	commit(t, c, p, 100, txs[1])
	offerOne(t, p, "third again", txs[4], ledger.RejectNone)
	p.Revert(c.revert())
	commit(t, c, p, 200, txs[1:3]...)
	p.Revert(c.revert())
	offerOne(t, p, "deep from the start", txs[5], ledger.RejectDepth)
	commit(t, c, p, 300, txs[1:4]...)
	offerOne(t, p, "second of two", txs[5], ledger.RejectNone)
	p.Revert(c.revert())
	p.Revert(c.revert())
	beside := pay(anyone, points(start(1)), 900)
	offerOne(t, p, "beside", beside, ledger.RejectNone)
	commit(t, c, p, 100, beside)
	offerOne(t, p, "child of it", pay(anyone, points(out(beside, 0)), 800), ledger.RejectNone)
	p.Revert(c.revert())
	offerOne(t, p, "third of three", pay(anyone, points(out(pay(anyone, points(out(beside, 0)), 800), 0)), 700), ledger.RejectNone)
	offerOne(t, p, "fourth of three", pay(anyone, points(out(pay(anyone, points(out(pay(anyone, points(out(beside, 0)), 800), 0)), 700), 0)), 600), ledger.RejectDepth)
}

// TestTrim: a reorganisation may double the bounds; beyond, the newest go.
func TestTrim(t *testing.T) {
	c := newChain(10)
	p := newPool(t, c, func(cfg *Config) { cfg.MaxTxs = 2 })
	tx := func(i int) ledger.Tx { return pay(anyone, points(start(i)), 900) }
	commit(t, c, p, 300, tx(0), tx(1), tx(2))
	offerOne(t, p, "newer", tx(3), ledger.RejectNone)
	offerOne(t, p, "newest", tx(4), ledger.RejectNone)
	p.Revert(c.revert())
	offerOne(t, p, "late", tx(5), ledger.RejectBusy)
	got, _ := p.Take(10, 1<<20)
	if want := []ledger.Tx{tx(0), tx(1), tx(2), tx(3)}; !slices.Equal(ids(got), ids(want)) {
		t.Errorf("took %v, want %v", ids(got), ids(want))
	}
	if n := p.Stats().Dropped[Evicted]; n != 1 {
		t.Errorf("%d are evicted, want 1", n)
	}
}

// TestReliability06PoolPairs: of many pairs of double spends that come at the same time, one
// each is accepted.
func TestReliability06PoolPairs(t *testing.T) {
	const pairs, streams = 10_000, 8
	c := newChain(pairs)
	p := newPool(t, c, nil)
	var answers [2 * streams][]ledger.Reject
	var wg sync.WaitGroup
	for s := range answers {
		wg.Go(func() {
			var txs []ledger.Tx
			for i := s % streams; i < pairs; i += streams {
				txs = append(txs, pay(anyone, points(start(i)), uint64(900+s/streams)))
			}
			for at := 0; at < len(txs); at += 50 {
				answers[s] = append(answers[s], offer(p, txs[at:at+50]...)...)
			}
		})
	}
	wg.Wait()
	for s := range streams {
		for i, one := range answers[s] {
			other := answers[s+streams][i]
			if one > other {
				one, other = other, one
			}
			if one != ledger.RejectNone || other != ledger.RejectDoubleSpend {
				t.Fatalf("pair %d of stream %d was answered %v and %v", i, s, one, other)
			}
		}
	}
	if s := p.Stats(); s.Txs != pairs {
		t.Errorf("%d transactions are in the pool, want %d", s.Txs, pairs)
	}
	if err := p.audit(); err != nil {
		t.Error(err)
	}
}

// TestChanged: hints come and coalesce.
func TestChanged(t *testing.T) {
	c := newChain(3)
	p := newPool(t, c, nil)
	offer(p, pay(anyone, points(start(0)), 1))
	offer(p, pay(anyone, points(start(1)), 1))
	<-p.Changed()
	select {
	case <-p.Changed():
		t.Error("a second hint came")
	default:
	}
	txs, _ := p.Take(1, 1<<20)
	p.Return(txs)
	<-p.Changed()
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"max_txs": func(c *Config) { c.MaxTxs = 0 }, "max_bytes": func(c *Config) { c.MaxBytes = ledger.MaxTxBytes - 1 },
		"max_depth": func(c *Config) { c.MaxDepth = MaxMaxDepth + 1 }, "max_age": func(c *Config) { c.MaxAge = 0 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg, ledger.TestParams(), newChain(0), Events{}); err == nil {
			t.Errorf("%s out of range was accepted", name)
		}
	}
}
