package miner

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything that a miner deals with. The test holds the lock but for
// the time in which it lets the faked clock run.
type world struct {
	mu    sync.Mutex
	t     *testing.T
	m     *Miner
	stop  func()
	begin time.Time

	// The pool.
	txs         []ledger.Tx
	fees        uint64
	taken, back int
	onTake      func()
	bounds      [2]int

	// The sealer.
	search func() time.Duration // how long the next search takes
	seal   func(h ledger.Header, next func() ledger.Header) ledger.Header
	fault  error

	// The chain.
	refuse error // what Submit returns
	beaten bool  // Submit finds another block to be the tip
	blocks []*Sealed
	sealed []time.Time
	stale  []Tip
	faults []error
}

const forever = time.Duration(1<<63 - 1)

func (w *world) Take(maxTxs, maxBytes int) Template {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken++
	if w.onTake != nil {
		w.onTake()
	}
	w.bounds = [2]int{maxTxs, maxBytes}
	return Template{Txs: w.txs, Fees: w.fees, Handle: w.taken}
}

func (w *world) Return(t Template) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.Handle != w.taken {
		w.t.Errorf("template %v came back, out is %d", t.Handle, w.taken)
	}
	w.back++
}

func (w *world) Seal(ctx context.Context, h ledger.Header, threads int, next func() ledger.Header) (Found, error) {
	f := Found{Hashes: slices.Repeat([]uint64{100}, threads)}
	w.mu.Lock()
	took, fault := w.search(), w.fault
	w.mu.Unlock()
	if fault != nil {
		return f, fault
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return f, ctx.Err()
	case <-timer.C:
	}
	f.Header = h
	if w.seal != nil {
		f.Header = w.seal(h, next)
	}
	return f, nil
}

func (w *world) Submit(_ context.Context, s *Sealed) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	if w.beaten {
		w.m.SetTip(Tip{Height: s.Height + 1, Prev: ledger.Hash{0xbb, byte(s.Height)}})
		return nil
	}
	w.blocks = append(w.blocks, s)
	w.sealed = append(w.sealed, time.Now())
	w.m.SetTip(Tip{Height: s.Height + 1, Prev: s.Block.Header.Hash()})
	return nil
}

// inWorld runs a test in a bubble with a miner that is waiting for its tip,
// and checks afterwards that every template but those of the blocks came back.
func inWorld(t *testing.T, cfg Config, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, begin: time.Now(), search: func() time.Duration { return 10 * time.Millisecond }}
		var err error
		w.m, err = New(cfg, ledger.TestParams(), w, w, w, Events{
			Stale:   func(tip Tip) { w.locked(func() { w.stale = append(w.stale, tip) }) },
			Refused: func(err error) { w.locked(func() { w.faults = append(w.faults, err) }) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := w.m.Run(ctx); err != nil {
				t.Errorf("Run returned %v", err)
			}
		}()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stop = func() {
			cancel()
			w.run(0)
			<-ended
		}
		defer w.stop()
		w.run(0)
		test(t, w)
		w.stop()
		if w.taken != len(w.blocks)+w.back {
			t.Errorf("%d templates were taken, %d are in blocks and %d came back", w.taken, len(w.blocks), w.back)
		}
		if s := w.m.Stats(); int(s.Blocks) != len(w.blocks) || int(s.Stale) != len(w.stale) || int(s.Refused) != len(w.faults) {
			t.Errorf("stats are %+v, want %d blocks, %d stale, %d refused", s, len(w.blocks), len(w.stale), len(w.faults))
		}
	})
}

// run lets the fake clock run, and everybody else do what is to be done then.
func (w *world) run(d time.Duration) {
	w.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
}

func (w *world) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func tip(height uint32) Tip { return Tip{Height: height, Prev: ledger.Hash{0xaa, byte(height)}} }

func testConfig() Config {
	return Config{Threads: 2, Pace: 250 * time.Millisecond, PaceMin: 25 * time.Millisecond}
}

// TestPace: with searches of any length, intervals have the asked mean and
// minimum, and are distributed exponentially above it.
func TestPace(t *testing.T) {
	cases := map[string]struct {
		search func(rng *rand.Rand) time.Duration
		shape  bool
	}{
		"at once":     {func(*rand.Rand) time.Duration { return 0 }, true},
		"constant":    {func(*rand.Rand) time.Duration { return 40 * time.Millisecond }, false},
		"exponential": {func(rng *rand.Rand) time.Duration { return time.Duration(rng.ExpFloat64() * 3e7) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, testConfig(), func(t *testing.T, w *world) {
				rng := rand.New(rand.NewPCG(1, 2))
				w.search = func() time.Duration { return c.search(rng) }
				w.m.SetTip(tip(1))
				const blocks = 20_000
				w.run(blocks * w.m.cfg.Pace)
				if n := len(w.blocks); n < blocks*98/100 || n > blocks*102/100 {
					t.Errorf("%d blocks in the time of %d", n, blocks)
				}
				above, last := 0, w.begin
				for i, at := range w.sealed {
					interval := at.Sub(last)
					last = at
					if interval < w.m.cfg.PaceMin {
						t.Fatalf("block %d came after %v, the minimum is %v", i, interval, w.m.cfg.PaceMin)
					}
					if interval > w.m.cfg.Pace {
						above++
					}
				}
				// P(min + Exp(mean-min) > mean) = 1/e
				if share := float64(above) / float64(len(w.sealed)); c.shape && (share < 0.358 || share > 0.378) {
					t.Errorf("%.3f of the intervals are above the mean, want 0.368", share)
				}
			})
		})
	}
}

// TestNoPace: without a pace the next search begins at once.
func TestNoPace(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.m.SetTip(tip(1))
		w.run(time.Second)
		if n := len(w.blocks); n != 100 {
			t.Errorf("%d blocks in the time of 100 searches", n)
		}
	})
}

// TestPaceRestarts: each new tip begins another wait, so a miner whose tip
// moves faster than its shortest interval makes nothing.
func TestPaceRestarts(t *testing.T) {
	inWorld(t, testConfig(), func(t *testing.T, w *world) {
		for i := range uint32(100) {
			w.m.SetTip(tip(i))
			w.run(24 * time.Millisecond)
		}
		if w.taken != 0 {
			t.Errorf("%d templates were taken", w.taken)
		}
		w.m.SetTip(tip(200))
		moved := time.Now()
		for len(w.blocks) == 0 {
			w.run(time.Millisecond)
		}
		if first := w.sealed[0].Sub(moved); first < 35*time.Millisecond {
			t.Errorf("a block came %v after the tip, want %v and the search at least", first, w.m.cfg.PaceMin)
		}
	})
}

// TestNewTip: a new tip ends the search at once; the template goes back, and
// the next block builds on the new tip. The same tip again changes nothing.
func TestNewTip(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.m.SetTip(tip(1))
		w.run(4 * time.Millisecond)
		w.m.SetTip(tip(1))
		w.run(4 * time.Millisecond)
		if w.taken != 1 || w.back != 0 {
			t.Errorf("after the same tip %d templates were taken, %d came back", w.taken, w.back)
		}
		w.m.SetTip(tip(7))
		w.run(0)
		if w.taken != 2 || w.back != 1 || !slices.Equal(w.stale, []Tip{tip(1)}) {
			t.Errorf("%d templates were taken, %d came back, stale are %v", w.taken, w.back, w.stale)
		}
		w.run(10 * time.Millisecond)
		if len(w.blocks) != 1 || w.blocks[0].Height != 7 || w.blocks[0].Block.Header.Prev != tip(7).Prev {
			t.Fatalf("blocks are %+v, want one at 7", w.blocks)
		}
		if s := w.blocks[0]; s.Seal != 10*time.Millisecond || s.Hashes[0] != 100 {
			t.Errorf("sealed in %v with %v hashes, which counts more than the last tip", s.Seal, s.Hashes)
		}
	})
}

// TestNewTipEarly: a tip that comes while the template is made ends the search
// before it has begun.
func TestNewTipEarly(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.onTake = func() {
			w.onTake = nil
			w.m.SetTip(tip(2))
		}
		w.m.SetTip(tip(1))
		w.run(10 * time.Millisecond)
		if len(w.stale) != 1 || len(w.blocks) != 1 || w.blocks[0].Height != 2 {
			t.Errorf("stale are %v, %d blocks were made", w.stale, len(w.blocks))
		}
	})
}

// TestBeaten: a block that is committed but is not the best one gives its
// template back.
func TestBeaten(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.beaten = true
		w.m.SetTip(tip(1))
		w.run(14 * time.Millisecond)
		w.beaten = false
		w.run(6 * time.Millisecond)
		if w.back != 1 || len(w.stale) != 1 || len(w.blocks) != 1 {
			t.Errorf("%d templates came back, %d are stale, %d blocks were made", w.back, len(w.stale), len(w.blocks))
		}
	})
}

// TestRefused: a refused block and a failing sealer give the template back,
// and the miner tries again, but not at once.
func TestRefused(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		full, broken := errors.New("disk full"), errors.New("broken")
		w.refuse = full
		w.m.SetTip(tip(1))
		w.run(10*time.Millisecond + retryAfter)
		w.refuse, w.fault = nil, broken
		w.run(10*time.Millisecond + retryAfter/2)
		w.fault = nil
		w.run(retryAfter)
		if want := []error{full, broken}; !slices.Equal(w.faults, want) {
			t.Errorf("faults are %v, want %v", w.faults, want)
		}
		if len(w.blocks) == 0 {
			t.Error("no block was made after the faults")
		}
	})
}

// TestRefresh: a search takes newer transactions in, and its cost adds up.
func TestRefresh(t *testing.T) {
	cfg := Config{Threads: 2, Refresh: 30 * time.Millisecond}
	inWorld(t, cfg, func(t *testing.T, w *world) {
		searches := []time.Duration{forever, forever, 10 * time.Millisecond, forever}
		w.search = func() time.Duration {
			d := searches[0]
			searches = searches[1:]
			return d
		}
		w.m.SetTip(tip(1))
		w.run(50 * time.Millisecond)
		w.fees = 77
		w.run(20 * time.Millisecond)
		if len(w.blocks) != 1 || w.back != 2 || len(w.faults) != 0 {
			t.Fatalf("%d blocks were made, %d templates came back, faults are %v", len(w.blocks), w.back, w.faults)
		}
		s := w.blocks[0]
		if s.Template.Fees != 77 || s.Seal != 70*time.Millisecond || !slices.Equal(s.Hashes, []uint64{300, 300}) {
			t.Errorf("sealed fees of %d in %v with %v hashes", s.Template.Fees, s.Seal, s.Hashes)
		}
	})
}

// TestStop: the end of Run ends a search and gives its template back.
func TestStop(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(_ *testing.T, w *world) {
		w.search = func() time.Duration { return forever }
		w.m.SetTip(tip(1))
		w.run(time.Hour)
		w.stop()
		if w.taken != 1 || w.back != 1 {
			t.Errorf("%d templates were taken, %d came back", w.taken, w.back)
		}
	})
}

// TestBlock: a block obeys the rules, whichever of its headers was sealed.
func TestBlock(t *testing.T) {
	type headers = func(h ledger.Header, next func() ledger.Header) ledger.Header
	cases := map[string]struct {
		ahead uint32 // of the clock: the least time; 0 = none
		seal  headers
	}{
		"first header":  {500, func(h ledger.Header, _ func() ledger.Header) ledger.Header { return h }},
		"third header":  {500, func(_ ledger.Header, next func() ledger.Header) ledger.Header { next(); return next() }},
		"first of two":  {500, func(h ledger.Header, next func() ledger.Header) ledger.Header { next(); h.Nonce = 5; return h }},
		"time of clock": {0, func(h ledger.Header, _ func() ledger.Header) ledger.Header { return h }},
		"no two are equal": {500, func(h ledger.Header, next func() ledger.Header) ledger.Header {
			if h == next() {
				panic("a header came twice")
			}
			return h
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Threads: 1, Payout: ledger.KeyHash{1, 2, 3}, Seed: 9}
			inWorld(t, cfg, func(t *testing.T, w *world) {
				p := w.m.params
				p.Epoch = time.Now().Add(-time.Hour)
				w.seal, w.txs, w.fees = c.seal, []ledger.Tx{spendGenesis(p, 40)}, 40
				now, least := p.Units(time.Now()), uint32(0)
				if c.ahead > 0 {
					least = now + c.ahead
				}
				w.m.SetTip(Tip{Height: 1, Prev: p.GenesisHash(), Bits: p.Bits, MinTime: least})
				w.run(10 * time.Millisecond)
				if len(w.blocks) != 1 {
					t.Fatalf("%d blocks were made", len(w.blocks))
				}
				checkBlock(t, w, w.blocks[0], now+c.ahead)
			})
		})
	}
}

// spendGenesis returns a transfer that leaves a fee.
func spendGenesis(p *ledger.Params, fee uint64) ledger.Tx {
	key := ledger.DevKey(p.DevSeed, p.DevScheme, 0)
	spend := ledger.Spend{Prev: ledger.OutPoint{TxID: p.Genesis().Txs[0].ID()}, Key: key}
	raw := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{spend}, []ledger.Output{{Value: p.DevValue - fee}})
	tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
	if err != nil {
		panic(err)
	}
	return tx
}

func checkBlock(t *testing.T, w *world, s *Sealed, at uint32) {
	t.Helper()
	p := w.m.params
	if reject := ledger.CheckBlock(s.Block, p); reject != ledger.RejectNone {
		t.Errorf("the block is refused: %v", reject)
	}
	if !slices.Equal(s.IDs, s.Block.IDs()) {
		t.Error("the IDs are not the block's")
	}
	coinbase := &s.Block.Txs[0]
	want := ledger.Output{Value: p.SubsidyAt(1) + 40, Key: w.m.cfg.Payout}
	if coinbase.Outputs() != 1 || coinbase.Out(0) != want || coinbase.CoinbaseHeight() != 1 {
		t.Errorf("the coinbase pays %+v at %d, want %+v at 1", coinbase.Out(0), coinbase.CoinbaseHeight(), want)
	}
	if h := s.Block.Header; h.Time != at || h.Bits != p.Bits || h.Prev != p.GenesisHash() {
		t.Errorf("the header is %+v", h)
	}
	empty := ledger.Block{Txs: []ledger.Tx{*coinbase}}
	if left := p.MaxBlockBytes - empty.Size(); w.bounds != [2]int{p.MaxBlockTxs - 1, left} {
		t.Errorf("asked for %d transactions of %d bytes, want %d of %d", w.bounds[0], w.bounds[1], p.MaxBlockTxs-1, left)
	}
}

// TestSealerOutOfLine: a header that nobody made is a fault.
func TestSealerOutOfLine(t *testing.T) {
	inWorld(t, Config{Threads: 1}, func(t *testing.T, w *world) {
		w.seal = func(h ledger.Header, _ func() ledger.Header) ledger.Header { return ledger.Header{Prev: h.Prev} }
		w.m.SetTip(tip(1))
		w.run(50 * time.Millisecond)
		if len(w.faults) != 1 || len(w.blocks) != 0 {
			t.Errorf("faults are %v, blocks %d", w.faults, len(w.blocks))
		}
	})
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"threads": func(c *Config) { c.Threads = MaxThreads + 1 }, "pace": func(c *Config) { c.Pace = -1 },
		"pace_min": func(c *Config) { c.PaceMin = c.Pace + 1 }, "refresh": func(c *Config) { c.Refresh = -1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg, ledger.TestParams(), nil, nil, nil, Events{}); err == nil {
			t.Errorf("%s out of range was accepted", name)
		}
	}
}
