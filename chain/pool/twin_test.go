package pool

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// twin is the pool written down as simply as possible: one slice, searched
// from end to end. It has no age.
type twin struct {
	cfg     Config
	chain   *chain
	txs     []twinTx
	past    []spend // of blocks, for ever
	dropped [causes]uint64
}

type twinTx struct {
	ledger.Tx
	taken bool
}

func (w *twin) find(id ledger.Hash) int {
	return slices.IndexFunc(w.txs, func(tx twinTx) bool { return tx.ID() == id })
}

// spender returns what spends the point in the pool, or -1.
func (w *twin) spender(point ledger.OutPoint) int {
	return slices.IndexFunc(w.txs, func(tx twinTx) bool { return spends(&tx.Tx, point) })
}

func spends(tx *ledger.Tx, point ledger.OutPoint) bool {
	for k := range tx.Inputs() {
		if tx.Prev(k) == point {
			return true
		}
	}
	return false
}

func (w *twin) bytes() (n int64) {
	for i := range w.txs {
		n += int64(w.txs[i].Size())
	}
	return n
}

func (w *twin) depth(tx *ledger.Tx) int {
	longest := 0
	for k := range tx.Inputs() {
		if i := w.find(tx.Prev(k).TxID); i >= 0 {
			longest = max(longest, w.depth(&w.txs[i].Tx))
		}
	}
	return longest + 1
}

// inputs applies the rules of values and keys.
func (w *twin) inputs(tx *ledger.Tx) ledger.Reject {
	height := uint32(len(w.chain.blocks)) + 1
	sum := uint64(0)
	for k := range tx.Inputs() {
		point := tx.Prev(k)
		e, ok := w.chain.set[point]
		if i := w.find(point.TxID); i >= 0 && int(point.Index) < w.txs[i].Outputs() {
			e, ok = ledger.Entry{Output: w.txs[i].Out(int(point.Index))}, true
		}
		if !ok {
			return ledger.RejectMissingInput
		}
		if reject := ledger.CheckSpend(tx, k, e, height, w.chain.params); reject != ledger.RejectNone {
			return reject
		}
		sum += e.Value
	}
	_, reject := ledger.Fee(tx, sum, w.chain.params)
	return reject
}

func (w *twin) offer(tx ledger.Tx) ledger.Reject {
	if w.find(tx.ID()) >= 0 {
		return ledger.RejectDuplicate
	}
	for k := range tx.Inputs() {
		if w.spender(tx.Prev(k)) >= 0 {
			return ledger.RejectDoubleSpend
		}
		for _, s := range slices.Backward(w.past) {
			if s.point == tx.Prev(k) && s.by == tx.ID() {
				return ledger.RejectDuplicate
			} else if s.point == tx.Prev(k) {
				return ledger.RejectDoubleSpend
			}
		}
	}
	if reject := w.inputs(&tx); reject != ledger.RejectNone {
		return reject
	}
	switch {
	case w.depth(&tx) > w.cfg.MaxDepth:
		return ledger.RejectDepth
	case len(w.txs) >= w.cfg.MaxTxs, w.bytes()+int64(tx.Size()) > w.cfg.MaxBytes:
		return ledger.RejectBusy
	}
	w.txs = append(w.txs, twinTx{Tx: tx})
	return ledger.RejectNone
}

// take looks at every transaction's inputs again, not only at those that the
// pool believes to be in doubt.
func (w *twin) take(maxTxs int) (ids []ledger.Hash) {
	for i := 0; i < len(w.txs) && len(ids) < maxTxs; i++ {
		if w.txs[i].taken {
			continue
		}
		if w.inputs(&w.txs[i].Tx) != ledger.RejectNone {
			w.drop(i, Conflict)
			i--
			continue
		}
		w.txs[i].taken = true
		ids = append(ids, w.txs[i].ID())
	}
	return ids
}

func (w *twin) giveBack(ids []ledger.Hash) {
	for _, id := range ids {
		if i := w.find(id); i >= 0 {
			w.txs[i].taken = false
		}
	}
}

// drop removes a transaction and all that depend on it, which come later.
func (w *twin) drop(i int, cause Cause) {
	tx := w.txs[i].Tx
	w.txs = slices.Delete(w.txs, i, i+1)
	w.dropped[cause]++
	for k := range tx.Outputs() {
		if child := w.spender(out(tx, uint32(k))); child >= 0 {
			w.drop(child, cause)
		}
	}
}

func (w *twin) dropSpenders(tx *ledger.Tx) {
	for k := range tx.Inputs() {
		if i := w.spender(tx.Prev(k)); i >= 0 {
			w.drop(i, Conflict)
		}
	}
}

func (w *twin) commit(b *ledger.Block) {
	for _, tx := range b.Txs[1:] {
		if i := w.find(tx.ID()); i >= 0 {
			w.txs = slices.Delete(w.txs, i, i+1)
		} else {
			w.dropSpenders(&tx)
		}
		for k := range tx.Inputs() {
			w.past = append(w.past, spend{point: tx.Prev(k), by: tx.ID()})
		}
	}
}

func (w *twin) revert(b *ledger.Block) {
	var back []twinTx
	for _, tx := range b.Txs[1:] {
		w.dropSpenders(&tx)
		back = append(back, twinTx{Tx: tx})
		w.past = slices.DeleteFunc(w.past, func(s spend) bool { return spends(&tx, s.point) })
	}
	w.txs = append(back, w.txs...)
	for len(w.txs) > 2*w.cfg.MaxTxs || w.bytes() > 2*w.cfg.MaxBytes {
		i := len(w.txs) - 1
		for ; i >= 0 && w.txs[i].taken; i-- {
		}
		if i < 0 {
			return
		}
		w.drop(i, Evicted)
	}
}

func (w *twin) waiting() (ids []ledger.Hash) {
	for _, tx := range w.txs {
		if !tx.taken {
			ids = append(ids, tx.ID())
		}
	}
	return ids
}

// machine drives the pool, its twin and a chain through random histories.
type machine struct {
	chain  *chain
	pool   *Pool
	twin   *twin
	made   []ledger.Tx // every transaction so far, accepted or not
	points []ledger.OutPoint
	taken  [][]Tx
}

func newMachine(t *testing.T, rt *rapid.T) *machine {
	c := newChain(12)
	m := &machine{chain: c}
	m.pool = newPool(t, c, func(cfg *Config) {
		cfg.MaxTxs = rapid.IntRange(1, 30).Draw(rt, "max_txs")
		cfg.MaxDepth = rapid.IntRange(1, 4).Draw(rt, "max_depth")
	})
	m.twin = &twin{cfg: m.pool.cfg, chain: c}
	for i := range 13 { // one more than there are
		m.points = append(m.points, start(i))
	}
	return m
}

// offer makes a transaction of one or two inputs, or sends one again.
func (m *machine) offer(t *rapid.T) {
	if len(m.made) == 0 || rapid.IntRange(0, 9).Draw(t, "fresh") > 0 {
		m.made = append(m.made, m.transaction(t))
		last := m.made[len(m.made)-1]
		m.points = append(m.points, out(last, 0), out(last, 1))
	}
	m.offerOne(t, m.made[rapid.IntRange(max(0, len(m.made)-8), len(m.made)-1).Draw(t, "tx")])
}

func (m *machine) offerOne(t *rapid.T, tx ledger.Tx) {
	got, want := offer(m.pool, tx)[0], m.twin.offer(tx)
	if got != want {
		t.Fatalf("offered %v: answered %v, want %v", tx.ID(), got, want)
	}
}

// transaction spends what has just been made more often than what is old.
func (m *machine) transaction(t *rapid.T) ledger.Tx {
	var in []ledger.OutPoint
	for range rapid.IntRange(1, 2).Draw(t, "inputs") {
		back := rapid.IntRange(1, len(m.points)).Draw(t, "point")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0, 1:
			back = 1 + (back-1)%min(10, len(m.points))
		case 2:
			back = min(2, len(m.points)) // the first output of the last transaction
		}
		if point := m.points[len(m.points)-back]; !slices.Contains(in, point) {
			in = append(in, point)
		}
	}
	who := anyone
	if rapid.IntRange(0, 30).Draw(t, "key") == 30 {
		who = 2
	}
	return pay(who, in, rapid.Uint64Range(1, 600).Draw(t, "value"), rapid.Uint64Range(1, 40).Draw(t, "change"))
}

func (m *machine) take(t *rapid.T) {
	n := rapid.IntRange(0, 12).Draw(t, "take")
	txs, fees := m.pool.Take(n, 1<<20)
	if got, want := ids(txs), m.twin.take(n); !slices.Equal(got, want) {
		t.Fatalf("took %v, want %v", got, want)
	}
	sum := uint64(0)
	for _, tx := range txs {
		sum += tx.Fee
	}
	if sum != fees {
		t.Fatalf("fees are %d, their sum is %d", fees, sum)
	}
	m.taken = append(m.taken, txs)
}

// template removes one of the templates that are out.
func (m *machine) template(t *rapid.T) []Tx {
	if len(m.taken) == 0 {
		return nil
	}
	i := rapid.IntRange(0, len(m.taken)-1).Draw(t, "template")
	txs := m.taken[i]
	m.taken = slices.Delete(m.taken, i, i+1)
	return txs
}

func (m *machine) giveBack(t *rapid.T) {
	txs := m.template(t)
	m.pool.Return(txs)
	m.twin.giveBack(ids(txs))
}

// seal takes everything, by way of the templates that are out, and makes the
// block that a miner would: it must obey all rules.
func (m *machine) seal(t *rapid.T) {
	for len(m.taken) > 0 {
		m.giveBack(t)
	}
	m.take(t)
	txs := m.template(t)
	fees := uint64(0)
	var transfers []ledger.Tx
	for _, tx := range txs {
		fees += tx.Fee
		transfers = append(transfers, tx.Tx)
	}
	m.commit(t, m.chain.block(fees, transfers...))
}

func (m *machine) commit(t *rapid.T, b *ledger.Block) {
	if err := m.chain.apply(b); err != nil {
		t.Fatal(err)
	}
	for _, tx := range b.Txs {
		m.points = append(m.points, out(tx, 0))
	}
	m.pool.Commit(b)
	m.twin.commit(b)
}

// foreign commits a block of transactions that fit, whatever the pool holds.
func (m *machine) foreign(t *rapid.T) {
	var txs []ledger.Tx
	for range rapid.IntRange(0, 6).Draw(t, "foreign") {
		tx := m.transaction(t)
		if len(m.made) > 0 && rapid.Bool().Draw(t, "known") {
			tx = m.made[rapid.IntRange(0, len(m.made)-1).Draw(t, "which")]
		}
		if m.fits(append(slices.Clone(txs), tx)) {
			txs = append(txs, tx)
		}
	}
	m.commit(t, m.chain.block(0, txs...))
	m.made = append(m.made, txs...)
}

func (m *machine) fits(txs []ledger.Tx) bool {
	if err := m.chain.apply(m.chain.block(0, txs...)); err != nil {
		return false
	}
	m.chain.revert()
	return true
}

// reorganise takes blocks back and puts others in their place.
func (m *machine) reorganise(t *rapid.T) {
	for range min(len(m.chain.blocks), rapid.IntRange(1, 4).Draw(t, "depth")) {
		b := m.chain.revert()
		m.pool.Revert(b)
		m.twin.revert(b)
	}
	for range rapid.IntRange(0, 3).Draw(t, "blocks") {
		m.foreign(t)
	}
}

// check compares everything that can be seen and audits what cannot.
func (m *machine) check(t *rapid.T) {
	if err := m.pool.audit(); err != nil {
		t.Fatal(err)
	}
	var waiting []ledger.Hash
	for i := m.pool.waiting.head; i != none; i = m.pool.slab.at(i).next {
		waiting = append(waiting, m.pool.slab.at(i).tx.ID())
	}
	if want := m.twin.waiting(); !slices.Equal(waiting, want) {
		t.Fatalf("waiting are %v, want %v", waiting, want)
	}
	if got, want := m.pool.IDs(len(m.made)), ids(m.twin.txs); !slices.Equal(got, want) {
		t.Fatalf("all are %v, want %v", got, want)
	}
	s := m.pool.Stats()
	if s.Txs != len(m.twin.txs) || s.Bytes != m.twin.bytes() || s.Dropped != m.twin.dropped {
		t.Fatalf("stats are %+v, want %d transactions, %d bytes, %v dropped", s, len(m.twin.txs), m.twin.bytes(), m.twin.dropped)
	}
	if put, gone := s.Answers[0]+s.Reverted, uint64(s.Txs)+s.Committed+sum(s.Dropped[:]); put != gone {
		t.Fatalf("%d went in, %d are there or came out: %+v", put, gone, s)
	}
}

func sum(ns []uint64) (total uint64) {
	for _, n := range ns {
		total += n
	}
	return total
}

// TestTwin: through random offers, templates, blocks and reorganisations the
// pool answers, orders and drops as its twin does, and every block that is
// made of it obeys the rules.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t, rt)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			switch step := rapid.IntRange(0, 19).Draw(rt, "step"); {
			case step < 12:
				m.offer(rt)
			case step < 14:
				m.take(rt)
			case step < 16:
				m.giveBack(rt)
			case step < 17:
				m.seal(rt)
			case step < 18:
				m.foreign(rt)
			default:
				m.reorganise(rt)
			}
			m.check(rt)
		}
	})
}

// TestReliability05PoolStorm: reorganisations of up to 100 blocks, one after the other, lose
// nothing and leave a pool from which valid blocks are made.
func TestReliability05PoolStorm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newChain(400)
		p := newPool(t, c, nil)
		made := 0
		grow := func(blocks int) {
			for range blocks {
				for range 2 {
					if made < 400 {
						offerOne(t, p, "transfer", pay(anyone, points(start(made)), 900), ledger.RejectNone)
						made++
					}
				}
				txs, fees := p.Take(3, 1<<20)
				var transfers []ledger.Tx
				for _, tx := range txs {
					transfers = append(transfers, tx.Tx)
				}
				b := c.block(fees, transfers...)
				if err := c.apply(b); err != nil {
					rt.Fatal(err)
				}
				p.Commit(b)
			}
		}
		grow(100)
		for range rapid.IntRange(1, 8).Draw(rt, "storm") {
			depth := rapid.IntRange(1, 100).Draw(rt, "depth")
			for range depth {
				b := c.revert()
				p.Revert(b)
			}
			grow(depth)
		}
		if err := p.audit(); err != nil {
			rt.Fatal(err)
		}
		committed := 0
		for _, b := range c.blocks {
			committed += len(b.Txs) - 1
		}
		if s := p.Stats(); committed+s.Txs != made || sum(s.Dropped[:]) != 0 {
			rt.Fatal(fmt.Errorf("%d transactions were accepted, %d are committed, stats are %+v", made, committed, s))
		}
	})
}
