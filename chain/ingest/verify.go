package ingest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// verifier checks signatures; ledger.Verifier says how.
type verifier interface {
	Verify(txs []ledger.Tx, verdicts []ledger.Reject)
}

// verify is one verifier goroutine: it works until the collector ends the jobs. After
// ctx has ended it answers busy without looking.
func (in *Ingest) verify(ctx context.Context) {
	v := in.newVerifier()
	for j := range in.work {
		j.resize()
		if ctx.Err() != nil {
			j.refuse(ledger.RejectBusy)
		} else {
			in.check(j, v)
		}
		in.verifying.Add(-1)
		j.done <- struct{}{}
	}
}

// check sets the verdicts of a job and the IDs of its batches.
func (in *Ingest) check(j *job, v verifier) {
	start := time.Now()
	at := 0
	for _, p := range j.parts {
		for i := p.from; i < p.to; i++ {
			j.txs[at], j.verdicts[at] = in.parse(p.batch.Payloads[i])
			p.batch.IDs[i] = j.txs[at].ID()
			at++
		}
	}
	v.Verify(j.txs, j.verdicts)
	if SlowVerify {
		giveAway(time.Since(start))
	}
	j.verified = time.Now()
	in.verified(j, j.verified.Sub(start))
}

// parse decodes one payload and applies the rules that need nothing else. The
// transaction is valid where the payload is well-formed. It has an encoding of
// its own, so that the sink may keep it and not the wire message with it; to
// copy first costs less than to parse again later.
func (in *Ingest) parse(payload []byte) (ledger.Tx, ledger.Reject) {
	if len(payload) <= ledger.MaxTxBytes { // others will be refused
		payload = bytes.Clone(payload)
	}
	tx, rest, err := ledger.ParseTx(payload, ledger.MaxTxBytes)
	if err != nil {
		kind := ledger.RejectMalformed
		errors.As(err, &kind)
		return ledger.Tx{}, kind
	}
	if len(rest) > 0 {
		return ledger.Tx{}, ledger.RejectMalformed
	}
	return tx, ledger.CheckTx(&tx, in.params)
}

func (j *job) resize() {
	j.txs = slices.Grow(j.txs[:0], j.size)[:j.size]
	j.verdicts = slices.Grow(j.verdicts[:0], j.size)[:j.size]
}

func (j *job) refuse(kind ledger.Reject) {
	for i := range j.verdicts {
		j.verdicts[i] = kind
	}
}

// recycle forgets batches and transactions.
func (j *job) recycle() {
	clear(j.parts)
	clear(j.txs)
	clear(j.verdicts)
	j.parts, j.txs, j.verdicts, j.size = j.parts[:0], j.txs[:0], j.verdicts[:0], 0
}
