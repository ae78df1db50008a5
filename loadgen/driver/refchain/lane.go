package refchain

import (
	"slices"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// plan is what all lanes of a session share. Nothing of it changes.
type plan struct {
	seed     uint64
	workload driver.Workload
	genesis  ledger.Hash
	minFee   uint64
	reserve  uint64           // what a lane must have to build a transaction
	payees   []ledger.KeyHash // empty where no output pays anybody else
	skew     skew
}

// owner is one key of a lane.
type owner struct {
	signer ledger.Signer
	hash   ledger.KeyHash
}

// position is where a lane stands: the outputs that its next transaction
// spends. They are outputs 0 to inputs-1 of transaction tx, output k belonging
// to key k, or the lane's first coins while tx is zero.
type position struct {
	tx    ledger.Hash
	total uint64 // of the outputs together
}

// lane is one ordered spender. Its memory is bounded by its window: a few
// hundred bytes with little under way.
//
// It knows two fronts. head is how far Next has built, which may be thousands
// of transactions ahead of any answer. The track is what Settle was told: it
// gives the position to go back to when something on the way fails.
type lane struct {
	plan   *plan
	number uint32
	owners []owner           // one for each input
	origin []ledger.OutPoint // the lane's first coins, one for each input

	seq   uint64 // of the next transaction
	head  position
	prior position // what the last transfer spent; a double spend spends it again
	paid  uint64   // sequence number of that transfer + 1; 0 = there is none

	track track
}

func newLane(p *plan, number uint32, owners []owner, coins []coin) *lane {
	l := &lane{plan: p, number: number, owners: owners, origin: make([]ledger.OutPoint, len(coins))}
	for i, c := range coins {
		l.origin[i] = c.point
	}
	l.head = position{total: total(coins)}
	l.track.base = l.head
	return l
}

// Next implements driver.Lane. Only a transfer moves the head: what is meant
// to be refused leaves its inputs to the next transaction.
func (l *lane) Next(dst []byte) (driver.Tx, error) {
	roll := newDice(l.plan.seed, l.number, l.seq)
	kind := roll.drawKind(&l.plan.workload)
	if kind == kindDoubleSpend && l.paid == 0 {
		kind = kindTransfer
	}
	from := l.head
	if kind == kindDoubleSpend {
		from = l.prior
	}
	vary := l.seq % (varyMost + 1)
	if from.total < l.plan.reserve {
		return driver.Tx{}, driver.ErrExhausted
	}
	start := len(dst)
	dst, left := l.build(dst, from, vary, &roll)
	payload := dst[start:len(dst):len(dst)]
	if kind == kindInvalidSignature {
		l.spoil(payload)
	}
	id := ledger.DoubleSHA256(payload)
	if kind == kindTransfer {
		l.prior, l.paid = l.head, l.seq+1
		l.head = position{tx: id, total: left}
	}
	l.seq++
	return driver.Tx{ID: idOf(id), Seq: l.seq - 1, Lane: l.number, Kind: kind, Payload: payload}, nil
}

// few is the number of inputs and outputs up to which a transaction is put
// together without a heap allocation.
const few = 4

// build appends a signed transfer of what lies at from and returns what comes
// back as change. vary is added to the first payment, or to the fee where
// nobody is paid.
func (l *lane) build(dst []byte, from position, vary uint64, roll *dice) (_ []byte, left uint64) {
	var inSpace, outSpace = [few]ledger.Spend{}, [few]ledger.Output{}
	ins, outs := inSpace[:0], outSpace[:0]
	n := len(l.owners)
	for i := range l.owners {
		ins = append(ins, ledger.Spend{Prev: l.input(from, i), Key: l.owners[i].signer})
	}
	pays := l.plan.workload.Outputs - n
	left = from.total - l.plan.minFee - payment*uint64(pays) - vary
	for i := range l.owners {
		outs = append(outs, ledger.Output{Value: left / uint64(n), Key: l.owners[i].hash})
	}
	outs[0].Value += left % uint64(n)
	for i := range pays {
		to := l.plan.payees[l.plan.skew.draw(roll.next())]
		outs = append(outs, ledger.Output{Value: payment, Key: to})
		if i == 0 {
			outs[n].Value += vary
		}
	}
	return ledger.AppendTransfer(dst, l.plan.genesis, ins, outs), left
}

func (l *lane) input(from position, i int) ledger.OutPoint {
	if from.tx.IsZero() {
		return l.origin[i]
	}
	return ledger.OutPoint{TxID: from.tx, Index: uint32(i)}
}

// spoil flips a bit in the middle of the scalar that ends the first signature,
// where neither scheme has a rule of encoding: the signature stays well-formed
// and is wrong.
func (l *lane) spoil(payload []byte) {
	firstSig := txSize(l.owners[0].signer.Scheme(), 1, 0) - ledger.SigSize
	payload[firstSig+40] ^= 1
}

// track is what a lane was told about its transactions.
//
// Invariant: pending is in order of Seq, which is also the order of spending;
// each entry spends the outputs of the newest valid one before it.
type track struct {
	base    position // all before it is final
	pending []entry  // accepted, not final
	next    uint64   // highest sequence number answered + 1
	early   early
}

// entry is an accepted transaction and where the lane stands after it.
type entry struct {
	seq   uint64
	after position
	mined bool // in a block of the best chain
	void  bool // given up for lost, or built on such a one
}

// early keeps news of a transaction that came before its answer: blocks and
// answers come over different streams. There is at most one unanswered.
type early struct {
	seq  uint64
	what driver.Settlement // 0: nothing
}

// Settle implements driver.Lane.
func (l *lane) Settle(tx driver.Tx, s driver.Settlement) {
	switch s {
	case driver.Accepted:
		l.accepted(tx)
	case driver.Refused:
		l.refused(tx)
	case driver.InBlock, driver.Held, driver.Reverted:
		l.moved(tx, s)
	case driver.Lost, driver.Failed:
		l.lost(tx)
	}
}

func (l *lane) accepted(tx driver.Tx) {
	t := &l.track
	t.next = max(t.next, tx.Seq+1)
	after, ok := l.after(tx)
	if !ok {
		return // not one of ours
	}
	t.pending = append(t.pending, entry{seq: tx.Seq, after: after})
	if tx.Seq >= l.seq || tx.Kind != kindTransfer {
		// Built before this lane went back, or against all expectation: it is in
		// the chain's hands, so the lane goes on from there.
		l.rewind(after)
		l.seq = max(l.seq, tx.Seq+1)
	}
	if e := t.early; e.what != 0 && e.seq == tx.Seq {
		t.early = early{}
		l.moved(tx, e.what)
	}
}

// after reads from a payload where the lane stands once it is accepted.
func (l *lane) after(tx driver.Tx) (position, bool) {
	parsed, rest, err := ledger.ParseTx(tx.Payload, ledger.MaxTxBytes)
	if err != nil || len(rest) > 0 || parsed.Outputs() < len(l.owners) {
		return position{}, false
	}
	p := position{tx: parsed.ID()}
	for i := range l.owners {
		p.total += parsed.Out(i).Value
	}
	return p, true
}

// refused goes back to the newest accepted output. One that was meant to be
// refused has moved nothing.
func (l *lane) refused(tx driver.Tx) {
	if e := l.track.early; e.what != 0 && e.seq == tx.Seq {
		l.accepted(tx) // it is in a block, whatever a later copy of it was told
		return
	}
	l.track.next = max(l.track.next, tx.Seq+1)
	if tx.Kind == kindTransfer {
		l.rewind(l.track.accepted())
		l.seq = tx.Seq + 1
	}
	l.seq = max(l.seq, tx.Seq+1)
}

// rewind makes Next go on from p.
func (l *lane) rewind(p position) {
	l.head, l.paid = p, 0
}

// lost voids everything that is not in a block, and goes back to what is. One
// that never arrived has voided nothing but itself.
func (l *lane) lost(tx driver.Tx) {
	t := &l.track
	i := t.find(tx.Seq)
	switch {
	case i < 0 && tx.Seq >= t.next:
		l.refused(tx)
		return
	case i < 0 || t.pending[i].void:
		return // void already with an earlier one, or final
	}
	t.pending[i].mined = false
	for j := range t.pending {
		t.pending[j].void = t.pending[j].void || !t.pending[j].mined || j > i
	}
	l.rewind(t.accepted())
	l.seq = t.next
}

// moved notes that a transaction came into a block, became final, or came back
// out of a block.
func (l *lane) moved(tx driver.Tx, s driver.Settlement) {
	t := &l.track
	i := t.find(tx.Seq)
	switch {
	case i < 0 && tx.Seq >= t.next && s == driver.Reverted:
		t.early = early{}
	case i < 0 && tx.Seq >= t.next:
		t.early = early{tx.Seq, s}
	case i < 0:
		return
	case s == driver.Reverted:
		t.pending[i].mined = false
	default:
		t.pending[i].mined = true
		if t.pending[i].void { // not lost after all: what was built instead can't stand
			l.revive(i)
		}
		if s == driver.Held {
			t.base = t.pending[i].after
			t.pending = slices.Delete(t.pending, 0, i+1)
		}
	}
}

// revive takes up an entry that was given up, and voids all after it.
func (l *lane) revive(i int) {
	p := l.track.pending
	p[i].void = false
	for j := range p[i+1:] {
		p[i+1+j].void = true
	}
	l.rewind(p[i].after)
}

func (t *track) find(seq uint64) int {
	return slices.IndexFunc(t.pending, func(e entry) bool { return e.seq == seq })
}

// accepted is the newest position that is still good.
func (t *track) accepted() position {
	for i := len(t.pending) - 1; i >= 0; i-- {
		if !t.pending[i].void {
			return t.pending[i].after
		}
	}
	return t.base
}
