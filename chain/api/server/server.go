package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/bind"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// Flow control windows and buffers, in bytes. A window bounds what the server
// holds unread for one stream and one connection; 1 MiB keeps 50,000
// transactions a second flowing over a round trip of 20 ms and more.
const (
	streamWindow = 1 << 20
	connWindow   = 2 << 20
	socketBuffer = 64 << 10
	headerBytes  = 16 << 10
)

// Server serves one node. It owns its listener from New on.
type Server struct {
	chainpb.UnimplementedChainServer
	cfg        Config
	node       Node
	listener   net.Listener
	grpc       *grpc.Server
	unanswered atomic.Int64  // bytes of payloads submitted and not answered
	followers  chan struct{} // a place for each Follow under way
	digest     chan struct{} // one place: a digest reads the whole set
	guard      *guard.Guard
	others     guard.Conn // stands for all callers by other transports, who share what one connection may hold

	stopping context.Context // done when calls under way are to end
	stop     context.CancelFunc
	readers  sync.WaitGroup // goroutines that read submitting streams
}

// New binds the address, so that a busy port is found before the node starts.
// Nothing is served before Run.
func New(cfg Config, node Node) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l, err := bind.TCP(cfg.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, node: node, listener: l,
		followers: make(chan struct{}, cfg.MaxFollowers), digest: make(chan struct{}, 1)}
	s.guard = guard.New(guard.Config{Most: cfg.Futile, PerS: cfg.FutilePerS}, s.cfg.Events.closed)
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.grpc = grpc.NewServer(s.options()...)
	chainpb.RegisterChainServer(s.grpc, s)
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close releases what a server that is not run holds.
func (s *Server) Close() error {
	s.stop()
	s.grpc.Stop()
	return s.listener.Close()
}

// Run serves until ctx is done and returns when every call has ended: followers
// at once, submitting streams when what they have sent is answered, all of them
// after Config.StopTimeout.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() {
		served <- s.grpc.Serve(s.guard.Listener(netutil.LimitListener(s.listener, s.cfg.MaxConnections)))
	}()
	select {
	case err := <-served:
		s.stop()
		s.grpc.Stop()
		return fmt.Errorf("serve %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	s.stop()
	hard := time.AfterFunc(s.cfg.StopTimeout, s.grpc.Stop)
	defer hard.Stop()
	s.grpc.GracefulStop()
	s.readers.Wait()
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) { // else it was stopped before it began
		return err
	}
	return nil
}

func (s *Server) options() []grpc.ServerOption {
	o := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MessageBytes),
		grpc.MaxSendMsgSize(MessageBytes),
		grpc.MaxConcurrentStreams(uint32(s.cfg.MaxStreams)),
		grpc.MaxHeaderListSize(headerBytes),
		grpc.ConnectionTimeout(s.cfg.ConnectTimeout),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(socketBuffer),
		grpc.WriteBufferSize(socketBuffer),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     s.cfg.IdleTimeout,
			MaxConnectionAge:      connectionAge,
			MaxConnectionAgeGrace: time.Minute,
			Time:                  30 * time.Second,
			Timeout:               10 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             5 * time.Second,
			PermitWithoutStream: true,
		}),
		grpc.InTapHandle(s.guard.Opened),
		grpc.UnknownServiceHandler(unknown), // so that the token is asked for first
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
	}
	if s.cfg.TLS != nil {
		o = append(o, grpc.Creds(guard.Count(credentials.NewTLS(s.cfg.TLS), func() { s.cfg.Events.denied("handshake") })))
	}
	return o
}

func unknown(any, grpc.ServerStream) error {
	return status.Error(codes.Unimplemented, "there is no such method")
}

const (
	// connectionAge is longer than any run: an orderly end of a connection in
	// the middle of a measurement would look like a fault.
	connectionAge = 7 * 24 * time.Hour
	// streamWorkers serve calls without a new goroutine each; when all are
	// busy, one is started after all.
	streamWorkers = 8
)
