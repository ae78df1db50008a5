package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/reports/result"
)

const mib = 1 << 20

func figures() []figure {
	return []figure{
		{"peak", "succeeded throughput of scenarios/peak.yaml over the calibrated verification limit", true, 0.45, "", peak},
		{"batch", "throughput with verifier batches of 1,024 over batches of 1", true, 1.6, "x", verifierBatch},
		{"streams", "throughput of batched streams over one synchronous call per transaction", true, 4, "x", streams},
		{"ceiling", "generator alone, through Register, Submit, Follow and all histograms", true, 500_000, " tx/s", ceiling},
		{"lag", "dispatch_lag p99 at 50,000/s in an open loop", false, 1, " ms", lag},
		{"search", "nonce search on 2 threads over 1", true, 1.9, "x", search},
		{"bad", "verifying batches with any share of bad signatures over one by one, worst share", false, 1.5, "x", bad},
		{"hostile", "commit p99 of an honest load with an attacker on one connection over that without", false, 2, "x", underAttack(result.StageCommit)},
		{"hostileack", "p99 of the node's answers to an honest load, with such an attacker over that without", false, 2, "x", underAttack(result.StageAckResponse)},
		{"relay", "a block of 10,000 pooled transfers to three peers, over checking the same cold", false, 2, "x", relayed},
		{"bodies", "bodies of each transaction that the busiest of four nodes receives, from clients and peers", false, 1.1, "x", bodies},
		{"latesync", "transactions a second of a node that joins after 1,000,000 of them, over the verification limit (one run)", true, 0.5, "", lateSync},
		{"idle", "four nodes that make a block every 500 ms and have no load, of one core, the search left out", false, 5, " %", idle},
		{"resident", "node and generator together, 60 s at 20,000 tx/s of 2-in-2-out (one run)", false, 1024, " MiB", resident},
		{"growth", "slope of the same after the warm-up", false, 1, " MiB/s", growth},
	}
}

func peak(ctx context.Context, b *bench) ([]float64, error) {
	var values []float64
	for range b.rounds {
		r, err := b.load(ctx, "scenarios/peak.yaml", nil, b.steady())
		if err != nil {
			return nil, err
		}
		values = append(values, r.Environment.Calibration.ThroughputOfLimit)
	}
	return values, nil
}

// steady shortens the peak's window to the bench's.
func (b *bench) steady() string { return fmt.Sprintf("load.schedule.closed.for=%v", b.window) }

func verifierBatch(ctx context.Context, b *bench) ([]float64, error) {
	return b.pairs(ctx, "scenarios/peak.yaml",
		[]string{b.steady(), "chain.node.ingest.batch_size=1024"},
		[]string{b.steady(), "chain.node.ingest.batch_size=1"})
}

func streams(ctx context.Context, b *bench) ([]float64, error) {
	return b.pairs(ctx, "scenarios/peak.yaml",
		[]string{b.steady()},
		[]string{b.steady(), "target.options={submit: unary}", "load.connections=64", "load.batch={size: 1, linger: 0s}"})
}

func ceiling(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) { return calibrate.Ceiling(ctx, 3*time.Second) })
}

func lag(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		r, err := calibrate.Null(ctx, nil, "load.schedule={constant: {rate: 50000/s, for: 5s}}", "load.warmup=1s")
		if err != nil {
			return 0, err
		}
		for _, l := range r.Latency {
			if l.Stage == result.StageDispatchLag && l.P99Ns != nil {
				return float64(*l.P99Ns) / 1e6, nil
			}
		}
		return 0, fmt.Errorf("no dispatch_lag was recorded")
	})
}

func search(ctx context.Context, b *bench) ([]float64, error) {
	rate := func(threads int) float64 {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		header := ledger.DevParams().Genesis().Header
		header.Bits = 0x03000001 // nothing meets it
		begin := time.Now()
		r, _ := pow.Search(limited, header, pow.SearchConfig{Threads: threads, Next: func() (ledger.Header, bool) {
			header.Merkle[0]++
			return header, true
		}})
		return float64(r.Total()) / time.Since(begin).Seconds()
	}
	return b.each(func() (float64, error) { return rate(2) / rate(1), nil })
}

// bad compares Verifier with VerifyOne on batches in which a share of the
// signatures is wrong, and takes the worst share.
func bad(_ context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		worst := 0.0
		for _, share := range []float64{0, 0.001, 0.01, 0.02, 0.05, 0.2, 0.5, 1} {
			txs, genesis, err := spoiled(1024, share)
			if err != nil {
				return 0, err
			}
			v := ledger.NewVerifier(genesis)
			verdicts := make([]ledger.Reject, len(txs))
			batch := timed(func() {
				clear(verdicts)
				v.Verify(txs, verdicts)
			})
			single := timed(func() {
				for i := range txs {
					_ = ledger.VerifyOne(&txs[i], genesis) // wrong ones are the point
				}
			})
			worst = max(worst, batch/single)
		}
		return worst, nil
	})
}

// timed returns the mean seconds of a call, over at least 100 ms.
func timed(f func()) float64 {
	n, begin := 0, time.Now()
	for time.Since(begin) < 100*time.Millisecond {
		f()
		n++
	}
	return time.Since(begin).Seconds() / float64(n)
}

// spoiled returns n signed transfers of which a share has a flipped bit in its
// signature.
func spoiled(n int, share float64) ([]ledger.Tx, ledger.Hash, error) {
	params := ledger.DevParams()
	genesis, rng := params.GenesisHash(), rand.New(rand.NewPCG(1, 2))
	txs := make([]ledger.Tx, n)
	for i := range txs {
		key := ledger.DevKey(params.DevSeed, ledger.SchemeEd25519, uint32(i))
		raw := ledger.AppendTransfer(nil, genesis,
			[]ledger.Spend{{Prev: ledger.OutPoint{Index: uint32(i)}, Key: key}},
			[]ledger.Output{{Value: 1, Key: ledger.HashKey(ledger.SchemeEd25519, key.Public())}})
		tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
		if err != nil {
			return nil, genesis, err
		}
		if rng.Float64() < share {
			tx.In(0).Sig[3] ^= 1
		}
		txs[i] = tx
	}
	return txs, genesis, nil
}

// soaks keeps the one soak of a bench run: two figures are read off it. A soak
// in which the chain fell behind is repeated once: at two thirds of what two
// cores can do, a host that takes time away is enough for that.
var soaks *result.Run

func (b *bench) soak(ctx context.Context) (*result.Run, error) {
	if soaks != nil {
		return soaks, nil
	}
	var err error
	for range 2 {
		if soaks, err = b.load(ctx, "scenarios/soak.yaml", []string{"--calibrate=off"}); err == nil {
			break
		}
	}
	return soaks, err
}

func resident(ctx context.Context, b *bench) ([]float64, error) {
	r, err := b.soak(ctx)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for _, p := range r.Resources {
		sum += float64(p.RSSMaxBytes) / mib
	}
	return []float64{sum}, nil
}

func growth(ctx context.Context, b *bench) ([]float64, error) {
	r, err := b.soak(ctx)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for _, p := range r.Resources {
		sum += p.RSSSlope / mib
	}
	return []float64{sum}, nil
}
