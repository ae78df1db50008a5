package p2p

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Three nodes in a line: transactions and blocks pass through the middle one.
func TestLine(t *testing.T) {
	a := startNode(t, options{})
	b := startNode(t, options{}, a.addr())
	c := startNode(t, options{}, b.addr())
	connected(t, b, 2)
	w := newWallet(a.Params())
	for round := range 5 {
		a.mustSubmit(w.rounds(2, 20))
		pooled(t, 40, a, b, c)
		[]*testNode{a, c, b}[round%3].seal(1)
		converged(t, a, b, c)
		pooled(t, 0, a, b, c)
	}
	if n := c.host.Counts(); n.Bodies != 200 || n.Duplicates != 0 {
		t.Errorf("the last node received %d bodies, %d of them again", n.Bodies, n.Duplicates)
	}
}

// A late joiner gets all blocks, and then the pool.
func TestLateJoiner(t *testing.T) {
	a := startNode(t, options{})
	w := newWallet(a.Params())
	for range 30 {
		a.mustSubmit(w.rounds(1, 50))
		a.seal(1)
	}
	a.mustSubmit(w.rounds(1, 50))
	b := startNode(t, options{}, a.addr())
	converged(t, a, b)
	pooled(t, 50, a, b)
	if got := b.host.Counts().BlocksSynced; got < 20 {
		t.Errorf("%d blocks were synced", got)
	}
}

// mesh starts nodes of which each dials all before it.
func mesh(t *testing.T, n int, o options) (nodes []*testNode) {
	t.Helper()
	var seeds []string
	for range n {
		nodes = append(nodes, startNode(t, o, seeds...))
		seeds = append(seeds, nodes[len(nodes)-1].addr())
	}
	for _, node := range nodes {
		connected(t, node, n-1)
	}
	return nodes
}

// Four nodes, transactions coming in at all of them, blocks made by two at the
// same time, so that the chain forks again and again, and one that joins late.
// In short mode the load is a fifth.
func TestConvergeUnderLoad(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 6
	}
	nodes := mesh(t, 4, options{})
	ctx, cancel := context.WithCancel(t.Context())
	var miners sync.WaitGroup
	for _, n := range nodes[:2] {
		miners.Go(func() {
			for ctx.Err() == nil {
				if _, err := n.Seal(ctx, 1); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				select {
				case <-time.After(30 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	var senders sync.WaitGroup
	for i, n := range nodes {
		senders.Go(func() {
			w := newWallet(n.Params())
			for range rounds {
				for k := range 32 {
					raw := w.pay(i*64 + k)
					for answer := ledger.RejectBusy; answer != ledger.RejectNone; {
						if answer = n.submit([][]byte{raw})[0]; answer != ledger.RejectNone && answer != ledger.RejectBusy && answer != ledger.RejectDepth {
							t.Errorf("node %d: %v; its pool dropped (conflict, expired, evicted) %v", i, answer, n.Stats().Pool.Dropped)
							return
						}
					}
				}
			}
		})
	}
	late := startNode(t, options{}, nodes[3].addr())
	senders.Wait()
	nodes = append(nodes, late)
	c := confirmed{}
	within(t, "every transaction in a block", func() bool { return c.by(t, late) == 4*rounds*32 })
	cancel()
	miners.Wait()
	decided(t, nodes...)
}

// confirmed remembers of each block that was read how many transfers the chain
// has up to there.
type confirmed map[ledger.Hash]int

// by counts the transfers of a node's best chain.
func (c confirmed) by(t *testing.T, n *testNode) (txs int) {
	t.Helper()
	type block struct {
		hash ledger.Hash
		txs  int
	}
	var fresh []block
	tip, _ := n.Node.Tip()
	for hash := tip.Hash; hash != n.Params().GenesisHash(); {
		if sum, ok := c[hash]; ok {
			txs = sum
			break
		}
		whole, err := n.host.blocks.whole(hash)
		if err != nil {
			t.Fatal(err)
		}
		fresh = append(fresh, block{hash, len(whole.Txs) - 1})
		hash = whole.Header.Prev
	}
	for _, b := range slices.Backward(fresh) {
		txs += b.txs
		c[b.hash] = txs
	}
	return txs
}

// The heavier branch wins when a partition heals, over several segments of
// headers, and what only the other had is in the pool again.
func TestPartitionHeals(t *testing.T) {
	o := options{host: func(c *Config) { c.Segment = 10 }}
	a := startNode(t, o)
	between := newProxy(t, a.addr())
	b := startNode(t, o, between.addr())
	connected(t, a, 1)
	w := newWallet(a.Params())
	a.mustSubmit(w.rounds(1, 10))
	pooled(t, 10, a, b)
	a.seal(1)
	converged(t, a, b)

	between.set(true)
	connected(t, a, 0)
	a.mustSubmit(w.rounds(1, 10))
	a.seal(33)
	b.seal(35)
	b.mustSubmit(newWalletFrom(b.Params(), 50).rounds(1, 5))
	between.set(false)
	converged(t, a, b)
	if tip, _ := a.Node.Tip(); tip.Height != 36 {
		t.Errorf("height %d", tip.Height)
	}
	pooled(t, 15, a, b)
	a.seal(1)
	converged(t, a, b)
	pooled(t, 0, a, b)
}

// Every body comes once, although all announce it to all.
func TestAnnouncedBodiesComeOnce(t *testing.T) {
	// No answer is so late that another peer is asked.
	nodes := mesh(t, 4, options{host: func(c *Config) { c.AskTimeout = time.Minute }})
	const keys, rounds = 60, 10
	for i, n := range nodes {
		n.mustSubmit(newWalletFrom(n.Params(), i*64).rounds(rounds, keys))
	}
	pooled(t, 4*keys*rounds, nodes...)
	for _, n := range nodes {
		if got := n.host.Counts(); got.Bodies > 3*keys*rounds*11/10 {
			t.Errorf("%d bodies were received, %d of them again; others submitted %d", got.Bodies, got.Duplicates, 3*keys*rounds)
		}
	}
}

func TestFlood(t *testing.T) {
	nodes := mesh(t, 3, options{host: func(c *Config) { c.Flood = true }})
	for i, n := range nodes {
		n.mustSubmit(newWalletFrom(n.Params(), i*64).rounds(10, 20))
	}
	pooled(t, 600, nodes...)
	nodes[2].seal(1)
	converged(t, nodes...)
}

// With a hop limit of 1, transactions reach neighbours and no farther; blocks
// do.
func TestHopLimit(t *testing.T) {
	o := options{host: func(c *Config) { c.Hops = 1 }}
	a := startNode(t, o)
	b := startNode(t, o, a.addr())
	c := startNode(t, o, b.addr())
	connected(t, b, 2)
	a.mustSubmit(newWallet(a.Params()).rounds(1, 10))
	pooled(t, 10, b)
	a.seal(1)
	converged(t, a, b, c)
	if got := c.host.Counts().Bodies; got != 0 {
		t.Errorf("%d bodies have come two hops", got)
	}
}

// A block that comes before its transactions is completed by its sender.
func TestCompactBlockFetchesWhatIsMissing(t *testing.T) {
	// Without heartbeats nobody hears of a block but by the block itself.
	o := options{mute: new(atomic.Bool), host: func(c *Config) { c.BeatEvery, c.SilentAfter = time.Hour, time.Hour }}
	a := startNode(t, o)
	b := startNode(t, o, a.addr())
	connected(t, a, 1)
	within(t, "the pools announced", func() bool { return a.host.snapshot()[0].rtt.Load() > 0 }) // what a beat does next
	w := newWallet(a.Params())
	a.mustSubmit(w.rounds(1, 10))
	pooled(t, 10, b)
	o.mute.Store(true)
	a.mustSubmit(w.rounds(1, 7))
	o.mute.Store(false)
	a.seal(1)
	converged(t, a, b)
	n := b.host.Counts()
	if n.Compact != 1 || n.Fetched != 7 || n.Rebuilt != 0 {
		t.Errorf("%d compact blocks, %d rebuilt, %d transactions fetched", n.Compact, n.Rebuilt, n.Fetched)
	}
	a.mustSubmit(w.rounds(1, 10))
	pooled(t, 10, b)
	a.seal(1)
	converged(t, a, b)
	if n := b.host.Counts(); n.Compact != 2 || n.Rebuilt != 1 {
		t.Errorf("%d compact blocks, %d rebuilt", n.Compact, n.Rebuilt)
	}
}

// A node whose seeds name it twice and name itself has one stream to each peer.
func TestOneStreamForEachPeer(t *testing.T) {
	a := startNode(t, options{})
	b := startNode(t, options{}, a.addr(), "localhost"+a.addr()[strings.LastIndex(a.addr(), ":"):])
	connected(t, b, 1)
	a.host.Keep(b.addr())
	a.host.Keep(a.addr())
	within(t, "refusals", func() bool { return a.host.Counts().Refused+b.host.Counts().Refused >= 2 })
	connected(t, a, 1)
	connected(t, b, 1)
	a.seal(1)
	converged(t, a, b)
}

func TestIdentityLasts(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadID(dir)
	if err != nil || first == (ID{}) {
		t.Fatal(first, err)
	}
	if again, err := LoadID(dir); again != first || err != nil {
		t.Errorf("%v, %v; want %v", again, err, first)
	}
	if err := os.WriteFile(filepath.Join(dir, identityFile), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadID(dir); err == nil {
		t.Error("half an ID is taken")
	}
}
