package chain

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
	"github.com/chaindyno/chaindyno/chain/state"
)

// testConfig is a node without a miner on the test network, in dir.
func testConfig(dir string) Config {
	c := DefaultConfig()
	c.Data, c.MinFreeMB = dir, 0
	c.Miner.Threads = 0
	c.Ingest.Verifiers, c.Ingest.BatchSize = 2, 64
	c.State.CacheMB, c.State.FlushMB = 1, 1
	c.Network = networkOf(ledger.TestParams())
	return c
}

// running is a node that is being driven.
type running struct {
	*Node
	t    testing.TB
	stop func() error // the error of Run, then of Close
}

// open opens a node and drives it until the test ends.
func open(t testing.TB, cfg Config, opts Options) *running {
	t.Helper()
	n, err := Open(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return drive(t, n)
}

func drive(t testing.TB, n *Node) *running {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stopped := false
	r := &running{Node: n, t: t}
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return errors.Join(<-done, n.Close())
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// accept hands a block over and requires the outcome.
func (r *running) accept(b *ledger.Block, want ledger.Reject) {
	r.t.Helper()
	err := r.Accept(context.Background(), b)
	if got := kindOf(err); got != want || err != nil && got == ledger.RejectNone {
		r.t.Fatalf("block %s: %v, want %v", b.Header.Hash(), err, want)
	}
}

func (r *running) tip() Ref {
	ref, _ := r.Tip()
	return ref
}

func (r *running) digest() state.Digest {
	r.t.Helper()
	d, err := r.Digest(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// kindOf returns the rejection that err is, or RejectNone.
func kindOf(err error) (kind ledger.Reject) {
	errors.As(err, &kind)
	return kind
}

// coin is an output and the key that may spend it.
type coin struct {
	point ledger.OutPoint
	value uint64
	key   ledger.Signer
}

// maker makes transactions and blocks by hand.
type maker struct {
	t      testing.TB
	params *ledger.Params
	extra  uint64
}

func newMaker(t testing.TB, p *ledger.Params) *maker { return &maker{t: t, params: p} }

func (m *maker) key(i int) ledger.Signer {
	return ledger.DevKey(m.params.DevSeed, m.params.DevScheme, uint32(i))
}

// genesis returns output i of the genesis.
func (m *maker) genesis(i int) coin {
	tx := &m.params.Genesis().Txs[0]
	return coin{ledger.OutPoint{TxID: tx.ID(), Index: uint32(i)}, m.params.DevValue, m.key(i)}
}

func (m *maker) parse(raw []byte) ledger.Tx {
	m.t.Helper()
	tx, rest, err := ledger.ParseTx(raw, ledger.MaxBlockBytes)
	if err != nil || len(rest) > 0 {
		m.t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	return tx
}

// fee is what every transaction of a maker pays.
const fee = 1000

// spend pays the coins to so many outputs of the first coin's key.
func (m *maker) spend(coins []coin, outputs int) (ledger.Tx, []coin) {
	m.t.Helper()
	sum, spends := uint64(0), []ledger.Spend{}
	for _, c := range coins {
		sum += c.value
		spends = append(spends, ledger.Spend{Prev: c.point, Key: c.key})
	}
	key := coins[0].key
	outs := make([]ledger.Output, outputs)
	for i := range outs {
		outs[i] = ledger.Output{Value: (sum - fee) / uint64(outputs), Key: ledger.HashKey(key.Scheme(), key.Public())}
	}
	outs[0].Value += (sum - fee) % uint64(outputs)
	return m.pay(spends, outs)
}

func (m *maker) pay(spends []ledger.Spend, outs []ledger.Output) (ledger.Tx, []coin) {
	m.t.Helper()
	tx := m.parse(ledger.AppendTransfer(nil, m.params.GenesisHash(), spends, outs))
	coins := make([]coin, len(outs))
	for i := range outs {
		coins[i] = coin{ledger.OutPoint{TxID: tx.ID(), Index: uint32(i)}, outs[i].Value, spends[0].Key}
	}
	return tx, coins
}

// block seals a block on parent (at height-1). Blocks with equal contents
// differ by their extra-nonce.
func (m *maker) block(parent ledger.Header, height uint32, txs ...ledger.Tx) *ledger.Block {
	m.t.Helper()
	return m.seal(m.unsealed(parent, height, txs...))
}

func (m *maker) unsealed(parent ledger.Header, height uint32, txs ...ledger.Tx) *ledger.Block {
	m.extra++
	reward := ledger.Output{Value: m.params.SubsidyAt(height) + uint64(len(txs))*fee, Key: ledger.HashKey(m.params.DevScheme, m.key(0).Public())}
	coinbase := m.parse(ledger.AppendCoinbase(nil, height, m.extra, []ledger.Output{reward}))
	b := &ledger.Block{
		Header: ledger.Header{Version: ledger.HeaderVersion, Prev: parent.Hash(), Time: parent.Time + 1, Bits: m.params.Bits},
		Txs:    append([]ledger.Tx{coinbase}, txs...),
	}
	b.Header.Merkle, _ = ledger.MerkleRoot(b.IDs())
	return b
}

// seal finds a nonce.
func (m *maker) seal(b *ledger.Block) *ledger.Block {
	m.t.Helper()
	r, err := pow.Search(context.Background(), b.Header, pow.SearchConfig{Threads: 1})
	if err != nil {
		m.t.Fatal(err)
	}
	b.Header = r.Header
	return b
}

// freshDigest is the reference: the set after these blocks, from genesis, in a
// node of its own in memory.
func freshDigest(t testing.TB, p *ledger.Params, blocks []*ledger.Block) state.Digest {
	t.Helper()
	cfg := testConfig("/reference")
	cfg.Network = networkOf(p)
	r := open(t, cfg, Options{FS: vfs.NewMem()})
	for _, b := range blocks {
		r.accept(b, ledger.RejectNone)
	}
	d := r.digest()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	return d
}
