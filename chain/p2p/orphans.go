package p2p

import (
	"bytes"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// orphanFor is how long a transaction waits for its parents.
const orphanFor = time.Minute

// orphan is a transaction whose inputs the node does not know yet.
type orphan struct {
	id      ledger.Hash
	payload []byte
	parents []ledger.Hash
	from    *peer
	at      int64
	again   bool // it was offered again since it came here
}

// orphans holds transactions until one of their parents is accepted or comes in
// a block. When it is full the oldest go. Each is offered once more after a
// while, whatever comes: its parent may have come between the node's answer and
// its getting here. It is not safe for concurrent use.
type orphans struct {
	byID     map[ledger.Hash]*orphan
	byParent map[ledger.Hash][]ledger.Hash
	order    []arrived // oldest first; may name some that have gone
	bytes    int
	untried  bool // some were not offered again yet
}

// arrived names an orphan without keeping it in memory.
type arrived struct {
	id ledger.Hash
	at int64
}

func newOrphans() orphans {
	return orphans{byID: map[ledger.Hash]*orphan{}, byParent: map[ledger.Hash][]ledger.Hash{}}
}

// add takes a transaction over, whose payload must not change any more, and
// returns the others that had to go.
func (o *orphans) add(tx *ledger.Tx, from *peer, now int64) (gone []ledger.Hash) {
	if o.has(tx.ID()) {
		return nil
	}
	n := &orphan{id: tx.ID(), payload: tx.Bytes(), from: from, at: now, parents: parentsOf(tx)}
	for _, parent := range n.parents {
		o.byParent[parent] = append(o.byParent[parent], n.id)
	}
	o.byID[n.id], o.untried = n, true
	o.order = append(o.order, arrived{n.id, now})
	o.bytes += len(n.payload)
	for len(o.order) > 0 && (len(o.byID) > orphanTxs || o.bytes > orphanBytes || len(o.order) > 2*orphanTxs || now-o.order[0].at > int64(orphanFor)) {
		oldest := o.order[0]
		o.order = o.order[1:]
		if n := o.byID[oldest.id]; n != nil && n.at == oldest.at { // else it was removed, and perhaps came again
			o.remove(n)
			gone = append(gone, n.id)
		}
	}
	return gone
}

// parentsOf returns each parent of a transaction once.
func parentsOf(tx *ledger.Tx) []ledger.Hash {
	parents := make([]ledger.Hash, tx.Inputs())
	for i := range parents {
		parents[i] = tx.Prev(i).TxID
	}
	slices.SortFunc(parents, func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(parents)
}

// children removes and returns those that wait for a parent.
func (o *orphans) children(parent ledger.Hash) (list []*orphan) {
	ids, ok := o.byParent[parent]
	if !ok {
		return nil
	}
	for _, id := range ids {
		list = append(list, o.byID[id])
	}
	for _, n := range list {
		o.remove(n)
	}
	return list
}

// again returns those that are to be offered again, or all. They stay here until
// they are accepted.
func (o *orphans) again(all bool) (list []*orphan) {
	if !o.untried && !all {
		return nil
	}
	o.untried = false
	for _, a := range o.order {
		if n := o.byID[a.id]; n != nil && n.at == a.at && (all || !n.again) {
			n.again = true
			list = append(list, n)
		}
	}
	return list
}

func (o *orphans) has(id ledger.Hash) bool { return o.byID[id] != nil }

// drop forgets one that was accepted, or refused for good.
func (o *orphans) drop(id ledger.Hash) {
	if n := o.byID[id]; n != nil {
		o.remove(n)
	}
}

func (o *orphans) remove(n *orphan) {
	delete(o.byID, n.id)
	o.bytes -= len(n.payload)
	for _, parent := range n.parents {
		ids := o.byParent[parent]
		switch i := slices.Index(ids, n.id); {
		case len(ids) == 1:
			delete(o.byParent, parent)
		case i == 0: // mostly: they go in the order in which they came, and of one parent there may be thousands
			o.byParent[parent] = ids[1:]
		default:
			o.byParent[parent] = slices.Delete(ids, i, i+1)
		}
	}
}
