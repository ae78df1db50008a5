package chain

import (
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
)

// Events are called as things happen and must not block. Any may be nil. Those
// of the stages are handed to them as they are.
type Events struct {
	Committed   func(Commit)                           // a block became the tip of the best chain
	Reorganised func(reverted, applied int)            // the best chain switched to another branch
	Refused     func(kind ledger.Reject)               // a block was refused; called from any goroutine
	Problem     func(what string, err error)           // a step of the commit failed and is tried again
	Resumed     func(what string, after time.Duration) // and has succeeded

	Ingest ingest.Events
	Pool   pool.Events
	Miner  miner.Events
	State  state.Events
	Store  store.Events
	Tiers  tier.Events
}

// Commit tells what a block was and how long each step of its commit took.
type Commit struct {
	Height  uint32
	Hash    ledger.Hash
	Txs     int // the coinbase included
	Bytes   int // of the encoded block
	Own     bool
	Durable bool

	Connect time.Duration // rules against the output set
	Append  time.Duration // to the block log, synced by policy
	Apply   time.Duration // to the output set
	Pool    time.Duration // clearing the pool, after the block was announced
}

func call[T any](f func(T), v T) {
	if f != nil {
		f(v)
	}
}
