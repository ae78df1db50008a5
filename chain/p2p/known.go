package p2p

import (
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// knownFor is how long a generation of records lasts at most.
const knownFor = 10 * time.Minute

// stage is how far a transaction has come.
type stage uint8

const (
	wanted  stage = iota + 1 // asked for
	missed                   // asked for in vain: asked for again when it is announced again, welcome when it comes late
	offered                  // received and handed to the node
	held                     // the node has it, or has had it
)

// record is what is remembered of one transaction.
type record struct {
	peers uint64 // slots of the peers that have it
	born  int64  // host time at which the first node accepted it, as far as is known
	hops  uint8  // nodes that it has passed
	asked uint8  // slot of the peer that was asked, while wanted
	stage stage
}

// here says whether the transaction has come.
func (r *record) here() bool { return r.stage != wanted && r.stage != missed }

// known remembers transactions in two generations: when the younger is full or
// old it becomes the older, and what the older held is forgotten. It is not
// safe for concurrent use.
type known struct {
	most       int // of one generation
	young, old map[ledger.Hash]record
	since      int64 // host time of young's begin
}

func newKnown(most int) known {
	return known{most: most, young: map[ledger.Hash]record{}, old: map[ledger.Hash]record{}}
}

func (k *known) get(id ledger.Hash) (record, bool) {
	if r, ok := k.young[id]; ok {
		return r, true
	}
	r, ok := k.old[id]
	return r, ok
}

func (k *known) put(id ledger.Hash, r record, now int64) {
	if len(k.young) >= k.most || now-k.since > int64(knownFor) {
		k.young, k.old, k.since = make(map[ledger.Hash]record, len(k.young)), k.young, now
	}
	k.young[id] = r
}

func (k *known) drop(id ledger.Hash) {
	delete(k.young, id)
	delete(k.old, id)
}

// forget clears a peer's bit everywhere.
func (k *known) forget(bit uint64) {
	for _, m := range []map[ledger.Hash]record{k.young, k.old} {
		for id, r := range m {
			if r.peers&bit != 0 {
				r.peers &^= bit
				m[id] = r
			}
		}
	}
}
