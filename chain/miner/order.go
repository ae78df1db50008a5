package miner

import (
	"context"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// order asks for blocks at once.
type order struct {
	ctx    context.Context // of the caller, who no longer waits when it has ended
	n      int
	hashes []ledger.Hash
	filled chan struct{}
}

// Seal makes n blocks one after the other, without waiting for the pace, and
// returns their hashes. It waits for Run and for the first tip. The error is
// ErrOff, ErrEnded or ctx's; blocks that were made by then stay.
func (m *Miner) Seal(ctx context.Context, n int) ([]ledger.Hash, error) {
	if m.cfg.Threads == 0 {
		return nil, ErrOff
	}
	if n <= 0 {
		return nil, nil
	}
	o := &order{ctx: ctx, n: n, filled: make(chan struct{})}
	select {
	case m.orders <- o:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.ended:
		return nil, ErrEnded
	}
	select {
	case <-o.filled:
		return o.hashes, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.ended:
		return nil, ErrEnded
	}
}

// take puts an order to the others and ends the wait for the pace.
func (m *Miner) take(o *order) {
	m.pending = append(m.pending, o)
	m.begin = time.Now()
}

// collect takes the orders that wait to be taken.
func (m *Miner) collect() {
	for {
		select {
		case o := <-m.orders:
			m.take(o)
		default:
			return
		}
	}
}

// live returns the orders that somebody still waits for.
func (m *Miner) live() []*order {
	m.pending = slices.DeleteFunc(m.pending, func(o *order) bool { return o.ctx.Err() != nil })
	return m.pending
}

// fill gives an own block to the oldest order.
func (m *Miner) fill(hash ledger.Hash) {
	if len(m.live()) == 0 {
		return
	}
	o := m.pending[0]
	if o.hashes = append(o.hashes, hash); len(o.hashes) == o.n {
		close(o.filled)
		m.pending = m.pending[1:]
	}
}
