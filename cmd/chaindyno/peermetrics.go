package main

import (
	"time"

	"github.com/chaindyno/chaindyno/chain/api/admin"
	"github.com/chaindyno/chaindyno/chain/p2p"
)

// peerEvents hands what happens between nodes to Prometheus.
func peerEvents(m *admin.Metrics) p2p.Events {
	connected := m.Counter("peer_connections_total", "Streams to peers that began.", "direction")
	lost := m.Counter("peer_losses_total", "Streams to peers that ended.", "direction")
	refused := m.Counter("peer_refusals_total", "Streams that were refused, by reason.", "why")
	banned := m.Counter("peer_bans_total", "Peers that were banned, by kind of fault.", "why")
	messages := m.Counter("peer_messages_total", "Messages on streams between peers.", "direction", "kind")
	bodies := m.Counter("peer_bodies_total", "Transactions received from peers.", "known")
	dropped := m.Counter("peer_dropped_total", "What a full queue between peers has let go.", "queue")
	hops := m.Sizes("peer_hops", "Nodes that what came from peers had passed.", "what")
	spread := m.Seconds("peer_propagation_seconds", "From the first node that had it to this one.", "what")
	rebuilt := m.Seconds("peer_block_seconds", "From the announcement of a block to its acceptance.")
	fetched := m.Sizes("peer_block_fetched", "Transactions of a compact block that were fetched.")
	coverage := m.Counter("peer_coverage_total", "What broadcasts have reached: the peers that had a block when the next came, the transactions that were here when their block came.", "what", "reached")
	synced := m.Counter("peer_synced_bytes_total", "Blocks fetched while catching up.")
	calls := m.Seconds("peer_call_seconds", "Calls of peers that were served.", "method", "code")
	return p2p.Events{
		Connected: func(outbound bool) { connected(1, direction(!outbound)) },
		Lost:      func(outbound bool) { lost(1, direction(!outbound)) },
		Refused:   func(why string) { refused(1, why) },
		Banned:    func(why string) { banned(1, why) },
		Message:   func(in bool, kind string) { messages(1, direction(in), kind) },
		Bodies: func(received, duplicates int) {
			bodies(received-duplicates, "no")
			bodies(duplicates, "yes")
		},
		Dropped: func(queue string, n int) { dropped(n, queue) },
		Transaction: func(n int, age time.Duration) {
			hops(n, "transaction")
			spread(age, "transaction")
		},
		Block: func(n int, age time.Duration, missing int, took time.Duration) {
			hops(n, "block")
			spread(age, "block")
			rebuilt(took)
			fetched(missing)
		},
		Coverage: func(what string, have, of int) {
			coverage(have, what, "yes")
			coverage(of-have, what, "no")
		},
		Synced: func(bytes int) { synced(bytes) },
		Call:   func(method, code string, took time.Duration) { calls(took, method, code) },
	}
}

func direction(in bool) string {
	if in {
		return "in"
	}
	return "out"
}

// readPeers registers what is read from the host when somebody asks.
func readPeers(m *admin.Metrics, h *p2p.Host) {
	count := func(outbound bool) func() float64 {
		return func() (n float64) {
			for _, p := range h.Peers() {
				if p.Outbound == outbound {
					n++
				}
			}
			return n
		}
	}
	m.Gauge("peers_outbound", "Peers that this node has dialled.", count(true))
	m.Gauge("peers_inbound", "Peers that have dialled this node.", count(false))
	total := func(f func(p2p.Counts) uint64) func() float64 {
		return func() float64 { return float64(f(h.Counts())) }
	}
	m.Total("peer_announced_total", "IDs of transactions that peers have announced.", total(func(c p2p.Counts) uint64 { return c.AnnouncedIn }))
	m.Total("peer_orphans_total", "Transactions that had to wait for a parent.", total(func(c p2p.Counts) uint64 { return c.Orphans }))
	m.Total("peer_compact_blocks_total", "Blocks that came as header and short IDs.", total(func(c p2p.Counts) uint64 { return c.Compact }))
	m.Total("peer_compact_hits_total", "Of those, rebuilt from the pool alone.", total(func(c p2p.Counts) uint64 { return c.Rebuilt }))
	m.Total("peer_synced_blocks_total", "Blocks fetched while catching up.", total(func(c p2p.Counts) uint64 { return c.BlocksSynced }))
}
