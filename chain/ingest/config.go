package ingest

import (
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of Config.
const (
	MaxQueueTxs  = 1 << 22
	MaxBatchSize = 1 << 14
	MaxLinger    = time.Second
	MaxVerifiers = 1024
)

// Config sets the bounds of the stage.
type Config struct {
	// QueueTxs bounds the transactions that were received and not yet
	// answered, 1 to MaxQueueTxs. A batch that does not fit is answered
	// RejectBusy as a whole, at once.
	QueueTxs int
	// BatchSize bounds the transactions that are verified together, 1 to
	// MaxBatchSize. Larger wire batches are split, smaller ones merged.
	BatchSize int
	// Linger bounds how long a transaction waits for others to be verified
	// with, 0 to MaxLinger.
	Linger time.Duration
	// Verifiers is the number of goroutines that check signatures, 1 to
	// MaxVerifiers.
	Verifiers int
}

// Validate says which field is out of its range.
func (c Config) Validate() error {
	check := func(name string, v, lo, hi int) error {
		if v < lo || v > hi {
			return fmt.Errorf("ingest: %s is %d, permitted are %d to %d", name, v, lo, hi)
		}
		return nil
	}
	if err := check("queue_txs", c.QueueTxs, 1, MaxQueueTxs); err != nil {
		return err
	}
	if err := check("batch_size", c.BatchSize, 1, MaxBatchSize); err != nil {
		return err
	}
	if err := check("verifiers", c.Verifiers, 1, MaxVerifiers); err != nil {
		return err
	}
	if c.Linger < 0 || c.Linger > MaxLinger {
		return fmt.Errorf("ingest: linger is %v, permitted are 0s to %v", c.Linger, MaxLinger)
	}
	return nil
}

// Sink takes what was verified: the pool. Offer is called from one goroutine,
// in the order in which the transactions were received, with transactions that
// were received together. Those whose answer is set already were refused and
// must be skipped; for the others it sets the answer, RejectNone if accepted.
// The slices belong to the caller; the transactions, whose encodings are copies,
// may be kept.
type Sink interface {
	Offer(txs []ledger.Tx, received, verified time.Time, answers []ledger.Reject)
}

// Events are called as things happen, from the stage's own goroutines. They
// must not block. Any may be nil.
type Events struct {
	// Job reports one verified job: its transactions, how many of them broke
	// the signature rule, and the time that its verification took.
	Job func(txs, bad int, took time.Duration)
	// Answered reports how many transactions got which answer.
	Answered func(kind ledger.Reject, txs int)
}
