package pool

import (
	"math"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// lockTxs is after how many transactions Offer lets others have the lock.
const lockTxs = 128

// Offer is ingest's Sink: it accepts or refuses, in order, every transaction
// whose answer is RejectNone, and sets the answer. They must have passed
// ledger.CheckTx, and their encodings must not be parts of something larger,
// since the pool keeps them. First seen wins. The kinds:
// RejectDuplicate (the same is in the pool, or was in one of the last blocks),
// RejectDoubleSpend (an input is spent in the pool or by one of the last
// RecentSpends inputs of blocks), RejectMissingInput, RejectKeyMismatch,
// RejectImmature, RejectValue, RejectFee, RejectTooLarge (does not fit into a
// block), RejectDepth, RejectBusy (the pool is full, or is about to be told of
// the block that will explain a missing input).
func (p *Pool) Offer(txs []ledger.Tx, received, verified time.Time, answers []ledger.Reject) {
	for len(txs) > 0 {
		n := min(len(txs), lockTxs)
		p.offer(txs[:n], received, verified, answers[:n])
		txs, answers = txs[n:], answers[n:]
	}
}

func (p *Pool) offer(txs []ledger.Tx, received, verified time.Time, answers []ledger.Reject) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.expire(now)
	height, level := p.next()
	before := p.high
	for i := range txs {
		if answers[i] != ledger.RejectNone {
			continue
		}
		c, reject := p.check(&txs[i], height)
		switch {
		case reject == ledger.RejectNone:
			p.accept(&txs[i], c, received, verified, now)
			if p.ev.Accepted != nil {
				p.accepted = append(p.accepted, txs[i])
			}
		case reject == ledger.RejectMissingInput && !(level && p.levelStill()):
			reject = ledger.RejectBusy // the block that made or spent it is on its way here
		}
		answers[i] = reject
		p.stats.Answers[reject]++
	}
	if !(level && p.levelStill()) {
		p.doubt(before)
	}
	p.tellAccepted()
	p.hint()
}

// doubt makes what was accepted after seq unsure: it may spend an output of a
// branch that turns out to be invalid, and the set goes back from there.
func (p *Pool) doubt(seq int64) {
	for i := p.waiting.tail; i != none && p.slab.at(i).seq > seq; i = p.slab.at(i).prev {
		p.slab.at(i).unsure = true
	}
}

// tellAccepted reports what was gathered in p.accepted, and lets go of it.
func (p *Pool) tellAccepted() {
	if len(p.accepted) == 0 {
		return
	}
	p.ev.Accepted(p.accepted)
	clear(p.accepted)
	p.accepted = p.accepted[:0]
}

// levelStill says whether the set is still where the pool knows it to be: a
// reorganisation may have moved it since the run began, and the pool is told
// afterwards.
func (p *Pool) levelStill() bool {
	_, level := p.next()
	return level
}

// checked is what checking a transaction brought to light.
type checked struct {
	fee    uint64
	depth  int32
	unsure bool // spends a coinbase
}

// check applies the rules in the order from certain to passing: what can never
// be accepted is told even by a full pool, so that nobody sends it again.
func (p *Pool) check(tx *ledger.Tx, height uint32) (checked, ledger.Reject) {
	if tx.Size() > p.maxTx {
		return checked{}, ledger.RejectTooLarge
	}
	if reject := p.checkConflicts(tx); reject != ledger.RejectNone {
		return checked{}, reject
	}
	c, reject := p.checkInputs(tx, height)
	switch {
	case reject != ledger.RejectNone:
		return checked{}, reject
	case c.depth > int32(p.cfg.MaxDepth):
		return checked{}, ledger.RejectDepth
	case len(p.byID) >= p.cfg.MaxTxs, p.stats.Bytes+int64(tx.Size()) > p.cfg.MaxBytes:
		return checked{}, ledger.RejectBusy
	}
	return c, ledger.RejectNone
}

// checkConflicts looks for other spenders of the inputs. A transaction that is
// known meets itself there.
func (p *Pool) checkConflicts(tx *ledger.Tx) ledger.Reject {
	for k := range tx.Inputs() {
		by, ok := p.spent[tx.Prev(k)]
		switch {
		case !ok:
			continue
		case p.spender(by) == tx.ID():
			return ledger.RejectDuplicate
		}
		return ledger.RejectDoubleSpend
	}
	return ledger.RejectNone
}

// spender names the transaction that a value of p.spent stands for.
func (p *Pool) spender(by int32) ledger.Hash {
	if by < 0 {
		return p.recent.ring[place(by)].by
	}
	return p.slab.at(by).tx.ID()
}

// checkInputs applies the rules of ledger.Connect.
func (p *Pool) checkInputs(tx *ledger.Tx, height uint32) (c checked, reject ledger.Reject) {
	sum := uint64(0)
	for k := range tx.Inputs() {
		e, depth, reject := p.resolve(tx.Prev(k), height)
		if reject != ledger.RejectNone {
			return checked{}, reject
		}
		if reject := ledger.CheckSpend(tx, k, e, height, p.params); reject != ledger.RejectNone {
			return checked{}, reject
		}
		if sum += e.Value; sum > p.params.MaxMoney || e.Value > p.params.MaxMoney {
			return checked{}, ledger.RejectValue
		}
		c.depth = max(c.depth, depth+1)
		c.unsure = c.unsure || e.Coinbase && e.Height > 0
	}
	c.fee, reject = ledger.Fee(tx, sum, p.params)
	return c, reject
}

// resolve finds an output in the pool or in the set, and the depth of its
// transaction: 0 if it is in the set.
func (p *Pool) resolve(point ledger.OutPoint, height uint32) (ledger.Entry, int32, ledger.Reject) {
	if i, ok := p.byID[point.TxID]; ok {
		parent := p.slab.at(i)
		if uint64(point.Index) >= uint64(parent.tx.Outputs()) {
			return ledger.Entry{}, 0, ledger.RejectMissingInput
		}
		return ledger.Entry{Output: parent.tx.Out(int(point.Index)), Height: height}, p.depth(i, p.cfg.MaxDepth), ledger.RejectNone
	}
	e, ok, err := p.outputs.Lookup(point)
	switch {
	case err != nil:
		p.fault(err)
		return ledger.Entry{}, 0, ledger.RejectBusy
	case !ok:
		return ledger.Entry{}, 0, ledger.RejectMissingInput
	}
	return e, 0, ledger.RejectNone
}

func (p *Pool) fault(err error) {
	if p.ev.Fault != nil {
		p.ev.Fault(err)
	}
}

// tooDeep is a depth that no bound permits.
const tooDeep = math.MaxInt32 - 1

// depth returns the length of the longest chain of unconfirmed spends that
// ends with the entry. It shrinks as blocks come and grows as they go, so it
// is computed anew when it is asked for after a block, once per entry. A chain
// longer than most is told as tooDeep, or exactly where that costs nothing.
func (p *Pool) depth(i int32, most int) int32 {
	e := p.slab.at(i)
	if e.gen == p.gen {
		return e.depth
	}
	if most == 0 {
		return tooDeep
	}
	longest := int32(0)
	for k := range e.tx.Inputs() {
		parent, ok := p.byID[e.tx.Prev(k).TxID]
		if !ok {
			continue
		}
		depth := p.depth(parent, most-1)
		if depth == tooDeep {
			return tooDeep
		}
		longest = max(longest, depth)
	}
	e.depth, e.gen = longest+1, p.gen
	return e.depth
}

// accept puts a transaction at the end.
func (p *Pool) accept(tx *ledger.Tx, c checked, received, verified, now time.Time) {
	p.high++
	i := p.insert(*tx, p.high, now)
	e := p.slab.at(i)
	e.tx.Fee, e.tx.Verify, e.tx.Order, e.tx.Ordered = c.fee, verified.Sub(received), now.Sub(verified), now
	e.depth, e.gen, e.unsure = c.depth, p.gen, c.unsure
	p.link(i, none)
}
