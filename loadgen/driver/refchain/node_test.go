package refchain

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// testNode is a real node behind a real server, in this process.
type testNode struct {
	*chain.Node
	cfg  chain.Config
	addr string
	stop func() // ends and waits; may be called twice
}

// nodeConfig is a small, fast network.
func nodeConfig(t testing.TB) chain.Config {
	cfg := chain.DefaultConfig()
	cfg.Data, cfg.Listen = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0"
	cfg.Network.Name, cfg.Network.Bits, cfg.Network.DevOutputs = "test", 0x207fffff, 256
	cfg.Miner.Pace, cfg.Miner.PaceMin, cfg.Miner.Threads = chain.Duration(5*time.Millisecond), 0, 1
	return cfg
}

func startNode(t testing.TB, cfg chain.Config) *testNode {
	t.Helper()
	n, err := chain.Open(cfg, chain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tn := &testNode{Node: n, cfg: cfg}
	sc := server.DefaultConfig()
	sc.Listen = cfg.Listen
	s, err := server.New(sc, tn.pieces())
	if err != nil {
		t.Fatal(err)
	}
	tn.addr = s.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{"server": s.Run, "node": n.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	tn.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := n.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	t.Cleanup(tn.stop)
	return tn
}

func (n *testNode) pieces() server.Node {
	p := server.Node{Submitter: n, Chain: n, Follower: n, Lookup: n, Set: n, Inspector: n}
	if n.cfg.Miner.OnDemand {
		p.Sealer = n
	}
	return p
}

func asFound(err error) error {
	if errors.Is(err, chain.ErrNotFound) {
		return fmt.Errorf("%w: %w", server.ErrNotFound, err)
	}
	return err
}

func (n *testNode) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	n.Node.Submit(&ingest.Batch{Payloads: payloads, Done: func(b *ingest.Batch) { done(b.Answers, b.IDs) }})
}

func (n *testNode) Tip() (server.Ref, ledger.Header) {
	at, h := n.Node.Tip()
	return server.Ref(at), h
}

func (n *testNode) OpenBlock(ctx context.Context, hash ledger.Hash) (uint32, server.Body, error) {
	height, body, err := n.Node.ReadBlock(ctx, hash)
	return height, body, asFound(err)
}

func (n *testNode) Knows(at server.Ref) bool { return n.Node.Knows(chain.Ref(at)) }

func (n *testNode) Next(ctx context.Context, at server.Ref) (server.Step, error) {
	s, err := n.Node.Next(ctx, chain.Ref(at))
	if err != nil {
		return server.Step{}, err
	}
	out := server.Step{Parent: server.Ref(s.Parent)}
	for _, r := range s.Revert {
		out.Revert = append(out.Revert, server.Ref(r))
	}
	if b := s.Block; b != nil {
		out.Block = &server.Committed{
			Ref: server.Ref(b.Ref), Header: b.Header, IDs: b.IDs, Bytes: uint64(b.Bytes), Durable: b.Durable,
			Interval: time.Duration(b.Meta.IntervalNs), Seal: time.Duration(b.Meta.SealNs), Hashes: b.Meta.Hashes, Missing: b.Meta.Missing,
		}
		for _, st := range b.Meta.Stages {
			out.Block.Stages = append(out.Block.Stages, server.Stage{Name: st.Name, V2: st.Histogram})
		}
	}
	return out, nil
}

func (n *testNode) Transaction(ctx context.Context, id ledger.Hash) (server.Found, error) {
	f, err := n.Node.Transaction(ctx, id)
	return server.Found{Place: server.Place(f.Place), Block: server.Ref(f.Block), Index: f.Index, Payload: f.Bytes}, asFound(err)
}

func (n *testNode) Locate(ids []ledger.Hash) ([]server.Place, error) {
	got, err := n.Node.Locate(ids)
	places := make([]server.Place, len(got))
	for i, p := range got {
		places[i] = server.Place(p)
	}
	return places, err
}

func (n *testNode) Proof(ctx context.Context, id ledger.Hash) (server.Proof, error) {
	at, header, path, err := n.Node.Proof(ctx, id)
	return server.Proof{Block: server.Ref(at), Header: header, Path: path}, asFound(err)
}

func (n *testNode) Digest(ctx context.Context) (server.SetDigest, error) {
	d, err := n.Node.Digest(ctx)
	return server.SetDigest{Tip: server.Ref{Height: d.Height, Hash: d.Block}, Count: d.Count, Value: d.Value, Digest: d.Sum}, err
}

func (n *testNode) Seal(ctx context.Context, blocks int) (server.Ref, error) {
	at, err := n.Node.Seal(ctx, blocks)
	return server.Ref(at), err
}

func (n *testNode) Info() server.Info {
	return server.Info{
		Client: "test", Name: n.cfg.Name, Params: n.Params(), Interval: time.Duration(n.cfg.Miner.Pace),
		OnDemand: n.cfg.Miner.OnDemand, AckMeans: server.AckPooled, PoolTxs: n.cfg.Pool.MaxTxs, PoolDepth: n.cfg.Pool.MaxDepth,
		Settings: n.cfg.Settings(),
	}
}

func (n *testNode) Stats() server.Stats {
	s := n.Node.Stats()
	out := server.Stats{
		Uptime: n.Uptime(), PoolTxs: s.Pool.Txs, PoolBytes: uint64(s.Pool.Bytes), QueueTxs: s.Ingest.Queued,
		Outputs: s.Outputs, BlocksSealed: s.Miner.Blocks, Rejected: n.Rejected(),
		CPUSeconds: 1, RSSBytes: 1, HeapBytes: 1, DiskBytes: 1,
	}
	for _, t := range s.Threads {
		out.Threads = append(out.Threads, server.Thread{Hashes: t.Hashes, Busy: t.Busy})
	}
	return out
}
