package pool

import (
	"fmt"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// BenchmarkRound measures the pool's whole share in a transaction's way: Offer
// in batches, Take and Commit of a block, for transactions of one input and
// two outputs that spend what the block before has made. The set is a map.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{1_000, 20_000, 100_000} {
		b.Run(fmt.Sprintf("block=%d", n), func(b *testing.B) {
			c := newChain(0)
			p := newPool(b, c, nil)
			txs := make([]ledger.Tx, n)
			answers := make([]ledger.Reject, n)
			for i := range txs {
				txs[i] = pay(anyone, points(ledger.OutPoint{TxID: ledger.Hash{byte(i), byte(i >> 8), byte(i >> 16)}}), 1<<40, 1)
				c.set[txs[i].Prev(0)] = ledger.Entry{Output: ledger.Output{Value: 1 << 41, Key: anyone.hash()}}
			}
			var offering, taking, committing time.Duration
			b.ReportAllocs()
			for b.Loop() {
				clear(answers)
				start := time.Now()
				for at := 0; at < n; at += 1000 {
					p.Offer(txs[at:at+1000], start, start, answers[at:at+1000])
				}
				offered := time.Now()
				got, fees := p.Take(n, 1<<30)
				taken := time.Now()
				if len(got) != n {
					b.Fatalf("took %d of %d: %v", len(got), n, answers[0])
				}
				b.StopTimer()
				block := c.block(fees, txs...)
				b.StartTimer()
				commit := time.Now()
				p.Commit(block)
				offering += offered.Sub(start)
				taking += taken.Sub(offered)
				committing += time.Since(commit)
				b.StopTimer()
				c.blocks = append(c.blocks, block)
				c.advance(txs)
				b.StartTimer()
			}
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N*n) }
			b.ReportMetric(per(offering+taking+committing), "ns/tx")
			b.ReportMetric(per(offering), "offer-ns/tx")
			b.ReportMetric(per(taking), "take-ns/tx")
			b.ReportMetric(per(committing), "commit-ns/tx")
		})
	}
}

// advance replaces each transaction by one that spends its first output.
func (c *chain) advance(txs []ledger.Tx) {
	for i, tx := range txs {
		delete(c.set, tx.Prev(0))
		c.set[out(tx, 0)] = ledger.Entry{Output: tx.Out(0), Height: 1}
		txs[i] = pay(anyone, points(out(tx, 0)), tx.Out(0).Value-100, 1)
	}
}
