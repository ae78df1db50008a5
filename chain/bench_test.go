package chain

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/internal/procs"
)

// BenchmarkNode measures what a whole node commits, from Submit to announced
// blocks, beside what the machine can verify: signed 1-in-2-out transfers of
// 40,000 keys, fed by this process, which signs beforehand. One iteration is
// 160,000 transactions on a fresh chain. Both sides are also told in CPU time,
// which other processes disturb less: of_cpu is what of_limit would be if no
// core were ever idle.
func BenchmarkNode(b *testing.B) {
	const lanes, rounds = 40_000, 4
	p := ledger.DevParams()
	payloads := presign(p, lanes, rounds)
	for b.Loop() {
		before := verifyRate(payloads[:lanes], p)
		node := commitAll(b, payloads, 256)
		after := verifyRate(payloads[lanes:2*lanes], p)
		limit := (before.rate() + after.rate()) / 2
		b.ReportMetric(node.rate(), "tx/s")
		b.ReportMetric(node.rate()/limit, "of_limit")
		b.ReportMetric(node.cpuPerTx(), "cpu-us/tx")
		b.ReportMetric((before.cpuPerTx()+after.cpuPerTx())/2/node.cpuPerTx(), "of_cpu")
	}
}

// BenchmarkAccept measures what it takes to accept another's block of 10,000
// signed transfers that a node has in its pool but for one in a hundred, beside
// a node that has none of them, which is what a relayed block saves: check_of
// and accept_of are the share of the cold node's time in Check alone and with
// the commit. One iteration is one block each, on fresh chains.
func BenchmarkAccept(b *testing.B) {
	const txs, missing = 10_000, 100
	p := ledger.DevParams()
	m := newMaker(b, p)
	parsed := make([]ledger.Tx, txs)
	for i, payload := range presign(p, txs, 1) {
		parsed[i] = m.parse(payload)
	}
	block := m.block(p.Genesis().Header, 1, parsed...)
	var cold, warm [2]time.Duration
	for b.Loop() {
		for i, t := range acceptOnce(b, block, nil) {
			cold[i] += t
		}
		for i, t := range acceptOnce(b, block, parsed[missing:]) {
			warm[i] += t
		}
	}
	per := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
	b.ReportMetric(per(cold[0]), "cold-check-ms")
	b.ReportMetric(per(cold[0]+cold[1]), "cold-accept-ms")
	b.ReportMetric(per(warm[0]+warm[1]), "pooled-accept-ms")
	b.ReportMetric(float64(warm[0])/float64(cold[0]), "check_of")
	b.ReportMetric(float64(warm[0]+warm[1])/float64(cold[0]+cold[1]), "accept_of")
}

// acceptOnce returns how long a fresh node with some transactions in its pool
// takes to check a block, and then to accept it.
func acceptOnce(b *testing.B, block *ledger.Block, pooled []ledger.Tx) (took [2]time.Duration) {
	cfg := DefaultConfig()
	cfg.Data, cfg.Miner.Threads = b.TempDir(), 0
	r := open(b, cfg, Options{})
	for part := range slices.Chunk(pooled, 1000) {
		submit(r.Node, part...)
	}
	began := time.Now()
	c, err := r.Check(b.Context(), block)
	if err != nil {
		b.Fatal(err)
	}
	took[0] = lap(&began)
	if err := r.AcceptChecked(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	took[1] = lap(&began)
	if err := r.stop(); err != nil {
		b.Fatal(err)
	}
	return took
}

// spentOn is what a number of transactions took.
type spentOn struct {
	txs  int
	wall time.Duration
	cpu  float64 // seconds
}

func (s spentOn) rate() float64     { return float64(s.txs) / s.wall.Seconds() }
func (s spentOn) cpuPerTx() float64 { return s.cpu / float64(s.txs) * 1e6 }

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
func verifyRate(payloads [][]byte, p *ledger.Params) spentOn {
	const batch = 1024
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	began, cpu := time.Now(), procs.Self().CPUSeconds
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
	return spentOn{len(payloads), time.Since(began), procs.Self().CPUSeconds - cpu}
}

// commitAll feeds a fresh node and measures from the first block with transfers
// to the last but one, so that neither start nor drain count.
func commitAll(b *testing.B, payloads [][]byte, batch int) (s spentOn) {
	cfg := DefaultConfig()
	cfg.Data, cfg.Sync, cfg.Pool.MaxTxs, cfg.Pool.MaxMB = b.TempDir(), store.SyncInterval, 1_000_000, 1024
	r := open(b, cfg, Options{})
	go r.feed(payloads, batch)
	var began time.Time
	var cpu float64
	at, _ := r.Tip()
	for left := len(payloads); left > 0; {
		step, err := r.Next(b.Context(), at)
		if err != nil {
			b.Fatal(err)
		}
		at = step.Block.Ref
		n := len(step.Block.IDs) - 1
		left -= n
		switch {
		case began.IsZero() && n > 0:
			began, cpu = time.Now(), procs.Self().CPUSeconds
		case left > 0:
			s = spentOn{s.txs + n, time.Since(began), procs.Self().CPUSeconds - cpu}
		}
	}
	b.StopTimer()
	if err := r.stop(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
	return s
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
