package pow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// MaxThreads bounds SearchConfig.Threads.
const MaxThreads = 1024

// ErrExhausted says that no nonce of any header meets the target.
var ErrExhausted = errors.New("pow: all nonces are spent")

// SearchConfig says how to search.
type SearchConfig struct {
	Threads int // 1 to MaxThreads

	// Next returns another header to try (another extra-nonce, the time moved
	// on) when the 32 bits of the last one are spent, and false when there is
	// none. It is called by one goroutine at a time and should be quick: the
	// other threads wait for it. Without Next, one header is tried.
	Next func() (ledger.Header, bool)
}

// Result is what a search found and what it cost. The costs are valid beside
// an error, too.
type Result struct {
	Header  ledger.Header // with the nonce that meets its bits
	Hash    ledger.Hash
	Hashes  []uint64        // tried, per thread
	Busy    []time.Duration // spent hashing, per thread
	Elapsed time.Duration
}

// Total returns the hashes tried by all threads.
func (r *Result) Total() (sum uint64) {
	for _, n := range r.Hashes {
		sum += n
	}
	return sum
}

// stride is how many nonces a thread tries before it looks whether to stop:
// about 0.3 ms of work, so that a search ends within a millisecond.
const stride = 2048

// Search looks for a nonce with which h, or a header of cfg.Next, meets its
// bits. Threads take disjoint ranges of nonces from a common dispenser, so
// none is tried twice and none waits for a slower one. It returns when all
// threads have stopped: with the first hit, with the error of ctx within about
// a millisecond of its end, or with ErrExhausted.
func Search(ctx context.Context, h ledger.Header, cfg SearchConfig) (Result, error) {
	if cfg.Threads < 1 || cfg.Threads > MaxThreads {
		return Result{}, fmt.Errorf("threads %d: permitted 1 to %d", cfg.Threads, MaxThreads)
	}
	if _, ok := Target(h.Bits); !ok {
		return Result{}, fmt.Errorf("bits %#08x: not a target", h.Bits)
	}
	return newSearch(h, cfg, scanMidstate).run(ctx)
}

// search is shared by the threads of one Search.
type search struct {
	scan kernel
	more func() (ledger.Header, bool)

	mu     sync.Mutex
	work   *work  // the header being tried; nil when all is over
	from   uint64 // first nonce not handed out yet
	found  bool
	result Result // Hashes and Busy: element i belongs to thread i
}

func newSearch(h ledger.Header, cfg SearchConfig, scan kernel) *search {
	return &search{
		scan: scan, more: cfg.Next, work: newWork(h),
		result: Result{Hashes: make([]uint64, cfg.Threads), Busy: make([]time.Duration, cfg.Threads)},
	}
}

func (s *search) run(ctx context.Context) (Result, error) {
	start := time.Now()
	var wg sync.WaitGroup
	for i := range s.result.Hashes {
		wg.Go(func() { s.thread(ctx, i) })
	}
	wg.Wait()
	s.result.Elapsed = time.Since(start)
	switch {
	case s.found:
		return s.result, nil
	case ctx.Err() != nil:
		return s.result, ctx.Err()
	}
	return s.result, ErrExhausted
}

func (s *search) thread(ctx context.Context, i int) {
	scanner := newScanner()
	for ctx.Err() == nil {
		w, from := s.take()
		if w == nil {
			return
		}
		start := time.Now()
		nonce, tried, hit := s.scan(scanner, w, from, stride)
		s.result.Busy[i] += time.Since(start)
		s.result.Hashes[i] += uint64(tried)
		if hit {
			s.hit(w, nonce)
			return
		}
		// A search may hold every processor: let the stages of the node in.
		runtime.Gosched()
	}
}

// take hands out the next stride of nonces, or nil when the search is over.
func (s *search) take() (*work, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.work != nil && s.from == 1<<32 {
		s.next()
	}
	from := s.from
	s.from += stride
	return s.work, uint32(from)
}

func (s *search) next() {
	s.work, s.from = nil, 0
	if s.more == nil {
		return
	}
	h, ok := s.more()
	if _, valid := Target(h.Bits); ok && valid {
		s.work = newWork(h)
	}
}

func (s *search) hit(w *work, nonce uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found {
		return
	}
	s.found, s.work = true, nil
	s.result.Header = w.header
	s.result.Header.Nonce = nonce
	s.result.Hash = s.result.Header.Hash()
}

// work is one header to be searched; it is not changed any more.
type work struct {
	header ledger.Header
	target uint256.Int
	state  []byte // of SHA-256 after the first 64 bytes, then the other 16
}

func newWork(h ledger.Header) *work {
	target, _ := Target(h.Bits)
	return &work{header: h, target: target, state: midstate(&h)}
}
