package chain

import "github.com/chaindyno/chaindyno/chain/ledger"

// deltaOf returns what a connected block did to the output set, from the block
// and what it spent (its undo data), without the set: what ledger.Connect
// returned for it, but for Fees.
func deltaOf(b *ledger.Block, height uint32, spent []ledger.Change) *ledger.Delta {
	inside := spentInside(b)
	d := &ledger.Delta{Height: height, Block: b.Header.Hash(), Prev: b.Header.Prev, Spent: spent}
	for i := range b.Txs {
		tx := &b.Txs[i]
		for j := range tx.Outputs() {
			point := ledger.OutPoint{TxID: tx.ID(), Index: uint32(j)}
			if _, gone := inside[point]; !gone {
				entry := ledger.Entry{Output: tx.Out(j), Height: height, Coinbase: tx.IsCoinbase()}
				d.Created = append(d.Created, ledger.Change{Point: point, Entry: entry})
			}
		}
	}
	return d
}

// spentInside returns the outputs of the block that the block itself spends.
func spentInside(b *ledger.Block) map[ledger.OutPoint]struct{} {
	own := make(map[ledger.Hash]struct{}, len(b.Txs))
	inside := map[ledger.OutPoint]struct{}{}
	for i := range b.Txs {
		tx := &b.Txs[i]
		for k := range tx.Inputs() {
			point := tx.Prev(k)
			if _, ok := own[point.TxID]; ok {
				inside[point] = struct{}{}
			}
		}
		own[tx.ID()] = struct{}{}
	}
	return inside
}
