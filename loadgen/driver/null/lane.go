package null

import (
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// lane is one ordered spender. Which kinds its transactions are depends on the
// seed and the sequence number alone.
type lane struct {
	epoch    uint32
	number   uint32
	size     int // of a payload
	seed     uint64
	workload driver.Workload

	seq, nonce uint64 // of the next transaction
	// What is known to be accepted: the next transaction's numbers after it.
	acceptedSeq, acceptedNonce uint64
}

func newLane(h handout, number uint32, seed uint64, w driver.Workload, size int, s spender) *lane {
	return &lane{
		epoch: h.Epoch, number: number, size: size, seed: mix(seed ^ mix(uint64(number))), workload: w,
		seq: s.seq, nonce: s.next, acceptedSeq: s.seq, acceptedNonce: s.next,
	}
}

// Next implements driver.Lane. A double spend spends what the lane spent last
// once more; until there is such a thing it is a transfer.
func (l *lane) Next(dst []byte) (driver.Tx, error) {
	p := payload{kind: l.kind(), epoch: l.epoch, lane: l.number, seq: l.seq, nonce: l.nonce}
	l.seq++
	switch p.kind {
	case kindTransfer:
		l.nonce++
	case kindDoubleSpend:
		p.nonce--
	}
	start := len(dst)
	dst = p.append(dst, l.size)
	return driver.Tx{ID: p.id(), Seq: p.seq, Lane: l.number, Kind: p.kind, Payload: dst[start:len(dst):len(dst)]}, nil
}

func (l *lane) kind() uint8 {
	x := unit(mix(l.seed ^ mix(l.seq)))
	switch w := l.workload; {
	case x < w.InvalidSignatures:
		return kindInvalidSignature
	case x < w.InvalidSignatures+w.DoubleSpends && l.nonce > 0:
		return kindDoubleSpend
	}
	return kindTransfer
}

// Settle implements driver.Lane. Nothing here rests on an inclusion, so only
// answers move the lane: acceptance forwards, refusal of a transfer (and its
// loss before any answer) back to what is known to be accepted.
func (l *lane) Settle(tx driver.Tx, s driver.Settlement) {
	switch s {
	case driver.Accepted:
		var p payload
		if p.parse(tx.Payload, l.size) {
			l.acceptedNonce = max(l.acceptedNonce, p.nonce+1)
		}
		l.acceptedSeq = max(l.acceptedSeq, tx.Seq+1)
		l.seq, l.nonce = max(l.seq, l.acceptedSeq), max(l.nonce, l.acceptedNonce)
	case driver.Refused:
		l.void(tx)
	case driver.Lost:
		if tx.Seq >= l.acceptedSeq {
			l.void(tx)
		}
	}
}

// void takes back a transaction that was not taken in, and what was built on
// it. One that was meant to be refused has nothing built on it.
func (l *lane) void(tx driver.Tx) {
	if tx.Kind == kindTransfer {
		l.seq, l.nonce = tx.Seq+1, l.acceptedNonce
	} else {
		l.seq = max(l.seq, tx.Seq+1)
	}
}
