package chain

import (
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pool"
)

// Histograms hold every duration, also where runs of equal ones are recorded
// at once and in between there are transactions without any.
func TestStageHistograms(t *testing.T) {
	sealed := time.Now()
	ordered := func(ago time.Duration) time.Time { return sealed.Add(-ago) }
	ms := time.Millisecond
	txs := []pool.Tx{
		{Verify: 2 * ms, Order: ms, Ordered: ordered(50 * ms)},
		{Verify: 2 * ms, Order: ms, Ordered: ordered(50 * ms)},
		{}, // came with a block
		{Verify: 4 * ms, Order: 3 * ms, Ordered: ordered(20 * ms)},
		{Verify: 2 * ms, Order: 2 * time.Hour, Ordered: ordered(-ms)}, // beyond the bounds at both ends
	}
	times, err := newStageRecorder().block(txs, sealed)
	if err != nil || times.known != 4 || times.missing != 1 || len(times.stages) != 3 {
		t.Fatalf("%+v, %v", times, err)
	}
	want := map[string][]time.Duration{
		StageVerify: {2 * ms, 2 * ms, 2 * ms, 4 * ms},
		StageOrder:  {ms, ms, 3 * ms, time.Hour},
		StageSeal:   {0, 20 * ms, 50 * ms, 50 * ms},
	}
	for _, s := range times.stages {
		h, err := hdr.Decode(s.Histogram)
		if err != nil {
			t.Fatal(err)
		}
		ref := hdr.New(stageLowest, stageHighest, stageDigits)
		for _, d := range want[s.Name] {
			if err := ref.RecordValue(d.Nanoseconds()); err != nil {
				t.Fatal(err)
			}
		}
		if !h.Equals(ref) {
			t.Errorf("%s: %d values up to %d, want %v", s.Name, h.TotalCount(), h.Max(), want[s.Name])
		}
	}
}

func TestNoStagesWithoutDurations(t *testing.T) {
	times, err := newStageRecorder().block(make([]pool.Tx, 3), time.Now())
	if len(times.stages) != 0 || times.known != 0 || times.missing != 3 || err != nil {
		t.Errorf("%+v, %v", times, err)
	}
}

func TestStoreTimesForgetTheOldest(t *testing.T) {
	var s storeTimes
	hash := func(i int) (h ledger.Hash) {
		h[0], h[1], h[2] = byte(i), byte(i>>8), byte(i>>16)
		return h
	}
	for i := range storeTimesKept + 10 {
		s.put(hash(i), storeTime{txs: int64(i)})
	}
	for i, want := range map[int]bool{9: false, 10: true, storeTimesKept + 9: true} {
		if got, ok := s.get(hash(i)); ok != want || ok && got.txs != int64(i) {
			t.Errorf("block %d: %v, %v", i, got, ok)
		}
	}
	if len(s.of) != storeTimesKept {
		t.Errorf("%d kept, want %d", len(s.of), storeTimesKept)
	}
}
