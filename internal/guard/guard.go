// Package guard closes the connections of callers that cost a gRPC server more
// than they are good for: those that open calls and reset them at once
// (CVE-2023-44487), that are refused time and again, or that send what cannot
// be used.
//
// Every call counts against its connection when it is opened, and is taken off
// again when it has ended in order, so that the score of an honest connection
// is the number of its calls under way at most, whatever its rate. What is
// left is forgiven with time. A score that grows past its bound ends the
// connection and all its calls.
//
// An address whose connections were good for nothing, time and again, waits
// before the next is listened to: whoever comes back at once after he was cut
// off would cost as much as if nobody had.
package guard

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// Config says how much is too much.
type Config struct {
	Most int // score past which a connection is closed; more than the calls it may have at once
	PerS int // of the score, forgiven each second
}

// Guard watches the connections of one listener.
type Guard struct {
	cfg       Config
	closed    func()
	penalties penalties
}

// New returns a guard that calls closed, which must not block, for each
// connection that it closes.
func New(cfg Config, closed func()) *Guard { return &Guard{cfg: cfg, closed: closed} }

// Listener wraps l. The connections that it accepts are watched once their
// server has Opened as grpc.InTapHandle.
func (g *Guard) Listener(l net.Listener) net.Listener { return listener{l, g} }

type listener struct {
	net.Listener
	guard *Guard
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := l.guard
	return &Conn{Conn: c, guard: g, wait: g.penalties.wait(c.RemoteAddr(), time.Now()), gone: make(chan struct{})}, nil
}

// Conn is a watched connection. The zero value, which stands for none, can Hold
// and Release alone.
type Conn struct {
	net.Conn
	guard *Guard

	mu    sync.Mutex
	score float64
	at    time.Time // of the score
	ended bool

	held   atomic.Int64
	useful atomic.Bool // it was good for something

	wait    time.Duration // before anything is read; 0: none. Of the one goroutine that reads
	gone    chan struct{} // closed by Close
	closing sync.Once
}

// Read reads, the first time after what the address has to wait.
func (c *Conn) Read(b []byte) (int, error) {
	if c.wait > 0 {
		select {
		case <-time.After(c.wait):
		case <-c.gone:
		}
		c.wait = 0
	}
	return c.Conn.Read(b)
}

// Close closes the connection, once.
func (c *Conn) Close() (err error) {
	c.closing.Do(func() {
		close(c.gone)
		if err = c.Conn.Close(); !c.useful.Load() {
			c.guard.penalties.add(c.Conn.RemoteAddr(), time.Now())
		}
	})
	return err
}

// remote finds its connection again from gRPC's description of a caller.
type remote struct {
	net.Addr
	conn *Conn
}

// RemoteAddr is the caller's address.
func (c *Conn) RemoteAddr() net.Addr { return remote{c.Conn.RemoteAddr(), c} }

// Of returns the connection that a call came by; nil, which may be used, for
// one that is not watched.
func Of(ctx context.Context) *Conn {
	if p, ok := peer.FromContext(ctx); ok {
		if r, ok := p.Addr.(remote); ok {
			return r.conn
		}
	}
	return nil
}

var errEnded = status.Error(codes.ResourceExhausted, "too many calls of this connection came to nothing")

// Opened is a tap.ServerInHandle, which gRPC calls for each new call before
// anything is done for it.
func (g *Guard) Opened(ctx context.Context, _ *tap.Info) (context.Context, error) {
	if Of(ctx).add(1) {
		return ctx, nil
	}
	return ctx, errEnded
}

// Served says that a call has ended in order.
func (c *Conn) Served() {
	if c != nil {
		c.useful.Store(true)
		c.add(-1)
	}
}

// Useful says that a call which goes on was good for something: that of a
// stream, which may be reset at its end and is welcome all the same.
func (c *Conn) Useful() {
	if c != nil {
		c.useful.Store(true)
	}
}

// futile are the answers to calls that no honest caller makes often.
var futile = map[codes.Code]bool{
	codes.InvalidArgument: true, codes.Unauthenticated: true, codes.PermissionDenied: true, codes.Unimplemented: true, codes.ResourceExhausted: true,
}

// Settle says that a call has ended with err, which has one of gRPC's codes:
// in order, unless it was reset or came to nothing. ctx is what gRPC handed in.
func Settle(ctx context.Context, err error) {
	code := status.Code(err)
	reset := ctx.Err() != nil && code != codes.DeadlineExceeded // the context of a call outlives its handler
	if !reset && !futile[code] {
		Of(ctx).Served()
	}
}

// Count returns credentials that call denied, which must not block, for each
// handshake that fails.
func Count(creds credentials.TransportCredentials, denied func()) credentials.TransportCredentials {
	return counted{creds, denied}
}

type counted struct {
	credentials.TransportCredentials
	denied func()
}

func (c counted) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		c.denied()
	}
	return secured, info, err
}

func (c counted) Clone() credentials.TransportCredentials {
	return counted{c.TransportCredentials.Clone(), c.denied}
}

// Blame adds to the score for what was sent.
func (c *Conn) Blame(n int) { c.add(n) }

// add says whether the connection may go on.
func (c *Conn) add(n int) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 { // time is worth its price only here: the score falls by itself meanwhile
		now := time.Now()
		if !c.at.IsZero() {
			c.score -= now.Sub(c.at).Seconds() * float64(c.guard.cfg.PerS)
		}
		c.at = now
	}
	c.score = max(c.score, 0) + float64(n)
	if c.score > float64(c.guard.cfg.Most) && !c.ended {
		c.ended = true
		c.useful.Store(false) // whatever it was good for before
		_ = c.Close()         // its reader sees it, and ends what is under way
		c.guard.closed()
	}
	return !c.ended
}

// Hold counts n of something in, of which the connection may hold so many at
// once, and says whether there is room. Whoever holds nothing may hold any n.
func (c *Conn) Hold(n, most int64) bool {
	if c == nil {
		return true
	}
	if held := c.held.Add(n); held > most && held != n {
		c.held.Add(-n)
		return false
	}
	return true
}

// Release takes off what Hold has counted in.
func (c *Conn) Release(n int64) {
	if c != nil {
		c.held.Add(-n)
	}
}
