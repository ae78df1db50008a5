package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// plan is a random load. It is drawn before the test's clock is faked.
type plan struct {
	cfg     Config
	streams [][]int // batch sizes of each submitter
	cancel  time.Duration
	seed    uint64
}

func drawPlan(t *rapid.T) plan {
	sizes := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 20)
	return plan{
		cfg: Config{
			QueueTxs:  rapid.IntRange(1, 2000).Draw(t, "queue"),
			BatchSize: rapid.IntRange(1, 256).Draw(t, "batch"),
			Linger:    time.Duration(rapid.IntRange(0, 5).Draw(t, "linger")) * time.Millisecond,
			Verifiers: rapid.IntRange(1, 4).Draw(t, "verifiers"),
		},
		streams: rapid.SliceOfN(sizes, 1, 4).Draw(t, "streams"),
		cancel:  time.Duration(rapid.IntRange(0, 60).Draw(t, "cancel")) * time.Millisecond,
		seed:    rapid.Uint64().Draw(t, "seed"),
	}
}

// TestAnswers: under overload, verifiers and a sink of random speed, and an
// end at any moment, every transaction has exactly one answer, the accepted
// ones are those that the sink took, and each stream's order is kept.
func TestAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var failure error
		synctest.Test(t, func(t *testing.T) { failure = runPlan(t, p) })
		if failure != nil {
			rt.Fatal(failure)
		}
	})
}

func runPlan(t *testing.T, p plan) error {
	rng := rand.New(rand.NewPCG(p.seed, 0))
	sink := &recorder{answer: func(*ledger.Tx) ledger.Reject {
		time.Sleep(time.Duration(rng.IntN(20)) * time.Microsecond)
		return []ledger.Reject{ledger.RejectNone, ledger.RejectFee}[rng.IntN(2)]
	}}
	// A verifier's delay is a function of nothing that is shared, so that the
	// plan alone decides.
	var calls atomic.Uint64
	in := newTest(t, p.cfg, sink, Events{}, func() {
		delay := rand.New(rand.NewPCG(p.seed, calls.Add(1))).IntN(4000)
		time.Sleep(time.Duration(delay) * time.Microsecond)
	})
	stop := start(in)
	streams := make([][]*Batch, len(p.streams))
	answered := make([][]atomic.Int32, len(p.streams))
	for s, sizes := range p.streams {
		answered[s] = make([]atomic.Int32, len(sizes))
		for i, n := range sizes {
			streams[s] = append(streams[s], unsignedBatch(s<<24|i<<12, n, func(*Batch) { answered[s][i].Add(1) }))
		}
		go func() {
			for _, b := range streams[s] {
				in.Submit(b)
				time.Sleep(time.Millisecond)
			}
		}()
	}
	time.Sleep(p.cancel)
	stop()
	time.Sleep(time.Second) // the submitters go on against the closed stage
	return checkPlan(p, in, sink, streams, answered)
}

func checkPlan(p plan, in *Ingest, sink *recorder, streams [][]*Batch, answered [][]atomic.Int32) error {
	var offered []uint32
	for i := range sink.txs {
		offered = append(offered, number(&sink.txs[i]))
	}
	counts := map[ledger.Reject]uint64{}
	for s, batches := range streams {
		var want []uint32 // what the sink must have seen of this stream
		for i, b := range batches {
			if n := answered[s][i].Load(); n != 1 {
				return fmt.Errorf("batch %d of stream %d was answered %d times", i, s, n)
			}
			for k, kind := range b.Answers {
				counts[kind]++
				if kind == ledger.RejectNone || kind == ledger.RejectFee {
					want = append(want, uint32(s<<24|i<<12|k))
				} else if kind != ledger.RejectBusy && (kind != ledger.RejectTooLarge || len(b.Payloads) <= p.cfg.QueueTxs) {
					return fmt.Errorf("batch %d of stream %d was answered %s", i, s, kind.String())
				}
			}
		}
		got := slices.DeleteFunc(slices.Clone(offered), func(n uint32) bool { return int(n>>24) != s })
		if !slices.Equal(got, want) {
			return fmt.Errorf("stream %d: the sink was offered %v, the answers say %v", s, got, want)
		}
	}
	st := in.Stats()
	for kind, n := range st.Answers {
		if n != counts[ledger.Reject(kind)] {
			return fmt.Errorf("%s was counted %d times, want %d", ledger.Reject(kind).String(), n, counts[ledger.Reject(kind)])
		}
	}
	if st.Queued != 0 {
		return fmt.Errorf("%d transactions are still counted as queued", st.Queued)
	}
	return nil
}
