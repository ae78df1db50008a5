// Package ingest takes transactions from the wire, verifies them in parallel
// and hands them on in the order in which they came.
//
// The loop of one transaction:
//
//	Submit      count it in, or answer busy            any goroutine
//	  queue     wire batches, bounded in transactions
//	collector   split and merge batches into jobs      one goroutine, owns the open job
//	  work, ordered: each job goes into both
//	verifier    parse, hash, static rules, signatures  Config.Verifiers goroutines
//	orderer     wait for the oldest job, Sink.Offer,   one goroutine, owns Batch.left
//	            count it out, Batch.Done
//
// Order costs nothing but waiting: the orderer takes jobs in the order in which
// the collector made them, so a job that was verified early waits for those
// before it. The number of jobs
// under way is bounded by the room in ordered; when the sink is slow the
// collector stops, the queue fills, and Submit answers busy. A simpler design
// with one queue per stream would keep order per stream too, but a batch of
// signatures would then be as small as what one stream has to offer.
//
// What happens to a transaction outside of verification costs well under a
// microsecond: all bookkeeping is per batch or per job, and jobs are reused.
package ingest
