// Package pool holds the transactions that wait for a block: free of
// conflicts, parents before children, within bounds.
//
// The loop of one transaction:
//
//	Offer    first seen wins: conflicts, inputs, fee, depth, bounds  ingest's orderer
//	Take     the oldest, for a template; they stay and still block   the miner
//	         what conflicts with them
//	Return   the template was not sealed: back to the old place      the miner
//	Commit   a block has them, or has spent their inputs: gone       the commit loop
//	Revert   a block was abandoned: its transfers come back, first   the commit loop
//
// One mutex guards everything. An owner goroutine would serialise the same
// calls and add two switches to each, and callers come in batches, so that the
// lock is taken once for many transactions. Offer lets go of it every lockTxs
// transactions; Commit holds it for a whole block, since Take must never see
// half of one.
//
// The order is the waiting list, and seq is its key: a child's seq is greater
// than its parents', because Offer counts upwards and only accepts children of
// what is there, and Revert counts downwards from the oldest. So a walk along
// the list meets parents first, no links to parents are kept, and a
// transaction that returns finds its place by seq alone.
//
// spent maps each spent output to its spender: an entry's number, or the place
// in a ring that remembers the last RecentSpends inputs of blocks. With that a
// double spend that comes just after the original was committed still has its
// own kind, although the set no longer knows the output.
package pool
