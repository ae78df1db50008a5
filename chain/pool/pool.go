package pool

import (
	"bytes"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Pool is the stage. Any goroutine may call its methods.
type Pool struct {
	cfg     Config
	params  *ledger.Params
	outputs Outputs
	ev      Events
	maxTx   int       // bytes of a transaction that fits into a block beside the coinbase
	start   time.Time // zero of entry.since
	changed chan struct{}

	mu      sync.Mutex // guards everything below
	slab    slab
	waiting list
	byID    map[ledger.Hash]int32
	spent   map[ledger.OutPoint]int32 // an entry's number, or the place of a remembered spend
	recent  recent
	high    int64  // seq of the newest
	low     int64  // seq of the oldest
	gen     uint32 // counts the blocks that came and went: each may change every depth
	tip     ledger.Hash
	told    bool // tip is known: the set had one at New, or a block has come or gone since
	stats   Stats

	accepted []ledger.Tx // by the offer under way, for Events.Accepted; at most lockTxs
}

// New returns an empty pool over the given set as it stands. The error is about
// cfg.
func New(cfg Config, params *ledger.Params, outputs Outputs, ev Events) (*Pool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, params: params, outputs: outputs, ev: ev,
		maxTx: params.MaxBlockBytes - blockOverhead, start: time.Now(), changed: make(chan struct{}, 1),
		slab: slab{free: none}, waiting: list{head: none, tail: none},
		byID: map[ledger.Hash]int32{}, spent: map[ledger.OutPoint]int32{},
		recent: recent{size: RecentSpends}, gen: 1,
	}
	_, p.tip, p.told = outputs.Tip()
	return p, nil
}

// blockOverhead is what a block holds beside transfers: header, count, and a
// coinbase of one output.
const blockOverhead = ledger.HeaderSize + 4 + 7 + 12 + 28

// Has says which of the transactions are in the pool, taken ones included.
func (p *Pool) Has(ids []ledger.Hash) []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	has := make([]bool, len(ids))
	for i, id := range ids {
		_, has[i] = p.byID[id]
	}
	return has
}

// Changed returns a channel that receives a hint after transactions were
// accepted or put back. Hints coalesce.
func (p *Pool) Changed() <-chan struct{} { return p.changed }

func (p *Pool) hint() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Stats is a snapshot of the pool. All but the first four count since New.
type Stats struct {
	Txs    int   // in the pool, taken ones included
	Bytes  int64 // of their encodings
	Taken  int   // handed out and neither committed nor returned
	Recent int   // spent inputs of past blocks that are remembered, at most RecentSpends

	Answers   [ledger.RejectBlock]uint64 // of Offer, indexed by kind; RejectNone counts the accepted
	Dropped   [causes]uint64             // indexed by Cause
	Committed uint64                     // transactions of blocks that were in the pool
	Foreign   uint64                     // and that were not
	Returned  uint64
	Reverted  uint64
}

// Stats returns a snapshot.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Txs, s.Taken, s.Recent = len(p.byID), len(p.byID)-p.waiting.n, len(p.recent.ring)
	return s
}

// next returns the height of the block after the set's, and whether the pool
// has been told of all blocks that the set has.
func (p *Pool) next() (height uint32, level bool) {
	tip, hash, ok := p.outputs.Tip()
	if !ok {
		return 0, true
	}
	return tip + 1, !p.told || hash == p.tip
}

// moved notes that a block has come or gone.
func (p *Pool) moved(tip ledger.Hash) {
	p.tip, p.told = tip, true
	p.gen++
}

// insert makes a transaction an entry, not yet on the list, and the spender of
// its inputs.
func (p *Pool) insert(tx ledger.Tx, seq int64, now time.Time) int32 {
	i := p.slab.get()
	e := p.slab.at(i)
	e.tx.Tx, e.seq, e.since = tx, seq, now.Sub(p.start)
	p.byID[tx.ID()] = i
	for k := range tx.Inputs() {
		p.spent[tx.Prev(k)] = i
	}
	p.stats.Bytes += int64(tx.Size())
	return i
}

// clone copies a transaction and its encoding, at the price of hashing it: a
// block must not stay in memory for the sake of one of its transactions.
func clone(tx *ledger.Tx) ledger.Tx {
	own, _, err := ledger.ParseTx(bytes.Clone(tx.Bytes()), tx.Size())
	if err != nil {
		panic("pool: a transaction does not parse any more, so its encoding was changed: " + err.Error())
	}
	return own
}

// remove forgets an entry, but not what it spent.
func (p *Pool) remove(i int32) {
	e := p.slab.at(i)
	if p.linked(i) {
		p.unlink(i)
	}
	delete(p.byID, e.tx.ID())
	p.stats.Bytes -= int64(e.tx.Size())
	p.slab.put(i)
}
