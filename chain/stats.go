package chain

import (
	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
)

// Stats is one reading of all stages. Counters grow from the node's start.
type Stats struct {
	Ingest  ingest.Stats
	Pool    pool.Stats
	Miner   miner.Stats
	Threads []Thread
	Store   store.Stats
	State   state.Stats
	Tiers   tier.Stats
	Outputs uint64 // in the output set
	Height  uint32
}

// Stats reads the stages one after the other.
func (n *Node) Stats() Stats {
	set := n.state.Stats()
	return Stats{
		Ingest: n.ingest.Stats(), Pool: n.pool.Stats(), Miner: n.miner.Stats(), Threads: n.sealer.snapshot(),
		Store: n.store.Stats(), State: set, Tiers: n.tiers.Stats(),
		Outputs: set.Outputs, Height: n.view.load().tip.Height,
	}
}

// Rejected counts refusals by kind: of transactions, and of blocks. Kinds that
// have not occurred are absent.
func (n *Node) Rejected() map[string]uint64 {
	counts := map[string]uint64{}
	for kind, c := range n.ingest.Stats().Answers {
		if c > 0 && ledger.Reject(kind) != ledger.RejectNone {
			counts[ledger.Reject(kind).String()] = c
		}
	}
	for kind := range n.blockRejects {
		if c := n.blockRejects[kind].Load(); c > 0 {
			counts["block_"+ledger.Reject(kind).String()] += c
		}
	}
	return counts
}
