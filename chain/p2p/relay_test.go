package p2p

import (
	"context"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// idle is a host that is not run, with peers that nobody is behind: what is
// sent to them stays in their queues.
type idle struct {
	*Host
	chain *tiny
}

func newIdle(t *testing.T) *idle {
	t.Helper()
	chain := newTiny(ledger.TestParams())
	cfg := DefaultConfig()
	cfg.AskTimeout = time.Hour // what is overdue, tests decide
	h, err := New(cfg, chain.node(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	chain.accepted = h.Accepted
	t.Cleanup(func() { _ = h.Close() })
	return &idle{h, chain}
}

func (h *idle) join(slot int) *peer {
	p := &peer{
		host: h.Host, id: ID{1, byte(slot)}, slot: slot, link: &link{host: h.Host},
		urgent: make(chan *chainpb.Frame, urgentFrames), answers: make(chan *chainpb.Frame, answerFrames), outbox: newOutbox(false),
		requests: make(chan *chainpb.Frame, requestFrames),
	}
	p.ctx, p.cancel = context.WithCancelCause(h.ctx)
	h.peers[p.id] = p
	return p
}

// askedFor takes what the peer was asked for out of its queue.
func (p *peer) askedFor(t *testing.T) (ids []ledger.Hash) {
	t.Helper()
	for len(p.urgent) > 0 {
		part, err := unpackHashes((<-p.urgent).GetWantTxs().GetIds(), announceIDs)
		if err != nil {
			t.Fatalf("the peer would ban this node: %v", err)
		}
		ids = append(ids, part...)
	}
	return ids
}

func announceTo(t *testing.T, h *idle, p *peer, ids []ledger.Hash) {
	t.Helper()
	for ; len(ids) > 0; ids = ids[min(len(ids), announceIDs):] {
		part := ids[:min(len(ids), announceIDs)]
		if err := h.relay.announced(p, &chainpb.Announce{Ids: ledger.AppendHashes(nil, part)}); err != nil {
			t.Fatal(err)
		}
	}
}

func names(n int) []ledger.Hash {
	ids := make([]ledger.Hash, n)
	for i := range ids {
		ids[i] = ledger.Hash{1, byte(i), byte(i >> 8), byte(i >> 16)}
	}
	return ids
}

// What a peer that has gone was asked for is asked of another, in messages that
// the other accepts.
func TestAskedAgainElsewhere(t *testing.T) {
	h := newIdle(t)
	first, second := h.join(0), h.join(1)
	ids := names(3*announceIDs + 5)
	announceTo(t, h, first, ids)
	announceTo(t, h, second, ids)
	if got := len(first.askedFor(t)); got != len(ids) {
		t.Fatalf("the first is asked for %d", got)
	}
	delete(h.peers, first.id)
	h.relay.askAgain()
	if got := len(second.askedFor(t)); got != len(ids) || h.relay.wanting != len(ids) {
		t.Errorf("the second is asked for %d, %d are wanted", got, h.relay.wanting)
	}
	delete(h.peers, second.id)
	h.relay.askAgain()
	if h.relay.wanting != 0 || len(h.relay.asks) != 0 {
		t.Errorf("%d are wanted in %d messages of nobody", h.relay.wanting, len(h.relay.asks))
	}
}

// Bodies that come after their time are taken, and are no fault of a peer that
// was merely slow.
func TestLateBodiesAreWelcome(t *testing.T) {
	const n = 3000 // as strangers they would be enough for a ban
	h := newIdle(t)
	p := h.join(0)
	var ids []ledger.Hash
	txs := &chainpb.Txs{}
	for i := range n {
		raw := h.chain.pay(uint64(i))
		tx, _, err := ledger.ParseTx(raw, len(raw))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tx.ID())
		txs.Bodies, txs.Sizes = append(txs.Bodies, raw...), append(txs.Sizes, uint32(len(raw)))
	}
	announceTo(t, h, p, ids)
	for _, a := range h.relay.asks {
		a.due = 0
	}
	h.relay.askAgain()
	if h.relay.wanting != 0 {
		t.Fatalf("%d are still wanted", h.relay.wanting)
	}
	p.askedFor(t)
	announceTo(t, h, p, ids[:10])
	if got := len(p.askedFor(t)); got != 10 {
		t.Errorf("what was announced again is asked for %d times, want 10", got)
	}
	if err := h.relay.received(p, txs); err != nil {
		t.Fatal(err)
	}
	if score := h.bans.of(p.name()); score != 0 || p.ctx.Err() != nil {
		t.Errorf("the slow peer has %v points, %v", score, context.Cause(p.ctx))
	}
	if got := len(h.chain.pool); got != n || h.Counts().Duplicates != 0 {
		t.Errorf("%d are in the pool; %d were duplicates", got, h.Counts().Duplicates)
	}
	if h.relay.wanting != 0 || len(h.relay.asks) != 0 {
		t.Errorf("%d are wanted in %d messages", h.relay.wanting, len(h.relay.asks))
	}
}

// A peer that says time and again that it does not have what it has announced
// takes no more memory than one that says so once.
func TestMissingOnce(t *testing.T) {
	h := newIdle(t)
	liar, honest := h.join(0), h.join(1)
	ids := names(100)
	announceTo(t, h, liar, ids)
	announceTo(t, h, honest, ids)
	missing := &chainpb.Txs{Missing: ledger.AppendHashes(nil, ids)}
	for range 1000 {
		if err := h.relay.received(liar, missing); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.relay.asks) > 2 || h.relay.wanting > 2*len(ids) {
		t.Errorf("%d messages under way, of %d transactions", len(h.relay.asks), h.relay.wanting)
	}
	h.relay.askAgain()
	if got := len(honest.askedFor(t)); got != len(ids) {
		t.Errorf("the other is asked for %d", got)
	}
}

// An orphan whose parent came while the node's answer was on its way is offered
// again; so are all, once, after blocks that were not looked at.
func TestOrphansAreOfferedAgain(t *testing.T) {
	h := newIdle(t)
	p := h.join(0)
	raw := h.chain.pay(1)
	tx, _, err := ledger.ParseTx(raw, len(raw))
	if err != nil {
		t.Fatal(err)
	}
	adopt := func() {
		h.relay.mu.Lock()
		defer h.relay.mu.Unlock()
		h.relay.adopt(p, raw, 1)
	}
	adopt()
	h.relay.offerAgain()
	if !h.chain.has(tx.ID()) {
		t.Fatal("it was not offered again")
	}
	h.relay.spread([]ledger.Tx{tx})
	if len(h.relay.orphans.byID) != 0 {
		t.Error("it is kept although it was accepted")
	}
	clear(h.chain.pool)
	adopt()
	h.relay.offerAgain()
	clear(h.chain.pool)
	h.relay.offerAgain()
	if h.chain.has(tx.ID()) {
		t.Error("it is offered time and again")
	}
	h.relay.confirmed(nil, true)
	h.relay.offerAgain()
	if !h.chain.has(tx.ID()) {
		t.Error("it was not offered after a gap")
	}
}

// announcedTo takes what was announced to the peer out of its queue of answers.
func (p *peer) announcedTo(t *testing.T) (ids []ledger.Hash) {
	t.Helper()
	for len(p.answers) > 0 {
		part, err := unpackHashes((<-p.answers).GetAnnounce().GetIds(), announceIDs)
		if err != nil {
			t.Fatalf("the peer would ban this node: %v", err)
		}
		ids = append(ids, part...)
	}
	return ids
}

// fill puts transactions that are but names into the pool.
func (c *tiny) fill(ids []ledger.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		c.pool[id] = ledger.Tx{}
	}
}

// A peer that asks for the whole pool gets it, whatever this node has announced
// by itself just before; but not time and again.
func TestWholePoolWhenAsked(t *testing.T) {
	h := newIdle(t)
	p := h.join(0)
	h.chain.fill(names(3))
	h.relay.exchange(p, false)
	h.relay.exchange(p, false)
	if got := len(p.announcedTo(t)); got != 3 {
		t.Errorf("%d are announced at first", got)
	}
	for _, want := range []int{3, 0} {
		if err := h.relay.serve(p, &chainpb.WantTxs{}); err != nil {
			t.Fatal(err)
		}
		if got := len(p.announcedTo(t)); got != want {
			t.Errorf("%d are announced when asked for, want %d", got, want)
		}
	}
}

// beats announces the pool to a peer until nothing is left, and returns what it
// heard in each beat.
func beats(t *testing.T, h *idle, p *peer) (heard [][]ledger.Hash) {
	t.Helper()
	for p.outbox.takeLost() {
		h.relay.exchange(p, false)
		heard = append(heard, p.announcedTo(t))
		if len(heard) > 10 {
			t.Fatal("there is no end to it")
		}
	}
	return heard
}

// A pool of more than is announced at once is announced to its end, once, and
// again to a peer that asks for it. What the peer has takes no room.
func TestLargePoolIsAnnounced(t *testing.T) {
	h := newIdle(t)
	p := h.join(0)
	ids := names(2*poolIDs + 100)
	h.chain.fill(ids)
	check := func(when string, parts [][]ledger.Hash, want int) {
		t.Helper()
		once := map[ledger.Hash]bool{}
		for _, part := range parts {
			if len(part) > poolIDs {
				t.Errorf("%s: %d at once", when, len(part))
			}
			for _, id := range part {
				if once[id] {
					t.Fatalf("%s: %v is announced twice", when, id)
				}
				once[id] = true
			}
		}
		if len(once) != want {
			t.Errorf("%s: %d are announced, want %d", when, len(once), want)
		}
	}
	p.outbox.lose()
	check("at first", beats(t, h, p), len(ids))
	if err := h.relay.serve(p, &chainpb.WantTxs{}); err != nil {
		t.Fatal(err)
	}
	check("asked for", append([][]ledger.Hash{p.announcedTo(t)}, beats(t, h, p)...), len(ids))
	h.chain.fill(names(len(ids) + 10))
	p.outbox.lose()
	check("ten more", beats(t, h, p), 10)
}

// There is an end to announcing a pool that is larger than what is remembered.
func TestPoolBeyondMemory(t *testing.T) {
	h := newIdle(t)
	p := h.join(0)
	h.chain.fill(names(knownTxs + 1))
	p.outbox.lose()
	if parts := beats(t, h, p); len(parts) != 1 || len(parts[0]) != poolIDs {
		t.Errorf("announced in %d beats", len(parts))
	}
}

// What is refused for now is asked for when it is announced again, and peers are
// asked to; what is refused for good is not.
func TestRefusedForNow(t *testing.T) {
	for answer, again := range map[ledger.Reject]int{
		ledger.RejectBusy: 1, ledger.RejectDepth: 1, ledger.RejectImmature: 1, ledger.RejectDoubleSpend: 0,
	} {
		h := newIdle(t)
		p, ids := h.join(0), names(1)
		announceTo(t, h, p, ids)
		if got := len(p.askedFor(t)); got != 1 {
			t.Fatalf("%d are asked for at first", got)
		}
		h.relay.judged(p, ids, [][]byte{nil}, []ledger.Reject{answer})
		announceTo(t, h, p, ids)
		if got := len(p.askedFor(t)); got != again || h.relay.starved.Load() != (again > 0) {
			t.Errorf("%v: %d are asked for again, starved %v", answer, got, h.relay.starved.Load())
		}
	}
}
