package miner

import (
	"errors"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// coinbaseSize is the size of a coinbase with one output, and blockOverhead
// what a block holds beside transfers, in bytes.
const (
	coinbaseSize  = 7 + 12 + 28
	blockOverhead = ledger.HeaderSize + 4 + coinbaseSize
)

// work is a template and the headers that were made for it.
type work struct {
	m         *Miner
	tip       Tip
	template  Template
	ids       []ledger.Hash             // the coinbase's place comes first
	coinbases map[ledger.Hash]ledger.Tx // by Merkle root: a sealer may go back to an earlier header
}

// newWork takes a template for a block on t.
func (m *Miner) newWork(t target) *work {
	w := &work{m: m, tip: t.Tip, coinbases: map[ledger.Hash]ledger.Tx{}}
	w.template = m.src.Take(m.params.MaxBlockTxs-1, m.params.MaxBlockBytes-blockOverhead)
	w.ids = make([]ledger.Hash, 1+len(w.template.Txs))
	for i := range w.template.Txs {
		w.ids[1+i] = w.template.Txs[i].ID()
	}
	return w
}

// next returns a header that was not tried before: its coinbase has an
// extra-nonce of its own.
func (w *work) next() ledger.Header {
	coinbase := w.coinbase()
	w.ids[0] = coinbase.ID()
	root, _ := ledger.MerkleRoot(w.ids)
	w.coinbases[root] = coinbase
	return ledger.Header{
		Version: ledger.HeaderVersion, Prev: w.tip.Prev, Merkle: root, Bits: w.tip.Bits,
		Time: max(w.tip.MinTime, w.m.params.Units(time.Now())),
	}
}

func (w *work) coinbase() ledger.Tx {
	reward := ledger.Output{Value: w.m.params.SubsidyAt(w.tip.Height) + w.template.Fees, Key: w.m.cfg.Payout}
	raw := ledger.AppendCoinbase(make([]byte, 0, coinbaseSize), w.tip.Height, w.m.extra, []ledger.Output{reward})
	w.m.extra++
	tx, _, err := ledger.ParseTx(raw, len(raw))
	if err != nil {
		panic("miner: own coinbase does not parse: " + err.Error())
	}
	return tx
}

// sealed puts the block together that a found header stands for.
func (m *Miner) sealed(w *work, found Found) (*Sealed, error) {
	coinbase, ok := w.coinbases[found.Header.Merkle]
	if !ok {
		return nil, errors.New("the sealer returned a header that it was not given")
	}
	w.ids[0] = coinbase.ID()
	txs := append(make([]ledger.Tx, 0, len(w.ids)), coinbase)
	return &Sealed{
		Height: w.tip.Height, Block: &ledger.Block{Header: found.Header, Txs: append(txs, w.template.Txs...)},
		IDs: w.ids, Template: w.template,
		Hashes: slices.Clone(m.spent.hashes), Seal: m.spent.seal, At: time.Now(),
	}, nil
}
