package api_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestInfo(t *testing.T) {
	n := newNode()
	p := ledger.TestParams()
	p.Epoch = time.Date(2031, 2, 3, 4, 5, 6, 789, time.UTC)
	p.Name, p.Maturity, p.MinFee, p.HalvingEvery = "other", 77, 9, 12345
	p.DevSeed, p.DevScheme = math.MaxUint64, ledger.SchemeSecp256k1
	n.info = server.Info{
		Client: "x/1", Name: "n", Params: p, Interval: 3 * time.Second, OnDemand: true, AckMeans: server.AckVerified,
		PoolTxs: 11, PoolBytes: 1 << 40, PoolDepth: 13, Settings: map[string]string{"sync": "block"},
	}
	got, err := connect(t, n).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	want := client.Info{
		Client: "x/1", Name: "n", Params: p, Interval: 3 * time.Second, AckMeans: client.AckVerified,
		Genesis: p.GenesisHash(), Tip: client.Ref(n.tip().Ref), Settings: n.info.Settings,
		Limits: client.Limits{
			BatchBytes: server.BatchBytes, BatchTxs: cfg.BatchTxs, PayloadBytes: ledger.MaxTxBytes,
			StreamBatches: cfg.StreamBatches, StreamTxs: cfg.StreamTxs,
			PoolTxs: 11, PoolBytes: 1 << 40, PoolDepth: 13,
		},
		// OnDemand stays false: the node has no Sealer.
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.Params.Digest() != p.Digest() {
		t.Error("the rules came across changed")
	}
}

func TestStatsRoundTrip(t *testing.T) {
	n := newNode()
	c := connect(t, n)
	rapid.Check(t, func(rt *rapid.T) {
		n.stats = rapid.Custom(func(rt *rapid.T) server.Stats {
			return server.Stats{
				Uptime: time.Duration(rapid.Int64().Draw(rt, "uptime")), PoolTxs: rapid.IntMin(0).Draw(rt, "pool"),
				PoolBytes: rapid.Uint64().Draw(rt, "bytes"), QueueTxs: rapid.IntMin(0).Draw(rt, "queue"),
				Outputs: rapid.Uint64().Draw(rt, "outputs"), BlocksSealed: rapid.Uint64().Draw(rt, "sealed"),
				Threads:    []server.Thread{{Hashes: rapid.Uint64().Draw(rt, "hashes"), Busy: 5}},
				Rejected:   map[string]uint64{"busy": rapid.Uint64().Draw(rt, "busy")},
				CPUSeconds: 1.5, GCSeconds: 0.25, RSSBytes: 1, HeapBytes: 2, DiskBytes: rapid.Uint64().Draw(rt, "disk"),
				Tiers: []server.Tier{{
					Name: "l1", Hits: rapid.Uint64().Draw(rt, "hits"), Misses: 3, Took: time.Duration(rapid.Int64().Draw(rt, "took")), Poisoned: 4, Failures: 5,
				}},
			}
		}).Draw(rt, "stats")
		got, err := c.Stats(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		w := n.stats
		want := client.Stats{
			Name: "a", Tip: client.Ref(n.tip().Ref), Uptime: w.Uptime, PoolTxs: w.PoolTxs, PoolBytes: w.PoolBytes,
			QueueTxs: w.QueueTxs, Outputs: w.Outputs, BlocksSealed: w.BlocksSealed,
			Threads: []client.Thread{client.Thread(w.Threads[0])}, Rejected: w.Rejected,
			CPUSeconds: w.CPUSeconds, GCSeconds: w.GCSeconds, RSSBytes: 1, HeapBytes: 2, DiskBytes: w.DiskBytes,
			Tiers: []client.Tier{client.Tier(w.Tiers[0])},
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
	})
}

func TestTipAndHeaders(t *testing.T) {
	n := newNode()
	for range 4 {
		n.extend(1)
	}
	c := connect(t, n)
	tip, h, err := c.Tip(t.Context())
	if err != nil || tip != client.Ref(n.tip().Ref) || h != n.tip().Header {
		t.Fatalf("Tip = %v, %v, %v", tip, h, err)
	}
	for _, tc := range []struct{ from, count, first, n uint32 }{
		{0, 0, 0, 5}, {2, 0, 2, 3}, {1, 2, 1, 2}, {4, 100, 4, 1}, {5, 0, 5, 0}, {99, 1, 99, 0},
	} {
		next := tc.first
		err := c.Headers(t.Context(), tc.from, tc.count, func(height uint32, h ledger.Header) error {
			if height != next || h != n.best[height].Header {
				t.Errorf("from %d: height %d has %v", tc.from, height, h)
			}
			next++
			return nil
		})
		if err != nil || next != tc.first+tc.n {
			t.Errorf("Headers(%d, %d) went up to %d: %v", tc.from, tc.count, next, err)
		}
	}
	stop := errors.New("enough")
	if err := c.Headers(t.Context(), 0, 0, func(uint32, ledger.Header) error { return stop }); err != stop {
		t.Errorf("the callback's error came back as %v", err)
	}
}

func TestBlock(t *testing.T) {
	n := newNode()
	blk := n.info.Params.Genesis()
	hash := blk.Header.Hash()
	n.bodies[hash] = blk.Append(nil)
	n.best[0].Hash = hash
	c := connect(t, n)
	for name, get := range map[string]func() (ledger.Block, error){
		"hash":   func() (ledger.Block, error) { return c.Block(t.Context(), hash) },
		"height": func() (ledger.Block, error) { return c.BlockAt(t.Context(), 0) },
	} {
		got, err := get()
		if err != nil || got.Header != blk.Header || len(got.Txs) != 1 || got.Txs[0].ID() != blk.Txs[0].ID() {
			t.Errorf("by %s: %v, %v", name, got.Header, err)
		}
	}
	if _, err := c.Block(t.Context(), ledger.Hash{1}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("unknown hash: %v", err)
	}
	if _, err := c.BlockAt(t.Context(), 9); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("height over the tip: %v", err)
	}
}

// TestLargeBlock sends one over a message's size, so in chunks.
func TestLargeBlock(t *testing.T) {
	n := newNode()
	blk := ledger.Block{Txs: make([]ledger.Tx, 60_000)}
	for i := range blk.Txs {
		raw := ledger.AppendCoinbase(nil, uint32(i), 0, []ledger.Output{{Value: 1}})
		blk.Txs[i], _, _ = ledger.ParseTx(raw, ledger.MaxTxBytes)
	}
	if blk.Size() <= server.MessageBytes {
		t.Fatalf("a block of %d bytes fits one message", blk.Size())
	}
	n.bodies[blk.Header.Hash()] = blk.Append(nil)
	got, err := connect(t, n).Block(t.Context(), blk.Header.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.IDs(), blk.IDs()) {
		t.Error("the block came across changed")
	}
}

func TestLookups(t *testing.T) {
	n := newNode()
	id := ledger.Hash{9}
	n.found[id] = server.Found{Place: server.PlaceBlock, Block: n.tip().Ref, Index: 3, Payload: []byte("payload")}
	n.places = []server.Place{server.PlaceBlock, server.PlaceUnknown, server.PlacePooled}
	c := connect(t, n)

	found, err := c.Transaction(t.Context(), id)
	want := client.Found{Place: client.PlaceBlock, Block: client.Ref(n.tip().Ref), Index: 3, Payload: []byte("payload")}
	if d := cmp.Diff(want, found); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := c.Transaction(t.Context(), ledger.Hash{8}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("unknown transaction: %v", err)
	}
	places, err := c.Locate(t.Context(), make([]ledger.Hash, 3))
	if d := cmp.Diff([]client.Place{client.PlaceBlock, client.PlaceUnknown, client.PlacePooled}, places); d != "" || err != nil {
		t.Error(d, err)
	}
	n.places = make([]server.Place, 130_000)
	for i := range n.places {
		n.places[i] = server.PlacePooled
	}
	if places, err = c.Locate(t.Context(), make([]ledger.Hash, 130_000)); err != nil || len(places) != 130_000 {
		t.Errorf("%d places of 130,000: %v", len(places), err)
	}
}

func TestProof(t *testing.T) {
	n := newNode()
	ids := []ledger.Hash{{1}, {2}, {3}, {4}, {5}}
	root, _ := ledger.MerkleRoot(ids)
	h := ledger.Header{Merkle: root}
	for i, id := range ids {
		n.proofs[id] = server.Proof{Block: server.Ref{Height: 4, Hash: h.Hash()}, Header: h, Path: ledger.MerkleProof(ids, i)}
	}
	wrong := n.proofs[ids[1]]
	wrong.Path = ledger.MerkleProof(ids, 2)
	n.proofs[ids[1]] = wrong
	c := connect(t, n)
	for i, id := range ids {
		p, err := c.Proof(t.Context(), id)
		if err != nil || p.Block != (client.Ref{Height: 4, Hash: h.Hash()}) {
			t.Fatalf("%d: %v, %v", i, p.Block, err)
		}
		if p.Valid() != (i != 1) {
			t.Errorf("%d: Valid = %v", i, p.Valid())
		}
	}
	if _, err := c.Proof(t.Context(), ledger.Hash{7}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("unknown transaction: %v", err)
	}
}

func TestSet(t *testing.T) {
	n := newNode()
	c := connect(t, n)
	if _, err := c.Outputs(t.Context(), ledger.KeyHash{}, 5); !errors.Is(err, client.ErrRefused) {
		t.Errorf("without an index: %v", err)
	}
	key := ledger.KeyHash{3}
	n.outputs = []ledger.Change{{
		Point: ledger.OutPoint{TxID: ledger.Hash{4}, Index: 5},
		Entry: ledger.Entry{Output: ledger.Output{Value: 6, Key: key}, Height: 7, Coinbase: true},
	}}
	got, err := c.Outputs(t.Context(), key, 0)
	if d := cmp.Diff(n.outputs, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := c.Outputs(t.Context(), key, 10_001); !errors.Is(err, client.ErrRefused) {
		t.Errorf("limit over the bound: %v", err)
	}
	n.set = server.SetDigest{Tip: n.tip().Ref, Count: 1, Value: 2, Digest: ledger.Hash{3}}
	d, err := c.SetDigest(t.Context())
	if want := (client.SetDigest{Tip: client.Ref(n.tip().Ref), Count: 1, Value: 2, Digest: ledger.Hash{3}}); d != want || err != nil {
		t.Errorf("SetDigest = %v, %v", d, err)
	}
	if _, err := c.Seal(t.Context(), 1); !errors.Is(err, client.ErrRefused) {
		t.Errorf("seal without a sealer: %v", err)
	}
}
