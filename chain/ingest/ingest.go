package ingest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// jobsPerVerifier is how many jobs may be under way for each verifier: one
// that it works on, one that waits for it, and room for those that were
// verified before an older one.
const jobsPerVerifier = 4

// Ingest is the stage. New makes one, Run drives it.
type Ingest struct {
	cfg    Config
	params *ledger.Params
	sink   Sink
	ev     Events

	newVerifier func() verifier // one for each verifier goroutine

	queue   chan *Batch // room for QueueTxs batches, so that a counted batch always fits
	work    chan *job
	ordered chan *job // the same jobs, oldest first
	free    chan *job // jobs to be used again

	queued    atomic.Int64 // transactions received and not yet answered, at most QueueTxs
	verifying atomic.Int64 // jobs dispatched and not yet verified

	closing sync.RWMutex // held for reading while a batch enters the queue
	closed  bool         // no batch enters the queue any more

	counters counters
}

// New returns a stage that hands what it has verified to sink. The error is
// about cfg.
func New(cfg Config, params *ledger.Params, sink Sink, ev Events) (*Ingest, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	jobs := jobsPerVerifier * cfg.Verifiers
	return &Ingest{
		cfg: cfg, params: params, sink: sink, ev: ev,
		newVerifier: func() verifier { return ledger.NewVerifier(params.GenesisHash()) },
		queue:       make(chan *Batch, cfg.QueueTxs),
		work:        make(chan *job, jobs), ordered: make(chan *job, jobs), free: make(chan *job, jobs),
	}, nil
}

// Submit hands a batch over and never blocks. A batch that does not fit into
// the queue, and any batch after Run's context has ended, is answered
// RejectBusy before Submit returns; one of more than QueueTxs transactions,
// which never could fit, RejectTooLarge. Any goroutine may call it. The order
// of one goroutine's calls is the order in which the sink sees the batches.
func (in *Ingest) Submit(b *Batch) {
	b.reset(time.Now())
	n := len(b.Payloads)
	in.counters.received.Add(uint64(n))
	switch {
	case n == 0:
		b.Done(b)
	case n > in.cfg.QueueTxs:
		in.refuse(b, ledger.RejectTooLarge)
	case !in.enqueue(b):
		in.refuse(b, ledger.RejectBusy)
	}
}

// enqueue says whether the batch has entered the queue.
func (in *Ingest) enqueue(b *Batch) bool {
	in.closing.RLock()
	defer in.closing.RUnlock()
	if in.closed || !in.reserve(int64(len(b.Payloads))) {
		return false
	}
	in.queue <- b
	return true
}

// reserve counts n transactions in, if there is room for all of them.
func (in *Ingest) reserve(n int64) bool {
	for {
		old := in.queued.Load()
		if old+n > int64(in.cfg.QueueTxs) {
			return false
		}
		if in.queued.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

func (in *Ingest) refuse(b *Batch, kind ledger.Reject) {
	for i := range b.Answers {
		b.Answers[i] = kind
	}
	in.answered(kind, len(b.Answers))
	b.Done(b)
}

// Run verifies and hands over until ctx ends. Before it returns, every batch
// that was submitted is answered and every goroutine has ended; what no
// verifier had begun with by then is answered RejectBusy. It may be called
// once; the error is always nil.
func (in *Ingest) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range in.cfg.Verifiers {
		wg.Go(func() { in.verify(ctx) })
	}
	wg.Go(in.order)
	newCollector(in).run(ctx)
	wg.Wait()
	return nil
}

// shut lets no batch into the queue any more.
func (in *Ingest) shut() {
	in.closing.Lock()
	defer in.closing.Unlock()
	in.closed = true
}
