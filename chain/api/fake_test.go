package api_test

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// node is a scripted node: it checks no rule, and its blocks hold made-up IDs.
type node struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the best chain changes
	best    []*server.Committed
	known   map[ledger.Hash]*server.Committed
	info    server.Info
	stats   server.Stats
	set     server.SetDigest
	outputs []ledger.Change
	submit  func(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash))
	places  []server.Place
	found   map[ledger.Hash]server.Found
	proofs  map[ledger.Hash]server.Proof
	bodies  map[ledger.Hash][]byte
}

func newNode() *node {
	n := &node{
		changed: make(chan struct{}),
		known:   map[ledger.Hash]*server.Committed{},
		found:   map[ledger.Hash]server.Found{},
		proofs:  map[ledger.Hash]server.Proof{},
		bodies:  map[ledger.Hash][]byte{},
		info:    server.Info{Client: "fake/1", Name: "a", Params: ledger.TestParams(), AckMeans: server.AckPooled},
		submit:  acceptAll,
	}
	n.extend(1)
	return n
}

func acceptAll(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	done(make([]ledger.Reject, len(payloads)), nil)
}

func (n *node) server() server.Node {
	return server.Node{Submitter: n, Chain: n, Follower: n, Lookup: n, Set: setOf{n}, Inspector: n}
}

// extend puts a block with txs made-up transactions on the tip.
func (n *node) extend(txs int) *server.Committed {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := &server.Committed{IDs: make([]ledger.Hash, txs), Bytes: uint64(txs) * 100}
	b.Header.Nonce = uint32(len(n.known))
	if len(n.best) > 0 {
		tip := n.best[len(n.best)-1]
		b.Height, b.Header.Prev = tip.Height+1, tip.Hash
	}
	b.Hash = b.Header.Hash()
	for i := range b.IDs {
		copy(b.IDs[i][:], b.Hash[:8])
		binary.LittleEndian.PutUint32(b.IDs[i][8:], uint32(i))
	}
	n.best, n.known[b.Hash] = append(n.best, b), b
	n.wake()
	return b
}

// back takes the last k blocks off the best chain; they stay known.
func (n *node) back(k int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.best = n.best[:len(n.best)-k]
	n.wake()
}

// forget takes the last k blocks off as if they had never been, which is what
// a restart does; the caller cuts the connections.
func (n *node) forget(k int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.best[len(n.best)-k:] {
		delete(n.known, b.Hash)
	}
	n.best = n.best[:len(n.best)-k]
}

func (n *node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *node) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	n.submit(payloads, done)
}

func (n *node) tip() *server.Committed {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.best[len(n.best)-1]
}

func (n *node) Tip() (server.Ref, ledger.Header) {
	b := n.tip()
	return b.Ref, b.Header
}

func (n *node) Headers(from uint32, count int) ([]ledger.Header, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []ledger.Header
	for i := int(from); i < len(n.best) && len(list) < count; i++ {
		list = append(list, n.best[i].Header)
	}
	return list, nil
}

func (n *node) BlockAt(height uint32) (ledger.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if int(height) >= len(n.best) {
		return ledger.Hash{}, server.ErrNotFound
	}
	return n.best[height].Hash, nil
}

type body struct{ *strings.Reader }

func (body) Close() error { return nil }

var _ io.ReadCloser = body{}

func (n *node) OpenBlock(_ context.Context, hash ledger.Hash) (uint32, server.Body, error) {
	b, ok := n.bodies[hash]
	if !ok {
		return 0, nil, server.ErrNotFound
	}
	return 7, body{strings.NewReader(string(b))}, nil
}

func (n *node) Knows(at server.Ref) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return at == server.Ref{} || n.known[at.Hash] != nil
}

func (n *node) Next(ctx context.Context, at server.Ref) (server.Step, error) {
	for {
		if !n.Knows(at) {
			return server.Step{}, server.ErrNotFound
		}
		step, changed := n.after(at)
		if step.Block != nil || step.Revert != nil {
			return step, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return server.Step{}, ctx.Err()
		}
	}
}

func (n *node) after(at server.Ref) (server.Step, chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var step server.Step
	for at.Hash != (ledger.Hash{}) && (int(at.Height) >= len(n.best) || n.best[at.Height].Hash != at.Hash) {
		step.Revert = append(step.Revert, at)
		at = n.known[n.known[at.Hash].Header.Prev].Ref
		step.Parent = at
	}
	if step.Revert != nil {
		return step, nil
	}
	next := int(at.Height) + 1
	if at.Hash.IsZero() {
		next = 0
	}
	if next < len(n.best) {
		step.Block = n.best[next]
	}
	return step, n.changed
}

func (n *node) Transaction(_ context.Context, id ledger.Hash) (server.Found, error) {
	f, ok := n.found[id]
	if !ok {
		return f, server.ErrNotFound
	}
	return f, nil
}

func (n *node) Locate(ids []ledger.Hash) ([]server.Place, error) { return n.places[:len(ids)], nil }

func (n *node) Proof(_ context.Context, id ledger.Hash) (server.Proof, error) {
	p, ok := n.proofs[id]
	if !ok {
		return p, server.ErrNotFound
	}
	return p, nil
}

func (n *node) Info() server.Info   { return n.info }
func (n *node) Stats() server.Stats { return n.stats }

type setOf struct{ *node }

func (n setOf) OutputsOf(_ ledger.KeyHash, limit int) ([]ledger.Change, error) {
	if n.outputs == nil {
		return nil, server.ErrNoIndex
	}
	return n.outputs[:min(limit, len(n.outputs))], nil
}

func (n setOf) Digest(context.Context) (server.SetDigest, error) { return n.set, nil }

// testConfig is the defaults on a free port.
func testConfig() server.Config {
	cfg := server.DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	return cfg
}

// serve runs a server for the test's duration and returns its address and what
// stops it early, which waits for Run to return.
func serve(t testing.TB, cfg server.Config, n server.Node) (addr string, stop func()) {
	t.Helper()
	s, err := server.New(cfg, n)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return s.Addr().String(), stop
}

func dial(t testing.TB, addr string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connect serves a node and dials it.
func connect(t testing.TB, n *node) *client.Client {
	t.Helper()
	addr, _ := serve(t, testConfig(), n.server())
	return dial(t, addr, client.Options{})
}
