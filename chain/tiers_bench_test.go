package chain

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/internal/redistest"
)

// BenchmarkTiers measures reads of blocks of 10,000 transfers (2 MB), of
// their transactions and of proofs, as each tier answers them: one reader
// after the other for latency (p50-us, p99-us), and readers on all cores for
// reads/s. of_l3 is how many times as many reads a second the tier answers as
// the disk does, in this run; the disk's are files in the page cache.
func BenchmarkTiers(b *testing.B) {
	s := redistest.Start(b)
	dir, q := b.TempDir(), benchChain(b, 4, 10_000)
	configs := []struct {
		level tier.Level
		cache CacheConfig
	}{
		{tier.L3, CacheConfig{L1MB: 0, TTL: Duration(time.Hour)}},
		{tier.L2, CacheConfig{L1MB: 0, Redis: s.Addr, TTL: Duration(time.Hour)}},
		{tier.L1, CacheConfig{L1MB: 256, TTL: Duration(time.Hour)}},
	}
	disk := map[string]float64{}
	for _, c := range configs {
		cfg := benchConfig(dir, q)
		cfg.Cache = c.cache
		r := open(b, cfg, Options{})
		for _, block := range q.blocks[1+min(int(r.tip().Height), len(q.blocks)-1):] {
			r.accept(block, ledger.RejectNone)
		}
		if c.level == tier.L2 {
			eventually(b, "Redis", func() bool { return r.Stats().Tiers.L2Up })
		}
		for _, k := range []tier.Kind{tier.KindBlock, tier.KindTx, tier.KindProof} {
			b.Run(c.level.String()+"/"+k.String(), func(b *testing.B) { benchTier(b, r.Node, q, c.level, k, disk) })
		}
		if err := r.stop(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchConfig(dir string, q *quiz) Config {
	cfg := testConfig(dir)
	p := ledger.TestParams()
	p.DevOutputs = uint32(q.blocks[0].Txs[0].Outputs())
	cfg.Network = networkOf(p)
	return cfg
}

// benchChain makes blocks in each of which every key spends what it has.
func benchChain(b *testing.B, blocks, txs int) *quiz {
	p := ledger.TestParams()
	p.DevOutputs = uint32(txs)
	m := newMaker(b, p)
	coins := make([]coin, txs)
	for i := range coins {
		coins[i] = m.genesis(i)
	}
	var chain []*ledger.Block
	header := p.Genesis().Header
	for height := range blocks {
		spends := make([]ledger.Tx, txs)
		for i := range coins {
			tx, out := m.spend(coins[i:i+1], 2)
			spends[i], coins[i] = tx, out[0]
		}
		block := m.block(header, uint32(height+1), spends...)
		header = block.Header
		chain = append(chain, block)
	}
	q := &quiz{blocks: append([]*ledger.Block{p.Genesis()}, chain...)}
	for _, block := range chain {
		for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(txs)[:64] {
			q.txs = append(q.txs, asked{tx: block.Txs[i]})
		}
	}
	return q
}

// benchRead reads the i-th thing of a kind.
func (q *quiz) benchRead(n *Node, k tier.Kind, i int) error {
	ctx := context.Background()
	id := q.txs[i%len(q.txs)].tx.ID()
	switch k {
	case tier.KindTx:
		_, err := n.Transaction(ctx, id)
		return err
	case tier.KindProof:
		_, _, _, err := n.Proof(ctx, id)
		return err
	}
	_, r, err := n.ReadBlock(ctx, q.blocks[1+i%(len(q.blocks)-1)].Header.Hash())
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, struct{ io.Reader }{r})
	return err
}

func benchTier(b *testing.B, n *Node, q *quiz, level tier.Level, k tier.Kind, disk map[string]float64) {
	for i := range len(q.txs) { // fill
		if err := q.benchRead(n, k, i); err != nil {
			b.Fatal(err)
		}
	}
	if level == tier.L2 { // until the last has been written in the background
		eventually(b, "answers from Redis alone", func() bool {
			before := n.Stats().Tiers.Tiers[tier.L3].Hits
			for i := range len(q.txs) {
				if err := q.benchRead(n, k, i); err != nil {
					b.Fatal(err)
				}
			}
			return n.Stats().Tiers.Tiers[tier.L3].Hits == before
		})
	}
	before := n.Stats().Tiers.Tiers[level].Hits
	took := make([]time.Duration, 0, 1<<20)
	i := 0
	for b.Loop() {
		began := time.Now()
		if err := q.benchRead(n, k, i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		i++
	}
	if got := n.Stats().Tiers.Tiers[level].Hits - before; level != tier.L3 && got < uint64(i) {
		b.Fatalf("%s answered %d of %d", level, got, i)
	}
	slices.Sort(took)
	rate := q.readsPerSecond(b, n, k)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
	b.ReportMetric(rate, "reads/s")
	if level == tier.L3 {
		disk[k.String()] = rate
	} else {
		b.ReportMetric(rate/disk[k.String()], "of_l3")
	}
}

// readsPerSecond is what eight readers get in half a second.
func (q *quiz) readsPerSecond(b *testing.B, n *Node, k tier.Kind) float64 {
	var reads atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for reader := range 8 {
		all.Go(func() {
			for i := reader * 31; time.Since(began) < time.Second/2; i++ {
				if err := q.benchRead(n, k, i); err != nil {
					b.Error(err)
					return
				}
				reads.Add(1)
			}
		})
	}
	all.Wait()
	return float64(reads.Load()) / time.Since(began).Seconds()
}
