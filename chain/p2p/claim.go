package p2p

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// claim is somebody's work on one block: first its transactions are fetched,
// then it is judged. So a block that several peers announce is fetched and
// judged once. Who fetches for longer than patience may be passed by another,
// from another peer: else one who announces blocks and withholds them would
// hold them up.
type claim struct {
	done    chan struct{} // closed when the work has ended, well or not
	since   time.Time
	judging bool
}

// patience is how long a peer may take to deliver before another is asked, too.
func (b *blocks) patience() time.Duration { return b.h.cfg.AskTimeout / 2 }

// claim makes the caller one who works on a block. It waits for another who
// does, and returns nil when the node has the block by then.
func (b *blocks) claim(ctx context.Context, hash ledger.Hash) *claim {
	for {
		b.mu.Lock()
		other := b.claims[hash]
		if other == nil || !other.judging && time.Since(other.since) >= b.patience() {
			mine := &claim{done: make(chan struct{}), since: time.Now()}
			b.claims[hash] = mine
			b.mu.Unlock()
			return mine
		}
		b.mu.Unlock()
		select {
		case <-other.done:
		case <-time.After(b.patience()):
		case <-ctx.Done():
			return nil
		}
		if b.h.node.Chain.Knows(hash) {
			return nil
		}
	}
}

// judge makes the caller, who has all of a block, the one who judges it. It
// waits for another who does, and returns false when the node has the block by
// then.
func (b *blocks) judge(ctx context.Context, hash ledger.Hash, mine *claim) bool {
	for {
		b.mu.Lock()
		other := b.claims[hash]
		if other == nil || other == mine || !other.judging {
			mine.judging = true
			b.claims[hash] = mine
			b.mu.Unlock()
			return !b.h.node.Chain.Knows(hash)
		}
		b.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return false
		}
	}
}

// release ends the work.
func (b *blocks) release(hash ledger.Hash, mine *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(mine.done)
	if b.claims[hash] == mine {
		delete(b.claims, hash)
	}
}
