package guard

import (
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// from is a connection of an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// come makes a connection from an address.
func come(t *testing.T, g *Guard, host string) (near *Conn, far net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	c, err := g.Listener(once{conn: from{a, &net.TCPAddr{IP: net.ParseIP(host), Port: 1}}}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return Of(peer.NewContext(t.Context(), &peer.Peer{Addr: c.RemoteAddr()})), b
}

// heard is how long a connection takes to hear of what was sent.
func heard(t *testing.T, c *Conn, far net.Conn) time.Duration {
	t.Helper()
	began := time.Now()
	go func() { _, _ = far.Write([]byte("x")) }()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// Whose connections are good for nothing waits, and is forgiven; others of the
// address go on with what they have, and other addresses notice nothing.
func TestFruitlessConnectionsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Most: 10, PerS: 1}, func() {})
		honest, honestFar := come(t, g, "192.0.2.1")
		for i := range 1000 {
			c, _ := come(t, g, "192.0.2.1")
			if i <= fruitlessFree && c.wait > 0 {
				t.Errorf("number %d waits for %v", i, c.wait)
			}
			c.Close()
		}
		c, far := come(t, g, "192.0.2.1")
		if got := heard(t, c, far); got != waitMost {
			t.Errorf("the next waits for %v", got)
		}
		if got := heard(t, c, far); got != 0 {
			t.Errorf("it waits for another %v", got)
		}
		if got := heard(t, honest, honestFar); got != 0 {
			t.Errorf("one that was there before waits for %v", got)
		}
		if other, _ := come(t, g, "192.0.2.2"); other.wait != 0 {
			t.Errorf("another address waits for %v", other.wait)
		}
		c, _ = come(t, g, "192.0.2.1")
		began, ended := time.Now(), make(chan error, 1)
		go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
		synctest.Wait()
		c.Close()
		if err := <-ended; err == nil || time.Since(began) > 0 {
			t.Errorf("one that was closed goes on for %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute)
		if c, _ = come(t, g, "192.0.2.1"); c.wait != 0 {
			t.Errorf("after a minute it waits for %v", c.wait)
		}
	})
}

// A connection that was good for something counts only if it had to be ended.
func TestUsefulConnectionsDoNotWait(t *testing.T) {
	g := New(Config{Most: 10, PerS: 1}, func() {})
	for range 100 {
		c, _ := come(t, g, "192.0.2.1")
		if c.wait > 0 {
			t.Fatalf("it waits for %v", c.wait)
		}
		Settle(peer.NewContext(t.Context(), &peer.Peer{Addr: c.RemoteAddr()}), status.Error(codes.NotFound, "no such block"))
		c.Close()
	}
	for range 100 {
		c, _ := come(t, g, "192.0.2.1")
		if c.wait > 0 {
			t.Fatalf("one with a stream waits for %v", c.wait)
		}
		c.Useful()
		c.Close()
	}
	for range 100 {
		c, _ := come(t, g, "192.0.2.1")
		c.Served()
		c.Blame(100)
		c.Close()
	}
	if c, _ := come(t, g, "192.0.2.1"); c.wait == 0 {
		t.Error("those that had to be ended do not count")
	}
}

// Addresses are remembered up to a bound.
func TestAddressesAreBounded(t *testing.T) {
	var p penalties
	for i := range 3 * addressesMost {
		p.add(&net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("2001:db8::%x", i)), Port: 1}, time.Now())
	}
	if len(p.hosts) != addressesMost {
		t.Errorf("%d addresses", len(p.hosts))
	}
}
