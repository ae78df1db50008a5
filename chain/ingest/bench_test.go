package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// acceptAll is a sink that costs nothing.
type acceptAll struct{}

func (acceptAll) Offer([]ledger.Tx, time.Time, time.Time, []ledger.Reject) {}

// BenchmarkOverhead measures everything but signatures and the pool: wire
// batch in, answers out, decoding and hashing included.
func BenchmarkOverhead(b *testing.B) {
	for _, size := range []int{1, 100, 2000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			cfg := Config{QueueTxs: 65536, BatchSize: 1024, Linger: 2 * time.Millisecond, Verifiers: 2}
			in := newTest(b, cfg, acceptAll{}, Events{}, func() {})
			defer start(in)()
			idle := make(chan *Batch, 32_000/size)
			for i := range cap(idle) {
				idle <- unsignedBatch(i*size, size, func(batch *Batch) { idle <- batch })
			}
			b.ReportAllocs()
			for b.Loop() {
				in.Submit(<-idle)
			}
			for range cap(idle) {
				<-idle
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/tx")
		})
	}
}
