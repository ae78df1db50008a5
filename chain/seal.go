package chain

import (
	"context"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// Thread counts what one search thread has done since the node's start.
type Thread struct {
	Hashes uint64
	Busy   time.Duration
}

// powSealer seals by proof of work. It is miner's plug; what checks such a
// seal is tree's header rule.
type powSealer struct {
	mu      sync.Mutex
	threads []Thread
}

func (s *powSealer) Seal(ctx context.Context, h ledger.Header, threads int, next func() ledger.Header) (miner.Found, error) {
	r, err := pow.Search(ctx, h, pow.SearchConfig{
		Threads: threads,
		Next:    func() (ledger.Header, bool) { return next(), true },
	})
	s.count(&r)
	return miner.Found{Header: r.Header, Hashes: r.Hashes}, err
}

func (s *powSealer) count(r *pow.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.threads) < len(r.Hashes) {
		s.threads = append(s.threads, Thread{})
	}
	for i := range r.Hashes {
		s.threads[i].Hashes += r.Hashes[i]
		s.threads[i].Busy += r.Busy[i]
	}
}

func (s *powSealer) snapshot() []Thread {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Thread(nil), s.threads...)
}

// poolSource lets the miner take from the pool. The handle of a template is
// what the pool handed out, for the durations of the stages.
type poolSource struct{ node *Node }

func (s poolSource) Take(maxTxs, maxBytes int) miner.Template {
	taken, fees := s.node.pool.Take(maxTxs, maxBytes)
	txs := make([]ledger.Tx, len(taken))
	for i := range taken {
		txs[i] = taken[i].Tx
	}
	return miner.Template{Txs: txs, Fees: fees, Handle: taken}
}

func (s poolSource) Return(t miner.Template) { s.node.pool.Return(handle(t)) }
