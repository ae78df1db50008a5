package ingest

import "github.com/chaindyno/chaindyno/chain/ledger"

// order is the orderer: it hands jobs to the sink, oldest first, until the
// collector ends them.
func (in *Ingest) order() {
	for j := range in.ordered {
		<-j.done
		in.deliver(j)
		j.recycle()
		select {
		case in.free <- j:
		default:
		}
	}
}

// deliver offers a job to the sink, one wire batch after the other, and
// answers the batches that are complete.
func (in *Ingest) deliver(j *job) {
	at := 0
	for _, p := range j.parts {
		n := p.to - p.from
		verdicts := j.verdicts[at : at+n]
		in.sink.Offer(j.txs[at:at+n], p.batch.Received, j.verified, verdicts)
		copy(p.batch.Answers[p.from:p.to], verdicts)
		at += n
		in.tally(verdicts)
		in.queued.Add(-int64(n)) // before Done, which may submit again
		if p.batch.left -= n; p.batch.left == 0 {
			p.batch.Done(p.batch)
		}
	}
}

func (in *Ingest) tally(answers []ledger.Reject) {
	var kinds [ledger.RejectBlock]int
	for _, kind := range answers {
		kinds[kind]++
	}
	for kind, n := range kinds {
		if n > 0 {
			in.answered(ledger.Reject(kind), n)
		}
	}
}
