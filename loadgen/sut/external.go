package sut

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// External is a system that is there already.
type External struct {
	// Addresses are host:port or URLs.
	Addresses []string
	// Timeout bounds the wait for each to be reachable; 0 = 3 s.
	Timeout time.Duration
}

// Up checks that every address accepts connections.
func (e *External) Up(ctx context.Context) ([]Node, error) {
	timeout := e.Timeout
	if timeout == 0 {
		timeout = 3 * time.Second
	}
	nodes := make([]Node, len(e.Addresses))
	for i, a := range e.Addresses {
		dialer := net.Dialer{Timeout: timeout}
		conn, err := dialer.DialContext(ctx, "tcp", hostPort(a))
		if err != nil {
			return nil, fmt.Errorf("target %s cannot be reached: %w", a, err)
		}
		_ = conn.Close()
		nodes[i] = Node{Name: a, Address: a}
	}
	return nodes, nil
}

// hostPort returns what to dial for an address or URL.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	if u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" || u.Scheme == "wss" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Reset returns ErrNotOurs.
func (*External) Reset(context.Context) error { return ErrNotOurs }

// Inject returns ErrNotOurs.
func (*External) Inject(context.Context, scenario.Fault) error { return ErrNotOurs }

// Down does nothing.
func (*External) Down(context.Context) error { return nil }
