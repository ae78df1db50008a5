package miner

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// ErrOff is Seal's error on a miner with no threads.
var ErrOff = errors.New("this node makes no blocks: its miner has 0 threads")

// ErrEnded is Seal's error when Run has ended.
var ErrEnded = errors.New("the miner has stopped")

// retryAfter is how long the miner waits on the same tip after a failure.
const retryAfter = 100 * time.Millisecond

// Miner is the stage. New makes one, Run drives it.
type Miner struct {
	cfg    Config
	params *ledger.Params
	src    Source
	sealer Sealer
	chain  Chain
	ev     Events

	orders chan *order
	ended  chan struct{} // closed at the end of Run

	mu     sync.Mutex // guards the four below
	now    target
	moved  chan struct{} // closed at the next tip
	cancel func()        // of the search under way, or nil
	stats  Stats

	// The rest belongs to the goroutine of Run.
	rng     *rand.Rand
	extra   uint64 // of the next coinbase
	pace    pace
	begin   time.Time // not before this on the present tip
	begun   uint64    // serial of the tip that begin is for
	paced   bool      // the pace was waited for on this tip
	pending []*order
	spent   spent
}

// target is a tip and when it was set.
type target struct {
	Tip
	serial uint64 // 0 before the first
	at     time.Time
}

// spent is what was tried on one tip.
type spent struct {
	serial uint64
	hashes []uint64
	seal   time.Duration
}

// New returns a miner that waits for its first tip. The error is about cfg.
func New(cfg Config, params *ledger.Params, src Source, sealer Sealer, chain Chain, ev Events) (*Miner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0))
	return &Miner{
		cfg: cfg, params: params, src: src, sealer: sealer, chain: chain, ev: ev,
		orders: make(chan *order), ended: make(chan struct{}), moved: make(chan struct{}),
		rng: rng, extra: rng.Uint64(), pace: pace{mean: cfg.Pace, least: cfg.PaceMin},
	}, nil
}

// SetTip tells the miner what to build on. It never blocks; a search on
// another tip ends within a millisecond and its template goes back. Any
// goroutine may call it.
func (m *Miner) SetTip(t Tip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.serial > 0 && t == m.now.Tip {
		return
	}
	m.now = target{Tip: t, serial: m.now.serial + 1, at: time.Now()}
	close(m.moved)
	m.moved = make(chan struct{})
	if m.cancel != nil {
		m.cancel()
	}
}

func (m *Miner) current() (t target, moved <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, m.moved
}

// Run makes blocks until ctx ends, and returns nil when the last template has
// gone back.
func (m *Miner) Run(ctx context.Context) error {
	defer close(m.ended)
	if m.cfg.Threads == 0 {
		<-ctx.Done()
		return nil
	}
	for {
		t, ok := m.due(ctx)
		if !ok {
			return nil
		}
		m.attempt(ctx, t)
	}
}

// due waits until a block is to be made, and returns the tip to make it on. It
// returns false when ctx has ended.
func (m *Miner) due(ctx context.Context) (target, bool) {
	for ctx.Err() == nil {
		t, moved := m.current()
		if t.serial != m.begun {
			m.newTip(t)
		}
		m.collect()
		wait, ok := m.wait(t)
		if ok && wait <= 0 {
			m.paced = len(m.pending) == 0
			return t, true
		}
		timer := time.NewTimer(wait)
		if !ok {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-moved:
		case <-timer.C:
		case o := <-m.orders:
			m.take(o)
		}
		timer.Stop()
	}
	return target{}, false
}

// newTip draws the wait on a tip.
func (m *Miner) newTip(t target) {
	m.begun = t.serial
	m.begin = t.at.Add(m.pace.draw(m.rng))
	if len(m.live()) > 0 {
		m.begin = t.at
	}
}

// wait returns how long it is until a block is to be made on t; false for
// never.
func (m *Miner) wait(t target) (time.Duration, bool) {
	if t.serial == 0 || m.cfg.OnDemand && len(m.live()) == 0 {
		return 0, false
	}
	return time.Until(m.begin), true
}

// attempt takes one template and tries to make it the next block.
func (m *Miner) attempt(ctx context.Context, t target) {
	w := m.newWork(t)
	found, err := m.search(ctx, t, w)
	if err == nil {
		var s *Sealed
		if s, err = m.sealed(w, found); err == nil {
			err = m.submit(ctx, t, s)
		}
	}
	if err != nil {
		m.src.Return(w.template)
		m.failed(ctx, t, err)
	}
}

// failed tells apart why an attempt came to nothing: the node stops, the tip
// has moved, the template is due to be refreshed, or there is a fault.
func (m *Miner) failed(ctx context.Context, t target, err error) {
	switch now, _ := m.current(); {
	case ctx.Err() != nil:
	case now.serial != t.serial:
		m.count(func(s *Stats) { s.Stale++ })
		if m.ev.Stale != nil {
			m.ev.Stale(t.Tip)
		}
	case !errors.Is(err, errRefresh):
		m.count(func(s *Stats) { s.Refused++ })
		m.begin = time.Now().Add(retryAfter)
		if m.ev.Refused != nil {
			m.ev.Refused(err)
		}
	}
}

// errRefresh says that a search went on for Config.Refresh.
var errRefresh = errors.New("the template is due to be refreshed")

// search runs the sealer until it has found a seal, the tip moves, or the
// template is due to be refreshed.
func (m *Miner) search(ctx context.Context, t target, w *work) (Found, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if m.cfg.Refresh > 0 {
		defer time.AfterFunc(m.cfg.Refresh, func() { cancel(errRefresh) }).Stop()
	}
	defer m.unwatch()
	m.watch(t, func() { cancel(nil) })
	start := time.Now()
	found, err := m.sealer.Seal(ctx, w.next(), m.cfg.Threads, w.next)
	m.spend(t, found.Hashes, time.Since(start))
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return found, err
}

// watch lets SetTip cancel the search on t; if it has come already, at once.
func (m *Miner) watch(t target, cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cancel = cancel; t.serial != m.now.serial {
		cancel()
	}
}

func (m *Miner) unwatch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancel = nil
}

// spend adds up what was tried on a tip.
func (m *Miner) spend(t target, hashes []uint64, took time.Duration) {
	if m.spent.serial != t.serial {
		m.spent = spent{serial: t.serial}
	}
	if n := len(hashes) - len(m.spent.hashes); n > 0 {
		m.spent.hashes = append(m.spent.hashes, make([]uint64, n)...)
	}
	total := uint64(0)
	for i, n := range hashes {
		m.spent.hashes[i] += n
		total += n
	}
	m.spent.seal += took
	m.count(func(s *Stats) { s.Hashes += total })
}

// errNotTip says that Submit took a block and the tip did not move.
var errNotTip = errors.New("the chain took the block, but it is not the tip")

// submit hands a sealed block to the chain. It returns nil if the block became
// the tip.
func (m *Miner) submit(ctx context.Context, t target, s *Sealed) error {
	if m.ev.Sealed != nil {
		m.ev.Sealed(s)
	}
	hash := s.Block.Header.Hash()
	err := m.chain.Submit(ctx, s)
	now, _ := m.current()
	if err == nil && now.Prev != hash {
		err = errNotTip
	}
	if err != nil {
		return err
	}
	m.count(func(s *Stats) { s.Blocks++ })
	if m.paced {
		m.pace.observe(now.at.Sub(t.at))
	}
	m.fill(hash)
	return nil
}

// Stats counts since New.
type Stats struct {
	Blocks  uint64 // sealed, and became the tip
	Stale   uint64 // templates and sealed blocks that were too late
	Refused uint64 // sealed blocks that were refused, and failures of the Sealer
	Hashes  uint64
}

// Stats returns a snapshot. Any goroutine may call it.
func (m *Miner) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

func (m *Miner) count(f func(*Stats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.stats)
}
