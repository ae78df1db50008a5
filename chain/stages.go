package chain

import (
	"fmt"
	"slices"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/store"
)

// The stages whose durations a block carries.
const (
	StageVerify = "node_verify" // received -> verified
	StageOrder  = "node_order"  // verified -> ordered
	StageSeal   = "node_seal"   // ordered -> sealed
	StageStore  = "node_store"  // sealed -> committed
)

// Bounds of the histograms, in nanoseconds; durations beyond are recorded at
// the bound.
const (
	stageLowest  = int64(time.Microsecond)
	stageHighest = int64(time.Hour)
	stageDigits  = 3
)

// stageRecorder makes one histogram per stage and block. It belongs to one
// goroutine, and uses the same 200 KB for every histogram.
type stageRecorder struct{ h *hdr.Histogram }

func newStageRecorder() *stageRecorder { return new(stageRecorder) }

// stageTimes are how long the transactions of a block took, as far as they were
// received here.
type stageTimes struct {
	stages  []store.Stage // all but StageStore; none if nothing is known
	known   uint64        // transactions with durations, in each of the stages
	missing uint64        // and without
}

// block returns the stages up to the seal, or to when another's block was
// received, of a block's transfers as the pool knows them: zero for those that
// it does not.
func (r *stageRecorder) block(txs []pool.Tx, sealed time.Time) (t stageTimes, err error) {
	known := measured(txs)
	t.known, t.missing = uint64(len(known)), uint64(len(txs)-len(known))
	if len(known) == 0 { // encoding costs the same whatever is in it
		return t, nil
	}
	for _, s := range []struct {
		name string
		of   func(*pool.Tx) time.Duration
	}{
		{StageVerify, func(t *pool.Tx) time.Duration { return t.Verify }},
		{StageOrder, func(t *pool.Tx) time.Duration { return t.Order }},
		{StageSeal, func(t *pool.Tx) time.Duration { return sealed.Sub(t.Ordered) }},
	} {
		encoded, err := r.stage(known, s.of)
		if err != nil {
			return stageTimes{}, fmt.Errorf("%s: %w", s.name, err)
		}
		t.stages = append(t.stages, store.Stage{Name: s.name, Histogram: encoded})
	}
	return t, nil
}

// measured returns the transactions that were received here: the others came
// with a block, or are not in the pool at all.
func measured(txs []pool.Tx) []pool.Tx {
	foreign := func(t pool.Tx) bool { return t.Ordered.IsZero() }
	if !slices.ContainsFunc(txs, foreign) {
		return txs
	}
	return slices.DeleteFunc(slices.Clone(txs), foreign)
}

// stage encodes one histogram. Transactions that were verified and ordered
// together have equal durations and stand side by side, so that runs of equal
// values are recorded at once.
func (r *stageRecorder) stage(txs []pool.Tx, of func(*pool.Tx) time.Duration) ([]byte, error) {
	r.reset()
	for i := 0; i < len(txs); {
		v, run := of(&txs[i]), int64(1)
		for i++; i < len(txs) && of(&txs[i]) == v; i++ {
			run++
		}
		if err := r.record(v, run); err != nil {
			return nil, err
		}
	}
	return r.h.Encode(hdr.V2CompressedEncodingCookieBase)
}

func (r *stageRecorder) reset() {
	if r.h == nil {
		r.h = hdr.New(stageLowest, stageHighest, stageDigits)
	} else {
		r.h.Reset()
	}
}

func (r *stageRecorder) record(d time.Duration, n int64) error {
	return r.h.RecordValues(min(max(d.Nanoseconds(), 0), stageHighest), n)
}

// same encodes the histogram of n equal durations.
func (r *stageRecorder) same(d time.Duration, n int64) ([]byte, error) {
	r.reset()
	if err := r.record(d, n); err != nil {
		return nil, err
	}
	return r.h.Encode(hdr.V2CompressedEncodingCookieBase)
}

// handle returns what the pool handed out for a template.
func handle(t miner.Template) []pool.Tx {
	txs, _ := t.Handle.([]pool.Tx)
	return txs
}

// storeTimesKept bounds the blocks whose duration in StageStore is known.
const storeTimesKept = 1 << 14

// storeTimes remembers how long the commit of recent blocks took. A block's
// record in the log cannot hold it, since writing the record is most of it;
// after a restart it is not known any more.
type storeTimes struct {
	mu   sync.Mutex
	of   map[ledger.Hash]storeTime
	ring []ledger.Hash // in order of commit
	next int
}

type storeTime struct {
	took time.Duration
	txs  int64 // those with durations in the other stages
}

func (s *storeTimes) put(hash ledger.Hash, t storeTime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[ledger.Hash]storeTime{}
	}
	if len(s.ring) < storeTimesKept {
		s.ring = append(s.ring, hash)
	} else {
		delete(s.of, s.ring[s.next])
		s.ring[s.next] = hash
		s.next = (s.next + 1) % storeTimesKept
	}
	s.of[hash] = t
}

func (s *storeTimes) get(hash ledger.Hash) (storeTime, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.of[hash]
	return t, ok
}
