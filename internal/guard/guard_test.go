package guard

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// once is a listener that accepts one connection.
type once struct {
	net.Listener
	conn net.Conn
}

func (o once) Accept() (net.Conn, error) { return o.conn, nil }

// accept returns a connection that g watches, its other end, and the context
// of calls that come by it.
func accept(t *testing.T, g *Guard) (*Conn, net.Conn, context.Context) {
	t.Helper()
	near, far := net.Pipe()
	c, err := g.Listener(once{conn: near}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: c.RemoteAddr()})
	if Of(ctx) != c {
		t.Fatal("a call does not find its connection")
	}
	return Of(ctx), far, ctx
}

func TestHonestCallersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Most: 10, PerS: 1}, func() { t.Error("closed") })
		_, _, ctx := accept(t, g)
		for range 100_000 {
			if _, err := g.Opened(ctx, nil); err != nil {
				t.Fatal(err)
			}
			Of(ctx).Served()
		}
		// Each second one futile call is forgiven.
		for range 100 {
			if _, err := g.Opened(ctx, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestFutileCallersGo(t *testing.T) {
	closed := 0
	g := New(Config{Most: 10, PerS: 1}, func() { closed++ })
	c, far, ctx := accept(t, g)
	opened := 0
	for ; opened < 1000; opened++ {
		if _, err := g.Opened(ctx, nil); err != nil {
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("got %v", err)
			}
			break
		}
	}
	if opened < 10 || opened > 12 { // a second may have passed
		t.Errorf("%d futile calls were let through", opened)
	}
	c.Served()
	if _, err := g.Opened(ctx, nil); err == nil {
		t.Error("a connection that was ended goes on")
	}
	if _, err := far.Read(make([]byte, 1)); err == nil || closed != 1 {
		t.Errorf("closed %d times, read %v", closed, err)
	}
}

// Served calls earn nothing that could be spent on futile ones.
func TestNoCredit(t *testing.T) {
	g := New(Config{Most: 10, PerS: 1}, func() {})
	c, _, ctx := accept(t, g)
	for range 1000 {
		c.Served()
	}
	c.Blame(11)
	if _, err := g.Opened(ctx, nil); err == nil {
		t.Error("still there")
	}
}

func TestUnwatched(t *testing.T) {
	g := New(Config{Most: 1, PerS: 1}, func() { t.Error("closed") })
	for range 10 {
		if _, err := g.Opened(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	c := Of(t.Context())
	c.Blame(100)
	c.Served()
	if !c.Hold(100, 1) {
		t.Error("a caller without a connection is held to its bounds")
	}
	c.Release(100)
}

func TestHold(t *testing.T) {
	c, _, _ := accept(t, New(Config{Most: 1, PerS: 1}, func() {}))
	if !c.Hold(50, 10) {
		t.Error("the first one is refused")
	}
	if c.Hold(1, 10) {
		t.Error("over the bound")
	}
	c.Release(50)
	if !c.Hold(10, 10) || c.Hold(1, 10) {
		t.Error("not exactly the bound")
	}
	c.Release(10)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if c.Hold(3, 10) {
					c.Release(3)
				}
			}
		})
	}
	all.Wait()
	if c.held.Load() != 0 {
		t.Errorf("%d are left", c.held.Load())
	}
}
