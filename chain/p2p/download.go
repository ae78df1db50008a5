package p2p

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// download fetches the blocks of one segment:
//
//	fetch    one goroutine for each of up to syncPeers peers, runs of blocks
//	check    one goroutine for each processor, in any order
//	accept   the caller, in order
//
// The window bounds the blocks that were asked for or are held: by bytes, at
// the mean size of those that have come. A run that turns out larger than twice
// what it was counted as is cut short and given back, so that the bound holds
// but for one block of each peer.
type download struct {
	s       *syncer
	headers []ledger.Header
	hashes  []ledger.Hash
	from    uint32 // height of headers[0]

	ctx    context.Context
	cancel context.CancelCauseFunc
	fetch  sync.WaitGroup
	ready  chan int // indexes of blocks to be checked; as long as the segment, so it never blocks

	mu       sync.Mutex // guards everything below
	changed  chan struct{}
	next     int            // first that nobody was asked for
	back     []run          // runs that were given back
	places   []place        // of each block
	accepted int            // blocks from the first on
	counted  int64          // bytes of runs under way and blocks held
	mean     int64          // bytes of a block
	fetching map[*peer]bool // peers at work, and those that have failed
	active   int
}

// run is blocks with consecutive indexes, from first up to and without end.
type run struct {
	first, end int
	bytes      int64 // counted
}

// place is one block on its way.
type place struct {
	block   *ledger.Block
	from    *peer
	bytes   int64
	checked Checked
	err     error
	done    bool // checked or err is set
}

const (
	firstMean = 64 << 10 // bytes of a block, before one has come
	runBytes  = 4 << 20
)

// download fetches, checks and accepts the blocks of the headers. p has shown
// the headers and is asked first; other peers that claim as much help.
func (s *syncer) download(p *peer, from uint32, headers []ledger.Header) error {
	d := &download{
		s: s, headers: headers, hashes: make([]ledger.Hash, len(headers)), from: from,
		ready: make(chan int, len(headers)), changed: make(chan struct{}), places: make([]place, len(headers)),
		mean: firstMean, fetching: map[*peer]bool{},
	}
	for i := range headers {
		d.hashes[i] = headers[i].Hash()
	}
	d.ctx, d.cancel = context.WithCancelCause(s.h.ctx)
	defer d.cancel(nil)
	var check sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		check.Go(d.check)
	}
	d.enlist(p)
	err := d.accept(p)
	d.cancel(err)
	d.fetch.Wait()
	check.Wait()
	return err
}

// enlist sets the peer and, up to syncPeers, others to work that claim to have
// the blocks.
func (d *download) enlist(first *peer) {
	last := d.from + uint32(len(d.headers)) - 1
	for _, p := range append([]*peer{first}, d.s.h.snapshot()...) {
		d.mu.Lock()
		fit := (p == first || p.claims().Height >= last && !p.resting()) && p.ctx.Err() == nil && p.link != nil
		if _, known := d.fetching[p]; fit && !known && d.active < syncPeers {
			d.fetching[p] = true
			d.active++
			d.fetch.Go(func() { d.work(p) })
		}
		d.mu.Unlock()
	}
}

// work fetches runs from one peer until there are none, or it fails.
func (d *download) work(p *peer) {
	defer func() {
		d.mu.Lock()
		d.active--
		d.signalLocked()
		d.mu.Unlock()
	}()
	for {
		r, ok := d.take()
		if !ok {
			return
		}
		err := d.fetchRun(p, &r)
		d.giveBack(r)
		if err != nil && !errors.Is(err, errLarger) {
			if d.ctx.Err() == nil {
				d.s.h.log.Debug("blocks did not come", "peer", p.id, "err", err)
				d.s.failed(p, err)
			}
			return
		}
		p.delivered()
	}
}

// take waits for a run to fetch.
func (d *download) take() (r run, ok bool) {
	for {
		d.mu.Lock()
		changed := d.changed
		if r, ok = d.takeLocked(); ok || d.next == len(d.hashes) && d.accepted == len(d.hashes) {
			d.mu.Unlock()
			return r, ok
		}
		d.mu.Unlock()
		select {
		case <-changed:
		case <-d.ctx.Done():
			return run{}, false
		}
	}
}

func (d *download) takeLocked() (r run, ok bool) {
	if n := len(d.back); n > 0 {
		r, d.back = d.back[n-1], d.back[:n-1]
		if most := max(1, int(runBytes/d.mean)); r.end-r.first > most {
			d.back = append(d.back, run{first: r.first + most, end: r.end})
			r.end = r.first + most
		}
		r.bytes = int64(r.end-r.first) * d.mean
		d.counted += r.bytes
		return r, true
	}
	left := len(d.hashes) - d.next
	room := int((d.s.h.cfg.WindowBytes - d.counted) / d.mean)
	n := min(left, max(room, 0), max(1, int(runBytes/d.mean)), blocksAtOnce)
	if n == 0 && left > 0 && d.next == d.accepted {
		n = 1 // whatever its size: nothing else can go on
	}
	if n == 0 {
		return r, false
	}
	r = run{first: d.next, end: d.next + n, bytes: int64(n) * d.mean}
	d.next += n
	d.counted += r.bytes
	return r, true
}

// giveBack returns what was not fetched of a run.
func (d *download) giveBack(r run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counted -= r.bytes
	if r.first < r.end {
		d.back = append(d.back, r)
	}
	d.signalLocked()
}

func (d *download) signalLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// errLarger cuts a run short whose blocks are larger than was counted.
var errLarger = errors.New("the blocks are larger than was counted")

// fetchRun fetches blocks from a peer and moves r.first on as they come. A
// connection that breaks within a block is tried once more, from there on.
func (d *download) fetchRun(p *peer, r *run) error {
	f := &fetcher{d: d, p: p, r: r, budget: max(2*r.bytes, runBytes), at: r.first}
	for tries := 0; ; tries++ {
		w := &chainpb.BlocksWanted{Hashes: ledger.AppendHashes(nil, d.hashes[f.at:r.end]), Offset: uint32(len(f.buf))}
		f.base = f.at
		err := p.syncData(&chainpb.SyncRequest{Blocks: w}, f.part)
		switch {
		case err == nil && r.first < r.end:
			return errStalled
		case status.Code(err) == codes.Unavailable && tries == 0 && d.ctx.Err() == nil && p.ctx.Err() == nil:
			continue
		}
		return err
	}
}

// fetcher puts the parts of a run's blocks together.
type fetcher struct {
	d      *download
	p      *peer
	r      *run
	budget int64
	base   int // index of the first block that was asked for
	at     int // index of the block under way
	buf    []byte
}

func (f *fetcher) part(m *chainpb.SyncPart) error {
	if err := f.d.ctx.Err(); err != nil {
		return err
	}
	switch {
	case f.at >= f.r.end, f.base+int(m.Index) != f.at, int(m.Offset) != len(f.buf), len(m.Data) == 0:
		return broken("part %d of block %d", m.Offset, m.Index)
	case m.Size > ledger.MaxBlockBytes || len(f.buf)+len(m.Data) > int(m.Size):
		return broken("block of %d bytes", m.Size)
	}
	if len(f.buf) == 0 && len(m.Data) == int(m.Size) {
		f.buf = m.Data
	} else {
		f.buf = append(f.buf, m.Data...)
	}
	if len(f.buf) < int(m.Size) {
		return nil
	}
	block, err := ledger.ParseBlock(f.buf)
	if err != nil {
		return fmt.Errorf("block %d: %w", f.d.from+uint32(f.at), errBody)
	}
	if block.Header.Hash() != f.d.hashes[f.at] {
		return broken("another block than asked for")
	}
	size := int64(len(f.buf))
	f.d.put(f.at, &block, f.p, size, f.r)
	f.buf, f.at = nil, f.at+1
	if f.budget -= size; f.budget < 0 && f.at < f.r.end {
		return errLarger
	}
	return nil
}

// put hands a block to those who check.
func (d *download) put(i int, block *ledger.Block, from *peer, size int64, r *run) {
	d.mu.Lock()
	share := r.bytes / int64(r.end-r.first)
	r.bytes -= share
	r.first = i + 1
	d.counted += size - share
	d.mean = max(1, (7*d.mean+size)/8)
	d.places[i] = place{block: block, from: from, bytes: size}
	d.mu.Unlock()
	d.ready <- i
	d.s.h.counts.synced.Add(1)
	if f := d.s.h.ev.Synced; f != nil {
		f(int(size))
	}
}

// check checks blocks as they come.
func (d *download) check() {
	for {
		select {
		case i := <-d.ready:
			d.mu.Lock()
			block := d.places[i].block
			d.mu.Unlock()
			checked, err := d.s.h.node.Blocks.Check(d.ctx, block)
			d.mu.Lock()
			d.places[i].checked, d.places[i].err, d.places[i].done = checked, err, true
			d.signalLocked()
			d.mu.Unlock()
		case <-d.ctx.Done():
			return
		}
	}
}

// accept accepts the blocks in order. A block whose list does not belong to its
// header is its sender's fault and is fetched from another peer; one that breaks
// a rule is that of the peer who has shown its header.
func (d *download) accept(shown *peer) error {
	for i := range d.hashes {
		pl, err := d.await(shown, i)
		if err != nil {
			return err
		}
		if err = pl.err; pl.checked != nil {
			err = d.s.h.node.Blocks.Accept(d.ctx, pl.checked)
		}
		kind := ledger.RejectNone
		switch {
		case err == nil || errors.As(err, &kind) && kind == ledger.RejectDuplicate:
		default:
			return err
		}
		d.mu.Lock()
		d.counted -= pl.bytes
		d.places[i] = place{done: true}
		d.accepted = i + 1
		d.signalLocked()
		d.mu.Unlock()
	}
	return nil
}

// await waits until block i is checked.
func (d *download) await(shown *peer, i int) (place, error) {
	for {
		d.mu.Lock()
		changed, pl, active := d.changed, d.places[i], d.active
		foul := pl.done && foulBody(pl.err)
		if foul {
			d.counted -= pl.bytes
			d.places[i] = place{}
			d.back = append(d.back, run{first: i, end: i + 1})
			d.signalLocked()
		}
		d.mu.Unlock()
		switch {
		case foul:
			pl.from.blame(BanScore, "block_body")
			continue
		case pl.done:
			return pl, nil
		case active == 0:
			if d.enlist(shown); d.idle() {
				return place{}, errStalled
			}
			continue
		}
		select {
		case <-changed:
		case <-d.ctx.Done():
			return place{}, context.Cause(d.ctx)
		}
	}
}

func (d *download) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active == 0
}

// foulBody says whether a rejection is of the transactions that came, and says
// nothing about the header.
func foulBody(err error) bool {
	kind := ledger.RejectNone
	return errors.As(err, &kind) && !kind.CondemnsHeader() && kind != ledger.RejectDuplicate &&
		kind != ledger.RejectParent && kind != ledger.RejectTimeNew && kind != ledger.RejectBusy
}
