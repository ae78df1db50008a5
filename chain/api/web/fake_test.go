package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a block of the scripted node.
type made struct {
	server.Ref
	block ledger.Block
}

// node is a scripted node behind a real server: its blocks are real encodings,
// and it checks no rule.
type node struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the best chain changes
	best    []*made
	known   map[ledger.Hash]*made
	pooled  map[ledger.Hash]bool
	outputs []ledger.Change
	peers   []Peer
	submit  func(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash))
	params  *ledger.Params
}

func newNode() *node {
	n := &node{
		changed: make(chan struct{}), known: map[ledger.Hash]*made{}, pooled: map[ledger.Hash]bool{}, params: ledger.TestParams(),
		submit: func(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
			done(make([]ledger.Reject, len(payloads)), make([]ledger.Hash, len(payloads)))
		},
	}
	n.put(*n.params.Genesis())
	return n
}

// transfer is a signed transaction that spends output i of the genesis.
func (n *node) transfer(i uint32) []byte {
	key := ledger.DevKey(n.params.DevSeed, n.params.DevScheme, i)
	from := ledger.OutPoint{TxID: n.params.Genesis().Txs[0].ID(), Index: i}
	out := ledger.Output{Value: n.params.DevValue - 10, Key: ledger.HashKey(n.params.DevScheme, key.Public())}
	return ledger.AppendTransfer(nil, n.params.GenesisHash(), []ledger.Spend{{Prev: from, Key: key}}, []ledger.Output{out})
}

// extend puts a block with these transactions on the tip.
func (n *node) extend(raws ...[]byte) *made {
	n.mu.Lock()
	tip, nonce := n.best[len(n.best)-1], uint32(len(n.known))
	n.mu.Unlock()
	raws = append([][]byte{ledger.AppendCoinbase(nil, tip.Height+1, uint64(nonce), []ledger.Output{{Value: 1}})}, raws...)
	var b ledger.Block
	for _, raw := range raws {
		tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
		if err != nil {
			panic(err)
		}
		b.Txs = append(b.Txs, tx)
	}
	root, _ := ledger.MerkleRoot(b.IDs())
	b.Header = ledger.Header{Version: 1, Prev: tip.Hash, Merkle: root, Time: 100 * (tip.Height + 1), Bits: n.params.Bits, Nonce: nonce}
	return n.put(b)
}

func (n *node) put(b ledger.Block) *made {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := &made{block: b, Ref: server.Ref{Height: uint32(len(n.best)), Hash: b.Header.Hash()}}
	n.best, n.known[m.Hash] = append(n.best, m), m
	n.wake()
	return m
}

// back takes the last k blocks off the best chain; they stay known.
func (n *node) back(k int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.best = n.best[:len(n.best)-k]
	n.wake()
}

func (n *node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *node) pieces() server.Node {
	return server.Node{Submitter: n, Chain: n, Follower: n, Lookup: n, Set: n, Inspector: n}
}

func (n *node) Peers() []Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers
}

func (n *node) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	n.submit(payloads, done)
}

func (n *node) tip() *made {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.best[len(n.best)-1]
}

func (n *node) Tip() (server.Ref, ledger.Header) {
	t := n.tip()
	return t.Ref, t.block.Header
}

func (n *node) Headers(from uint32, count int) ([]ledger.Header, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []ledger.Header
	for i := int(from); i < len(n.best) && len(list) < count; i++ {
		list = append(list, n.best[i].block.Header)
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

func (n *node) OpenBlock(_ context.Context, hash ledger.Hash) (uint32, server.Body, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.known[hash]
	if m == nil {
		return 0, nil, server.ErrNotFound
	}
	return m.Height, body{strings.NewReader(string(m.block.Append(nil)))}, nil
}

func (n *node) Knows(at server.Ref) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return at == server.Ref{} || n.known[at.Hash] != nil
}

func (n *node) Next(ctx context.Context, at server.Ref) (server.Step, error) {
	for {
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
	for !at.Hash.IsZero() && (int(at.Height) >= len(n.best) || n.best[at.Height].Hash != at.Hash) {
		step.Revert = append(step.Revert, at)
		at = n.known[n.known[at.Hash].block.Header.Prev].Ref
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
		m := n.best[next]
		step.Block = &server.Committed{Ref: m.Ref, Header: m.block.Header, IDs: m.block.IDs(), Bytes: uint64(m.block.Size()), Seal: 7, Hashes: 3}
	}
	return step, n.changed
}

func (n *node) find(id ledger.Hash) (*made, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.best {
		for i := range m.block.Txs {
			if m.block.Txs[i].ID() == id {
				return m, i
			}
		}
	}
	return nil, 0
}

func (n *node) Transaction(_ context.Context, id ledger.Hash) (server.Found, error) {
	if n.pooled[id] {
		return server.Found{Place: server.PlacePooled}, nil
	}
	m, i := n.find(id)
	if m == nil {
		return server.Found{}, server.ErrNotFound
	}
	return server.Found{Place: server.PlaceBlock, Block: m.Ref, Index: i, Payload: m.block.Txs[i].Bytes()}, nil
}

func (n *node) Locate(ids []ledger.Hash) ([]server.Place, error) {
	return make([]server.Place, len(ids)), nil
}

func (n *node) Proof(_ context.Context, id ledger.Hash) (server.Proof, error) {
	m, i := n.find(id)
	if m == nil {
		return server.Proof{}, server.ErrNotFound
	}
	return server.Proof{Block: m.Ref, Header: m.block.Header, Path: ledger.MerkleProof(m.block.IDs(), i)}, nil
}

func (n *node) OutputsOf(_ ledger.KeyHash, limit int) ([]ledger.Change, error) {
	if n.outputs == nil {
		return nil, server.ErrNoIndex
	}
	return n.outputs[:min(limit, len(n.outputs))], nil
}

func (n *node) Digest(context.Context) (server.SetDigest, error) { return server.SetDigest{}, nil }

func (n *node) Info() server.Info {
	return server.Info{Client: "scripted/1", Name: "a", Params: n.params, AckMeans: server.AckPooled, Settings: map[string]string{"sync": "none"}}
}

func (n *node) Stats() server.Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return server.Stats{PoolTxs: len(n.pooled), Rejected: map[string]uint64{"fee": 2}, Threads: []server.Thread{{Hashes: 5, Busy: 6}}}
}

// site is a server under test.
type site struct {
	*Server
	node *node
	url  string
	grpc string
}

// serve runs both servers for the test's duration.
func serve(t testing.TB, n *node, change func(*Config, *server.Config)) *site {
	t.Helper()
	sc, wc := server.DefaultConfig(), DefaultConfig()
	sc.Listen, wc.Listen = "127.0.0.1:0", "127.0.0.1:0"
	if change != nil {
		change(&wc, &sc)
	}
	chain, err := server.New(sc, n.pieces())
	if err != nil {
		t.Fatal(err)
	}
	var peers Peers
	if n.peers != nil {
		peers = n
	}
	w, err := New(wc, chain, peers, Events{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{chain.Run, w.Run} {
		all.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		all.Wait()
	})
	return &site{Server: w, node: n, url: "http://" + w.Addr().String(), grpc: chain.Addr().String()}
}

// ask makes a request and returns status and body.
func (s *site) ask(t testing.TB, method, path, contentType, body string, header ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, b
}

// get reads an answer of one shape.
func get[T any](t testing.TB, s *site, path string) (v T) {
	t.Helper()
	code, b := s.ask(t, http.MethodGet, path, "", "")
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, code, b)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v: %s", path, err, b)
	}
	return v
}
