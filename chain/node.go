package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// Options are what a node is handed beside its configuration.
type Options struct {
	Events Events
	Log    *slog.Logger // nil: nothing is logged
	FS     vfs.FS       // nil: the operating system's

	hook func(step) // test only: called at each step of a commit
}

// Node is an assembled node. Open makes one, Run drives it, Close gives the
// data folder back. Any goroutine may call its other methods.
type Node struct {
	cfg     Config
	params  *ledger.Params
	ev      Events
	log     *slog.Logger
	hook    func(step)
	started time.Time

	// The stages in travel order.
	ingest *ingest.Ingest
	pool   *pool.Pool
	miner  *miner.Miner
	sealer *powSealer
	store  *store.Store
	state  *state.State
	tiers  *tier.Tiers // in front of store, for readers

	// Owned by the commit goroutine; by Open before there is one.
	tree       *tree.Tree
	tip        *tree.Node // what the set and the log's best chain stand at
	lastSealed time.Time  // of the tip; zero after a start
	stages     *stageRecorder
	body       []byte // reused for encoded blocks
	halted     bool   // nothing is committed any more

	jobs     chan job
	accepts  chan struct{}
	stopping chan struct{} // closed when Run's context ends; nil until Run
	ended    chan struct{} // closed when the commit goroutine has ended
	fail     context.CancelCauseFunc

	// Read by everybody.
	view         announcer
	storeTimes   storeTimes
	blockRejects [math.MaxUint8 + 1]atomic.Uint64
	trouble      atomic.Pointer[Trouble]
}

// Trouble is a step of the commit that fails and is being tried again.
type Trouble struct {
	What  string
	Err   error
	Since time.Time
}

// Open builds the stages and recovers: it brings the output set to where the
// block log stands. It refuses, with one line that names the folder and wraps
// an error of store or state, a folder that cannot be used.
func Open(cfg Config, opts Options) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, params: cfg.Network.Params(), ev: opts.Events, log: opts.Log, hook: opts.hook, started: time.Now(),
		sealer: &powSealer{}, stages: newStageRecorder(),
		jobs: make(chan job), accepts: make(chan struct{}, acceptsMax), ended: make(chan struct{}),
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if err := n.openData(opts.FS); err != nil {
		return nil, err
	}
	err := n.recover()
	if err == nil {
		err = n.build()
	}
	if err == nil {
		_, err = n.reorganise() // a branch that was about to win when the process ended
	}
	if err != nil {
		if closing := n.Close(); closing != nil {
			err = fmt.Errorf("%w; closing: %w", err, closing)
		}
		return nil, err
	}
	return n, nil
}

// build makes the stages that hold nothing on disk.
func (n *Node) build() (err error) {
	if n.pool, err = pool.New(n.cfg.poolConfig(), n.params, n.state, n.ev.Pool); err != nil {
		return err
	}
	if n.ingest, err = ingest.New(n.cfg.ingestConfig(), n.params, n.pool, n.ev.Ingest); err != nil {
		return err
	}
	payout, err := n.cfg.payout()
	if err != nil {
		return err
	}
	if n.miner, err = miner.New(n.cfg.minerConfig(payout), n.params, poolSource{n}, n.sealer, sealedChain{n}, n.ev.Miner); err != nil {
		return err
	}
	n.tiers, err = tier.New(n.cfg.cacheConfig(), n.params.GenesisHash(), diskTier{n.store}, n.tierEvents())
	return err
}

// Run drives the node until ctx ends or something happens that it cannot go on
// after, which is the error. It returns when all its goroutines have ended and
// every submitted transaction is answered. It may be called once.
func (n *Node) Run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	n.fail, n.stopping = fail, make(chan struct{})
	context.AfterFunc(ctx, func() { close(n.stopping) })
	n.setMinerTip()

	var front, back sync.WaitGroup
	quit := make(chan struct{})
	var ingestErr, minerErr, tiersErr error
	front.Go(func() { ingestErr = n.ingest.Run(ctx) })
	front.Go(func() { minerErr = n.miner.Run(ctx) })
	front.Go(func() { tiersErr = n.tiers.Run(ctx) })
	back.Go(func() { n.commitLoop(quit) })

	<-ctx.Done()
	front.Wait() // what they have handed over is committed
	close(quit)
	back.Wait()
	err := errors.Join(ingestErr, minerErr, tiersErr)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = errors.Join(cause, err)
	}
	return err
}

// Close flushes the output set and the log, and gives the data folder back.
// Run must have returned.
func (n *Node) Close() error { return errors.Join(n.state.Close(), n.store.Close()) }

func (n *Node) problem(what string, err error) {
	if n.trouble.Load() == nil {
		n.trouble.Store(&Trouble{What: what, Err: err, Since: time.Now()})
		n.log.Error("cannot commit; trying again", "step", what, "err", err)
	}
	if f := n.ev.Problem; f != nil {
		f(what, err)
	}
}

func (n *Node) resumed(what string, after time.Duration) {
	n.trouble.Store(nil)
	n.log.Info("committing again", "step", what, "after", after)
	if f := n.ev.Resumed; f != nil {
		f(what, after)
	}
}

// Trouble returns what keeps the node from committing blocks, or nil.
func (n *Node) Trouble() *Trouble { return n.trouble.Load() }
