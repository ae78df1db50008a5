package loadgen

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/chaindyno/chaindyno/loadgen/audit"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/reports/result"
)

// reorgWindow is how many held blocks the follower remembers, to name what an
// even deeper reorganisation takes back. Deeper ones are counted, no more.
const reorgWindow = 1000

// follower watches the chain, joins its blocks with what is in flight, and
// decides when an inclusion has held. One goroutine owns it until the run's
// books are closed.
type follower struct {
	e    *engine
	rec  *record.Recorder
	deep int // confirmations at which an inclusion holds

	blocks []seenBlock // best chain, oldest first: those that have not held and up to reorgWindow that have
	held   int         // how many of blocks have held
	rows   []result.Block
	good   []int     // of each row: own transactions that executed with success
	waitNs []float64 // of each row: the sum of their times from intended to included
	rowAt  map[driver.Ref]int

	spool   *audit.Spool
	durable []driver.Ref // that have held
	synced  int          // blocks of the best chain that were announced as durable
	reorgs  int
	deepest int
	broken  int // blocks that had held and were reverted all the same
	missing uint64
	stages  nodeStages

	// What progress shows; atomic because another goroutine reads it.
	seen, height, reorgsSeen atomic.Uint64

	news [][]laneEvent // per sender, reused
	ids  []driver.ID
}

// seenBlock is one block and the run's own transactions in it.
type seenBlock struct {
	ref     driver.Ref
	durable bool
	own     []inflight.Slot
}

func (e *engine) newFollower(spool *audit.Spool) *follower {
	return &follower{
		e: e, rec: e.collector.Recorder(), deep: max(1, e.sc.Load.Confirmations), spool: spool,
		rowAt: map[driver.Ref]int{}, stages: nodeStages{from: e.steadyFrom, to: e.steadyTo}, news: make([][]laneEvent, len(e.senders)),
	}
}

// run follows from a block until ctx ends. A chain that can't be followed any
// more is an error: without it no figure of the run is worth anything.
func (f *follower) run(ctx context.Context, from driver.Ref) error {
	err := f.e.drv.Follow(ctx, from, f.update)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("following the chain: %w", err)
}

// update takes one step of the best chain.
func (f *follower) update(u driver.Update) error {
	now := f.e.now()
	if len(u.Revert) > 0 {
		f.reorgs++
		f.reorgsSeen.Add(1)
		f.deepest = max(f.deepest, len(u.Revert))
	}
	for _, ref := range u.Revert {
		f.revert(ref)
	}
	for i := range u.Apply {
		f.apply(&u.Apply[i], now)
	}
	for _, id := range u.Gone {
		f.gone(id)
	}
	f.hold(now)
	f.flush()
	return nil
}

// apply joins one new block with what is in flight.
func (f *follower) apply(b *driver.Block, now int64) {
	own := make([]inflight.Slot, 0, len(b.Txs))
	foreign, good, wait := uint64(0), 0, 0.0
	for i := range b.Txs {
		slot, entry, seen := f.e.table.Included(b.Txs[i].ID, b.Txs[i].Failed, b.Height, now)
		switch seen {
		case inflight.Foreign:
			foreign++
			continue
		case inflight.Twice:
			f.e.collector.Errors().Add(record.ClassFollow, "included_twice", f.e.info.Kinds[entry.Kind].Name, now, false, entry.ID.String())
			continue
		}
		f.rec.Included(&entry, seen)
		own = append(own, slot)
		if b.Txs[i].Failed == driver.RejectNone {
			good++
			wait += float64(now - entry.Intended)
		}
		f.tell(&entry, driver.InBlock)
	}
	f.blocks = append(f.blocks, seenBlock{ref: b.Ref, durable: b.Durable, own: own})
	if b.Durable {
		f.synced++
	}
	f.rec.Foreign(foreign)
	f.missing += b.Missing
	f.stages.merge(b.Stages, now)
	f.good, f.waitNs = append(f.good, good), append(f.waitNs, wait)
	f.row(b, len(own), now)
	f.seen.Add(1)
	f.height.Store(b.Height)
}

// revert takes the newest block back.
func (f *follower) revert(ref driver.Ref) {
	if i, ok := f.rowAt[ref]; ok {
		f.rows[i].Status = "orphaned"
	}
	n := len(f.blocks)
	if n == 0 || f.blocks[n-1].ref != ref {
		return // from before the run, or beyond the window: its transactions keep their fate
	}
	for _, slot := range f.blocks[n-1].own {
		entry, outcome := f.e.table.Reverted(slot)
		switch outcome {
		case inflight.Open:
			f.tell(&entry, driver.Reverted)
		case inflight.Done:
			f.rec.Done(&entry)
		}
		f.rec.Reverted(&entry)
	}
	if f.blocks[n-1].durable {
		f.synced--
	}
	f.blocks = f.blocks[:n-1]
	if f.held > n-1 {
		f.broken++
		f.held = n - 1
	}
}

// hold lets every block go that is deep enough.
func (f *follower) hold(now int64) {
	for len(f.blocks)-f.held >= f.deep {
		f.holdBlock(&f.blocks[f.held], now)
		f.held++
	}
	if extra := f.held - reorgWindow; extra > reorgWindow {
		f.blocks = append(f.blocks[:0:0], f.blocks[extra:]...)
		f.held -= extra
	}
}

func (f *follower) holdBlock(b *seenBlock, now int64) {
	f.ids = f.ids[:0]
	for _, slot := range b.own {
		entry, outcome := f.e.table.Held(slot, now)
		if outcome == inflight.Stale {
			continue
		}
		f.ids = append(f.ids, entry.ID)
		what := driver.Held
		if entry.Failed != driver.RejectNone {
			what = driver.Failed
		}
		f.tell(&entry, what)
		if outcome == inflight.Done {
			f.rec.Done(&entry)
		}
	}
	f.spool.Add(b.ref, f.ids)
	if b.durable {
		f.durable = append(f.durable, b.ref)
	}
	b.own = nil
}

// gone notes that the chain dropped a transaction from its pool.
func (f *follower) gone(id driver.ID) {
	slot, ok := f.e.table.Find(id)
	if !ok {
		return
	}
	entry, outcome := f.e.table.Watch(slot, inflight.FateEvicted)
	if outcome == inflight.Stale || entry.Included != inflight.Unset {
		return
	}
	f.tell(&entry, driver.Lost)
	if outcome == inflight.Done {
		f.rec.Done(&entry)
	}
}

// tell queues news for the lane of an entry. What was refused has been settled
// with its lane already.
func (f *follower) tell(entry *inflight.Entry, what driver.Settlement) {
	if entry.Status == driver.StatusRejected {
		return
	}
	f.news[entry.Sender] = append(f.news[entry.Sender], laneEvent{
		lane: f.e.senders[entry.Sender].local(entry.Lane), what: what, kind: entry.Kind, seq: entry.Seq, id: entry.ID,
	})
}

// flush hands over what one update has gathered.
func (f *follower) flush() {
	for i, news := range f.news {
		f.e.senders[i].in.news(news)
		f.news[i] = news[:0]
	}
}

// row adds the block to the report.
func (f *follower) row(b *driver.Block, own int, now int64) {
	f.rowAt[b.Ref] = len(f.rows)
	f.rows = append(f.rows, result.Block{
		Height: b.Height, Hash: b.ID.String(), ClaimedMs: b.Claimed.UnixMilli(), SeenNs: now,
		Txs: len(b.Txs), Ours: own, Bytes: b.Bytes, Used: b.Used, Limit: b.Limit,
		IntervalNs: int64(b.Interval), SealNs: int64(b.Seal), Hashes: b.Hashes, Status: "main",
	})
}

// tip is the newest block; the zero Ref if there was none.
func (f *follower) tip() driver.Ref {
	if len(f.blocks) == 0 {
		return driver.Ref{}
	}
	return f.blocks[len(f.blocks)-1].ref
}

// glance is what progress shows; any goroutine may ask.
func (f *follower) glance() (blocks int, height uint64, reorgs int) {
	return int(f.seen.Load()), f.height.Load(), int(f.reorgsSeen.Load())
}
