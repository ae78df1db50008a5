// Package calibrate measures what this machine can do at best, so that a
// figure of a chain can be read against it: signature verification, signing,
// hashing, the lateness of sleeps, and what the generator itself can drive.
package calibrate

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// Effort is how long each figure is measured.
type Effort struct {
	Rounds int           // the median of so many counts
	Round  time.Duration // of one
}

// The efforts: Standard is that of a run's report (docs/measurement.md); Quick
// serves where a rough figure will do.
var (
	Standard = Effort{Rounds: 5, Round: 2 * time.Second}
	Quick    = Effort{Rounds: 3, Round: 200 * time.Millisecond}
)

// batchKeys is the number of transactions, each with a key of its own, that
// one verification batch has.
const batchKeys = 1024

// Verify returns the verification limit of this machine: signatures per second
// through the ledger's own batch path on all cores, each of batchKeys distinct
// keys decoded anew. cached measures the same with decoded keys kept.
func Verify(ctx context.Context, e Effort, scheme ledger.Scheme, cached bool) (float64, error) {
	cores := runtime.GOMAXPROCS(0)
	params := ledger.DevParams()
	genesis := params.GenesisHash()
	txs, err := transfers(params, scheme, batchKeys)
	if err != nil {
		return 0, err
	}
	wrong := atomic.Bool{}
	rate := e.rate(ctx, cores, func(stop func() bool, count *atomic.Uint64) {
		v := ledger.NewVerifier(genesis)
		if cached {
			v = ledger.NewCachingVerifier(genesis, batchKeys)
		}
		verdicts := make([]ledger.Reject, len(txs))
		for !stop() {
			v.Verify(txs, verdicts)
			count.Add(uint64(len(txs)))
			wrong.Store(wrong.Load() || slices.Max(verdicts) != ledger.RejectNone)
		}
	})
	if wrong.Load() {
		return 0, fmt.Errorf("calibration: valid signatures were refused: this build of chaindyno is broken")
	}
	return rate, ctx.Err()
}

// transfers returns n signed 1-in-2-out transfers, each by a key of its own.
func transfers(params *ledger.Params, scheme ledger.Scheme, n int) ([]ledger.Tx, error) {
	genesis := params.GenesisHash()
	txs := make([]ledger.Tx, n)
	for i := range txs {
		key := ledger.DevKey(params.DevSeed, scheme, uint32(i))
		to := ledger.HashKey(scheme, key.Public())
		raw := ledger.AppendTransfer(nil, genesis,
			[]ledger.Spend{{Prev: ledger.OutPoint{TxID: genesis, Index: uint32(i)}, Key: key}},
			[]ledger.Output{{Value: 1, Key: to}, {Value: 2, Key: to}})
		tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
		if err != nil {
			return nil, fmt.Errorf("calibration: %w", err)
		}
		txs[i] = tx
	}
	return txs, nil
}

// Sign returns signatures per second on all cores.
func Sign(ctx context.Context, e Effort, scheme ledger.Scheme) float64 {
	key := ledger.DevKey(1, scheme, 0)
	return e.rate(ctx, runtime.GOMAXPROCS(0), func(stop func() bool, count *atomic.Uint64) {
		var digest ledger.Hash
		sig := make([]byte, ledger.SigSize)
		for !stop() {
			for range 64 {
				key.Sign(sig, digest)
				digest[0]++
			}
			count.Add(64)
		}
	})
}

// Hash returns header double hashes per second of one mining thread.
func Hash(ctx context.Context, e Effort) float64 {
	params := ledger.DevParams()
	header := params.Genesis().Header
	header.Bits = 0x03000001 // a target of 1: nothing is found
	rates := make([]float64, 0, e.Rounds)
	for range e.Rounds {
		limited, cancel := context.WithTimeout(ctx, e.Round)
		begin := time.Now()
		r, _ := pow.Search(limited, header, pow.SearchConfig{Threads: 1, Next: func() (ledger.Header, bool) {
			header.Merkle[0]++
			return header, true
		}})
		cancel()
		rates = append(rates, float64(r.Total())/time.Since(begin).Seconds())
	}
	return median(rates)
}

// Ceiling returns what the generator can drive at most: committed transactions
// per second through Register, Submit, Follow and all histograms, against a
// chain that costs nothing, with nothing to sign.
func Ceiling(ctx context.Context, d time.Duration) (float64, error) {
	r, err := Null(ctx, map[string]string{}, fmt.Sprintf("load.schedule={closed: {in_flight: 60000, for: %v}}", d), "load.warmup=200ms")
	if err != nil {
		return 0, err
	}
	return r.Throughput.SucceededPerS, nil
}

// Null runs the generator against the null driver with the options given; sets
// are laid over a scenario made for it.
func Null(ctx context.Context, options map[string]string, sets ...string) (*result.Run, error) {
	base := []string{"name=ceiling", "target={driver: null}", "chain=null", "load.sign=live", "slo=[]", "audit=off"}
	sc, err := scenario.ParseSets(append(base, sets...)...)
	if err != nil {
		return nil, err
	}
	drv, err := null.FromOptions(options)
	if err != nil {
		return nil, err
	}
	defer drv.Close()
	dir, err := os.MkdirTemp("", "chaindyno-calibrate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return loadgen.Run(ctx, ctx, loadgen.Options{Scenario: sc, Driver: drv, Dir: dir, ID: "calibration"})
}

// rate counts what work adds up to on n goroutines, per second: the median of
// the effort's rounds.
func (e Effort) rate(ctx context.Context, n int, work func(stop func() bool, count *atomic.Uint64)) float64 {
	rates := make([]float64, 0, e.Rounds)
	for range e.Rounds {
		var count atomic.Uint64
		var wg sync.WaitGroup
		limited, cancel := context.WithTimeout(ctx, e.Round)
		begin := time.Now()
		for range n {
			wg.Go(func() { work(func() bool { return limited.Err() != nil }, &count) })
		}
		wg.Wait()
		cancel()
		rates = append(rates, float64(count.Load())/time.Since(begin).Seconds())
	}
	return median(rates)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
