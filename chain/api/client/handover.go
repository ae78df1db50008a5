package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// patience is how long nodes that take over may be without the last block
	// that was passed on: it may be on its way to them.
	patience = 3 * time.Second
	// stillAfter is how long a node may be silent before the others are asked
	// whether the chain has gone on, and askFor how long they are asked.
	stillAfter = 2 * time.Second
	askFor     = time.Second
)

var (
	errStill  = errors.New("the node stands still while another one has gone on")
	errBehind = errors.New("the node does not have the last block yet")
)

// handOver makes the next node the one that is followed.
func (f *follower) handOver() {
	if len(f.nodes) < 2 {
		return
	}
	at := slices.Index(f.nodes, f.client)
	f.client = f.nodes[(at+1)%len(f.nodes)]
	if f.since.IsZero() {
		f.since = time.Now()
	}
}

// waiting is how long a follower has been waiting for a node, and at which
// block. The follower writes it, the guard reads it.
type waiting struct {
	mu    sync.Mutex
	since time.Time // zero: it is busy with what the node has sent
	at    Ref
}

func (w *waiting) begin(at Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.at = time.Now(), at
}

func (w *waiting) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Time{}
}

func (w *waiting) tooLong() (at Ref, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at, !w.since.IsZero() && time.Since(w.since) >= stillAfter
}

// guard ends the stream to a node that is silent while another one has gone
// on: a process that is stopped, or a host that has vanished, breaks no
// connection for a long time.
func (f *follower) guard(ctx context.Context, end context.CancelCauseFunc, followed *Client) {
	every := time.NewTicker(stillAfter / 4)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		at, late := f.waiting.tooLong()
		if !late || !f.goneOn(ctx, followed, at) {
			continue
		}
		if again, late := f.waiting.tooLong(); late && again == at {
			end(errStill)
			return
		}
	}
}

// goneOn says whether a node other than the one followed is past a block.
func (f *follower) goneOn(ctx context.Context, followed *Client, at Ref) bool {
	for _, c := range f.nodes {
		if c == followed || ctx.Err() != nil {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, askFor)
		tip, _, err := c.Tip(limited)
		cancel()
		if err == nil && tip.Height > at.Height {
			return true
		}
	}
	return false
}
