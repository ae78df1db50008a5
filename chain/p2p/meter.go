package p2p

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// meter counts the bytes of one connection.
type meter struct{ in, out atomic.Uint64 }

// meteredConn counts what passes through a connection.
type meteredConn struct {
	net.Conn
	meter *meter
	gone  func()
}

func (c *meteredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.meter.in.Add(uint64(n))
	return n, err
}

func (c *meteredConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.meter.out.Add(uint64(n))
	return n, err
}

func (c *meteredConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

// meters finds the meter of an accepted connection by its remote address.
type meters struct {
	mu  sync.Mutex
	all map[string]*meter
}

func (m *meters) listener(l net.Listener) net.Listener { return &meteredListener{l, m} }

// of returns the meter of a connection, or one that counts nothing.
func (m *meters) of(remote string) *meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if found := m.all[remote]; found != nil {
		return found
	}
	return &meter{}
}

type meteredListener struct {
	net.Listener
	meters *meters
}

func (l *meteredListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	remote, own := conn.RemoteAddr().String(), &meter{}
	m := l.meters
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[string]*meter{}
	}
	m.all[remote] = own
	return &meteredConn{conn, own, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.all[remote] == own {
			delete(m.all, remote)
		}
	}}, nil
}

// dialMetered returns a dialler of TCP connections that m counts.
func dialMetered(m *meter) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return &meteredConn{conn, m, func() {}}, nil
	}
}
