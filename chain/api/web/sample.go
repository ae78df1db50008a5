package web

import (
	"context"
	"maps"
	"reflect"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
)

// board holds the last reading of pool and peers for all WebSockets. A notice
// that it has changed is a hint: who is slow reads the newest, and has missed
// nothing but older ones.
type board struct {
	mu      sync.Mutex
	pool    poolEvent
	peers   peerList
	changed chan struct{} // closed and replaced
}

func (b *board) read() (poolEvent, peerList, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pool, b.peers, b.changed
}

func (b *board) write(pool poolEvent, peers peerList) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pool, b.peers = pool, peers
	close(b.changed)
	b.changed = make(chan struct{})
}

// sample reads pool and peers once for all WebSockets, and not at all while
// there is none.
func (s *Server) sample() {
	tick := time.NewTicker(s.cfg.SampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.stopping.Done():
			return
		}
		if len(s.places) == 0 {
			continue
		}
		m, err := s.chain.Stats(context.Background(), &chainpb.StatsRequest{})
		if err != nil {
			continue // the next reading may do
		}
		s.board.write(poolEvent{
			Type: "pool", TimeMs: time.Now().UnixMilli(), Txs: m.PoolTxs, Bytes: m.PoolBytes,
			QueueTxs: m.QueueTxs, Outputs: m.Outputs, Rejected: orEmpty(m.Rejected),
		}, s.peerList())
	}
}

// sendBoard tells a WebSocket of pool and peers, whenever they have changed.
func (s *Server) sendBoard(ctx context.Context, write func(any) error) error {
	var lastPool poolEvent
	var lastPeers peerList
	for {
		pool, peers, changed := s.board.read()
		if pool.Type != "" && !samePool(pool, lastPool) {
			if err := write(pool); err != nil {
				return err
			}
			lastPool = pool
		}
		if pool.Type != "" && !reflect.DeepEqual(peers, lastPeers) {
			if err := write(peersEvent{Type: "peers", Peers: peers}); err != nil {
				return err
			}
			lastPeers = peers
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// samePool says whether two readings differ in their time alone.
func samePool(a, b poolEvent) bool {
	return a.Type == b.Type && a.Txs == b.Txs && a.Bytes == b.Bytes && a.QueueTxs == b.QueueTxs &&
		a.Outputs == b.Outputs && maps.Equal(a.Rejected, b.Rejected)
}
