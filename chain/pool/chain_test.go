package pool

import (
	"fmt"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// owner is a key without a secret: the pool checks no signatures.
type owner byte

func (o owner) Scheme() ledger.Scheme    { return ledger.SchemeEd25519 }
func (o owner) Public() []byte           { return append(make([]byte, 31), byte(o)) }
func (o owner) Sign([]byte, ledger.Hash) {}

func (o owner) hash() ledger.KeyHash { return ledger.HashKey(o.Scheme(), o.Public()) }

const anyone = owner(1)

// pay returns a transaction that spends the points, all as o, and pays the
// values to anyone.
func pay(o owner, points []ledger.OutPoint, values ...uint64) ledger.Tx {
	var ins []ledger.Spend
	for _, point := range points {
		ins = append(ins, ledger.Spend{Prev: point, Key: o})
	}
	var outs []ledger.Output
	for _, v := range values {
		outs = append(outs, ledger.Output{Value: v, Key: anyone.hash()})
	}
	return parse(ledger.AppendTransfer(nil, ledger.Hash{}, ins, outs))
}

func parse(raw []byte) ledger.Tx {
	tx, _, err := ledger.ParseTx(raw, ledger.MaxBlockBytes)
	if err != nil {
		panic(err)
	}
	return tx
}

func out(tx ledger.Tx, i uint32) ledger.OutPoint { return ledger.OutPoint{TxID: tx.ID(), Index: i} }

func points(ps ...ledger.OutPoint) []ledger.OutPoint { return ps }

// chain is a set of outputs in memory, and the blocks that made it.
type chain struct {
	params *ledger.Params
	set    map[ledger.OutPoint]ledger.Entry
	blocks []*ledger.Block
	deltas []*ledger.Delta
	extra  uint64
	fault  error  // what Lookup returns
	before func() // runs once, before the next Lookup
}

// newChain returns a chain with n outputs of 1,000 that anyone may spend.
func newChain(n int) *chain {
	p := ledger.TestParams()
	p.Maturity, p.Subsidy = 2, 500
	c := &chain{params: p, set: map[ledger.OutPoint]ledger.Entry{}}
	for i := range n {
		c.set[start(i)] = ledger.Entry{Output: ledger.Output{Value: 1000, Key: anyone.hash()}, Height: 1}
	}
	return c
}

// start is output i of those that the chain begins with.
func start(i int) ledger.OutPoint { return ledger.OutPoint{TxID: ledger.Hash{0xaa}, Index: uint32(i)} }

func (c *chain) Lookup(op ledger.OutPoint) (ledger.Entry, bool, error) {
	if f := c.before; f != nil {
		c.before = nil
		f()
	}
	e, ok := c.set[op]
	return e, ok, c.fault
}

func (c *chain) Tip() (uint32, ledger.Hash, bool) {
	n := len(c.blocks)
	if n == 0 {
		return 0, ledger.Hash{}, true
	}
	return uint32(n), c.blocks[n-1].Header.Hash(), true
}

// block returns the next block of the given transfers.
func (c *chain) block(fees uint64, txs ...ledger.Tx) *ledger.Block {
	c.extra++
	height := uint32(len(c.blocks)) + 1
	reward := ledger.Output{Value: c.params.SubsidyAt(height) + fees, Key: anyone.hash()}
	coinbase := parse(ledger.AppendCoinbase(nil, height, c.extra, []ledger.Output{reward}))
	_, prev, _ := c.Tip()
	return &ledger.Block{Header: ledger.Header{Prev: prev, Nonce: uint32(c.extra)}, Txs: append([]ledger.Tx{coinbase}, txs...)}
}

// apply connects a block by all rules.
func (c *chain) apply(b *ledger.Block) error {
	d, err := ledger.Connect(b, uint32(len(c.blocks))+1, c.params, func(op ledger.OutPoint) (ledger.Entry, bool, error) {
		e, ok := c.set[op]
		return e, ok, nil
	})
	if err != nil {
		return fmt.Errorf("block %d: %w", len(c.blocks)+1, err)
	}
	for _, s := range d.Spent {
		delete(c.set, s.Point)
	}
	for _, s := range d.Created {
		c.set[s.Point] = s.Entry
	}
	c.blocks, c.deltas = append(c.blocks, b), append(c.deltas, d)
	return nil
}

// revert takes the last block back and returns it.
func (c *chain) revert() *ledger.Block {
	n := len(c.blocks) - 1
	b, d := c.blocks[n], c.deltas[n]
	for _, s := range d.Created {
		delete(c.set, s.Point)
	}
	for _, s := range d.Spent {
		c.set[s.Point] = s.Entry
	}
	c.blocks, c.deltas = c.blocks[:n], c.deltas[:n]
	return b
}

func newPool(t testing.TB, c *chain, change func(*Config)) *Pool {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg, c.params, c, Events{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func offer(p *Pool, txs ...ledger.Tx) []ledger.Reject {
	answers := make([]ledger.Reject, len(txs))
	now := time.Now()
	p.Offer(txs, now, now, answers)
	return answers
}

func offerOne(t *testing.T, p *Pool, what string, tx ledger.Tx, want ledger.Reject) {
	t.Helper()
	if got := offer(p, tx)[0]; got != want {
		t.Errorf("%s: answered %v, want %v", what, got, want)
	}
}

// commit applies a block of the given transfers and tells the pool.
func commit(t *testing.T, c *chain, p *Pool, fees uint64, txs ...ledger.Tx) *ledger.Block {
	t.Helper()
	b := c.block(fees, txs...)
	if err := c.apply(b); err != nil {
		t.Fatal(err)
	}
	p.Commit(b)
	return b
}

// ids names the transactions for a comparison.
func ids[T any, PT interface {
	*T
	ID() ledger.Hash
}](txs []T) []ledger.Hash {
	all := make([]ledger.Hash, len(txs))
	for i := range txs {
		all[i] = PT(&txs[i]).ID()
	}
	return all
}

// audit checks the pool's invariants from its inside.
func (p *Pool) audit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.auditOrder(); err != nil {
		return err
	}
	inputs, bytes := 0, int64(0)
	for id, i := range p.byID {
		e := p.slab.at(i)
		if !e.live || e.tx.ID() != id {
			return fmt.Errorf("%v is entry %d, which is another or none", id, i)
		}
		bytes += int64(e.tx.Size())
		inputs += e.tx.Inputs()
		for k := range e.tx.Inputs() {
			prev := e.tx.Prev(k)
			if p.spent[prev] != i {
				return fmt.Errorf("input %d of %v is noted as spent by another: %d", k, id, p.spent[prev])
			}
			if parent, ok := p.byID[prev.TxID]; ok && p.slab.at(parent).seq >= e.seq {
				return fmt.Errorf("%v is not behind its parent", id)
			}
		}
	}
	if bytes != p.stats.Bytes {
		return fmt.Errorf("%d bytes are counted, %d are there", p.stats.Bytes, bytes)
	}
	if bytes > 2*p.cfg.MaxBytes || len(p.byID) > 2*p.cfg.MaxTxs {
		return fmt.Errorf("%d transactions of %d bytes are over twice the bounds", len(p.byID), bytes)
	}
	return p.auditSpent(inputs)
}

// auditOrder walks the list in both directions.
func (p *Pool) auditOrder() error {
	n, last := 0, none
	for i := p.waiting.head; i != none; i = p.slab.at(i).next {
		e := p.slab.at(i)
		if !e.live || e.taken || e.prev != last {
			return fmt.Errorf("entry %d does not belong on the list", i)
		}
		if last != none && p.slab.at(last).seq >= e.seq {
			return fmt.Errorf("entry %d is out of order", i)
		}
		n, last = n+1, i
	}
	if p.waiting.tail != last || p.waiting.n != n {
		return fmt.Errorf("the list has %d entries and ends with %d, noted are %d and %d", n, last, p.waiting.n, p.waiting.tail)
	}
	return nil
}

// auditSpent counts what the map of spent outputs holds: the inputs of the
// pool, and no more of the past than the ring has places.
func (p *Pool) auditSpent(inputs int) error {
	past := 0
	for point, by := range p.spent {
		if by >= 0 {
			inputs--
			continue
		}
		if past++; p.recent.ring[place(by)].point != point {
			return fmt.Errorf("%v is remembered in a wrong place", point)
		}
	}
	if inputs != 0 {
		return fmt.Errorf("%d inputs of the pool are not noted as spent", inputs)
	}
	if past > len(p.recent.ring) || len(p.recent.ring) > p.recent.size {
		return fmt.Errorf("%d spends of the past are remembered in %d places of %d", past, len(p.recent.ring), p.recent.size)
	}
	return nil
}
