package p2p

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
)

// frames is either end of a Connect stream.
type frames interface {
	Context() context.Context
	Send(*chainpb.Frame) error
	Recv() (*chainpb.Frame, error)
}

// peer is one stream to another node.
type peer struct {
	host     *Host
	id       ID
	cert     string // tells its certificate from others; "" without TLS
	addr     string // that it advertises
	remote   string
	outbound bool
	client   string
	since    time.Time
	slot     int // its bit in masks of who has what
	stream   frames
	meter    *meter
	link     *link // for calls; an inbound peer's is dialled when it is first used

	ctx    context.Context
	cancel context.CancelCauseFunc

	urgent   chan *chainpb.Frame        // small ones; full: the peer is let go
	answers  chan *chainpb.Frame        // to requests; full: serve waits
	outbox   outbox                     // announcements; full: dropped
	requests chan *chainpb.Frame        // full: the peer is let go, without blame
	compacts chan *chainpb.CompactBlock // full: dropped

	requested atomic.Int64 // bytes in requests
	heard     atomic.Int64 // host time of the last frame
	rtt       atomic.Int64 // smoothed, ns
	blocks    waiting      // answers about blocks
	budget    budget       // owned by read
	exchanged atomic.Int64 // host time of the last announcement of the whole pool that it asked for
	probing   atomic.Bool

	mu    sync.Mutex
	tip   Tip       // claimed
	tipAt time.Time // since when
	hurry bool      // a block came whose parent is unknown
	rest  time.Time // not asked to sync before

	stalls int // syncs in a row that stood still
}

func (p *peer) name() string { return banName(p.id, p.cert) }

func (p *peer) bit() uint64 { return 1 << p.slot }

// dialler is the ID of the end that has opened the stream.
func (p *peer) dialler() ID {
	if p.outbound {
		return p.host.id
	}
	return p.id
}

var (
	errSlow   = errors.New("the peer does not keep up")
	errSilent = errors.New("nothing was heard of the peer")
	errFlood  = errors.New("floods")
)

// talk serves a registered peer until the stream ends or the peer is let go,
// and returns why. read and write end with the stream, which for the called
// side is when its handler has returned: they are not waited for here.
func (h *Host) talk(p *peer) error {
	h.connected(p)
	defer h.lost(p)
	p.heard.Store(h.now())
	h.all.Go(p.read)
	h.all.Go(p.write)
	var own sync.WaitGroup
	for _, run := range []func(){p.serve, p.takeCompacts, p.beat} {
		own.Go(run)
	}
	h.sync.wake()
	<-p.ctx.Done()
	own.Wait()
	return context.Cause(p.ctx)
}

func (h *Host) connected(p *peer) {
	h.log.Info("peer connected", "peer", p.id, "addr", p.addr, "outbound", p.outbound, "height", p.claims().Height)
	if f := h.ev.Connected; f != nil {
		f(p.outbound)
	}
}

func (h *Host) lost(p *peer) {
	h.unregister(p)
	p.link.close()
	h.log.Info("peer lost", "peer", p.id, "addr", p.addr, "cause", context.Cause(p.ctx))
	if f := h.ev.Lost; f != nil {
		f(p.outbound)
	}
}

// read hands frames on until the stream ends.
func (p *peer) read() {
	for {
		f, err := p.stream.Recv()
		if err == nil {
			p.heard.Store(p.host.now())
			p.host.counts.framesIn.Add(1)
			if m := p.host.ev.Message; m != nil {
				m(true, kindOf(f))
			}
			err = p.handle(f)
		} else if undecodable(err) {
			err = errors.Join(broken("message"), err)
		}
		if errors.Is(err, errWire) || errors.Is(err, errFlood) {
			p.blame(BanScore, kindOfFault(err))
		}
		if err != nil {
			p.cancel(err)
			return
		}
	}
}

// undecodable says whether a stream broke because of what the other end sent:
// no protobuf, or too large.
func undecodable(err error) bool {
	s, ok := status.FromError(err)
	return ok && err != io.EOF && (s.Code() == codes.ResourceExhausted || s.Code() == codes.Internal && isUnmarshal(s.Message()))
}

func kindOfFault(err error) string {
	if errors.Is(err, errFlood) {
		return "flood"
	}
	return "format"
}

// handle deals with one frame. It must not wait.
func (p *peer) handle(f *chainpb.Frame) error {
	if !p.budget.frame(time.Now()) {
		return errFlood
	}
	h := p.host
	switch body := f.Body.(type) {
	case *chainpb.Frame_Ping:
		return p.send(&chainpb.Frame{Body: &chainpb.Frame_Pong{Pong: body.Ping}})
	case *chainpb.Frame_Pong:
		return nil // hearing it was its purpose
	case *chainpb.Frame_Tip:
		return p.claimed(body.Tip)
	case *chainpb.Frame_Announce:
		return h.relay.announced(p, body.Announce)
	case *chainpb.Frame_Txs:
		return h.relay.received(p, body.Txs)
	case *chainpb.Frame_WantTxs, *chainpb.Frame_WantBlockTxs:
		return p.request(f)
	case *chainpb.Frame_Block:
		return p.compact(body.Block)
	case *chainpb.Frame_BlockTxs:
		return p.blockTxs(body.BlockTxs)
	}
	return broken("frame %s", kindOf(f))
}

// send puts an urgent frame in the queue. The error ends the peer.
func (p *peer) send(f *chainpb.Frame) error {
	select {
	case p.urgent <- f:
		return nil
	default:
		p.host.dropped("urgent", 1)
		p.cancel(errSlow)
		return errSlow
	}
}

// answer waits for room in the queue of answers.
func (p *peer) answer(f *chainpb.Frame) error {
	select {
	case p.answers <- f:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// request queues a request for serve. Who has too many wait does not take the
// answers, which is no fault: a node that stood still asks at once for all that
// was announced meanwhile.
func (p *peer) request(f *chainpb.Frame) error {
	size := int64(proto.Size(f))
	if p.requested.Add(size) <= requestBytes {
		select {
		case p.requests <- f:
			return nil
		default:
		}
	}
	p.requested.Add(-size)
	p.host.dropped("requests", 1)
	return errSlow
}

// serve answers requests.
func (p *peer) serve() {
	for {
		var err error
		select {
		case f := <-p.requests:
			p.requested.Add(-int64(proto.Size(f)))
			switch body := f.Body.(type) {
			case *chainpb.Frame_WantTxs:
				err = p.host.relay.serve(p, body.WantTxs)
			case *chainpb.Frame_WantBlockTxs:
				err = p.host.blocks.serve(p, body.WantBlockTxs)
			}
		case <-p.ctx.Done():
			return
		}
		if errors.Is(err, errWire) {
			p.blame(BanScore, "format")
		}
		if err != nil {
			p.cancel(err)
			return
		}
	}
}

// write sends what is queued: urgent frames first.
func (p *peer) write() {
	for {
		var f *chainpb.Frame
		select {
		case f = <-p.urgent:
		default:
			select {
			case f = <-p.urgent:
			case f = <-p.answers:
			case <-p.outbox.ready:
				f = p.outbox.frame(p.host)
			case <-p.ctx.Done():
				return
			}
		}
		if f == nil {
			continue
		}
		if err := p.stream.Send(f); err != nil {
			if !errors.Is(err, io.EOF) { // else the reason is what Recv returns
				p.cancel(err)
			}
			return
		}
		p.host.counts.framesOut.Add(1)
		if m := p.host.ev.Message; m != nil {
			m(false, kindOf(f))
		}
	}
}

// beat measures the round trip, exchanges tips, finds out whether the peer is
// still there, and announces the pool where announcements were lost.
func (p *peer) beat() {
	h := p.host
	h.relay.exchange(p, false)
	p.heartbeat()
	if p.rtt.Load() == 0 { // that has made the connection
		p.heartbeat()
	}
	for {
		every := h.cfg.BeatEvery
		select {
		case <-time.After(every*3/4 + rand.N(every/2)):
		case <-p.ctx.Done():
			return
		}
		if h.now()-p.heard.Load() > int64(h.cfg.SilentAfter) {
			p.cancel(errSilent)
			return
		}
		_ = p.send(frameTip(h.node.Chain.Tip())) // which is, too, the sign of life that the other end waits for
		p.heartbeat()
		if p.outbox.takeLost() {
			h.relay.exchange(p, false)
		}
		h.relay.refill(p)
	}
}

func (p *peer) heartbeat() {
	ctx, cancel := context.WithTimeout(p.ctx, min(p.host.cfg.CallTimeout, p.host.cfg.SilentAfter/4)) // it delays the next sign of life
	defer cancel()
	rpc, err := p.link.client()
	if err != nil {
		return
	}
	up := p.link.up()
	began := time.Now()
	reply, err := rpc.Heartbeat(ctx, &chainpb.Beat{Tip: tipState(p.host.node.Chain.Tip()), Id: p.host.id[:]})
	if err != nil {
		return // silence is judged by the stream
	}
	if !bytes.Equal(reply.Id, p.id[:]) {
		return // another node has taken the address over, or the peer has lied about it
	}
	if up { // else it took a handshake, too
		p.measured(time.Since(began))
	}
	if err := p.claimed(reply.Tip); err != nil {
		p.blame(BanScore, "format")
	}
}

// measured smooths round trips, an eighth at a time as RFC 6298 does.
func (p *peer) measured(took time.Duration) {
	old := p.rtt.Load()
	if old == 0 {
		p.rtt.Store(int64(took))
		return
	}
	p.rtt.Store(old + (int64(took)-old)/8)
}

// probe closes a stream on which nothing is heard within AskTimeout. One at a
// time does: whoever pretends to be the peer can ask for any number.
func (p *peer) probe() {
	if !p.probing.CompareAndSwap(false, true) {
		return
	}
	defer p.probing.Store(false)
	before := p.heard.Load()
	if p.send(&chainpb.Frame{Body: &chainpb.Frame_Ping{Ping: &chainpb.Ping{}}}) != nil {
		return
	}
	select {
	case <-time.After(p.host.cfg.AskTimeout):
		if p.heard.Load() == before {
			p.cancel(errSilent)
		}
	case <-p.ctx.Done():
	}
}

// claimed notes the tip that the peer says it has.
func (p *peer) claimed(t *chainpb.TipState) error {
	tip, err := tipOf(t)
	if err != nil {
		return err
	}
	p.setTip(tip)
	return nil
}

func (p *peer) setTip(tip Tip) {
	p.mu.Lock()
	if p.tip.Hash != tip.Hash {
		p.tip, p.tipAt = tip, time.Now()
	}
	p.mu.Unlock()
	if tip.Work.Cmp(p.host.node.Chain.Tip().Work) > 0 {
		p.host.sync.wake()
	}
}

func (p *peer) claims() Tip {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tip
}

func (p *peer) info() Info {
	i := Info{
		ID: p.id, Addr: p.addr, Remote: p.remote, Outbound: p.outbound, Client: p.client, Since: p.since,
		RoundTrip: time.Duration(p.rtt.Load()), Tip: p.claims(), Score: p.host.bans.of(p.name()),
	}
	i.BytesIn, i.BytesOut = p.meter.in.Load(), p.meter.out.Load()
	return i
}
