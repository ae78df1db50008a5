package p2p

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// tiny is a chain in memory with no rule but that blocks link: it serves many
// hosts of one process, which is too much for whole nodes.
type tiny struct {
	params *ledger.Params

	mu       sync.Mutex
	blocks   map[ledger.Hash]*tinyBlock
	best     *tinyBlock
	moved    chan struct{} // closed when best changes
	pool     map[ledger.Hash]ledger.Tx
	accepted func(txs []ledger.Tx)
}

type tinyBlock struct {
	ledger.Block
	Tip
	parent *tinyBlock
}

func newTiny(params *ledger.Params) *tiny {
	genesis := &tinyBlock{Tip: Tip{Hash: params.GenesisHash(), Work: tinyWork(0)}}
	return &tiny{
		params: params, blocks: map[ledger.Hash]*tinyBlock{genesis.Hash: genesis}, best: genesis,
		moved: make(chan struct{}), pool: map[ledger.Hash]ledger.Tx{},
	}
}

// tinyWork is one per block.
func tinyWork(height uint32) (w Work) {
	binary.BigEndian.PutUint32(w[28:], height+1)
	return w
}

func (c *tiny) node() Node { return Node{Params: c.params, Chain: c, Headers: c, Blocks: c, Pool: c} }

func (c *tiny) Tip() Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.best.Tip
}

func (c *tiny) NextTip(ctx context.Context, after Tip) (Outline, error) {
	for {
		c.mu.Lock()
		best, moved := c.best, c.moved
		c.mu.Unlock()
		if best.Hash != after.Hash {
			return Outline{Tip: best.Tip, Header: best.Header, IDs: best.IDs()}, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return Outline{}, ctx.Err()
		}
	}
}

func (c *tiny) Knows(hash ledger.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[hash] != nil
}

type tinyBody struct{ *bytes.Reader }

func (tinyBody) Close() error { return nil }

func (c *tiny) OpenBlock(hash ledger.Hash) (Body, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.blocks[hash]
	if b == nil || b.parent == nil {
		return nil, errors.New("no such block")
	}
	return tinyBody{bytes.NewReader(b.Append(nil))}, nil
}

// path returns the best chain, newest first.
func (c *tiny) path() (path []*tinyBlock) {
	for b := c.best; b != nil; b = b.parent {
		path = append(path, b)
	}
	return path
}

func (c *tiny) Locator() (hashes []ledger.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.path() {
		hashes = append(hashes, b.Hash)
	}
	return hashes
}

func (c *tiny) HeadersAfter(locator []ledger.Hash, most int) (from uint32, headers []ledger.Header, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := c.path()
	slices.Reverse(path)
	for _, hash := range locator {
		if at := c.blocks[hash]; at != nil && int(at.Height) < len(path) && path[at.Height] == at {
			for _, b := range path[at.Height+1:][:min(most, len(path)-int(at.Height)-1)] {
				headers = append(headers, b.Header)
			}
			return at.Height + 1, headers, nil
		}
	}
	return 0, nil, errors.New("another genesis")
}

func (c *tiny) CheckHeaders(_ context.Context, headers []ledger.Header) (Branch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.blocks[headers[0].Prev]
	if at == nil {
		return Branch{}, ledger.RejectParent
	}
	height := at.Height + uint32(len(headers))
	tip := Tip{Height: height, Hash: headers[len(headers)-1].Hash(), Work: tinyWork(height)}
	return Branch{Tip: tip, Better: height > c.best.Height}, nil
}

func (c *tiny) Check(_ context.Context, b *ledger.Block) (Checked, error) {
	if root, _ := ledger.MerkleRoot(b.IDs()); root != b.Header.Merkle {
		return nil, ledger.RejectMerkle
	}
	return b, nil
}

func (c *tiny) Accept(_ context.Context, checked Checked) error {
	b := checked.(*ledger.Block)
	c.mu.Lock()
	defer c.mu.Unlock()
	hash, parent := b.Header.Hash(), c.blocks[b.Header.Prev]
	if parent == nil {
		return ledger.RejectParent
	}
	if c.blocks[hash] != nil {
		return ledger.RejectDuplicate
	}
	height := parent.Height + 1
	block := &tinyBlock{*b, Tip{height, hash, tinyWork(height)}, parent}
	c.blocks[hash] = block
	if height > c.best.Height {
		c.best = block
		close(c.moved)
		c.moved = make(chan struct{})
	}
	for _, id := range b.IDs() {
		delete(c.pool, id)
	}
	return nil
}

func (c *tiny) Submit(payloads [][]byte, done func(answers []ledger.Reject, ids []ledger.Hash)) {
	answers, ids := make([]ledger.Reject, len(payloads)), make([]ledger.Hash, len(payloads))
	var fresh []ledger.Tx
	c.mu.Lock()
	for i, b := range payloads {
		tx, _, err := ledger.ParseTx(b, ledger.MaxTxBytes)
		if err != nil {
			answers[i] = ledger.RejectMalformed
			continue
		}
		ids[i] = tx.ID()
		if _, ok := c.pool[ids[i]]; ok {
			answers[i] = ledger.RejectDuplicate
			continue
		}
		c.pool[ids[i]] = tx
		fresh = append(fresh, tx)
	}
	c.mu.Unlock()
	if len(fresh) > 0 {
		c.accepted(fresh)
	}
	done(answers, ids)
}

func (c *tiny) Pooled(ids []ledger.Hash) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := make([][]byte, len(ids))
	for i, id := range ids {
		if tx, ok := c.pool[id]; ok {
			found[i] = tx.Bytes()
		}
	}
	return found
}

func (c *tiny) PoolIDs(most int) (ids []ledger.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.pool {
		if len(ids) < most {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *tiny) MatchPool(short func(ledger.Hash) uint64, want []uint64) []ledger.Tx {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := make([]ledger.Tx, len(want))
	for id, tx := range c.pool {
		if i := slices.Index(want, short(id)); i >= 0 {
			found[i] = tx
		}
	}
	return found
}

// has says whether a transaction is in the pool.
func (c *tiny) has(id ledger.Hash) bool { return c.Pooled([]ledger.Hash{id})[0] != nil }

// seal makes a block of the pool.
func (c *tiny) seal() ledger.Hash {
	c.mu.Lock()
	parent := c.best.Tip
	var txs []ledger.Tx
	for _, tx := range c.pool {
		txs = append(txs, tx)
	}
	c.mu.Unlock()
	coinbase, _, err := ledger.ParseTx(ledger.AppendCoinbase(nil, parent.Height+1, 0, []ledger.Output{{Value: 1}}), ledger.MaxTxBytes)
	if err != nil {
		panic(err)
	}
	b := &ledger.Block{Header: ledger.Header{Version: ledger.HeaderVersion, Prev: parent.Hash}, Txs: append([]ledger.Tx{coinbase}, txs...)}
	b.Header.Merkle, _ = ledger.MerkleRoot(b.IDs())
	if err := c.Accept(context.Background(), b); err != nil {
		panic(err)
	}
	return b.Header.Hash()
}

// pay makes a transaction that differs by n.
func (c *tiny) pay(n uint64) []byte {
	key := ledger.DevKey(0, ledger.SchemeEd25519, 0)
	return ledger.AppendTransfer(nil, c.params.GenesisHash(), []ledger.Spend{{Key: key}}, []ledger.Output{{Value: n}})
}
