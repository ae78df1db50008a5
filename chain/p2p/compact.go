package p2p

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

type salt [8]byte

func newSalt() (s salt) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}

// shortID is the first 8 bytes, little-endian, of SHA-256(salt | ID). With 64
// bits, two of a pool of 2^18 share one in one block of 2^29.
func shortID(s salt, id ledger.Hash) uint64 {
	var b [len(s) + hashBytes]byte
	copy(b[:], s[:])
	copy(b[len(s):], id[:])
	sum := sha256.Sum256(b[:])
	return binary.LittleEndian.Uint64(sum[:])
}

// sketch is a compact block, decoded.
type sketch struct {
	header   ledger.Header
	hash     ledger.Hash
	tip      Tip // claimed
	salt     salt
	short    []uint64
	coinbase ledger.Tx
	hops     int
	born     int64
}

func parseSketch(c *chainpb.CompactBlock, now int64) (*sketch, error) {
	h, err := ledger.ParseHeader(c.Header)
	switch {
	case err != nil || len(c.Header) != ledger.HeaderSize:
		return nil, broken("header of %d bytes", len(c.Header))
	case len(c.Salt) != len(salt{}):
		return nil, broken("salt of %d bytes", len(c.Salt))
	case len(c.ShortIds)%8 != 0 || len(c.ShortIds)/8 >= ledger.MaxBlockTxs:
		return nil, broken("%d bytes of short IDs", len(c.ShortIds))
	}
	coinbase, rest, err := ledger.ParseTx(c.Coinbase, ledger.MaxTxBytes)
	if err != nil || len(rest) > 0 || !coinbase.IsCoinbase() {
		return nil, broken("coinbase")
	}
	hash := h.Hash()
	tip, err := tipOf(&chainpb.TipState{Height: c.Height, Hash: hash[:], Work: c.Work})
	if err != nil {
		return nil, err
	}
	s := &sketch{
		header: h, hash: hash, tip: tip, salt: salt(c.Salt), coinbase: coinbase, short: make([]uint64, len(c.ShortIds)/8),
		hops: int(min(c.Hops, 254)) + 1, born: now - int64(c.AgeUs)*int64(time.Microsecond),
	}
	for i := range s.short {
		s.short[i] = binary.LittleEndian.Uint64(c.ShortIds[8*i:])
	}
	return s, nil
}

// nearTip is how far under the tip a block may be that is taken although its
// branch has not more work: its children may come next.
const nearTip = 8

// take works on one compact block: it is rebuilt, checked and accepted. It is
// passed on when the node announces it as its tip.
func (b *blocks) take(p *peer, c *chainpb.CompactBlock) error {
	began := b.h.now()
	s, err := parseSketch(c, began-p.rtt.Load()/2)
	if err != nil {
		return err
	}
	b.has(p, s.hash)
	p.setTip(s.tip)
	node := b.h.node
	if node.Chain.Knows(s.hash) || b.h.sync.busy() {
		return nil
	}
	mine := b.claim(p.ctx, s.hash)
	if mine == nil {
		return nil
	}
	defer b.release(s.hash, mine)
	branch, err := node.Headers.CheckHeaders(p.ctx, []ledger.Header{s.header})
	if err != nil {
		return err
	}
	if !branch.Better && branch.Height+nearTip < node.Chain.Tip().Height {
		return nil
	}
	b.mu.Lock()
	r := b.recordLocked(s.hash)
	r.born, r.hops = s.born, s.hops
	b.mu.Unlock()
	block, fetched, err := b.rebuild(p, s)
	if err != nil {
		return err
	}
	if !b.judge(p.ctx, s.hash, mine) {
		return nil
	}
	checked, err := node.Blocks.Check(b.h.ctx, block)
	if checked == nil {
		return err
	}
	b.keep(block)
	if err := node.Blocks.Accept(b.h.ctx, checked); err != nil {
		return err
	}
	now := b.h.now()
	b.h.coverage("transaction", max(0, len(s.short)-fetched), len(s.short))
	if f := b.h.ev.Block; f != nil {
		f(s.hops, time.Duration(now-s.born), fetched, time.Duration(now-began))
	}
	return nil
}

// rebuild makes the block of a sketch, with transactions from the pool and
// those that the peer is asked for. Where short IDs collide, the root does not
// fit, and the whole list is fetched.
func (b *blocks) rebuild(p *peer, s *sketch) (block *ledger.Block, fetched int, err error) {
	b.h.counts.compact.Add(1)
	block = &ledger.Block{Header: s.header, Txs: append(make([]ledger.Tx, 0, 1+len(s.short)), s.coinbase)}
	short := func(id ledger.Hash) uint64 { return shortID(s.salt, id) }
	block.Txs = append(block.Txs, b.h.node.Pool.MatchPool(short, s.short)...)
	if len(block.Txs) != 1+len(s.short) {
		return nil, 0, errors.New("the pool has not answered for every short ID")
	}
	var missing []uint32
	for i := range block.Txs {
		if block.Txs[i].Size() == 0 {
			missing = append(missing, uint32(i))
		}
	}
	if len(missing) > 0 {
		txs, err := p.fetch(s.hash, missing, len(missing))
		if err != nil {
			return nil, 0, err
		}
		for i, k := range missing {
			block.Txs[k] = txs[i]
		}
	}
	b.h.counts.fetched.Add(uint64(len(missing)))
	root, mutated := ledger.MerkleRoot(block.IDs())
	switch {
	case root == s.header.Merkle && !mutated:
		if len(missing) == 0 {
			b.h.counts.rebuilt.Add(1)
		}
		return block, len(missing), nil
	case len(missing) == len(s.short): // nothing was guessed
		return nil, 0, errBody
	}
	if block.Txs, err = p.fetch(s.hash, nil, len(block.Txs)); err != nil {
		return nil, 0, err
	}
	b.h.counts.fetched.Add(uint64(len(block.Txs)))
	if root, mutated := ledger.MerkleRoot(block.IDs()); root != s.header.Merkle || mutated {
		return nil, 0, errBody
	}
	return block, len(block.Txs), nil
}

// waiting holds where answers about blocks go.
type waiting struct {
	mu  sync.Mutex
	all map[ledger.Hash]chan *chainpb.BlockTxs
}

func newWaiting() waiting { return waiting{all: map[ledger.Hash]chan *chainpb.BlockTxs{}} }

// partsAhead is how many parts of an answer may come before they are looked at:
// a block of 32 MiB in parts of half a chunk at least.
const partsAhead = 2 * ledger.MaxBlockBytes / chunkBytes

func (w *waiting) begin(hash ledger.Hash) chan *chainpb.BlockTxs {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[hash] = make(chan *chainpb.BlockTxs, partsAhead)
	return w.all[hash]
}

func (w *waiting) end(hash ledger.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, hash)
}

// blockTxs hands a part of an answer to who waits for it. Late ones are
// dropped.
func (p *peer) blockTxs(t *chainpb.BlockTxs) error {
	if len(t.Block) != hashBytes {
		return broken("hash of %d bytes", len(t.Block))
	}
	p.blocks.mu.Lock()
	defer p.blocks.mu.Unlock()
	to := p.blocks.all[ledger.Hash(t.Block)]
	if to == nil {
		return nil
	}
	select {
	case to <- t:
		return nil
	default:
		return errFlood
	}
}

var (
	errUndelivered = errors.New("the peer does not deliver the block that it announced")
	errUnknown     = fmt.Errorf("%w, nor does it know it", errUndelivered)
)

// fetchTimeouts is how many times AskTimeout the answer may take in all.
const fetchTimeouts = 2

// fetch asks for count transactions of a block: those at the indexes, or all.
func (p *peer) fetch(hash ledger.Hash, indexes []uint32, count int) ([]ledger.Tx, error) {
	parts := p.blocks.begin(hash)
	defer p.blocks.end(hash)
	w := &chainpb.WantBlockTxs{Block: hash[:], Indexes: indexes, All: indexes == nil}
	if err := p.send(&chainpb.Frame{Body: &chainpb.Frame_WantBlockTxs{WantBlockTxs: w}}); err != nil {
		return nil, err
	}
	txs := make([]ledger.Tx, 0, count)
	late := time.After(fetchTimeouts * p.host.cfg.AskTimeout)
	for len(txs) < count {
		select {
		case t := <-parts:
			more, err := appendTxs(txs, t, count)
			if err != nil {
				return nil, err
			}
			txs = more
		case <-late:
			return nil, errUndelivered
		case <-p.ctx.Done():
			return nil, p.ctx.Err()
		}
	}
	return txs, nil
}

// appendTxs adds one part of an answer.
func appendTxs(txs []ledger.Tx, t *chainpb.BlockTxs, count int) ([]ledger.Tx, error) {
	if t.Unknown {
		return nil, errUnknown
	}
	bodies, err := unpackBodies(t.Bodies, t.Sizes)
	if err != nil {
		return nil, err
	}
	if int(t.First) != len(txs) || len(bodies) == 0 || len(txs)+len(bodies) > count {
		return nil, broken("transactions %d and %d more of %d", t.First, len(bodies), count)
	}
	for i, body := range bodies {
		tx, rest, err := ledger.ParseTx(body, ledger.MaxTxBytes)
		if err != nil || len(rest) > 0 {
			return nil, broken("transaction %d", i)
		}
		txs = append(txs, tx)
	}
	return txs, nil
}
