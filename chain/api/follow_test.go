package api_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// mirror keeps the chain that the events of a follower add up to.
type mirror struct {
	mu      sync.Mutex
	chain   []client.Ref
	reverts int
	changed chan struct{}
	err     error
}

func newMirror() *mirror { return &mirror{changed: make(chan struct{}, 1)} }

func (m *mirror) take(e client.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range e.Revert {
		m.reverts++
		if n := len(m.chain); n == 0 || m.chain[n-1] != r {
			m.err = errors.New("a revert of what is not the tip")
			return m.err
		}
		m.chain = m.chain[:len(m.chain)-1]
	}
	if e.Block != nil {
		m.chain = append(m.chain, e.Block.Ref)
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// until waits for the mirror to hold exactly the node's best chain.
func (m *mirror) until(t interface {
	Fatalf(string, ...any)
}, n *node) {
	for {
		m.mu.Lock()
		got, err := slices.Clone(m.chain), m.err
		m.mu.Unlock()
		n.mu.Lock()
		same := slices.EqualFunc(got, n.best, func(a client.Ref, b *server.Committed) bool { return a == client.Ref(b.Ref) })
		n.mu.Unlock()
		if same {
			return
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		select {
		case <-m.changed:
		case <-time.After(2 * time.Minute):
			t.Fatalf("the follower stands at %d blocks, the node at %d", len(got), len(n.best))
		}
	}
}

// follow runs Follow for the test's duration.
func follow(t testing.TB, c *client.Client, from client.Ref, fn func(client.Event) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Follow(ctx, from, fn) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
	})
}

// TestFollowBlock sends one block with everything in it, in three parts.
func TestFollowBlock(t *testing.T) {
	n := newNode()
	b := n.extend(130_001)
	b.Durable, b.Interval, b.Seal, b.Hashes, b.Missing = true, 4, 5, 6, 7
	b.Stages = []server.Stage{{Name: "node_verify", V2: []byte("one")}, {Name: "node_store", V2: []byte("two")}}
	got := make(chan *client.Block, 1)
	follow(t, connect(t, n), client.Ref(n.best[0].Ref), func(e client.Event) error { got <- e.Block; return nil })
	first := <-got
	if !slices.Equal(first.IDs, b.IDs) {
		t.Error("the IDs came across changed")
	}
	first.IDs = nil
	want := &client.Block{
		Ref: client.Ref(b.Ref), Header: b.Header, Bytes: b.Bytes, Durable: true,
		Interval: 4, Seal: 5, Hashes: 6, Missing: 7,
		Stages: []client.Stage{{Name: "node_verify", V2: []byte("one")}, {Name: "node_store", V2: []byte("two")}},
	}
	if d := cmp.Diff(want, first); d != "" {
		t.Error(d)
	}
	empty := n.extend(0)
	if d := cmp.Diff(&client.Block{Ref: client.Ref(empty.Ref), Header: empty.Header}, <-got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestFollowReorganisation(t *testing.T) {
	n, m := newNode(), newMirror()
	for range 5 {
		n.extend(2)
	}
	follow(t, connect(t, n), client.Ref{}, m.take)
	m.until(t, n)
	n.back(3)
	for range 4 {
		n.extend(1)
	}
	m.until(t, n)
	if m.reverts != 3 {
		t.Errorf("%d blocks were reverted, want 3", m.reverts)
	}
}

// TestFollowRevertsBelowStart goes back further than the follower's first
// block, and on over a new connection.
func TestFollowRevertsBelowStart(t *testing.T) {
	n := newNode()
	for range 5 {
		n.extend(1)
	}
	cut := newCutter(t, n)
	from := n.tip().Ref
	events := make(chan client.Event, 10)
	follow(t, dial(t, cut.addr, client.Options{}), client.Ref(from), func(e client.Event) error { events <- e; return nil })
	n.extend(1)
	<-events
	n.back(4)
	if e := <-events; len(e.Revert) != 4 || e.Revert[1] != client.Ref(from) {
		t.Fatalf("reverts %v", e.Revert)
	}
	cut.all()
	n.extend(3)
	if e := <-events; e.Block == nil || e.Block.Height != 3 {
		t.Errorf("after the reconnect came %+v, want block 3 of the new branch", e)
	}
}

// TestFollowLostBlocks kills a node that had not synced what it announced.
func TestFollowLostBlocks(t *testing.T) {
	n, m := newNode(), newMirror()
	for range 4 {
		n.extend(1)
	}
	cut := newCutter(t, n)
	follow(t, dial(t, cut.addr, client.Options{}), client.Ref{}, m.take)
	m.until(t, n)
	n.forget(2)
	cut.all()
	m.until(t, n)
	n.extend(3)
	m.until(t, n)
	if m.reverts != 2 {
		t.Errorf("%d blocks were reverted, want the 2 lost ones", m.reverts)
	}
}

// TestFollowLostStart loses the very block that the follower began with.
func TestFollowLostStart(t *testing.T) {
	n := newNode()
	for range 4 {
		n.extend(1)
	}
	cut := newCutter(t, n)
	events := make(chan client.Event, 10)
	from := n.tip().Ref
	follow(t, dial(t, cut.addr, client.Options{}), client.Ref(from), func(e client.Event) error { events <- e; return nil })
	n.extend(1)
	<-events
	n.forget(2)
	cut.all()
	if e := <-events; len(e.Revert) != 2 || e.Revert[1] != client.Ref(from) {
		t.Fatalf("reverts %v", e.Revert)
	}
}

func TestFollowUnknown(t *testing.T) {
	c := connect(t, newNode())
	err := c.Follow(t.Context(), client.Ref{Height: 3, Hash: ledger.Hash{1}}, func(client.Event) error { return nil })
	if !errors.Is(err, client.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestFollowCallbackError(t *testing.T) {
	// Even one that looks like a fault that Follow would retry.
	c := connect(t, newNode())
	err := c.Follow(t.Context(), client.Ref{}, func(client.Event) error { return client.ErrUnreachable })
	if err != client.ErrUnreachable {
		t.Errorf("got %v", err)
	}
}

// TestFollowersBound refuses one follower too many, and takes one again when
// another has gone.
func TestFollowersBound(t *testing.T) {
	cfg := testConfig()
	cfg.MaxFollowers = 1
	addr, _ := serve(t, cfg, newNode().server())
	c := dial(t, addr, client.Options{})
	stop := errors.New("enough")
	err := c.Follow(t.Context(), client.Ref{}, func(client.Event) error {
		err := c.Follow(t.Context(), client.Ref{}, func(client.Event) error { return nil })
		if !errors.Is(err, client.ErrRefused) {
			t.Errorf("the second follower: %v", err)
		}
		return stop
	})
	if err != stop {
		t.Fatal(err)
	}
}

// TestSlowFollower does not read while another one follows, with more in the
// blocks than any buffer holds.
func TestSlowFollower(t *testing.T) {
	n, m := newNode(), newMirror()
	c := connect(t, n)
	stuck, release := make(chan struct{}), make(chan struct{})
	slow := newMirror()
	follow(t, dial(t, c.Target(), client.Options{}), client.Ref{}, func(e client.Event) error {
		if e.Block.Height == 0 {
			close(stuck)
			<-release
		}
		return slow.take(e)
	})
	<-stuck
	follow(t, c, client.Ref{}, m.take)
	for range 20 {
		n.extend(100_000) // 3.2 MB each
		m.until(t, n)
	}
	close(release)
	slow.until(t, n)
}

// TestFollowModel does random things to a node and to the connection, and
// wants the follower to end where the node is.
func TestFollowModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, m := newNode(), newMirror()
		cut := newCutter(t, n)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		c := dial(t, cut.addr, client.Options{})
		go func() { done <- c.Follow(ctx, client.Ref{}, m.take) }()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1:
				n.extend(rapid.SampledFrom([]int{0, 1, 60_000, 60_001}).Draw(rt, "txs"))
			case 2:
				if len(n.best) > 1 {
					n.back(rapid.IntRange(1, len(n.best)-1).Draw(rt, "back"))
				}
			case 3:
				cut.all()
			case 4:
				m.until(rt, n)
			}
		}
		m.until(rt, n)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			rt.Fatalf("Follow: %v", err)
		}
		c.Close()
		cut.close()
	})
}

// cutter forwards connections to a server and cuts them.
type cutter struct {
	addr   string
	listen net.Listener
	mu     sync.Mutex
	conns  []net.Conn
	wg     sync.WaitGroup
	stop   func()
}

func newCutter(t testing.TB, n *node) *cutter {
	t.Helper()
	to, stop := serve(t, testConfig(), n.server())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: l.Addr().String(), listen: l, stop: stop}
	c.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				return
			}
			c.add(in, out)
		}
	})
	t.Cleanup(c.close)
	return c
}

func (c *cutter) add(in, out net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, in, out)
	pipe := func(dst, src net.Conn) {
		io.Copy(dst, src)
		dst.Close()
		src.Close()
	}
	c.wg.Go(func() { pipe(in, out) })
	c.wg.Go(func() { pipe(out, in) })
}

// all cuts every connection; new ones are forwarded again.
func (c *cutter) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func (c *cutter) close() {
	c.listen.Close()
	c.all()
	c.wg.Wait()
	c.stop()
}
