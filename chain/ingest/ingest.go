package ingest

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Ingest is the stage. New makes one, Run drives it.
type Ingest struct {
}

// New returns a stage that hands what it has verified to sink. The error is
// about cfg.
func New(cfg Config, params *ledger.Params, sink Sink, ev Events) (*Ingest, error) {
	panic("API only")
}

// Submit hands a batch over and never blocks. A batch that does not fit into
// the queue, and any batch after Run's context has ended, is answered
// RejectBusy before Submit returns; one of more than QueueTxs transactions,
// which never could fit, RejectTooLarge. Any goroutine may call it. The order
// of one goroutine's calls is the order in which the sink sees the batches.
func (in *Ingest) Submit(b *Batch) { panic("API only") }

// Run verifies and hands over until ctx ends. Before it returns, every batch
// that was submitted is answered and every goroutine has ended. It may be
// called once; the error is always nil.
func (in *Ingest) Run(ctx context.Context) error { panic("API only") }

// Stats is a snapshot of the stage. All but Queued count since New.
type Stats struct {
	Queued    int // transactions received and not yet answered
	QueuedMax int // the bound of Queued
	Received  uint64
	Answers   [ledger.RejectBlock]uint64 // transactions, indexed by kind; RejectNone counts the accepted
	Jobs      uint64
	Verify    time.Duration // sum over all verifiers
}

// Stats returns a snapshot. Any goroutine may call it.
func (in *Ingest) Stats() Stats { panic("API only") }
