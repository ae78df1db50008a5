package p2p

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// relay passes transactions on. What the node's pool accepts, wherever it came
// from, is spread to the peers that do not have it yet.
type relay struct {
	h *Host

	gathering sync.Mutex // guards the next two; taken with the pool locked
	accepted  []ledger.Tx
	kick      chan struct{}

	starved atomic.Bool // something was lost that the peers' pools may still have

	mu      sync.Mutex // guards everything below; nothing of the node is called with it
	known   known
	asks    []*ask // oldest first
	wanting int    // IDs in asks
	orphans orphans
	gap     bool // orphans may have parents in blocks that were not looked at

	full       bool // something was refused as busy since the last refill
	refillAt   int64
	refillWait time.Duration
}

// ask is one WantTxs that was sent and not answered in full yet.
type ask struct {
	slot int
	ids  []ledger.Hash
	due  int64
}

func newRelay(h *Host) *relay {
	return &relay{h: h, kick: make(chan struct{}, 1), known: newKnown(knownTxs), orphans: newOrphans()}
}

// Accepted tells the host of transactions that the pool has accepted, in order.
// It does not block, and may be called with the pool locked and before Run.
func (h *Host) Accepted(txs []ledger.Tx) { h.relay.take(txs) }

func (r *relay) take(txs []ledger.Tx) {
	r.gathering.Lock()
	room := min(len(txs), acceptedTxs-len(r.accepted))
	r.accepted = append(r.accepted, txs[:room]...)
	r.gathering.Unlock()
	if room < len(txs) {
		r.h.dropped("accepted", len(txs)-room)
		for _, p := range r.h.snapshot() {
			p.outbox.lose()
		}
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// gather spreads what was accepted, after waiting for more for Linger.
func (r *relay) gather(ctx context.Context) {
	for {
		select {
		case <-r.kick:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(r.h.cfg.Linger):
		case <-ctx.Done():
			return
		}
		r.gathering.Lock()
		txs := r.accepted
		r.accepted = nil
		r.gathering.Unlock()
		r.spread(txs)
	}
}

// spread queues transactions for the peers that do not have them, and offers
// the orphans again that have waited for them.
func (r *relay) spread(txs []ledger.Tx) {
	h, peers := r.h, r.h.snapshot()
	lost := 0
	var ready []*orphan
	r.mu.Lock()
	now := h.now()
	for i := range txs {
		id := txs[i].ID()
		rec, ok := r.known.get(id)
		if !ok {
			rec = record{born: now}
		} else if f := h.ev.Transaction; f != nil && rec.stage == offered {
			f(int(rec.hops), time.Duration(now-rec.born))
		}
		rec.stage = held
		r.orphans.drop(id)
		lost += r.pass(peers, &txs[i], &rec)
		r.known.put(id, rec, now)
		ready = append(ready, r.orphans.children(id)...)
	}
	r.mu.Unlock()
	if lost > 0 {
		h.dropped("announcements", lost)
	}
	for _, p := range peers {
		p.outbox.hint()
	}
	r.retry(ready)
}

// pass queues one transaction and returns how many peers had no room for it.
func (r *relay) pass(peers []*peer, tx *ledger.Tx, rec *record) (lost int) {
	if int(rec.hops) >= r.h.cfg.Hops {
		return 0
	}
	item := outgoing{id: tx.ID(), born: rec.born, hops: rec.hops}
	if r.h.cfg.Flood {
		item.body = tx.Bytes()
	}
	for _, p := range peers {
		switch {
		case rec.peers&p.bit() != 0:
		case p.outbox.add(item):
			rec.peers |= p.bit()
		default:
			lost++
		}
	}
	return lost
}

// confirmed offers the orphans again whose parents came in a block. gap says
// that there were other blocks before it, of which nothing was said.
func (r *relay) confirmed(ids []ledger.Hash, gap bool) {
	var ready []*orphan
	r.mu.Lock()
	r.gap = r.gap || gap
	for _, id := range ids {
		ready = append(ready, r.orphans.children(id)...)
	}
	r.mu.Unlock()
	r.retry(ready)
}

// retry offers orphans again, those of each peer together.
func (r *relay) retry(list []*orphan) {
	for len(list) > 0 {
		var rest []*orphan
		var ids []ledger.Hash
		var payloads [][]byte
		from := list[0].from
		for _, o := range list {
			if o.from == from {
				ids, payloads = append(ids, o.id), append(payloads, o.payload)
			} else {
				rest = append(rest, o)
			}
		}
		r.submit(from, ids, payloads)
		list = rest
	}
}

// announced asks for what is not known yet.
func (r *relay) announced(p *peer, a *chainpb.Announce) error {
	ids, err := unpackHashes(a.Ids, announceIDs)
	if err != nil {
		return err
	}
	if len(a.Hops) != 0 && len(a.Hops) != len(ids) {
		return broken("%d hops of %d IDs", len(a.Hops), len(ids))
	}
	if !p.budget.announce(len(ids), time.Now()) {
		return errFlood
	}
	r.h.counts.announcedIn.Add(uint64(len(ids)))
	fresh, hops := r.unknown(p, ids, a.Hops)
	if len(fresh) == 0 {
		return nil
	}
	pooled := r.h.node.Pool.Pooled(fresh)
	ask := r.want(p, fresh, hops, pooled, r.h.now()-int64(a.AgeUs)*1000-p.rtt.Load()/2)
	if len(ask) == 0 {
		return nil
	}
	return p.send(frameWant(ask))
}

// unknown notes that the peer has the transactions, and returns those of which
// there is no record, or that nobody has delivered so far.
func (r *relay) unknown(p *peer, ids []ledger.Hash, hops []byte) (fresh []ledger.Hash, freshHops []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	for i, id := range ids {
		if rec, ok := r.known.get(id); ok && rec.stage != missed {
			if rec.peers&p.bit() == 0 {
				rec.peers |= p.bit()
				r.known.put(id, rec, now)
			}
			continue
		}
		hop := byte(0)
		if len(hops) > 0 {
			hop = hops[i]
		}
		fresh, freshHops = append(fresh, id), append(freshHops, hop)
	}
	return fresh, freshHops
}

// want makes records of IDs that had none, and returns those to ask the peer
// for.
func (r *relay) want(p *peer, ids []ledger.Hash, hops []byte, pooled [][]byte, born int64) (list []ledger.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	for i, id := range ids {
		if rec, ok := r.known.get(id); ok && rec.stage != missed {
			continue // since
		}
		rec := record{peers: p.bit(), born: born, hops: hops[i] + min(1, 255-hops[i]), asked: uint8(p.slot), stage: wanted}
		switch {
		case pooled[i] != nil:
			rec.stage = held
		case r.wanting+len(list) >= wantedTxs:
			r.starved.Store(true)
			r.h.dropped("wanted", 1)
			continue
		default:
			list = append(list, id)
		}
		r.known.put(id, rec, now)
	}
	r.asked(p, list, now)
	return list
}

// asked notes when the answer is due.
func (r *relay) asked(p *peer, ids []ledger.Hash, now int64) {
	if len(ids) > 0 {
		r.asks = append(r.asks, &ask{slot: p.slot, ids: ids, due: now + int64(r.h.cfg.AskTimeout)})
		r.wanting += len(ids)
	}
}

// forget clears the bit of a peer that has gone.
func (r *relay) forget(bit uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known.forget(bit)
}

// sweep asks other peers for what was not delivered in time.
func (r *relay) sweep(ctx context.Context) {
	for {
		select {
		case <-time.After(r.h.cfg.AskTimeout / 4):
		case <-ctx.Done():
			return
		}
		r.askAgain()
		r.offerAgain()
	}
}

// offerAgain offers the orphans again that were not yet, or all of them once
// the node has caught up.
func (r *relay) offerAgain() {
	busy := r.h.sync.busy()
	r.mu.Lock()
	all := r.gap && !busy
	r.gap = r.gap && busy
	list := r.orphans.again(all)
	r.mu.Unlock()
	r.retry(list)
}

// askAgain asks others for what is overdue.
func (r *relay) askAgain() {
	for p, ids := range r.overdue() {
		for part := range slices.Chunk(ids, announceIDs) {
			_ = p.send(frameWant(part))
		}
	}
}

// overdue takes the asks off whose time has passed or whose peer has gone, and
// shares what they lack out among other peers that have announced it. What
// nobody else has is missed, so that a new announcement is followed.
func (r *relay) overdue() map[*peer][]ledger.Hash {
	alive, bySlot := uint64(0), map[int]*peer{}
	for _, p := range r.h.snapshot() {
		alive |= p.bit()
		bySlot[p.slot] = p
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	again := map[*peer][]ledger.Hash{}
	kept := r.asks[:0]
	for _, a := range r.asks {
		if now < a.due && alive&(1<<a.slot) != 0 {
			kept = append(kept, a)
			continue
		}
		r.wanting -= len(a.ids)
		for _, id := range a.ids {
			if p := r.elsewhere(id, a.slot, alive, bySlot, now); p != nil {
				again[p] = append(again[p], id)
			}
		}
	}
	clear(r.asks[len(kept):])
	r.asks = kept
	for p, ids := range again {
		for part := range slices.Chunk(ids, announceIDs) {
			r.asked(p, part, now)
		}
	}
	return again
}

// elsewhere picks another peer for a transaction that slot has not delivered.
func (r *relay) elsewhere(id ledger.Hash, slot int, alive uint64, bySlot map[int]*peer, now int64) (other *peer) {
	rec, ok := r.known.get(id)
	if !ok || rec.stage != wanted || int(rec.asked) != slot {
		return nil
	}
	rec.peers &^= 1 << slot
	slotsOf(rec.peers&alive, func(s int) { other = bySlot[s] })
	if other == nil {
		rec.stage = missed
		r.starved.Store(true)
	} else {
		rec.asked = uint8(other.slot)
	}
	r.known.put(id, rec, now)
	return other
}
