package p2p

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// Flow control windows, buffers and bounds, in bytes where nothing else is
// said. A window bounds what is held unread for one stream and one connection.
const (
	streamWindow   = 1 << 20
	connWindow     = 4 << 20
	socketBuffer   = 64 << 10
	headerBytes    = 16 << 10
	maxConnections = 256
	maxStreams     = 32 // of one connection
	servesAtOnce   = 32 // SyncData streams of all peers
	servesOfOne    = 4  // of one connection; an honest one has one at a time

	// Calls of one connection that come to nothing, past which it is closed, and
	// how many of them are forgiven each second.
	futileMost = 256
	futilePerS = 32
)

func (h *Host) serverOptions() []grpc.ServerOption {
	o := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MessageBytes),
		grpc.MaxSendMsgSize(MessageBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(headerBytes),
		grpc.ConnectionTimeout(h.cfg.CallTimeout),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(socketBuffer),
		grpc.WriteBufferSize(socketBuffer),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 10 * time.Minute,
			Time:              10 * time.Second,
			Timeout:           5 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(h.guard.Opened),
		grpc.UnaryInterceptor(h.unary),
		grpc.StreamInterceptor(h.streaming),
	}
	if h.cfg.ServerTLS != nil {
		o = append(o, grpc.Creds(guard.Count(credentials.NewTLS(h.cfg.ServerTLS), h.ev.denied)))
	}
	return o
}

// authorize refuses who may not talk to the node, before any handler runs. With
// TLS a peer has shown a certificate of the network's authority.
func (h *Host) authorize(ctx context.Context) error {
	from, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "the caller has no address")
	}
	if h.cfg.ServerTLS != nil {
		info, ok := from.AuthInfo.(credentials.TLSInfo)
		if !ok || len(info.State.VerifiedChains) == 0 {
			return status.Error(codes.Unauthenticated, "the caller has shown no certificate")
		}
	}
	if h.bans.has("", from.Addr.String()) {
		return status.Error(codes.PermissionDenied, string(refusedBanned))
	}
	return nil
}

func (h *Host) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	began := time.Now()
	err := h.authorize(ctx)
	var reply any
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, h.cfg.CallTimeout)
		defer cancel()
		reply, err = next(ctx, req)
	}
	h.called(ctx, info.FullMethod, began, err)
	return reply, err
}

func (h *Host) streaming(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	began := time.Now()
	err := h.authorize(ss.Context())
	if err == nil {
		err = next(srv, ss)
	}
	h.called(ss.Context(), info.FullMethod, began, err)
	return err
}

func (h *Host) called(ctx context.Context, method string, began time.Time, err error) {
	guard.Settle(ctx, err)
	took, code := time.Since(began), status.Code(err).String()
	if f := h.ev.Call; f != nil {
		f(method[len(servicePrefix):], code, took)
	}
	if err != nil {
		from := ""
		if p, ok := grpcpeer.FromContext(ctx); ok {
			from = p.Addr.String()
		}
		h.log.Debug("call failed", "method", method, "from", from, "took", took, "err", err)
	}
}

const servicePrefix = "/chaindyno.chain.v1.NodeService/"

// Heartbeat answers with the node's tip. The caller's is not believed here: its
// ID proves nothing; it tells its tip on its own stream.
func (h *Host) Heartbeat(_ context.Context, b *chainpb.Beat) (*chainpb.Beat, error) {
	if _, err := idOf(b.Id); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &chainpb.Beat{Tip: tipState(h.node.Chain.Tip()), Id: h.id[:]}, nil
}
