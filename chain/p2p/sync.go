package p2p

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// syncer follows the branch of most work among those that peers claim to have:
// headers first, in segments, then their blocks, from several peers at once.
//
// A segment's headers are judged by all rules for headers before a block is
// asked for, and followed when they have more work than the best chain. A
// branch that forked off so deep that a whole segment has less is followed as
// long as it is no longer than a segment above the best chain: its headers cost
// their work, its blocks are kept aside on disk, and memory holds one segment
// and the window of blocks.
type syncer struct {
	h     *Host
	kick  chan struct{}
	under atomic.Bool // more than a few blocks are being fetched
}

// Times of the syncer.
const (
	lookEvery = 250 * time.Millisecond
	// compactHas is how long a compact block has time to come before the same is
	// fetched as a whole, where the peer is compactLead blocks ahead at most.
	compactHas  = 600 * time.Millisecond
	compactLead = 2
	// restFor is how long a peer rests that could not deliver; twice as long
	// each time that it stalls again, up to restMost.
	restFor  = 2 * time.Second
	restMost = 16 * time.Second
)

// fewBlocks may be fetched without the node counting as catching up.
const fewBlocks = 8

func newSyncer(h *Host) *syncer { return &syncer{h: h, kick: make(chan struct{}, 1)} }

// busy says whether the node catches up.
func (s *syncer) busy() bool { return s.under.Load() }

func (s *syncer) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// hasten lets the next sync not wait for a compact block.
func (p *peer) hasten() {
	p.mu.Lock()
	p.hurry = true
	p.mu.Unlock()
	p.host.sync.wake()
}

func (s *syncer) run(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-s.kick:
		case <-look.C:
		case <-ctx.Done():
			return
		}
		for p := s.ahead(); p != nil && ctx.Err() == nil; p = s.ahead() {
			err := s.follow(p)
			s.under.Store(false)
			if err != nil {
				s.h.log.Info("sync ended", "peer", p.id, "err", err)
				s.failed(p, err)
			}
		}
	}
}

// failed lets a peer rest, and judges it by why it could not deliver.
func (s *syncer) failed(p *peer, err error) {
	p.pause(p.restAfter(err))
	s.h.blocks.fault(p, err)
}

// restAfter grows while a peer stalls: each time costs a few timeouts.
func (p *peer) restAfter(err error) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !errors.Is(err, errStalled) {
		return restFor
	}
	rest := min(restFor<<p.stalls, restMost)
	p.stalls = min(p.stalls+1, 8)
	return rest
}

// delivered forgets that a peer has stalled.
func (p *peer) delivered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalls = 0
}

// resting says whether a peer is not to be asked for now.
func (p *peer) resting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.rest)
}

// ahead returns the peer that claims most work, if that is more than the
// node's.
func (s *syncer) ahead() (best *peer) {
	own, now := s.h.node.Chain.Tip(), time.Now()
	most := own.Work
	for _, p := range s.h.snapshot() {
		if tip, ok := p.worthAsking(own, now); ok && tip.Work.Cmp(most) > 0 && !s.h.blocks.claimed(tip.Hash) {
			best, most = p, tip.Work
		}
	}
	return best
}

func (p *peer) worthAsking(own Tip, now time.Time) (Tip, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	soon := p.tip.Height <= own.Height+compactLead && now.Sub(p.tipAt) < compactHas && !p.hurry
	return p.tip, !soon && now.After(p.rest) && p.ctx.Err() == nil
}

// pause keeps the peer from being asked for a while.
func (p *peer) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest, p.hurry = time.Now().Add(d), false
}

// settled notes what a peer was found to have, which replaces what it claims.
func (p *peer) settled(tip Tip) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurry = false
	if p.tip.Work.Cmp(tip.Work) > 0 && time.Since(p.tipAt) > compactHas {
		p.tip = tip
	}
}

// follow brings the node to a peer's tip, as far as that has more work.
func (s *syncer) follow(p *peer) error {
	node := s.h.node
	start := node.Chain.Tip()
	claimed := p.claims()
	locator := node.Headers.Locator()
	var last ledger.Hash
	for turns := 0; ; {
		from, headers, err := s.headers(p, locator)
		if err != nil {
			return err
		}
		whole := len(headers) == s.h.cfg.Segment
		if len(headers) == 0 {
			return s.ended(p, claimed)
		}
		if headers[0].Prev != last {
			turns++
		}
		if turns > mostTurns {
			return errTurns
		}
		last = headers[len(headers)-1].Hash()
		if fresh := s.unknown(headers); len(fresh) > 0 {
			from += uint32(len(headers) - len(fresh))
			branch, err := node.Headers.CheckHeaders(p.ctx, fresh)
			if err != nil {
				return err
			}
			if !branch.Better && (!whole || branch.Height > start.Height+uint32(s.h.cfg.Segment)) {
				return s.ended(p, claimed)
			}
			s.under.Store(len(fresh) > fewBlocks)
			if err := s.download(p, from, fresh); err != nil {
				return err
			}
		}
		if !whole {
			p.settled(node.Chain.Tip())
			return nil
		}
		locator = append([]ledger.Hash{last}, locator...)
		if len(locator) > mostLocator {
			locator = append(locator[:mostLocator-1:mostLocator-1], locator[len(locator)-1])
		}
	}
}

// mostLocator bounds the hashes of a locator.
const mostLocator = 64

// mostTurns is how many segments of one sync need not go on where the one before
// has ended: the first, and a few where the peer has moved to another branch.
const mostTurns = 4

var errTurns = errors.New("the peer's headers do not follow one another")

// ended deals with a peer that has no more headers, although it claims more
// work. It may have moved to another branch since it claimed that; others have
// their turn then before it is asked again, lest one who claims ever more keeps
// the node from them.
func (s *syncer) ended(p *peer, claimed Tip) error {
	own, now := s.h.node.Chain.Tip(), p.claims()
	switch {
	case now.Work.Cmp(own.Work) <= 0:
		p.settled(own)
	case now.Hash != claimed.Hash:
		p.pause(lookEvery)
		p.settled(own)
	default:
		p.blame(BanScore/3, "no_work")
		p.pause(restFor)
		p.settled(Tip{})
	}
	return nil
}

// unknown leaves the headers out that are known already, as those are that lie
// between two hashes of the locator.
func (s *syncer) unknown(headers []ledger.Header) []ledger.Header {
	for len(headers) > 0 && s.h.node.Chain.Knows(headers[0].Hash()) {
		headers = headers[1:]
	}
	return headers
}

// headers fetches the next segment of a peer's best chain.
func (s *syncer) headers(p *peer, locator []ledger.Hash) (from uint32, list []ledger.Header, err error) {
	w := &chainpb.HeadersWanted{Locator: ledger.AppendHashes(nil, locator), Most: uint32(s.h.cfg.Segment)}
	err = p.syncData(&chainpb.SyncRequest{Headers: w}, func(part *chainpb.SyncPart) error {
		more, err := unpackHeaders(part.Headers)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			from = part.From
		}
		if len(more) == 0 || len(list)+len(more) > s.h.cfg.Segment || part.From != from+uint32(len(list)) {
			return broken("headers from %d, %d and %d more", part.From, len(list), len(more))
		}
		list = append(list, more...)
		return nil
	})
	return from, list, err
}

var errStalled = errors.New("the peer does not deliver")

// streamTimeouts is how many times BatchTimeout a stream may take in all.
const streamTimeouts = 4

// syncData makes the call and hands the parts on. A stream that stands still
// for BatchTimeout is given up, and one that trickles after a few times that.
func (p *peer) syncData(r *chainpb.SyncRequest, part func(*chainpb.SyncPart) error) error {
	rpc, err := p.link.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	still := time.AfterFunc(p.host.cfg.BatchTimeout, func() { cancel(errStalled) })
	defer still.Stop()
	late := time.AfterFunc(streamTimeouts*p.host.cfg.BatchTimeout, func() { cancel(errStalled) })
	defer late.Stop()
	stream, err := rpc.SyncData(ctx, r)
	for err == nil {
		var m *chainpb.SyncPart
		if m, err = stream.Recv(); err == nil {
			still.Reset(p.host.cfg.BatchTimeout)
			err = part(m)
		}
	}
	switch {
	case err == io.EOF:
		return nil
	case errors.Is(context.Cause(ctx), errStalled):
		return errStalled
	case undecodable(err):
		return errors.Join(broken("message"), err)
	}
	return err
}
