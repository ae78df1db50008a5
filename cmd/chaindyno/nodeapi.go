package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/admin"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/internal/procs"
)

// nodeAPI is a node as the servers want it. The servers are bound before the
// node is opened and run afterwards: node is set in between.
type nodeAPI struct {
	cfg  chain.Config
	node *chain.Node
}

func (a *nodeAPI) pieces() server.Node {
	n := server.Node{Submitter: a, Chain: a, Follower: a, Lookup: a, Set: a, Inspector: a}
	if a.cfg.Miner.OnDemand {
		n.Sealer = a
	}
	return n
}

// health says that a node which cannot commit should get no transactions; it
// goes on by itself when the cause is gone, so restarting it is no cure.
func (a *nodeAPI) health() admin.Health {
	return admin.Health{Ready: func() error {
		if t := a.node.Trouble(); t != nil {
			return fmt.Errorf("%s has failed for %s: %w", t.What, time.Since(t.Since).Round(time.Second), t.Err)
		}
		return nil
	}}
}

// found gives the node's errors the server's names. The server says what it was
// that was asked for.
func found(err error) error {
	switch {
	case errors.Is(err, chain.ErrNotFound):
		return server.ErrNotFound
	case errors.Is(err, chain.ErrNoIndex):
		return server.ErrNoIndex
	}
	return err
}

func (a *nodeAPI) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	a.node.Submit(&ingest.Batch{Payloads: payloads, Done: func(b *ingest.Batch) { done(b.Answers, b.IDs) }})
}

func (a *nodeAPI) Tip() (server.Ref, ledger.Header) {
	ref, header := a.node.Tip()
	return server.Ref(ref), header
}

func (a *nodeAPI) Headers(from uint32, n int) ([]ledger.Header, error) {
	headers, err := a.node.Headers(from, n)
	return headers, found(err)
}

func (a *nodeAPI) BlockAt(height uint32) (ledger.Hash, error) {
	hash, err := a.node.BlockAt(height)
	return hash, found(err)
}

func (a *nodeAPI) OpenBlock(ctx context.Context, hash ledger.Hash) (uint32, server.Body, error) {
	height, body, err := a.node.ReadBlock(ctx, hash)
	return height, body, found(err)
}

func (a *nodeAPI) Knows(at server.Ref) bool { return a.node.Knows(chain.Ref(at)) }

func (a *nodeAPI) Next(ctx context.Context, at server.Ref) (server.Step, error) {
	step, err := a.node.Next(ctx, chain.Ref(at))
	if errors.Is(err, chain.ErrNotFound) {
		err = fmt.Errorf("block %s at height %d: %w", at.Hash, at.Height, server.ErrNotFound)
	}
	if err != nil {
		return server.Step{}, err
	}
	out := server.Step{Parent: server.Ref(step.Parent)}
	for _, r := range step.Revert {
		out.Revert = append(out.Revert, server.Ref(r))
	}
	if step.Block != nil {
		out.Block = committed(step.Block)
	}
	return out, nil
}

func committed(b *chain.Committed) *server.Committed {
	c := &server.Committed{
		Ref: server.Ref(b.Ref), Header: b.Header, IDs: b.IDs, Bytes: uint64(b.Bytes), Durable: b.Durable,
		Interval: time.Duration(b.Meta.IntervalNs), Seal: time.Duration(b.Meta.SealNs), Hashes: b.Meta.Hashes, Missing: b.Meta.Missing,
	}
	for _, s := range b.Meta.Stages {
		c.Stages = append(c.Stages, server.Stage{Name: s.Name, V2: s.Histogram})
	}
	return c
}

func (a *nodeAPI) Transaction(ctx context.Context, id ledger.Hash) (server.Found, error) {
	f, err := a.node.Transaction(ctx, id)
	if err != nil {
		return server.Found{}, found(err)
	}
	return server.Found{Place: server.Place(f.Place), Block: server.Ref(f.Block), Index: f.Index, Payload: f.Bytes}, nil
}

func (a *nodeAPI) Locate(ids []ledger.Hash) ([]server.Place, error) {
	places, err := a.node.Locate(ids)
	if err != nil {
		return nil, found(err)
	}
	out := make([]server.Place, len(places))
	for i, p := range places {
		out[i] = server.Place(p)
	}
	return out, nil
}

func (a *nodeAPI) Proof(ctx context.Context, id ledger.Hash) (server.Proof, error) {
	at, header, path, err := a.node.Proof(ctx, id)
	if err != nil {
		return server.Proof{}, found(err)
	}
	return server.Proof{Block: server.Ref(at), Header: header, Path: path}, nil
}

func (a *nodeAPI) OutputsOf(key ledger.KeyHash, limit int) ([]ledger.Change, error) {
	outputs, err := a.node.OutputsOf(key, limit)
	return outputs, found(err)
}

func (a *nodeAPI) Digest(ctx context.Context) (server.SetDigest, error) {
	d, err := a.node.Digest(ctx)
	return server.SetDigest{Tip: server.Ref{Height: d.Height, Hash: d.Block}, Count: d.Count, Value: d.Value, Digest: d.Sum}, err
}

func (a *nodeAPI) Seal(ctx context.Context, n int) (server.Ref, error) {
	ref, err := a.node.Seal(ctx, n)
	return server.Ref(ref), err
}

func (a *nodeAPI) Info() server.Info {
	c := &a.cfg
	info := server.Info{
		Client: "chaindyno " + buildinfo.Read().Short(), Name: c.Name, Params: a.node.Params(),
		OnDemand: c.Miner.OnDemand, AckMeans: server.AckPooled,
		PoolTxs: c.Pool.MaxTxs, PoolBytes: int64(c.Pool.MaxMB) << 20, PoolDepth: c.Pool.MaxDepth,
		Settings: c.Settings(),
	}
	switch {
	case c.Miner.Threads == 0 || c.Miner.OnDemand:
	case !c.Network.FixedDifficulty:
		info.Interval = time.Duration(c.Network.Interval)
	default:
		info.Interval = time.Duration(c.Miner.Pace) // and a short search
	}
	return info
}

func (a *nodeAPI) Stats() server.Stats {
	s, u := a.node.Stats(), procs.Self()
	out := server.Stats{
		Uptime: a.node.Uptime(), PoolTxs: s.Pool.Txs, PoolBytes: uint64(s.Pool.Bytes), QueueTxs: s.Ingest.Queued,
		Outputs: s.Outputs, BlocksSealed: s.Miner.Blocks, Rejected: a.node.Rejected(),
		CPUSeconds: u.CPUSeconds, GCSeconds: u.GCSeconds, RSSBytes: u.RSSBytes, HeapBytes: u.HeapBytes,
		DiskBytes: uint64(s.Store.DiskBytes + s.State.DiskBytes),
	}
	for _, t := range s.Threads {
		out.Threads = append(out.Threads, server.Thread{Hashes: t.Hashes, Busy: t.Busy})
	}
	for _, l := range tier.Levels() {
		c, ok := s.Tiers.Tiers[l]
		if !ok {
			continue
		}
		t := server.Tier{Name: l.String(), Hits: c.Hits, Misses: c.Misses, Took: c.Took}
		if l == tier.L2 {
			t.Poisoned, t.Failures = s.Tiers.Poisoned, s.Tiers.Failures
		}
		out.Tiers = append(out.Tiers, t)
	}
	return out
}
