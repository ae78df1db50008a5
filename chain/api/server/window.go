package server

import (
	"context"
	"sync"
)

// window bounds what one stream has under way: its unanswered batches and
// transactions. Policy when full: block the reader of that stream, which pushes
// back on the sender through the transport.
type window struct {
	mu      sync.Mutex
	room    *sync.Cond
	batches int
	txs     int
	closed  bool
	most    struct{ batches, txs int }
}

func newWindow(batches, txs int) *window {
	w := &window{}
	w.room = sync.NewCond(&w.mu)
	w.most.batches, w.most.txs = batches, txs
	return w
}

// acquire waits for room for a batch of n transactions, n being within the
// bound. It returns false once ctx is done.
func (w *window) acquire(ctx context.Context, n int) bool {
	unhook := context.AfterFunc(ctx, w.close)
	defer unhook()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && (w.batches == w.most.batches || w.txs+n > w.most.txs) {
		w.room.Wait()
	}
	if w.closed {
		return false
	}
	w.batches++
	w.txs += n
	return true
}

func (w *window) release(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches--
	w.txs -= n
	w.room.Signal()
}

func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.room.Broadcast()
}
