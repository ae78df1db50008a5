package chain

import (
	"sync/atomic"

	"github.com/chaindyno/chaindyno/chain/tree"
)

// view is the announced tip: a block that is in the log, as durable as the
// policy says, and applied to the output set.
type view struct {
	tip     *tree.Node
	changed chan struct{} // closed when there is a newer view: a hint, data is pulled
}

// announcer publishes the tip. One goroutine announces, any may load; nobody
// waits for anybody.
type announcer struct{ v atomic.Pointer[view] }

func (a *announcer) load() *view { return a.v.Load() }

func (a *announcer) announce(tip *tree.Node) {
	old := a.v.Swap(&view{tip: tip, changed: make(chan struct{})})
	if old != nil {
		close(old.changed)
	}
}
