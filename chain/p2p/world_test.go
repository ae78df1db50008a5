package p2p

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// adapter is a chain.Node as a Host wants it.
type adapter struct{ *chain.Node }

func (a adapter) Tip() Tip {
	for {
		at, _ := a.Node.Tip()
		work := a.TipWork()
		if again, _ := a.Node.Tip(); again == at {
			return Tip{Height: at.Height, Hash: at.Hash, Work: work.Bytes32()}
		}
	}
}

func (a adapter) NextTip(ctx context.Context, after Tip) (Outline, error) {
	if _, err := a.Next(ctx, chain.Ref{Height: after.Height, Hash: after.Hash}); err != nil {
		return Outline{}, err
	}
	for {
		tip := a.Tip()
		_, header := a.Node.Tip()
		if tip.Height == 0 || header.Hash() != tip.Hash {
			continue
		}
		step, err := a.Next(ctx, chain.Ref{Height: tip.Height - 1, Hash: header.Prev})
		if err != nil {
			return Outline{}, err
		}
		if b := step.Block; b != nil && b.Hash == tip.Hash {
			return Outline{Tip: tip, Header: header, IDs: b.IDs}, nil
		}
	}
}

func (a adapter) Knows(hash ledger.Hash) bool { return a.Node.Knows(chain.Ref{Hash: hash}) }

func (a adapter) OpenBlock(hash ledger.Hash) (Body, error) {
	_, body, err := a.Node.OpenBlock(hash)
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (a adapter) CheckHeaders(ctx context.Context, headers []ledger.Header) (Branch, error) {
	b, err := a.Node.CheckHeaders(ctx, headers)
	return Branch{Tip: Tip{Height: b.Ref.Height, Hash: b.Ref.Hash, Work: b.Work.Bytes32()}, Better: b.Better}, err
}

func (a adapter) Check(ctx context.Context, b *ledger.Block) (Checked, error) {
	c, err := a.Node.Check(ctx, b)
	if c == nil {
		return nil, err
	}
	return c, err
}

func (a adapter) Accept(ctx context.Context, c Checked) error {
	return a.AcceptChecked(ctx, c.(*chain.Checked))
}

func (a adapter) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	a.Node.Submit(&ingest.Batch{Payloads: payloads, Done: func(b *ingest.Batch) { done(b.Answers, b.IDs) }})
}

// testNode is a node and its host under way.
type testNode struct {
	*chain.Node
	t    testing.TB
	host *Host
	stop func()
}

// options of a test node.
type options struct {
	chain func(*chain.Config)
	host  func(*Config)
	ev    Events
	mute  *atomic.Bool // while set, the host hears nothing of what the pool accepts
}

// nodeConfig is a node of the test network that makes blocks on demand.
func nodeConfig(dir string) chain.Config {
	c := chain.DefaultConfig()
	c.Data, c.MinFreeMB, c.HeapFloorMB = dir, 0, 0
	c.Miner.Threads, c.Miner.OnDemand = 1, true
	c.Ingest.Verifiers = 2
	c.State.CacheMB, c.State.FlushMB = 1, 1
	c.Network.Name, c.Network.Bits, c.Network.DevOutputs = "test", 0x207fffff, 256
	return c
}

func hostConfig(seeds ...string) Config {
	c := DefaultConfig()
	c.Seeds, c.BeatEvery, c.RetryFirst, c.RetryMost = seeds, 200*time.Millisecond, 20*time.Millisecond, 200*time.Millisecond
	c.SilentAfter, c.Fixed = 10*time.Second, true // the topology is the test's
	return c
}

func startNode(t testing.TB, o options, seeds ...string) *testNode {
	t.Helper()
	cc, hc := nodeConfig(t.TempDir()), hostConfig(seeds...)
	if o.chain != nil {
		o.chain(&cc)
	}
	if o.host != nil {
		o.host(&hc)
	}
	n := &testNode{t: t}
	a := &adapter{}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("P2P_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	host, err := New(hc, Node{Params: cc.Network.Params(), Chain: a, Headers: a, Blocks: a, Pool: a}, Options{Events: o.ev, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	n.host = host
	events := chain.Events{}
	events.Pool.Accepted = func(txs []ledger.Tx) {
		if o.mute == nil || !o.mute.Load() {
			host.Accepted(txs)
		}
	}
	if n.Node, err = chain.Open(cc, chain.Options{Events: events}); err != nil {
		t.Fatal(err)
	}
	a.Node = n.Node
	id, err := LoadID(cc.Data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var nodeErr, hostErr error
	all.Go(func() { nodeErr = n.Run(ctx) })
	all.Go(func() { hostErr = host.Run(ctx, id) })
	n.stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		if err := errors.Join(nodeErr, hostErr, n.Node.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

func (n *testNode) addr() string { return n.host.Addr().String() }

func (n *testNode) tip() chain.Ref {
	ref, _ := n.Node.Tip()
	return ref
}

func oneTip(nodes []*testNode) bool {
	return !slices.ContainsFunc(nodes, func(n *testNode) bool { return n.tip() != nodes[0].tip() })
}

// seal makes blocks.
func (n *testNode) seal(blocks int) {
	n.t.Helper()
	if _, err := n.Seal(context.Background(), blocks); err != nil {
		n.t.Fatal(err)
	}
}

// submit offers payloads and returns the answers.
func (n *testNode) submit(payloads [][]byte) []ledger.Reject {
	answers := make(chan []ledger.Reject, 1)
	n.Submit(&ingest.Batch{Payloads: payloads, Done: func(b *ingest.Batch) { answers <- b.Answers }})
	return <-answers
}

// mustSubmit requires that all are accepted.
func (n *testNode) mustSubmit(payloads [][]byte) {
	n.t.Helper()
	for i, a := range n.submit(payloads) {
		if a != ledger.RejectNone {
			n.t.Fatalf("transaction %d: %v", i, a)
		}
	}
}

// within waits for a condition, generously.
func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !soon(5*time.Minute, ok) {
		t.Fatalf("in vain: %s", what)
	}
}

// soon waits for a condition, and says whether it came.
func soon(most time.Duration, ok func() bool) bool {
	deadline := time.After(most)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

func connected(t testing.TB, n *testNode, peers int) {
	t.Helper()
	within(t, "peers", func() bool { return len(n.host.Peers()) == peers })
}

// converged waits until all nodes have the same tip, and compares their sets.
func converged(t testing.TB, nodes ...*testNode) {
	t.Helper()
	defer func() {
		for i, n := range nodes {
			if t.Failed() {
				t.Logf("node %d stands at %v with work %v", i, n.tip(), n.TipWork())
			}
		}
	}()
	within(t, "one tip", func() bool { return oneTip(nodes) })
	want, err := nodes[0].Digest(context.Background())
	for _, n := range nodes[1:] {
		got, e := n.Digest(context.Background())
		if err != nil || e != nil || got != want {
			t.Fatalf("digests differ: %+v (%v), %+v (%v)", want, err, got, e)
		}
	}
}

// decided is converged where branches may have equal work, of which each node
// keeps its own: the first node makes blocks until one branch is heavier.
func decided(t testing.TB, nodes ...*testNode) {
	t.Helper()
	for range 30 {
		nodes[0].seal(1)
		if soon(time.Second, func() bool { return oneTip(nodes) }) {
			break
		}
	}
	converged(t, nodes...)
}

// pooled waits until every node has so many transactions in its pool.
func pooled(t testing.TB, txs int, nodes ...*testNode) {
	t.Helper()
	within(t, "pools", func() bool {
		for _, n := range nodes {
			if n.Stats().Pool.Txs != txs {
				return false
			}
		}
		return true
	})
}

// wallet makes chains of spends from outputs of the genesis.
type wallet struct {
	first  int // of its keys
	params *ledger.Params
	at     map[int]ledger.OutPoint
	value  map[int]uint64
}

func newWallet(p *ledger.Params) *wallet {
	return &wallet{params: p, at: map[int]ledger.OutPoint{}, value: map[int]uint64{}}
}

// newWalletFrom returns a wallet over the keys from first on.
func newWalletFrom(p *ledger.Params, first int) *wallet {
	w := newWallet(p)
	w.first = first
	return w
}

// pay spends the newest output of a key to the same key.
func (w *wallet) pay(key int) []byte {
	key += w.first
	p := w.params
	signer := ledger.DevKey(p.DevSeed, p.DevScheme, uint32(key))
	if _, ok := w.at[key]; !ok {
		w.at[key], w.value[key] = ledger.OutPoint{TxID: p.Genesis().Txs[0].ID(), Index: uint32(key)}, p.DevValue
	}
	w.value[key] -= 10
	raw := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{{Prev: w.at[key], Key: signer}},
		[]ledger.Output{{Value: w.value[key], Key: ledger.HashKey(p.DevScheme, signer.Public())}})
	tx, _, _ := ledger.ParseTx(raw, len(raw))
	w.at[key] = ledger.OutPoint{TxID: tx.ID()}
	return raw
}

// rounds makes n transactions of each of the keys, parents first.
func (w *wallet) rounds(n, keys int) (list [][]byte) {
	for range n {
		for k := range keys {
			list = append(list, w.pay(k))
		}
	}
	return list
}
