package main

import (
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/admin"
	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/internal/procs"
)

// nodeMetrics hands a node's events to Prometheus.
type nodeMetrics struct {
	m *admin.Metrics

	commit   func(d time.Duration, values ...string)
	blockTxs func(n int, values ...string)
	verify   func(d time.Duration, values ...string)
	jobTxs   func(n int, values ...string)
	sync     func(d time.Duration, values ...string)
	flush    func(d time.Duration, values ...string)
	waited   func(d time.Duration, values ...string)
	reorgs   func(n int, values ...string)
	reverted func(n int, values ...string)
	problems func(n int, values ...string)
	tier     func(d time.Duration, values ...string)
}

func newNodeMetrics(m *admin.Metrics) *nodeMetrics {
	return &nodeMetrics{
		m:        m,
		commit:   m.Seconds("commit_seconds", "Time of each step of the commit of a block.", "step"),
		blockTxs: m.Sizes("block_transactions", "Transactions in a block, the coinbase included."),
		verify:   m.Seconds("verify_seconds", "Time to verify a batch of signatures."),
		jobTxs:   m.Sizes("verify_transactions", "Transactions that were verified together."),
		sync:     m.Seconds("log_sync_seconds", "Time to sync the block log."),
		flush:    m.Seconds("set_flush_seconds", "Time to write the output set."),
		waited:   m.Seconds("commit_waited_seconds", "Time that a commit waited for background writing.", "for"),
		reorgs:   m.Counter("reorganisations_total", "Switches of the best chain."),
		reverted: m.Counter("blocks_reverted_total", "Blocks that were abandoned."),
		problems: m.Counter("commit_problems_total", "Failed attempts of a step of the commit.", "step"),
		tier:     m.Seconds("tier_read_seconds", "Time of a read, by the tier that answered it and by what was read.", "tier", "kind"),
	}
}

func (n *nodeMetrics) events() chain.Events {
	return chain.Events{
		Committed: func(c chain.Commit) {
			n.commit(c.Connect, "connect")
			n.commit(c.Append, "append")
			n.commit(c.Apply, "apply")
			n.commit(c.Pool, "clear")
			n.blockTxs(c.Txs)
		},
		Reorganised: func(reverted, _ int) {
			n.reorgs(1)
			n.reverted(reverted)
		},
		Problem: func(what string, _ error) { n.problems(1, what) },
		Ingest: ingest.Events{Job: func(txs, _ int, took time.Duration) {
			n.jobTxs(txs)
			n.verify(took)
		}},
		Store: store.Events{
			Synced: func(took time.Duration) { n.sync(took) },
			Waited: func(took time.Duration) { n.waited(took, "log indexes") },
		},
		Tiers: tier.Events{Read: func(k tier.Kind, from tier.Level, took time.Duration) {
			n.tier(took, from.String(), k.String())
		}},
		State: state.Events{
			Flushed: func(took time.Duration, _ int) { n.flush(took) },
			Waited:  func(took time.Duration) { n.waited(took, "output set") },
		},
	}
}

// read registers what is read from the node when somebody asks.
func (n *nodeMetrics) read(a *nodeAPI) {
	stat := func(f func(chain.Stats) float64) func() float64 {
		return func() float64 { return f(a.node.Stats()) }
	}
	n.m.Gauge("height", "Height of the tip.", stat(func(s chain.Stats) float64 { return float64(s.Height) }))
	n.m.Gauge("outputs", "Outputs that can be spent.", stat(func(s chain.Stats) float64 { return float64(s.Outputs) }))
	n.m.Gauge("queue_transactions", "Received and not yet answered.", stat(func(s chain.Stats) float64 { return float64(s.Ingest.Queued) }))
	n.m.Gauge("pool_transactions", "Waiting for a block.", stat(func(s chain.Stats) float64 { return float64(s.Pool.Txs) }))
	n.m.Gauge("pool_bytes", "Of the transactions that wait for a block.", stat(func(s chain.Stats) float64 { return float64(s.Pool.Bytes) }))
	n.m.Total("transactions_received_total", "Over the wire.", stat(func(s chain.Stats) float64 { return float64(s.Ingest.Received) }))
	n.m.Total("transactions_accepted_total", "Into the pool.", stat(func(s chain.Stats) float64 {
		return float64(s.Ingest.Answers[ledger.RejectNone])
	}))
	n.m.Totals("rejected_total", "Refusals of transactions, and of blocks (block_...).", "kind", a.node.Rejected)
	n.m.Total("blocks_sealed_total", "By this node.", stat(func(s chain.Stats) float64 { return float64(s.Miner.Blocks) }))
	n.m.Total("hashes_total", "Tried by the search.", stat(func(s chain.Stats) float64 { return float64(hashes(s)) }))
	n.readTiers(a)
	n.m.Total("cpu_seconds_total", "User and system.", func() float64 { return procs.Self().CPUSeconds })
}

// readTiers registers what the histogram of reads does not say.
func (n *nodeMetrics) readTiers(a *nodeAPI) {
	stats := func() tier.Stats { return a.node.Stats().Tiers }
	n.m.Totals("tier_misses_total", "Reads that a tier could not answer.", "tier", func() map[string]uint64 {
		misses := map[string]uint64{}
		for level, c := range stats().Tiers {
			if level != tier.L3 {
				misses[level.String()] = c.Misses
			}
		}
		return misses
	})
	n.m.Totals("tier_redis_total", "Troubles with Redis: failed calls, values that were not what they were kept as, "+
		"writes dropped from a full queue, values too large.", "what", func() map[string]uint64 {
		s := stats()
		return map[string]uint64{"failed": s.Failures, "poisoned": s.Poisoned, "dropped": s.Dropped, "oversized": s.Oversized}
	})
	n.m.Total("tier_streamed_total", "Blocks read from disk by parts, since readers held enough in memory.", func() float64 { return float64(stats().Streamed) })
	n.m.Gauge("tier_l1_bytes", "Held in process for readers.", func() float64 { return float64(stats().L1Bytes) })
	n.m.Gauge("tier_redis_up", "1: Redis answers and is asked; 0: it is left alone, or there is none.", func() float64 {
		if stats().L2Up {
			return 1
		}
		return 0
	})
}

func hashes(s chain.Stats) (sum uint64) {
	for _, t := range s.Threads {
		sum += t.Hashes
	}
	return sum
}
