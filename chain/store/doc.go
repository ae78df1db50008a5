// Package store keeps blocks on disk: an append-only log in segment files, and
// indexes that can be rebuilt from it.
//
// The commit goroutine drives it, one block at a time:
//
//	Append(record)            the block is in the log; durable as the policy says
//	state.Apply(delta)        only afterwards, so that the log is never behind the output set
//
// and for a reorganisation:
//
//	Append(side blocks)       as they arrive
//	AddUndo(hash, spent)      for each block of the better branch, as it is connected
//	SetBest(revert, apply)    one record in the log switches the best chain
//
// The log is the truth. The indexes (hash to place, height to block, txid to
// place) live in memory until enough of them have gathered; then the log is
// synced, and only then are they written, in one atomic batch with the log
// position that they cover. So the indexes never know more than the log, and
// after a crash the log is read again from that position.
//
// Everybody else reads: by hash, by height, by transaction, or by a cursor
// (After), which tells a follower that stands anywhere, also on an abandoned
// branch, what to revert and what to apply next.
package store
