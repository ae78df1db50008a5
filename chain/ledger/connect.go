package ledger

// Lookup finds an output that can be spent. It fails on I/O alone.
type Lookup = func(OutPoint) (Entry, bool, error)

// Connect checks a block at height against the output set and returns what it
// changes. The block must have passed CheckBlock, its signatures the Verifier,
// and its header the tree. A transaction may spend outputs of an earlier one
// in the block. The error is a Reject, or the error of lookup. At height 0
// only the network's own genesis connects.
func Connect(b *Block, height uint32, p *Params, lookup func(OutPoint) (Entry, bool, error)) (*Delta, error) {
	hash := b.Header.Hash()
	if (height == 0) != (hash == p.GenesisHash()) {
		return nil, RejectParent
	}
	c := newConnector(b, height, p, lookup)
	for i := 1; i < len(b.Txs); i++ {
		if err := c.transfer(i); err != nil {
			return nil, err
		}
	}
	if reject := c.coinbase(); reject != RejectNone {
		return nil, reject
	}
	return &Delta{
		Height: height, Block: hash, Prev: b.Header.Prev,
		Spent: c.spent, Created: c.unspent(), Fees: c.fees,
	}, nil
}

// connector walks the transactions of one block in order. The block's own
// outputs are numbered through: output j of transaction i is born[first[i]+j].
type connector struct {
	txs    []Tx
	height uint32
	params *Params
	lookup Lookup

	byID   map[Hash]int32        // transactions of the block so far
	first  []int32               // of the outputs of each transaction
	gone   []bool                // outputs of the block that were spent in it
	taken  map[OutPoint]struct{} // outputs of the set that were spent in the block
	spent  []Change              // the same, in order
	fees   uint64
	living int // outputs of the block not spent in it
}

func newConnector(b *Block, height uint32, p *Params, lookup Lookup) *connector {
	inputs, outputs := 0, 0
	first := make([]int32, len(b.Txs)+1)
	for i := range b.Txs {
		inputs += b.Txs[i].Inputs()
		outputs += b.Txs[i].Outputs()
		first[i+1] = int32(outputs)
	}
	c := &connector{
		txs: b.Txs, height: height, params: p, lookup: lookup,
		byID: make(map[Hash]int32, len(b.Txs)), first: first, gone: make([]bool, outputs),
		taken: make(map[OutPoint]struct{}, inputs), spent: make([]Change, 0, inputs), living: outputs,
	}
	c.byID[b.Txs[0].ID()] = 0
	return c
}

// transfer checks transaction i and takes its inputs.
func (c *connector) transfer(i int) error {
	tx := &c.txs[i]
	in := uint64(0)
	for j := range tx.Inputs() {
		entry, err := c.take(tx.Prev(j))
		if err != nil {
			return err
		}
		if reject := CheckSpend(tx, j, entry, c.height, c.params); reject != RejectNone {
			return reject
		}
		sum, ok := addMoney(in, 1, entry.Value, c.params.MaxMoney)
		if !ok {
			return RejectValue
		}
		in = sum
	}
	if reject := c.charge(tx, in); reject != RejectNone {
		return reject
	}
	c.byID[tx.ID()] = int32(i)
	return nil
}

// charge checks the balance of a transaction and collects its fee.
func (c *connector) charge(tx *Tx, in uint64) Reject {
	fee, reject := Fee(tx, in, c.params)
	if reject != RejectNone {
		return reject
	}
	sum, ok := addMoney(c.fees, 1, fee, c.params.MaxMoney)
	if !ok {
		return RejectValue
	}
	c.fees = sum
	return RejectNone
}

// Fee returns what tx leaves of its inputs' sum, which is RejectValue when
// that is less than nothing and RejectFee when less than MinFee.
func Fee(tx *Tx, inputs uint64, p *Params) (uint64, Reject) {
	outputs, reject := sumOutputs(tx, p)
	switch {
	case reject != RejectNone:
		return 0, reject
	case inputs > p.MaxMoney || outputs > inputs:
		return 0, RejectValue
	case inputs-outputs < p.MinFee:
		return 0, RejectFee
	}
	return inputs - outputs, RejectNone
}

// take spends an output of the block or of the set.
func (c *connector) take(point OutPoint) (Entry, error) {
	if i, ok := c.byID[point.TxID]; ok {
		return c.takeBorn(i, point.Index)
	}
	if _, ok := c.taken[point]; ok {
		return Entry{}, RejectDoubleSpend
	}
	entry, ok, err := c.lookup(point)
	if err != nil {
		return Entry{}, err
	}
	if !ok {
		return Entry{}, RejectMissingInput
	}
	c.taken[point] = struct{}{}
	c.spent = append(c.spent, Change{Point: point, Entry: entry})
	return entry, nil
}

func (c *connector) takeBorn(i int32, index uint32) (Entry, error) {
	tx := &c.txs[i]
	if int64(index) >= int64(tx.Outputs()) {
		return Entry{}, RejectMissingInput
	}
	at := c.first[i] + int32(index)
	if c.gone[at] {
		return Entry{}, RejectDoubleSpend
	}
	c.gone[at] = true
	c.living--
	return c.born(tx, int(index)), nil
}

func (c *connector) born(tx *Tx, index int) Entry {
	return Entry{Output: tx.Out(index), Height: c.height, Coinbase: tx.IsCoinbase()}
}

// coinbase checks what the block pays its miner: at most subsidy and fees,
// so that no block creates more than the schedule says.
func (c *connector) coinbase() Reject {
	if c.height == 0 {
		return RejectNone
	}
	tx := &c.txs[0]
	if tx.CoinbaseHeight() != c.height {
		return RejectCoinbase
	}
	paid, reject := sumOutputs(tx, c.params)
	if reject != RejectNone {
		return reject
	}
	if paid > c.params.SubsidyAt(c.height)+c.fees {
		return RejectSubsidy
	}
	return RejectNone
}

// unspent lists the block's outputs that outlive it, in order.
func (c *connector) unspent() []Change {
	created := make([]Change, 0, c.living)
	for i := range c.txs {
		tx := &c.txs[i]
		id := tx.ID()
		for j := range tx.Outputs() {
			if !c.gone[int(c.first[i])+j] {
				created = append(created, Change{Point: OutPoint{TxID: id, Index: uint32(j)}, Entry: c.born(tx, j)})
			}
		}
	}
	return created
}
