package p2p

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// retries says which calls are made again when the other end could not be
// reached or is busy: all but Connect, which has a loop of its own. A stream is
// only tried again before its first message.
const retries = `{"methodConfig":[{
	"name":[
		{"service":"chaindyno.chain.v1.NodeService","method":"Heartbeat"},
		{"service":"chaindyno.chain.v1.NodeService","method":"FindNode"},
		{"service":"chaindyno.chain.v1.NodeService","method":"SyncData"}],
	"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.05s","maxBackoff":"0.5s","backoffMultiplier":2,
		"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// link is a connection to a node's server. It is dialled when it is first used.
type link struct {
	host  *Host
	addr  string
	meter meter

	mu     sync.Mutex
	conn   *grpc.ClientConn
	closed bool
}

var errClosed = errors.New("the link is closed")

// client returns the node's service.
func (l *link) client() (chainpb.NodeServiceClient, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if l.conn == nil {
		conn, err := l.host.newConn(l.addr, &l.meter)
		if err != nil {
			return nil, err
		}
		l.conn = conn
	}
	return chainpb.NewNodeServiceClient(l.conn), nil
}

// up says whether a call would find the connection made.
func (l *link) up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil && l.conn.GetState() == connectivity.Ready
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

func (h *Host) newConn(addr string, m *meter) (*grpc.ClientConn, error) {
	if addr == "" {
		return nil, errors.New("the peer advertises no address")
	}
	if h.cfg.ClientTLS == nil && !h.cfg.AllowPlaintext && !tlsx.Loopback(addr) {
		return nil, fmt.Errorf("%q is not a loopback address: set up TLS, or permit plaintext explicitly", addr)
	}
	creds := insecure.NewCredentials()
	if h.cfg.ClientTLS != nil {
		creds = credentials.NewTLS(h.cfg.ClientTLS)
	}
	return grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(dialMetered(m)),
		grpc.WithDefaultServiceConfig(retries),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MessageBytes), grpc.MaxCallSendMsgSize(MessageBytes)),
		grpc.WithMaxHeaderListSize(headerBytes),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithReadBufferSize(socketBuffer),
		grpc.WithWriteBufferSize(socketBuffer),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: h.cfg.RetryMost},
			MinConnectTimeout: h.cfg.CallTimeout,
		}))
}

// Keep keeps a stream to the node at addr until Leave or the host ends: it
// dials, and dials again with growing, jittered waits when the stream ends. An
// address at which the node finds itself is given up.
func (h *Host) Keep(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept[addr] != nil || h.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(h.ctx)
	h.kept[addr] = cancel
	h.all.Go(func() { h.keep(ctx, addr) })
}

// Leave ends what Keep began. A stream that the other node has dialled stays.
func (h *Host) Leave(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if end := h.kept[addr]; end != nil {
		end()
		delete(h.kept, addr)
	}
}

func (h *Host) keep(ctx context.Context, addr string) {
	wait := h.cfg.RetryFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := h.Dial(ctx, addr)
		var r refusal
		switch {
		case errors.As(err, &r) && r == refusedSelf:
			h.log.Info("an address is the node's own", "addr", addr)
			return
		case errors.As(err, &r) && r == refusedTwice:
			h.whileConnected(ctx, addr)
			wait = h.cfg.RetryFirst
		case time.Since(began) > h.cfg.CallTimeout+h.cfg.RetryMost:
			wait = h.cfg.RetryFirst // it was a stream: a vain attempt takes CallTimeout at most
		}
		h.log.Debug("stream ended", "addr", addr, "cause", err, "wait", wait)
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
		}
		wait = min(2*wait, h.cfg.RetryMost)
	}
}

// whileConnected waits until there is no peer at the address.
func (h *Host) whileConnected(ctx context.Context, addr string) {
	for {
		h.mu.Lock()
		id, known := h.aliases[addr]
		there, changed := h.peers[id] != nil, h.changed
		h.mu.Unlock()
		if !known || !there {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Dial opens a stream to the node at addr and serves it until it ends, which
// the error explains: a refusal where the handshake failed.
func (h *Host) Dial(ctx context.Context, addr string) error {
	h.whileConnected(ctx, addr)
	l := &link{host: h, addr: addr}
	defer l.close()
	rpc, err := l.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(h.cfg.CallTimeout, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	stream, err := rpc.Connect(ctx)
	if err != nil {
		return err
	}
	p, who, err := h.introduce(stream, addr)
	h.learn(addr, who)
	if err != nil {
		return err
	}
	late.Stop()
	p.outbound, p.stream, p.link, p.meter = true, stream, l, &l.meter
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	defer p.cancel(nil)
	unhook := context.AfterFunc(stream.Context(), func() { p.cancel(context.Cause(stream.Context())) })
	defer unhook()
	if err := h.register(p); err != nil {
		return err
	}
	return h.talk(p)
}

// learn notes who has answered at an address.
func (h *Host) learn(addr string, who ID) {
	if who == (ID{}) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.aliases) >= 4096 {
		clear(h.aliases)
	}
	h.aliases[addr] = who
}
