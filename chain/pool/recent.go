package pool

import "github.com/chaindyno/chaindyno/chain/ledger"

// RecentSpends is how many inputs of past blocks are remembered: those of
// about five seconds at 50,000 transactions a second, in some 40 MB.
const RecentSpends = 1 << 18

// spend is an input of a block's transaction.
type spend struct {
	point ledger.OutPoint
	by    ledger.Hash
}

// recent is the ring of remembered inputs. It grows up to size and then
// overwrites the oldest.
type recent struct {
	ring []spend
	next int
	size int
}

// place encodes a place in the ring as a value of Pool.spent: negative, so
// that it is told from an entry's number. It is its own inverse.
func place(i int32) int32 { return ^i }

// remember notes that a block's transaction has spent point. It replaces the
// entry that did, if any.
func (p *Pool) remember(point ledger.OutPoint, by ledger.Hash) {
	r := &p.recent
	at := r.next
	r.next = (r.next + 1) % r.size
	if at == len(r.ring) {
		r.ring = append(r.ring, spend{})
	} else if old := r.ring[at].point; p.spent[old] == place(int32(at)) {
		delete(p.spent, old) // unless it was spent again since, after a reorganisation
	}
	r.ring[at] = spend{point: point, by: by}
	p.spent[point] = place(int32(at))
}
