package ingest

import (
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Batch is one wire message of transactions. The submitter fills Payloads and
// Done; from Submit until Done the batch belongs to the stage. It may be
// submitted again afterwards.
type Batch struct {
	// Payloads are the encoded transactions, one each. They may alias the
	// message, which must not change until Done.
	Payloads [][]byte
	// Done is called exactly once, when every payload has its answer. It must
	// not block. It runs in a goroutine of the stage, or within Submit where
	// the batch is answered at once.
	Done func(*Batch)

	// Received is set by Submit.
	Received time.Time
	// Answers has one element per payload; RejectNone means accepted.
	Answers []ledger.Reject
	// IDs has one element per payload, zero for those that did not parse or
	// were not looked at (RejectBusy).
	IDs []ledger.Hash

	left int // payloads without an answer; owned by the orderer
}

func (b *Batch) reset(now time.Time) {
	n := len(b.Payloads)
	b.Received, b.left = now, n
	b.Answers = slices.Grow(b.Answers[:0], n)[:n]
	b.IDs = slices.Grow(b.IDs[:0], n)[:n]
	clear(b.Answers)
	clear(b.IDs)
}
