package drivertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// view is the best chain as one Follow tells it. A gap or a wrong link in what
// it is told is an error that stays.
type view struct {
	s     *suite
	start driver.Ref

	mu      sync.Mutex
	blocks  []viewed // the best chain after start
	held    map[driver.ID]int
	below   bool // the start itself was reverted: its parent's ID is not known
	wrong   error
	changed chan struct{}

	cancel context.CancelFunc
	ended  chan struct{}
	err    error // what Follow returned; set before ended is closed
}

type viewed struct {
	driver.Ref
	txs []driver.Included
}

// follow starts following from a block.
func (s *suite) follow(from driver.Ref) *view {
	ctx, cancel := context.WithCancel(s.ctx)
	v := &view{s: s, start: from, held: map[driver.ID]int{}, changed: make(chan struct{}), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(v.ended)
		v.err = s.d.Follow(ctx, from, v.emit)
	}()
	return v
}

func (v *view) emit(u driver.Update) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wrong == nil {
		v.wrong = v.apply(u)
	}
	close(v.changed)
	v.changed = make(chan struct{})
	return v.wrong
}

func (v *view) apply(u driver.Update) error {
	for _, r := range u.Revert {
		if err := v.revert(r); err != nil {
			return err
		}
	}
	for i := range u.Apply {
		b := &u.Apply[i]
		if err := v.fits(b); err != nil {
			return err
		}
		txs := slices.Clone(b.Txs)
		v.blocks = append(v.blocks, viewed{b.Ref, txs})
		v.count(txs, 1)
	}
	return nil
}

func (v *view) revert(r driver.Ref) error {
	tip := v.tip()
	if r.Height != tip.Height || r.ID != tip.ID && !v.below {
		return fmt.Errorf("revert of block %d (%s), which is not the tip of what was followed, %d (%s)", r.Height, r.ID, tip.Height, tip.ID)
	}
	if len(v.blocks) == 0 {
		v.start, v.below = driver.Ref{Height: r.Height - 1}, true
		return nil
	}
	last := v.blocks[len(v.blocks)-1]
	v.blocks = v.blocks[:len(v.blocks)-1]
	v.count(last.txs, -1)
	return nil
}

func (v *view) tip() driver.Ref {
	if len(v.blocks) == 0 {
		return v.start
	}
	return v.blocks[len(v.blocks)-1].Ref
}

// fits says whether a block is the child of the tip.
func (v *view) fits(b *driver.Block) error {
	if v.below && len(v.blocks) == 0 {
		v.start.ID, v.below = b.Parent, false
	}
	tip := v.tip()
	if tip == (driver.Ref{}) {
		if b.Height != 0 || b.ID != v.s.info.Genesis {
			return fmt.Errorf("the first block from before genesis is %d (%s), not genesis (%s)", b.Height, b.ID, v.s.info.Genesis)
		}
		return nil
	}
	if b.Height != tip.Height+1 || b.Parent != tip.ID {
		return fmt.Errorf("block %d (parent %s) does not follow on %d (%s)", b.Height, b.Parent, tip.Height, tip.ID)
	}
	return nil
}

func (v *view) count(txs []driver.Included, by int) {
	for i := range txs {
		v.held[txs[i].ID] += by
	}
}

// await waits until ok, called with the view locked, holds. Where blocks are
// made on demand it asks for them.
func (v *view) await(what string, ok func() bool) {
	v.s.Helper()
	for {
		v.mu.Lock()
		done, wrong, changed := ok(), v.wrong, v.changed
		v.mu.Unlock()
		if wrong != nil {
			v.s.Fatalf("Follow: %v", wrong)
		}
		if done {
			return
		}
		v.s.demand()
		select {
		case <-changed:
		case <-v.ended:
			v.s.Fatalf("Follow ended while waiting for %s: %v", what, v.err)
		case <-v.s.ctx.Done():
			v.s.Fatalf("no %s in time", what)
		}
	}
}

// demand asks for a block where none comes by itself.
func (s *suite) demand() {
	if !s.info.OnDemand {
		return
	}
	sealer, ok := s.d.(driver.Sealer)
	if !ok {
		s.Fatalf("Info.OnDemand is set, but the driver is no Sealer")
	}
	if err := sealer.Seal(s.ctx, 1); err != nil {
		s.Fatalf("Seal: %v", err)
	}
}

// awaitAll waits until every accepted transaction is in a block and settles it
// with its lane, and checks that nothing else of what was sent is.
func (v *view) awaitAll(all []sent) {
	v.s.Helper()
	for _, x := range all {
		if x.accepted() && !v.s.opts.Loses {
			id := v.s.id(x)
			v.await(fmt.Sprintf("block with transaction %d of lane %d", x.tx.Seq, x.tx.Lane), func() bool { return v.held[id] > 0 })
		}
	}
	if v.s.opts.Loses {
		v.awaitBlocks(3) // whatever has not come by then is not waited for
	}
	v.checkOnce(all)
}

// checkOnce checks that no transaction is in the chain twice, and none that was
// refused at all.
func (v *view) checkOnce(all []sent) {
	v.s.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range all {
		n := v.held[v.s.id(x)]
		if x.accepted() && n > 1 {
			v.s.Errorf("transaction %d of lane %d is in the chain %d times", x.tx.Seq, x.tx.Lane, n)
		}
		if !x.accepted() && n > 0 {
			v.s.Errorf("transaction %d of lane %d was refused (%v) and is in the chain", x.tx.Seq, x.tx.Lane, x.ack.Kind)
		}
	}
}

// awaitBlocks waits for n more blocks.
func (v *view) awaitBlocks(n int) {
	v.s.Helper()
	v.mu.Lock()
	want := v.tip().Height + uint64(n)
	v.mu.Unlock()
	v.await(fmt.Sprintf("%d more blocks", n), func() bool { return v.tip().Height >= want })
}

// snapshot returns the chain as it is.
func (v *view) snapshot() []viewed {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.blocks)
}

// stop ends following and checks that Follow returns.
func (v *view) stop() {
	v.s.Helper()
	v.cancel()
	select {
	case <-v.ended:
	case <-time.After(v.s.opts.Timeout):
		v.s.Fatalf("Follow did not return after its context was cancelled")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wrong != nil {
		v.s.Errorf("Follow: %v", v.wrong)
	}
}
