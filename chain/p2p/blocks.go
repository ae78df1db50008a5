package p2p

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// blocks passes new blocks on: as a header and short IDs, from which the
// receiver rebuilds the block out of its pool.
type blocks struct {
	h    *Host
	last broadcast

	mu       sync.Mutex // guards everything below
	recent   map[ledger.Hash]*blockRecord
	order    []ledger.Hash // of recent, oldest first
	claims   map[ledger.Hash]*claim
	cache    []*ledger.Block // newest first
	lastHint time.Time
}

// blockRecord is what is remembered of one block.
type blockRecord struct {
	peers uint64 // slots of the peers that have it
	born  int64  // host time at which the first node announced it, as far as is known
	hops  int
}

func newBlocks(h *Host) *blocks {
	return &blocks{h: h, recent: map[ledger.Hash]*blockRecord{}, claims: map[ledger.Hash]*claim{}}
}

// record returns the record of a block, a new one where there is none. mu is
// held.
func (b *blocks) recordLocked(hash ledger.Hash) *blockRecord {
	r := b.recent[hash]
	if r == nil {
		if len(b.order) >= recentBlocks {
			delete(b.recent, b.order[0])
			b.order = b.order[1:]
		}
		r = &blockRecord{born: b.h.now()}
		b.recent[hash] = r
		b.order = append(b.order, hash)
	}
	return r
}

// has notes that a peer has a block.
func (b *blocks) has(p *peer, hash ledger.Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordLocked(hash).peers |= p.bit()
}

// forget clears the bit of a peer that has gone.
func (b *blocks) forget(bit uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.recent {
		r.peers &^= bit
	}
}

// claimed says whether somebody works on a block.
func (b *blocks) claimed(hash ledger.Hash) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claims[hash] != nil
}

// tips passes on each new tip of the node, wherever it came from.
func (b *blocks) tips(ctx context.Context) {
	at := b.h.node.Chain.Tip()
	for {
		o, err := b.h.node.Chain.NextTip(ctx, at)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			b.h.log.Warn("cannot follow the node's tip", "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			continue
		}
		gap := o.Header.Prev != at.Hash
		if gap { // what was abandoned is in the pool again, and was not announced
			for _, p := range b.h.snapshot() {
				p.outbox.lose()
			}
		}
		at = o.Tip
		b.h.relay.confirmed(o.IDs, gap)
		if err := b.announce(&o); err != nil {
			b.h.log.Warn("cannot announce a block", "height", o.Height, "err", err)
		}
	}
}

// hintEvery bounds how often peers are told the tip of a node that catches up.
const hintEvery = 250 * time.Millisecond

// urgentBlocks is how many frames may wait for a peer that is sent a compact
// block all the same, of up to 1.3 MiB; who is slower fetches blocks when it has
// time.
const urgentBlocks = 32

// announce sends a block to the peers that do not have it; while the node
// catches up, its tip alone.
func (b *blocks) announce(o *Outline) error {
	peers := b.h.snapshot()
	b.covered()
	if b.h.sync.busy() {
		if time.Since(b.lastHint) < hintEvery {
			return nil
		}
		b.lastHint = time.Now()
		for _, p := range peers {
			_ = p.send(frameTip(o.Tip))
		}
		return nil
	}
	if len(peers) == 0 {
		return nil
	}
	b.last = broadcast{o.Work, peers}
	b.mu.Lock()
	r := b.recordLocked(o.Hash)
	had, born, hops := r.peers, r.born, r.hops
	for _, p := range peers {
		r.peers |= p.bit()
	}
	b.mu.Unlock()
	var f *chainpb.Frame
	for _, p := range peers {
		if had&p.bit() != 0 || hops >= b.h.cfg.Hops || len(p.urgent) > urgentBlocks {
			_ = p.send(frameTip(o.Tip)) // so that it knows whom it can ask
			continue
		}
		if f == nil {
			var err error
			if f, err = b.compact(o, hops, born); err != nil {
				return err
			}
		}
		_ = p.send(f)
	}
	return nil
}

// coinbaseAt is where the transactions of an encoded block begin.
const coinbaseAt = ledger.HeaderSize + 4

// compact makes a compact block. All peers get the same salt: it only has to be
// unknown to those who make transactions.
func (b *blocks) compact(o *Outline, hops int, born int64) (*chainpb.Frame, error) {
	coinbase, err := b.coinbase(o.Hash)
	if err != nil {
		return nil, err
	}
	salt := newSalt()
	header := o.Header.Encode()
	short := make([]byte, 0, 8*len(o.IDs))
	for i := range o.IDs[1:] {
		short = binary.LittleEndian.AppendUint64(short, shortID(salt, o.IDs[i+1]))
	}
	return &chainpb.Frame{Body: &chainpb.Frame_Block{Block: &chainpb.CompactBlock{
		Header: header[:], Height: o.Height, Salt: salt[:], ShortIds: short, Coinbase: coinbase,
		Work: o.Work[:], Hops: uint32(hops), AgeUs: ageSince(born, b.h.now()),
	}}}, nil
}

// coinbase reads the first transaction of a block.
func (b *blocks) coinbase(hash ledger.Hash) ([]byte, error) {
	if block := b.cached(hash); block != nil {
		return block.Txs[0].Bytes(), nil
	}
	body, err := b.h.node.Chain.OpenBlock(hash)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	buf := make([]byte, min(body.Size()-coinbaseAt, ledger.MaxTxBytes))
	if _, err := body.ReadAt(buf, coinbaseAt); err != nil {
		return nil, err
	}
	tx, _, err := ledger.ParseTx(buf, ledger.MaxTxBytes)
	if err != nil {
		return nil, fmt.Errorf("the coinbase of block %s: %w", hash, err)
	}
	return tx.Bytes(), nil
}

// cached returns a whole block that is in memory, or nil.
func (b *blocks) cached(hash ledger.Hash) *ledger.Block {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, block := range b.cache {
		if block.Header.Hash() == hash {
			return block
		}
	}
	return nil
}

func (b *blocks) keep(block *ledger.Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cache = append([]*ledger.Block{block}, b.cache...)
	if len(b.cache) > cachedBlocks {
		b.cache = b.cache[:cachedBlocks]
	}
}

// whole returns a block from memory or from the log.
func (b *blocks) whole(hash ledger.Hash) (*ledger.Block, error) {
	if block := b.cached(hash); block != nil {
		return block, nil
	}
	body, err := b.h.node.Chain.OpenBlock(hash)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	buf := make([]byte, body.Size())
	if _, err := body.ReadAt(buf, 0); err != nil {
		return nil, err
	}
	block, err := ledger.ParseBlock(buf)
	if err != nil {
		return nil, err
	}
	b.keep(&block)
	return &block, nil
}

// serve answers a request for transactions of a block.
func (b *blocks) serve(p *peer, w *chainpb.WantBlockTxs) error {
	if len(w.Block) != hashBytes || len(w.Indexes) > ledger.MaxBlockTxs {
		return broken("request for a block's transactions")
	}
	hash := ledger.Hash(w.Block)
	block, err := b.whole(hash)
	if err != nil {
		return p.answer(frameBlockTxs(&chainpb.BlockTxs{Block: w.Block, Unknown: true}))
	}
	n := len(w.Indexes)
	at := func(i int) int { return int(w.Indexes[i]) }
	if w.All {
		n, at = len(block.Txs), func(i int) int { return i }
	}
	t := &chainpb.BlockTxs{Block: w.Block}
	for i := range n {
		k := at(i)
		if k >= len(block.Txs) || i > 0 && k <= at(i-1) {
			return broken("transaction %d of a block of %d", k, len(block.Txs))
		}
		body := block.Txs[k].Bytes()
		if len(t.Bodies) > 0 && len(t.Bodies)+len(body) > chunkBytes {
			if err := p.answer(frameBlockTxs(t)); err != nil {
				return err
			}
			t = &chainpb.BlockTxs{Block: w.Block, First: uint32(i)}
		}
		t.Bodies, t.Sizes = append(t.Bodies, body...), append(t.Sizes, uint32(len(body)))
	}
	return p.answer(frameBlockTxs(t))
}

// compact queues a compact block for the goroutine that works on them.
func (p *peer) compact(c *chainpb.CompactBlock) error {
	select {
	case p.compacts <- c:
	default:
		p.host.dropped("blocks", 1)
	}
	return nil
}

// takeCompacts works on the peer's compact blocks, one after the other.
func (p *peer) takeCompacts() {
	for {
		select {
		case c := <-p.compacts:
			if err := p.host.blocks.take(p, c); err != nil {
				p.host.blocks.fault(p, err)
			}
		case <-p.ctx.Done():
			return
		}
	}
}

// errBody says that the transactions that came for a header are not its own.
var errBody = errors.New("the transactions do not belong to the block")

// fault judges a peer by what became of its block. A block is judged before it
// is passed on, so that an honest peer's is only refused where clocks differ or
// its parent is missing.
func (b *blocks) fault(p *peer, err error) {
	kind := ledger.RejectNone
	switch {
	case p.ctx.Err() != nil:
	case errors.Is(err, errWire), errors.Is(err, errBody):
		p.blame(BanScore, "block")
	case errors.As(err, &kind):
		switch kind {
		case ledger.RejectDuplicate, ledger.RejectTimeNew, ledger.RejectBusy:
		case ledger.RejectParent:
			p.hasten()
		default:
			p.blame(BanScore, "block_"+kind.String())
		}
	case errors.Is(err, errUndelivered):
		p.blame(BanScore/8, "undelivered") // little: a busy node can be late, too
		fallthrough
	default:
		b.h.log.Debug("a block did not come", "peer", p.id, "err", err)
	}
}
