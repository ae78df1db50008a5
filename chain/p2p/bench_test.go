package p2p

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// benchTxs is the transfers of one block.
const benchTxs = 10_000

func benchOptions() options {
	return options{chain: func(c *chain.Config) {
		c.Network.DevOutputs = benchTxs
		c.Ingest.BatchSize, c.Ingest.Verifiers = 1024, runtime.GOMAXPROCS(0)
		c.State.CacheMB, c.State.FlushMB = 64, 64
	}}
}

// batches splits payloads, so that none is refused as busy.
func batches(list [][]byte) (parts [][][]byte) {
	for ; len(list) > 4096; list = list[4096:] {
		parts = append(parts, list[:4096])
	}
	return append(parts, list)
}

func blockOf(b *testing.B, n *testNode) *ledger.Block {
	b.Helper()
	tip, _ := n.Node.Tip()
	block, err := n.host.blocks.whole(tip.Hash)
	if err != nil {
		b.Fatal(err)
	}
	if len(block.Txs) != benchTxs+1 {
		b.Fatalf("a block of %d transactions", len(block.Txs))
	}
	return block
}

// BenchmarkBlockRelay takes a block of 10,000 transfers, all of which are in
// the pools of three peers, from its maker's tip to the tips of all three, and
// compares that with checking the signatures of the same block cold, on all
// cores. The four nodes share the cores.
func BenchmarkBlockRelay(b *testing.B) {
	o := benchOptions()
	a := startNode(b, o)
	var peers []*testNode
	for range 3 {
		peers = append(peers, startNode(b, o, a.addr()))
	}
	connected(b, a, 3)
	cold := startNode(b, o)
	w := newWallet(a.Params())
	var relay, verify time.Duration
	for range b.N {
		for _, part := range batches(w.rounds(1, benchTxs)) {
			a.mustSubmit(part)
		}
		pooled(b, benchTxs, peers...)
		a.seal(1)
		began := time.Now() // a's tip is announced within the seal
		tip, _ := a.Node.Tip()
		var all sync.WaitGroup
		for _, n := range peers {
			all.Go(func() {
				for at, _ := n.Node.Tip(); at != tip; at, _ = n.Node.Tip() {
					if _, err := n.Next(context.Background(), at); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		relay += time.Since(began)
		block := blockOf(b, a)
		began = time.Now()
		if _, err := cold.Check(context.Background(), block); err != nil {
			b.Fatal(err)
		}
		verify += time.Since(began)
	}
	b.ReportMetric(relay.Seconds()*1e3/float64(b.N), "ms-relay")
	b.ReportMetric(verify.Seconds()*1e3/float64(b.N), "ms-cold")
	b.ReportMetric(relay.Seconds()/verify.Seconds(), "relay/cold")
	for _, n := range peers {
		if c := n.host.Counts(); c.Compact != uint64(b.N) || c.Fetched != 0 {
			b.Logf("%d compact blocks in %d rounds, %d transactions fetched", c.Compact, b.N, c.Fetched)
		}
	}
}

// BenchmarkLateNode lets a new node catch up with P2P_SYNC_TXS transfers
// (200,000 unless set) in blocks of 10,000, and compares that with checking
// their signatures and nothing else, on all cores. The node that serves shares
// the cores.
func BenchmarkLateNode(b *testing.B) {
	rounds := 20
	if n, err := strconv.Atoi(os.Getenv("P2P_SYNC_TXS")); err == nil {
		rounds = max(1, n/benchTxs)
	}
	o := benchOptions()
	a := startNode(b, o)
	w := newWallet(a.Params())
	var blocks []*ledger.Block
	for range rounds {
		for _, part := range batches(w.rounds(1, benchTxs)) {
			a.mustSubmit(part)
		}
		a.seal(1)
		blocks = append(blocks, blockOf(b, a))
	}
	limit := verifyAll(a.Params(), blocks)
	var took time.Duration
	for range b.N {
		began := time.Now()
		late := startNode(b, o, a.addr())
		within(b, "the same tip", func() bool {
			here, _ := late.Node.Tip()
			there, _ := a.Node.Tip()
			return here == there
		})
		took += time.Since(began)
		late.stop()
	}
	txs := float64(rounds * benchTxs)
	b.ReportMetric(txs*float64(b.N)/took.Seconds(), "tx/s-synced")
	b.ReportMetric(txs/limit.Seconds(), "tx/s-limit")
	b.ReportMetric(limit.Seconds()*float64(b.N)/took.Seconds(), "of-limit")
}

// verifyAll checks all signatures on all cores.
func verifyAll(p *ledger.Params, blocks []*ledger.Block) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	next := make(chan *ledger.Block, len(blocks))
	for _, block := range blocks {
		next <- block
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			v := ledger.NewVerifier(p.GenesisHash())
			for block := range next {
				v.Verify(block.Txs, make([]ledger.Reject, len(block.Txs)))
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
