package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Event is one change of the best chain: blocks to revert, from the old tip
// downwards, or a block to apply.
type Event struct {
	Revert []Ref
	Block  *Block // nil where Revert is set
}

// Block is a committed block.
type Block struct {
	Ref
	Header   ledger.Header
	IDs      []ledger.Hash // of all transactions, the coinbase first
	Bytes    uint64        // encoded size
	Durable  bool          // synced to stable storage before it was announced
	Interval time.Duration // since the previous block, on the node's monotonic clock
	Seal     time.Duration // spent in sealing
	Hashes   uint64        // tried while sealing
	Missing  uint64        // transactions for which the node has no durations
	Stages   []Stage
	Final    Ref // nothing up to here is ever reverted; zero: nothing is final
}

// Stage is the distribution of one stage's durations over the transactions of
// a block: an HdrHistogram of nanoseconds in V2 compressed encoding.
type Stage struct {
	Name string
	V2   []byte
}

// Bounds of a follower.
const (
	historyMax = 1000 // blocks remembered to go on from; the server's bound, too
	stagesMax  = 64
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
	// failuresMost bounds how often a node may fail in a row by its own fault
	// before Follow gives up. A node that can't be reached is tried for ever.
	failuresMost = 5
)

// Follow calls fn, from this goroutine, with every change of the best chain
// after block from, without a gap. It reconnects by itself. Where a node has
// lost blocks that were passed on (killed before they were synced), they are
// reverted first. It returns when ctx is done, with fn's error, or when the
// node does not know any of the last 1,000 blocks (ErrNotFound), refuses the
// call, or breaks the protocol.
//
// Reverts can reach below from, and so name blocks that fn has not seen.
func (c *Client) Follow(ctx context.Context, from Ref, fn func(Event) error) error {
	return FollowAny(ctx, []*Client{c}, from, fn)
}

// FollowAny is Follow over nodes of one network, of which the first one that
// answers is followed. Where it fails, or stands still while another has gone
// on, the next one takes over from the same block: without a gap, and without
// a revert unless that node's chain really is another one. It returns with a
// node's error once no node is of any use.
func FollowAny(ctx context.Context, nodes []*Client, from Ref, fn func(Event) error) error {
	f := &follower{nodes: nodes, client: nodes[0], fn: fn}
	f.history = f.ancestors(ctx, from)
	failed := 0
	for wait := retryFirst; ; {
		progress, err := f.run(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.stopped != nil:
			return f.stopped
		}
		if progress {
			wait, failed = retryFirst, 0
		}
		if !passing(err) {
			if failed++; !errors.Is(err, ErrFailed) && failed >= len(nodes) || failed > failuresMost*len(nodes) {
				return err
			}
		}
		f.handOver()
		if !pause(ctx, wait/2+rand.N(wait)) {
			return ctx.Err()
		}
		wait = min(2*wait, retryMost)
	}
}

// passing says whether an error is no fault of the node's and will pass.
func passing(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, errStill) || errors.Is(err, errBehind)
}

// pause returns false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ancestors returns from and blocks below it, the newest first, so that a
// follower can go on even if its very first block gets lost. They are a
// courtesy: where they can't be had, from stands alone.
func (f *follower) ancestors(ctx context.Context, from Ref) []Ref {
	if from.Hash.IsZero() {
		return nil
	}
	for _, c := range f.nodes {
		limited, cancel := c.short(ctx)
		chain := c.ancestors(limited, from)
		cancel()
		if len(chain) > 1 {
			return chain
		}
	}
	return []Ref{from}
}

// ancestors returns nil where the node can't be asked or does not have from.
func (c *Client) ancestors(ctx context.Context, from Ref) []Ref {
	const below = 100
	low := from.Height - min(from.Height, below)
	var chain []Ref
	err := c.Headers(ctx, low, from.Height-low+1, func(height uint32, h ledger.Header) error {
		if n := len(chain); n > 0 && chain[n-1].Hash != h.Prev {
			return ErrProtocol
		}
		chain = append(chain, Ref{Height: height, Hash: h.Hash()})
		return nil
	})
	if err != nil || len(chain) == 0 || chain[len(chain)-1] != from {
		return nil
	}
	slices.Reverse(chain)
	return chain
}

// follower is one Follow under way.
type follower struct {
	nodes    []*Client
	client   *Client // of nodes, the one that is followed
	fn       func(Event) error
	stopped  error // what fn returned
	history  []Ref // blocks passed on and not reverted, the newest first; empty: before genesis
	building *Block
	parts    uint32 // of the block being built
	next     uint32 // part that is due

	since   time.Time // when another node took over; zero: the same is followed as before
	waiting waiting
}

type followStream = grpc.ServerStreamingClient[chainpb.FollowReply]

// run follows over one stream and says whether it got anywhere.
func (f *follower) run(ctx context.Context) (progress bool, err error) {
	var guard sync.WaitGroup
	defer guard.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if len(f.nodes) > 1 {
		f.waiting.begin(f.tip())
		guard.Go(func() { f.guard(ctx, cancel, f.client) })
	}
	f.building = nil // what was left incomplete comes again
	stream, err := f.open(ctx)
	for err == nil {
		var m *chainpb.FollowReply
		f.waiting.begin(f.tip())
		m, err = stream.Recv()
		f.waiting.end()
		if err != nil {
			err = f.client.fail(err)
		} else if err = f.take(m); err == nil {
			progress = true
		}
	}
	if cause := context.Cause(ctx); cause != nil && f.stopped == nil {
		err = cause
	}
	return progress, err
}

// open starts a stream and reverts what the node does not know any more.
func (f *follower) open(ctx context.Context) (followStream, error) {
	r := &chainpb.FollowRequest{From: make([]*chainpb.Ref, len(f.history))}
	for i, at := range f.history {
		r.From[i] = toRef(at)
	}
	stream, err := f.client.rpc.Follow(ctx, r)
	if err != nil {
		return nil, f.client.fail(err)
	}
	m, err := stream.Recv()
	if err != nil {
		return nil, f.client.fail(err)
	}
	start, err := f.client.ref("start", m.Start)
	if err != nil {
		return nil, err
	}
	if start == f.tip() {
		f.since = time.Time{}
		return stream, nil
	}
	if !f.since.IsZero() && time.Since(f.since) < patience {
		return nil, errBehind
	}
	f.since = time.Time{}
	lost := slices.Index(f.history, start)
	if lost < 0 {
		return nil, f.client.broken("it goes on from block %s, which was not asked for", start.Hash)
	}
	return stream, f.revert(slices.Clone(f.history[:lost]), start)
}

func (f *follower) tip() Ref {
	if len(f.history) == 0 {
		return Ref{}
	}
	return f.history[0]
}

func (f *follower) take(m *chainpb.FollowReply) error {
	switch {
	case m.Block != nil:
		return f.part(m.Block)
	case len(m.Revert) == 0 || f.building != nil:
		return f.client.broken("a step that is neither a block nor a revert")
	}
	list := make([]Ref, len(m.Revert))
	var err error
	for i, r := range m.Revert {
		if list[i], err = f.client.ref("revert", r); err != nil {
			return err
		}
	}
	parent, err := f.client.ref("parent", m.Parent)
	if err != nil {
		return err
	}
	return f.revert(list, parent)
}

// revert takes blocks off the history, which must end with them as far as it
// reaches down.
func (f *follower) revert(list []Ref, parent Ref) error {
	for i, at := range list {
		if i < len(f.history) && f.history[i] != at {
			return f.client.broken("reverts block %s, but the tip is %s", at.Hash, f.history[i].Hash)
		}
	}
	f.history = slices.Delete(f.history, 0, min(len(list), len(f.history)))
	if len(f.history) == 0 && !parent.Hash.IsZero() {
		f.history = []Ref{parent}
	}
	if f.tip() != parent {
		return f.client.broken("goes back to block %s, but the tip is %s", parent.Hash, f.tip().Hash)
	}
	return f.emit(Event{Revert: list})
}

// part takes one chunk of a block and passes the block on when it is complete.
func (f *follower) part(p *chainpb.BlockPart) error {
	if p.Part == 0 {
		if err := f.begin(p); err != nil {
			return err
		}
	}
	b := f.building
	if b == nil || p.Part != f.next || p.Parts != f.parts || p.Height != b.Height {
		return f.client.broken("part %d of %d of block %d is out of turn", p.Part, p.Parts, p.Height)
	}
	if len(b.IDs)+len(p.Ids)/hashBytes > cap(b.IDs) {
		return f.client.broken("block %d has more transactions than its head says", b.Height)
	}
	var err error
	if b.IDs, err = f.client.hashes(b.IDs, "ids", p.Ids); err != nil {
		return err
	}
	if f.next++; f.next < f.parts {
		return nil
	}
	if len(b.IDs) != cap(b.IDs) {
		return f.client.broken("block %d has %d transactions, but its head says %d", b.Height, len(b.IDs), cap(b.IDs))
	}
	f.building = nil
	f.history = slices.Insert(f.history, 0, b.Ref)
	f.history = f.history[:min(len(f.history), historyMax)]
	return f.emit(Event{Block: b})
}

func (f *follower) emit(e Event) error {
	f.stopped = f.fn(e)
	return f.stopped
}

// begin reads the head of a block, which must stand on the last one.
func (f *follower) begin(p *chainpb.BlockPart) error {
	h, c := p.Head, f.client
	if h == nil || f.building != nil || p.Parts < 1 || h.Txs > ledger.MaxBlockTxs || len(h.Stages) > stagesMax {
		return c.broken("the head of block %d is out of turn or out of bounds", p.Height)
	}
	b := &Block{
		Bytes: h.Bytes, Durable: h.Durable, Interval: time.Duration(h.IntervalNs),
		Seal: time.Duration(h.SealNs), Hashes: h.Hashes, Missing: h.Missing,
		Stages: make([]Stage, len(h.Stages)),
	}
	for i, s := range h.Stages {
		b.Stages[i] = Stage{Name: s.Name, V2: s.V2}
	}
	var err error
	if b.Ref, err = c.ref("block", h.Ref); err != nil {
		return err
	}
	if b.Final, err = c.ref("final", h.Final); err != nil {
		return err
	}
	if b.Header, err = c.header(h.Header, b.Hash); err != nil {
		return err
	}
	if tip := f.tip(); len(f.history) > 0 && (b.Header.Prev != tip.Hash || b.Height != tip.Height+1) {
		return c.broken("block %d does not follow block %d", b.Height, tip.Height)
	}
	b.IDs = make([]ledger.Hash, 0, h.Txs)
	f.building, f.parts, f.next = b, p.Parts, 0
	return nil
}
