package pow

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKernelsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := ledger.Header{
			Version: rapid.Uint32().Draw(t, "version"), Time: rapid.Uint32().Draw(t, "time"),
			Prev: ledger.Hash{rapid.Byte().Draw(t, "prev")}, Merkle: ledger.Hash{31: rapid.Byte().Draw(t, "merkle")},
			Bits: rapid.SampledFrom([]uint32{0x207fffff, 0x2007ffff, 0x20007fff, 0x1f0fffff}).Draw(t, "bits"),
		}
		w, n := newWork(h), rapid.Uint32Range(0, 3000).Draw(t, "n")
		from := rapid.SampledFrom([]uint32{0, 1, 1 << 31, -n}).Draw(t, "from")
		s := newScanner()
		for range 2 { // the scanner is reused
			nonce, tried, hit := scanMidstate(s, w, from, n)
			wantNonce, wantTried, wantHit := scanPlain(nil, w, from, n)
			if nonce != wantNonce || tried != wantTried || hit != wantHit {
				t.Fatalf("midstate %d %d %v, plain %d %d %v", nonce, tried, hit, wantNonce, wantTried, wantHit)
			}
		}
	})
}

func TestSearchFinds(t *testing.T) {
	for _, threads := range []int{1, 2, 7} {
		h := ledger.Header{Version: 1, Bits: 0x2000ffff, Time: uint32(threads)}
		r, err := Search(t.Context(), h, SearchConfig{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		if !CheckWork(&r.Header, h.Bits) || r.Hash != r.Header.Hash() {
			t.Errorf("threads %d: %+v does not meet its target", threads, r.Header)
		}
		if len(r.Hashes) != threads || len(r.Busy) != threads || r.Total() == 0 || r.Elapsed <= 0 {
			t.Errorf("threads %d: costs %+v", threads, r)
		}
		if r.Header.Nonce = h.Nonce; r.Header != h {
			t.Errorf("threads %d: more than the nonce changed", threads)
		}
	}
}

func TestSearchRefusesConfig(t *testing.T) {
	for _, threads := range []int{-1, 0, MaxThreads + 1} {
		if _, err := Search(t.Context(), ledger.Header{Bits: 0x207fffff}, SearchConfig{Threads: threads}); err == nil {
			t.Errorf("threads %d accepted", threads)
		}
	}
	if _, err := Search(t.Context(), ledger.Header{}, SearchConfig{Threads: 1}); err == nil {
		t.Error("bits 0 accepted")
	}
}

// Cancelling must end the search; how fast is for the benchmark to say.
func TestSearchEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := impossible
	s := newSearch(h, SearchConfig{Threads: 2}, func(_ *scanner, _ *work, _, n uint32) (uint32, uint32, bool) {
		cancel()
		return 0, n, false
	})
	r, err := s.run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if r.Total() < stride || r.Total() > 2*stride {
		t.Errorf("tried %d after the cancellation", r.Total())
	}
	if r, err = Search(ctx, h, SearchConfig{Threads: 2}); !errors.Is(err, context.Canceled) || r.Total() != 0 {
		t.Errorf("a cancelled context: %v after %d hashes", err, r.Total())
	}
}

// ranges counts how often a fake kernel was asked to try each range.
type ranges struct {
	mu    sync.Mutex
	tried []uint8
	hit   func(w *work, from uint32) (uint32, bool)
}

func (r *ranges) scan(_ *scanner, w *work, from, n uint32) (uint32, uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried[from/stride]++
	if nonce, ok := r.hit(w, from); ok {
		return nonce, nonce - from + 1, true
	}
	return 0, n, false
}

func newRanges(hit func(w *work, from uint32) (uint32, bool)) *ranges {
	return &ranges{tried: make([]uint8, 1<<32/stride), hit: hit}
}

func never(*work, uint32) (uint32, bool) { return 0, false }

func TestSearchTriesEveryNonceOnce(t *testing.T) {
	r := newRanges(never)
	res, err := newSearch(impossible, SearchConfig{Threads: 3}, r.scan).run(t.Context())
	if !errors.Is(err, ErrExhausted) || res.Total() != 1<<32 {
		t.Fatalf("%v after %d", err, res.Total())
	}
	for i, n := range r.tried {
		if n != 1 {
			t.Fatalf("range %d tried %d times", i, n)
		}
	}
}

func TestSearchAsksForTheNextHeader(t *testing.T) {
	const last = 1<<32 - stride
	r := newRanges(func(w *work, from uint32) (uint32, bool) {
		return from + 5, w.header.Time == 2 && from == stride
	})
	calls := uint32(0)
	next := func() (ledger.Header, bool) { // serialised by the search, or the race detector speaks up
		calls++
		h := impossible
		h.Time = calls
		return h, true
	}
	s := newSearch(impossible, SearchConfig{Threads: 2, Next: next}, r.scan)
	s.from = last
	skipMost := s.more
	s.more = func() (ledger.Header, bool) {
		h, ok := skipMost()
		if h.Time == 1 { // the second header is spent at once, too
			s.from = last
		}
		return h, ok
	}
	res, err := s.run(t.Context())
	if err != nil || res.Header.Time != 2 || res.Header.Nonce != stride+5 || calls != 2 {
		t.Fatalf("%v: %+v after %d headers", err, res.Header, calls)
	}
}

func TestSearchStopsWhenHeadersEnd(t *testing.T) {
	for _, next := range []func() (ledger.Header, bool){
		func() (ledger.Header, bool) { return impossible, false },
		func() (ledger.Header, bool) { return ledger.Header{}, true }, // no target
	} {
		s := newSearch(impossible, SearchConfig{Threads: 2, Next: next}, newRanges(never).scan)
		s.from = 1<<32 - stride
		if r, err := s.run(t.Context()); !errors.Is(err, ErrExhausted) || r.Total() != stride {
			t.Errorf("%v after %d", err, r.Total())
		}
	}
}

func TestBusyIsTimeInTheKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := 0
		slow := func(_ *scanner, _ *work, from, n uint32) (uint32, uint32, bool) {
			time.Sleep(time.Millisecond) // fake time: what a stride takes
			turns++
			return from, n, turns == 4
		}
		r, err := newSearch(impossible, SearchConfig{Threads: 1}, slow).run(t.Context())
		if err != nil || r.Busy[0] != 4*time.Millisecond || r.Hashes[0] != 4*stride {
			t.Errorf("%v: busy %v, hashes %d", err, r.Busy, r.Hashes)
		}
	})
}
