package p2p

import (
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// unasked is what a body that nobody asked for counts as a fault. Late answers
// are no such thing: they are known to have been missed, unless that is so long
// ago that the record has gone.
const unasked = 0.05

// arrival is bodies of one frame, parsed.
type arrival struct {
	txs  []ledger.Tx
	hops []byte // of flooded ones; nil: answers
	born int64
}

// received takes bodies, hands those that are new to the node and notes who has
// them.
func (r *relay) received(p *peer, t *chainpb.Txs) error {
	a, skipped, err := r.parse(p, t)
	if err != nil {
		return err
	}
	missing, err := unpackHashes(t.Missing, announceIDs)
	if err != nil {
		return err
	}
	ids, payloads, duplicates, strange := r.sort(p, a, missing)
	duplicates += skipped
	h := r.h
	h.counts.bodies.Add(uint64(len(t.Sizes)))
	h.counts.duplicates.Add(uint64(duplicates))
	if f := h.ev.Bodies; f != nil {
		f(len(t.Sizes), duplicates)
	}
	if strange > 0 {
		p.blame(unasked*float64(strange), "unasked")
	}
	r.submit(p, ids, payloads)
	return nil
}

// parse decodes bodies. Flooded ones that are known by their ID are skipped:
// they need not even be hashed.
func (r *relay) parse(p *peer, t *chainpb.Txs) (a arrival, skipped int, err error) {
	parts, err := unpackBodies(t.Bodies, t.Sizes)
	if err != nil {
		return a, 0, err
	}
	messages, err := unpackHashes(t.Messages, len(parts))
	if err != nil {
		return a, 0, err
	}
	flood := len(messages) > 0
	if flood && (len(messages) != len(parts) || len(t.Hops) != len(parts)) {
		return a, 0, broken("%d bodies with %d IDs and %d hops", len(parts), len(messages), len(t.Hops))
	}
	if flood && !p.budget.announce(len(parts), time.Now()) {
		return a, 0, errFlood
	}
	a.born = r.h.now() - int64(t.AgeUs)*1000 - p.rtt.Load()/2
	seen := r.seen(p, messages)
	for i, b := range parts {
		if flood && seen[i] {
			skipped++
			continue
		}
		tx, rest, err := ledger.ParseTx(b, ledger.MaxTxBytes)
		if err != nil || len(rest) > 0 {
			return a, 0, broken("body %d", i)
		}
		if flood && tx.ID() != messages[i] {
			return a, 0, broken("body %d has another ID", i)
		}
		a.txs = append(a.txs, tx)
		if flood {
			a.hops = append(a.hops, t.Hops[i])
		}
	}
	return a, skipped, nil
}

// seen says which flooded messages were received before, and notes that the
// peer has them all.
func (r *relay) seen(p *peer, messages []ledger.Hash) []bool {
	seen := make([]bool, len(messages))
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	for i, id := range messages {
		rec, ok := r.known.get(id)
		if !ok {
			continue
		}
		seen[i] = rec.here()
		rec.peers |= p.bit()
		r.known.put(id, rec, now)
	}
	return seen
}

// sort says which transactions are new, how many were known, and how many
// nobody has asked for. What the peer does not have after all is asked for
// elsewhere at the next sweep.
func (r *relay) sort(p *peer, a arrival, missing []ledger.Hash) (ids []ledger.Hash, payloads [][]byte, duplicates, strange int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	for i := range a.txs {
		id := a.txs[i].ID()
		rec, ok := r.known.get(id)
		switch {
		case ok && rec.here():
			duplicates++
			continue
		case !ok && a.hops == nil:
			strange++
			continue
		case !ok:
			rec = record{born: a.born, hops: a.hops[i] + min(1, 255-a.hops[i])}
		}
		rec.stage, rec.peers = offered, rec.peers|p.bit()
		r.known.put(id, rec, now)
		ids, payloads = append(ids, id), append(payloads, a.txs[i].Bytes())
	}
	r.lacks(p, missing, now)
	r.settle(p.slot, now)
	return ids, payloads, duplicates, strange
}

// lacks makes an ask that is overdue at once of what a peer was asked for and
// does not have. It may say so once: by then it has not announced it.
func (r *relay) lacks(p *peer, missing []ledger.Hash, now int64) {
	var ids []ledger.Hash
	for _, id := range missing {
		rec, ok := r.known.get(id)
		if !ok || rec.stage != wanted || int(rec.asked) != p.slot || rec.peers&p.bit() == 0 {
			continue
		}
		rec.peers &^= p.bit()
		r.known.put(id, rec, now)
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		r.asks = append(r.asks, &ask{slot: p.slot, ids: ids, due: now})
		r.wanting += len(ids)
	}
}

// settle takes asks of a peer off that are answered, oldest first.
func (r *relay) settle(slot int, now int64) {
	kept := r.asks[:0]
	for _, a := range r.asks {
		if a.slot == slot && a.due > now && r.answered(a) {
			continue
		}
		kept = append(kept, a)
	}
	clear(r.asks[len(kept):])
	r.asks = kept
}

// answered looks from the end, since bodies come in the order asked for, and
// takes off what has come, so that none is looked at twice.
func (r *relay) answered(a *ask) bool {
	for n := len(a.ids); n > 0; n = len(a.ids) {
		if rec, ok := r.known.get(a.ids[n-1]); ok && rec.stage == wanted && int(rec.asked) == a.slot {
			return false
		}
		a.ids = a.ids[:n-1]
		r.wanting--
	}
	return true
}

// submit hands transactions to the node.
func (r *relay) submit(p *peer, ids []ledger.Hash, payloads [][]byte) {
	if len(ids) == 0 {
		return
	}
	r.h.node.Pool.Submit(payloads, func(answers []ledger.Reject, _ []ledger.Hash) {
		r.judged(p, ids, payloads, answers)
	})
}

// judged deals with the node's answers. It must not block.
func (r *relay) judged(p *peer, ids []ledger.Hash, payloads [][]byte, answers []ledger.Reject) {
	fault, kind := 0.0, ledger.RejectNone
	r.mu.Lock()
	now := r.h.now()
	for i, answer := range answers {
		switch answer {
		case ledger.RejectNone: // spread does the rest
		case ledger.RejectMissingInput:
			if !r.orphans.has(ids[i]) {
				r.adopt(p, payloads[i], now)
			}
		case ledger.RejectBusy, ledger.RejectDepth, ledger.RejectImmature: // which may pass with the next block
			r.known.drop(ids[i])
			r.starved.Store(true)
			r.full = true
		default:
			if points := faultOf(answer); points > 0 {
				fault, kind = fault+points, answer
			}
			r.orphans.drop(ids[i])
			if rec, ok := r.known.get(ids[i]); ok {
				rec.stage = held
				r.known.put(ids[i], rec, now)
			}
		}
	}
	r.mu.Unlock()
	if fault > 0 {
		p.blame(fault, kind.String())
	}
}

// adopt keeps a transaction until its parents come. The payload is copied: it
// is a part of a frame.
func (r *relay) adopt(p *peer, payload []byte, now int64) {
	tx, _, err := ledger.ParseTx(append([]byte(nil), payload...), ledger.MaxTxBytes)
	if err != nil {
		return
	}
	r.h.counts.orphans.Add(1)
	gone := r.orphans.add(&tx, p, now)
	if len(gone) == 0 {
		return
	}
	for _, id := range gone { // or they would count as offered for ever, and be asked for never again
		r.known.drop(id)
	}
	r.starved.Store(true)
	r.full = true
	r.h.dropped("orphans", len(gone))
}

// serve answers a request for bodies, or for the pool's IDs.
func (r *relay) serve(p *peer, w *chainpb.WantTxs) error {
	ids, err := unpackHashes(w.Ids, announceIDs)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		r.exchange(p, true)
		return nil
	}
	t := &chainpb.Txs{}
	for i, body := range r.h.node.Pool.Pooled(ids) {
		if body == nil {
			t.Missing = append(t.Missing, ids[i][:]...)
			continue
		}
		t.Bodies, t.Sizes = append(t.Bodies, body...), append(t.Sizes, uint32(len(body)))
		if len(t.Bodies) >= chunkBytes {
			if err := p.answer(frameTxs(t)); err != nil {
				return err
			}
			t = &chainpb.Txs{}
		}
	}
	if len(t.Sizes) > 0 || len(t.Missing) > 0 {
		return p.answer(frameTxs(t))
	}
	return nil
}

// exchangeEvery bounds how often a peer may ask for the whole pool's IDs.
const exchangeEvery = time.Second

// exchange announces the pool to a peer: all of it, or what the peer is not
// known to have. What is beyond poolIDs the next beats go on with.
func (r *relay) exchange(p *peer, all bool) {
	now := r.h.now()
	if all {
		if last := p.exchanged.Load(); last != 0 && now-last < int64(exchangeEvery) {
			return
		}
		p.exchanged.Store(now)
	}
	ids, more := r.lacking(p, all)
	for part := range slices.Chunk(ids, announceIDs) {
		f := &chainpb.Frame{Body: &chainpb.Frame_Announce{Announce: &chainpb.Announce{Ids: ledger.AppendHashes(nil, part)}}}
		if p.answer(f) != nil {
			return
		}
	}
	if more {
		p.outbox.lose()
	}
}

// lacking returns the oldest of the pool that a peer is not known to have,
// poolIDs at most, and notes that it has them. With all, nothing is taken to be
// known. more says that the rest is to follow: not in a pool that one generation
// of records does not hold, where the first would be forgotten before the last
// is reached, and be announced in a circle.
func (r *relay) lacking(p *peer, all bool) (ids []ledger.Hash, more bool) {
	list := r.h.node.Pool.PoolIDs(2 * knownTxs)
	for part := range slices.Chunk(list, announceIDs) { // the lock is for others, too
		more = r.lackingOf(p, part, all, &ids) || more
	}
	return ids, more && len(list) <= knownTxs
}

// lackingOf adds those of a part of the pool to ids, and says whether some found
// no room.
func (r *relay) lackingOf(p *peer, part []ledger.Hash, all bool, ids *[]ledger.Hash) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.h.now()
	for _, id := range part {
		rec, ok := r.known.get(id)
		has := rec.peers&p.bit() != 0
		switch {
		case has && !all:
			continue
		case len(*ids) < poolIDs:
			if !ok {
				rec = record{born: now}
			}
			rec.stage, rec.peers = held, rec.peers|p.bit()
			*ids = append(*ids, id)
		case has: // to be told all the same, at the next beat
			more = true
			rec.peers &^= p.bit()
		default:
			more = true
			continue
		}
		r.known.put(id, rec, now)
	}
	return more
}

// refillMost bounds the wait between two times that peers are asked for their
// pool's IDs, while what they have is refused as busy.
const refillMost = time.Minute

// refill asks a peer for its pool's IDs where something was lost here. While
// that is for want of room, it asks ever more seldom: what comes is verified
// before it is refused.
func (r *relay) refill(p *peer) {
	if !r.starved.Load() {
		return
	}
	r.mu.Lock()
	now := r.h.now()
	due := now >= r.refillAt
	if due {
		if r.full {
			r.refillWait = min(2*r.refillWait, refillMost)
		} else {
			r.refillWait = r.h.cfg.BeatEvery
		}
		r.full, r.refillAt = false, now+int64(max(r.refillWait, r.h.cfg.BeatEvery))
		r.starved.Store(false)
	}
	r.mu.Unlock()
	if due {
		_ = p.send(frameWant(nil))
	}
}
