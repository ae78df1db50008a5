package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// protocolVersion is raised by changes that older nodes do not understand.
const protocolVersion = 1

// maxAddr bounds an advertised address, in bytes; maxClient a client's name.
const (
	maxAddr   = 255 + 6
	maxClient = 100
)

func (h *Host) hello(refused string) *chainpb.Frame {
	genesis, rules := h.node.Params.GenesisHash(), h.node.Params.Digest()
	return &chainpb.Frame{Body: &chainpb.Frame_Hello{Hello: &chainpb.Hello{
		Version: protocolVersion, Genesis: genesis[:], Params: rules[:], Id: h.id[:],
		Advertise: h.Advertised(), Tip: tipState(h.node.Chain.Tip()), Client: h.cfg.Client, Refused: refused,
	}}}
}

// greeted makes a peer of what the other end of a stream says about itself, or
// refuses it.
func (h *Host) greeted(stream frames, f *chainpb.Frame, remote string) (*peer, error) {
	hello := f.GetHello()
	if hello == nil {
		return nil, broken("the first frame is %s, not hello", kindOf(f))
	}
	genesis, rules := h.node.Params.GenesisHash(), h.node.Params.Digest()
	switch {
	case hello.Version != protocolVersion:
		return nil, refusedVersion
	case !bytes.Equal(hello.Genesis, genesis[:]) || !bytes.Equal(hello.Params, rules[:]):
		return nil, refusedNetwork
	}
	id, err := idOf(hello.Id)
	if err != nil {
		return nil, err
	}
	tip, err := tipOf(hello.Tip)
	if err != nil {
		return nil, err
	}
	if len(hello.Advertise) > maxAddr || len(hello.Client) > maxClient {
		return nil, broken("hello too long")
	}
	cert := certOf(stream)
	switch {
	case id == h.id:
		return nil, refusedSelf
	case h.bans.has(banName(id, cert), remote):
		return nil, refusedBanned
	}
	return &peer{
		host: h, id: id, cert: cert, addr: reachable(hello.Advertise, remote), remote: remote, client: hello.Client, since: time.Now(),
		tip: tip, tipAt: time.Now(),
		urgent: make(chan *chainpb.Frame, urgentFrames), answers: make(chan *chainpb.Frame, answerFrames),
		requests: make(chan *chainpb.Frame, requestFrames), compacts: make(chan *chainpb.CompactBlock, compactFrames),
		outbox: newOutbox(h.cfg.Flood),
		budget: budget{framesPerS: float64(h.cfg.FramesPerS)},
		blocks: newWaiting(),
	}, nil
}

// reachable is the address that a peer advertises, with the host that its
// stream comes from where it names none: a node that listens on all interfaces
// does not know which of them others see.
func reachable(advertised, remote string) string {
	host, port, err := net.SplitHostPort(advertised)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		return advertised
	}
	from, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(from, port)
}

// Connect serves the stream of a peer that has dialled this node.
func (h *Host) Connect(stream grpc.BidiStreamingServer[chainpb.Frame, chainpb.Frame]) error {
	remote := ""
	if from, ok := grpcpeer.FromContext(stream.Context()); ok {
		remote = from.Addr.String()
	}
	first, err := h.firstFrame(stream)
	if err != nil {
		return err
	}
	p, err := h.greeted(stream, first, remote)
	if err != nil {
		return h.refuse(stream, err)
	}
	p.stream, p.meter = stream, h.meters.of(remote)
	p.ctx, p.cancel = context.WithCancelCause(stream.Context())
	defer p.cancel(nil)
	unhook := context.AfterFunc(h.ctx, func() { p.cancel(refusedEnding) })
	defer unhook()
	p.link = &link{host: h, addr: p.addr}
	if err := h.register(p); err != nil {
		return h.refuse(stream, err)
	}
	if err := stream.Send(h.hello("")); err != nil {
		h.unregister(p)
		return err
	}
	guard.Of(stream.Context()).Useful()
	err = h.talk(p)
	return status.Error(codes.Unavailable, err.Error())
}

// firstFrame waits for Hello, for a bounded time: a stream that says nothing
// would hold its place for ever.
func (h *Host) firstFrame(stream frames) (*chainpb.Frame, error) {
	type result struct {
		f   *chainpb.Frame
		err error
	}
	got := make(chan result, 1)
	h.all.Go(func() { // ends with the stream, which ends when the handler returns
		f, err := stream.Recv()
		got <- result{f, err}
	})
	select {
	case r := <-got:
		return r.f, r.err
	case <-time.After(h.cfg.CallTimeout):
		return nil, status.Error(codes.DeadlineExceeded, "no hello came")
	case <-h.ctx.Done():
		return nil, status.Error(codes.Unavailable, string(refusedEnding))
	}
}

// refuse tells the other end why, in a Hello and as the stream's status.
func (h *Host) refuse(stream frames, err error) error {
	kind := "format"
	var r refusal
	if errors.As(err, &r) {
		kind = string(r)
	}
	h.counts.refused.Add(1)
	if f := h.ev.Refused; f != nil {
		f(kind)
	}
	_ = stream.Send(h.hello(kind))
	code := codes.FailedPrecondition
	if kind == "format" {
		code = codes.InvalidArgument
	}
	return status.Error(code, err.Error())
}

// introduce does the handshake of a stream that this node has dialled. It
// returns who has answered even where it is refused.
func (h *Host) introduce(stream frames, remote string) (p *peer, who ID, err error) {
	if err := stream.Send(h.hello("")); err != nil {
		_, err = stream.Recv() // the reason
		return nil, who, err
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, who, err
	}
	if hello := first.GetHello(); hello != nil && len(hello.Id) == len(who) {
		who = ID(hello.Id)
		if hello.Refused != "" {
			return nil, who, fmt.Errorf("%s: %w", remote, refusal(clip(hello.Refused)))
		}
	}
	p, err = h.greeted(stream, first, remote)
	return p, who, err
}

// clip bounds a text of a peer that goes into a log.
func clip(s string) string { return s[:min(len(s), 40)] }
