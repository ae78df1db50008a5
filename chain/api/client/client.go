package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Bounds in bytes. They fit the server's: see server.MessageBytes.
const (
	messageBytes = 2 << 20
	window       = 2 << 20
	socketBuffer = 64 << 10
	headerBytes  = 16 << 10
)

// Options of a connection. The zero value dials in plain text, which is
// permitted on loopback only.
type Options struct {
	TLS            *tls.Config
	Token          string        // presented with every call; "" = none
	AllowPlaintext bool          // permit a target off loopback without TLS
	Timeout        time.Duration // of one short call; 0 = 10 s
}

// Client is one connection to one node. Its methods may be called by many
// goroutines at once.
type Client struct {
	target  string
	rpc     chainpb.ChainClient
	timeout time.Duration
	plain   bool // it goes without TLS
	close   func() error
}

// Ref names a block. The zero Hash stands for "before genesis".
type Ref struct {
	Height uint32
	Hash   ledger.Hash
}

// Dial prepares a connection to host:port. It does no I/O: the first call
// tells whether the node can be reached.
func Dial(target string, o Options) (*Client, error) {
	if o.TLS == nil && !o.AllowPlaintext && !tlsx.Loopback(target) {
		return nil, fmt.Errorf("target %q is not a loopback address: set up TLS, or permit plaintext explicitly", target)
	}
	conn, err := grpc.NewClient(target, o.dial()...)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	c := &Client{target: target, rpc: chainpb.NewChainClient(conn), timeout: o.Timeout, plain: o.TLS == nil, close: sync.OnceValue(conn.Close)}
	if c.timeout == 0 {
		c.timeout = 10 * time.Second
	}
	return c, nil
}

func (o Options) dial() []grpc.DialOption {
	creds := insecure.NewCredentials()
	if o.TLS != nil {
		creds = credentials.NewTLS(o.TLS)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(), // a proxy on the way would be measured, too
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(), // a retry in silence would be a wrong latency
		grpc.WithMaxHeaderListSize(headerBytes),
		grpc.WithStaticStreamWindowSize(window),
		grpc.WithStaticConnWindowSize(2 * window),
		grpc.WithReadBufferSize(socketBuffer),
		grpc.WithWriteBufferSize(socketBuffer),
		grpc.WithIdleTimeout(0),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes), grpc.MaxCallSendMsgSize(messageBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 15 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	}
	if o.Token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{o.Token}))
	}
	return opts
}

// Target is what was dialled.
func (c *Client) Target() string { return c.target }

// Close ends every call under way. It may be called more than once.
func (c *Client) Close() error { return c.close() }

// short bounds a call that should be answered soon.
func (c *Client) short(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout)
}

// bearer presents the token. Dial has made sure that it does not travel in
// plain text further than loopback, unless that was asked for.
type bearer struct{ token string }

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return false }
