package pool

import (
	"cmp"
	"slices"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Find returns those of the transactions that are in the pool, taken ones
// included, in the order asked; zero where there is none. Their encodings must
// not be changed. Others have the lock now and then.
func (p *Pool) Find(ids []ledger.Hash) []Tx {
	found := make([]Tx, len(ids))
	for from := 0; from < len(ids); from += lockTxs {
		to := min(from+lockTxs, len(ids))
		p.find(ids[from:to], found[from:to])
	}
	return found
}

func (p *Pool) find(ids []ledger.Hash, found []Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, id := range ids {
		if e, ok := p.byID[id]; ok {
			found[i] = p.slab.at(e).tx
		}
	}
}

// IDs returns the IDs of at most most transactions, taken ones included,
// parents before children, oldest first. It makes some 40 bytes for each
// transaction in the pool on the way.
func (p *Pool) IDs(most int) []ledger.Hash {
	type aged struct {
		seq int64
		id  ledger.Hash
	}
	p.mu.Lock()
	all := make([]aged, 0, len(p.byID))
	for id, i := range p.byID {
		all = append(all, aged{p.slab.at(i).seq, id})
	}
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.seq, b.seq) })
	ids := make([]ledger.Hash, max(0, min(most, len(all))))
	for i := range ids {
		ids[i] = all[i].id
	}
	return ids
}

// Match finds transactions by short names, which short makes from their IDs:
// one for each element of want, in order, zero where none in the pool has the
// name, or more than one has, or want names it twice. short is called once for
// each transaction in the pool, without the lock.
func (p *Pool) Match(short func(ledger.Hash) uint64, want []uint64) []Tx {
	places := make(map[uint64]int, len(want))
	for i, name := range want {
		if _, twice := places[name]; twice {
			i = ambiguous
		}
		places[name] = i
	}
	ids := make([]ledger.Hash, len(want)) // zero, which no transaction has, where there is none
	for _, id := range p.all() {
		name := short(id)
		i, wanted := places[name]
		switch {
		case !wanted || i == ambiguous:
		case ids[i].IsZero():
			ids[i] = id
		default:
			ids[i], places[name] = ledger.Hash{}, ambiguous
		}
	}
	return p.Find(ids)
}

// ambiguous is the place of a name that stands for more than one transaction.
const ambiguous = -1

// all returns the IDs of all transactions, in no order.
func (p *Pool) all() []ledger.Hash {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]ledger.Hash, 0, len(p.byID))
	for id := range p.byID {
		ids = append(ids, id)
	}
	return ids
}
