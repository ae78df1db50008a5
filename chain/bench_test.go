package chain

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
)

// BenchmarkNode measures what a whole node commits, from Submit to the
// announced block, beside what the machine can verify: signed 1-in-2-out
// transfers of 40,000 keys, fed by this process, which signs beforehand. One
// iteration is 120,000 transactions on a fresh chain.
func BenchmarkNode(b *testing.B) {
	const lanes, rounds = 40_000, 3
	p := ledger.DevParams()
	payloads := presign(p, lanes, rounds)
	for b.Loop() {
		limit := verifyRate(payloads[:20_000], p)
		took := commitAll(b, payloads, 256)
		limit = (limit + verifyRate(payloads[20_000:40_000], p)) / 2
		rate := float64(len(payloads)) / took.Seconds()
		b.ReportMetric(rate, "tx/s")
		b.ReportMetric(limit, "limit/s")
		b.ReportMetric(rate/limit, "of_limit")
	}
}

// presign builds rounds of one spend of each lane.
func presign(p *ledger.Params, lanes, rounds int) [][]byte {
	payloads := make([][]byte, lanes*rounds)
	m := newMaker(noTest{}, p)
	var wg sync.WaitGroup
	for w := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for lane := w; lane < lanes; lane += runtime.GOMAXPROCS(0) {
				c := m.genesis(lane)
				for r := range rounds {
					tx, out := m.spend([]coin{c}, 2)
					payloads[r*lanes+lane], c = tx.Bytes(), out[0]
				}
			}
		})
	}
	wg.Wait()
	return payloads
}

// verifyRate is the batch verification of signatures per second on all cores.
func verifyRate(payloads [][]byte, p *ledger.Params) float64 {
	const batch = 1024
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	began := time.Now()
	for w := range workers {
		wg.Go(func() {
			v := ledger.NewVerifier(p.GenesisHash())
			for i := w * batch; i < len(payloads); i += workers * batch {
				part := payloads[i:min(i+batch, len(payloads))]
				txs := make([]ledger.Tx, len(part))
				for k := range part {
					txs[k], _, _ = ledger.ParseTx(part[k], ledger.MaxTxBytes)
				}
				v.Verify(txs, make([]ledger.Reject, len(txs)))
			}
		})
	}
	wg.Wait()
	return float64(len(payloads)) / time.Since(began).Seconds()
}

// commitAll feeds a fresh node and returns the time until everything is in
// announced blocks.
func commitAll(b *testing.B, payloads [][]byte, batch int) time.Duration {
	cfg := DefaultConfig()
	cfg.Data, cfg.Sync, cfg.Pool.MaxTxs = b.TempDir(), store.SyncInterval, 1_000_000
	cfg.Pool.MaxMB = 1024
	r := open(b, cfg, Options{})
	began := time.Now()
	go r.feed(payloads, batch)
	at, _ := r.Tip()
	for left := len(payloads); left > 0; {
		step, err := r.Next(b.Context(), at)
		if err != nil {
			b.Fatal(err)
		}
		at = step.Block.Ref
		left -= len(step.Block.IDs) - 1
	}
	took := time.Since(began)
	b.StopTimer()
	if err := r.stop(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
	return took
}

// feed submits all payloads in order, half a queue at most under way.
func (r *running) feed(payloads [][]byte, batch int) {
	room := make(chan struct{}, r.cfg.Ingest.Queue/batch/2)
	for from := 0; from < len(payloads); from += batch {
		room <- struct{}{}
		part := payloads[from:min(from+batch, len(payloads))]
		r.Submit(&ingest.Batch{Payloads: part, Done: func(b *ingest.Batch) {
			<-room
			for _, a := range b.Answers {
				if a != ledger.RejectNone {
					panic("refused: " + a.String())
				}
			}
		}})
	}
}
