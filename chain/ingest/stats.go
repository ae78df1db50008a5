package ingest

import (
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Stats is a snapshot of the stage. All but Queued count since New.
type Stats struct {
	Queued    int // transactions received and not yet answered
	QueuedMax int // the bound of Queued
	Received  uint64
	Answers   [ledger.RejectBlock]uint64 // transactions, indexed by kind; RejectNone counts the accepted
	Jobs      uint64                     // verified
	Verify    time.Duration              // sum over all verifiers
}

type counters struct {
	received atomic.Uint64
	answers  [ledger.RejectBlock]atomic.Uint64
	jobs     atomic.Uint64
	verifyNs atomic.Int64
}

// Stats returns a snapshot. Any goroutine may call it.
func (in *Ingest) Stats() Stats {
	s := Stats{
		Queued: int(in.queued.Load()), QueuedMax: in.cfg.QueueTxs,
		Received: in.counters.received.Load(), Jobs: in.counters.jobs.Load(),
		Verify: time.Duration(in.counters.verifyNs.Load()),
	}
	for kind := range s.Answers {
		s.Answers[kind] = in.counters.answers[kind].Load()
	}
	return s
}

func (in *Ingest) answered(kind ledger.Reject, txs int) {
	in.counters.answers[kind].Add(uint64(txs))
	if in.ev.Answered != nil {
		in.ev.Answered(kind, txs)
	}
}

func (in *Ingest) verified(j *job, took time.Duration) {
	in.counters.jobs.Add(1)
	in.counters.verifyNs.Add(int64(took))
	if in.ev.Job == nil {
		return
	}
	bad := 0
	for _, kind := range j.verdicts {
		if kind == ledger.RejectSignature {
			bad++
		}
	}
	in.ev.Job(len(j.txs), bad, took)
}
