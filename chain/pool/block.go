package pool

import (
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Commit tells the pool of a block that Outputs has already applied, the
// node's own or another's. Its transactions leave the pool; what conflicts
// with them is dropped together with its descendants.
func (p *Pool) Commit(b *ledger.Block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range b.Txs {
		tx := &b.Txs[k]
		if i, ok := p.byID[tx.ID()]; ok {
			p.remove(i)
			p.stats.Committed++
		} else if !tx.IsCoinbase() {
			p.dropSpenders(tx)
			p.stats.Foreign++
		}
		for n := range tx.Inputs() {
			p.remember(tx.Prev(n), tx.ID())
		}
	}
	p.moved(b.Header.Hash())
}

// Revert tells the pool of a block that Outputs has already reverted. A
// reorganisation calls it from the old tip downwards, then Commit upwards. The
// block's transfers go back into the pool, in chain order, ahead of all
// others; they cannot be refused, and whatever conflicts with them is dropped.
// When that makes the pool larger than twice its bounds, the newest go.
func (p *Pool) Revert(b *ledger.Block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.low -= int64(len(b.Txs))
	last := none
	for k := range b.Txs {
		if tx := &b.Txs[k]; !tx.IsCoinbase() {
			last = p.revert(tx, p.low+int64(k), now, last)
		}
	}
	p.moved(b.Header.Prev)
	p.trim()
	p.hint()
}

// revert puts one transaction back, behind the last one, and returns it.
func (p *Pool) revert(tx *ledger.Tx, seq int64, now time.Time, last int32) int32 {
	p.dropSpenders(tx)
	i := p.insert(clone(tx), seq, now)
	p.slab.at(i).unsure = true
	at := p.waiting.head
	if last != none {
		at = p.slab.at(last).next
	}
	p.linkFrom(i, at)
	p.stats.Reverted++
	return i
}

// trim drops the newest while the pool is larger than twice its bounds. The
// newest has no children, so that no chain of spends is cut in the middle.
func (p *Pool) trim() {
	for len(p.byID) > 2*p.cfg.MaxTxs || p.stats.Bytes > 2*p.cfg.MaxBytes {
		if p.waiting.tail == none {
			return
		}
		p.dropTree(p.waiting.tail, Evicted)
	}
}

// dropSpenders drops the entries that spend an input of tx.
func (p *Pool) dropSpenders(tx *ledger.Tx) {
	for k := range tx.Inputs() {
		if by, ok := p.spent[tx.Prev(k)]; ok && by >= 0 {
			p.dropTree(by, Conflict)
		}
	}
}

// dropTree drops an entry and its descendants.
func (p *Pool) dropTree(root int32, cause Cause) {
	for rest := []int32{root}; len(rest) > 0; {
		i := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if !p.slab.at(i).live {
			continue // a child of two parents, met before
		}
		rest = p.appendChildren(rest, i)
		p.drop(i, cause)
	}
}

func (p *Pool) appendChildren(dst []int32, i int32) []int32 {
	tx := &p.slab.at(i).tx
	for k := range tx.Outputs() {
		if by, ok := p.spent[ledger.OutPoint{TxID: tx.ID(), Index: uint32(k)}]; ok && by >= 0 {
			dst = append(dst, by)
		}
	}
	return dst
}

func (p *Pool) drop(i int32, cause Cause) {
	tx := &p.slab.at(i).tx
	id := tx.ID()
	for k := range tx.Inputs() {
		delete(p.spent, tx.Prev(k))
	}
	p.remove(i)
	p.stats.Dropped[cause]++
	if p.ev.Dropped != nil {
		p.ev.Dropped(id, cause)
	}
}
