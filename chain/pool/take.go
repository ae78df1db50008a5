package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Take hands out the oldest transactions within both bounds, parents before
// children, together with the sum of their fees. They stay in the pool, so
// that conflicts with them are refused, until Commit or Return.
//
// Between the moment at which a block reaches Outputs and its Commit or Revert
// there is nothing to take, since the pool does not know yet what the block
// has spent. So tell the miner of a tip after Commit.
func (p *Pool) Take(maxTxs, maxBytes int) (txs []Tx, fees uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire(time.Now())
	height, level := p.next()
	if !level {
		return nil, 0
	}
	txs = make([]Tx, 0, max(0, min(maxTxs, p.waiting.n)))
	for p.waiting.head != none && len(txs) < maxTxs {
		i := p.waiting.head
		e := p.slab.at(i)
		if maxBytes -= e.tx.Size(); maxBytes < 0 {
			break
		}
		if e.unsure {
			reject := p.recheck(e, height)
			if reject == ledger.RejectBusy {
				break
			}
			if reject != ledger.RejectNone {
				maxBytes += e.tx.Size()
				p.dropTree(i, Conflict)
				continue
			}
		}
		p.unlink(i)
		e.taken = true
		txs = append(txs, e.tx)
		fees += e.tx.Fee
	}
	return txs, fees
}

// recheck looks whether an unsure entry may be in a block at height, and what
// it pays. RejectBusy means that there is no telling now: the set did not
// answer, or a reorganisation began to move it since Take looked, and an entry
// that stands on a block which is being abandoned would be dropped for it.
func (p *Pool) recheck(e *entry, height uint32) ledger.Reject {
	c, reject := p.checkInputs(&e.tx.Tx, height)
	if !p.levelStill() {
		return ledger.RejectBusy
	}
	if reject == ledger.RejectNone {
		e.tx.Fee, e.unsure = c.fee, c.unsure
	}
	return reject
}

// Return puts back what was taken for a block that was not sealed, or was
// refused: to its old place, ahead of newer ones. Transactions that have been
// committed or dropped since are ignored.
func (p *Pool) Return(txs []Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	back := make([]int32, 0, len(txs))
	for k := range txs {
		if i, ok := p.byID[txs[k].ID()]; ok && p.slab.at(i).taken {
			p.slab.at(i).taken = false
			back = append(back, i)
		}
	}
	slices.SortFunc(back, func(a, b int32) int { return cmp.Compare(p.slab.at(a).seq, p.slab.at(b).seq) })
	at := p.waiting.head
	for _, i := range back {
		at = p.linkFrom(i, at)
	}
	p.stats.Returned += uint64(len(back))
	p.hint()
}

// linkFrom puts an entry into the list by its seq, looking from another entry
// of the list on, and returns the one that follows it.
func (p *Pool) linkFrom(i, at int32) int32 {
	for at != none && p.slab.at(at).seq < p.slab.at(i).seq {
		at = p.slab.at(at).next
	}
	p.link(i, at)
	return at
}

// expire drops what is older than MaxAge. Only the oldest are looked at, so
// that this costs nothing; behind transactions that a reorganisation put back
// others may get up to twice as old.
func (p *Pool) expire(now time.Time) {
	deadline := now.Sub(p.start) - p.cfg.MaxAge
	for i := p.waiting.head; i != none && p.slab.at(i).since < deadline; i = p.waiting.head {
		p.dropTree(i, Expired)
	}
}
