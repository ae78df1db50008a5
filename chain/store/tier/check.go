package tier

import "github.com/chaindyno/chaindyno/chain/ledger"

// What comes from L2 is used only if these accept it. Each accepts exactly one
// value: there is no other encoding with the same hash.

// checkBlock wants the whole encoding of the block with a hash.
func checkBlock(hash ledger.Hash, b []byte) bool {
	h, err := ledger.ParseHeader(b)
	if err != nil || h.Hash() != hash {
		return false // before the whole is decoded
	}
	block, err := ledger.ParseBlock(b)
	if err != nil {
		return false
	}
	root, mutated := ledger.MerkleRoot(block.IDs())
	return root == h.Merkle && !mutated
}

// checkTx wants the encoding of the transaction with an ID.
func checkTx(id ledger.Hash, b []byte) bool {
	tx, rest, err := ledger.ParseTx(b, valueMax)
	return err == nil && len(rest) == 0 && tx.ID() == id
}

// checkProof wants the proof for a transaction at a place of our own chain.
// The place is checked too, since a proof verifies with more than one count
// of transactions.
func checkProof(id ledger.Hash, at Location, b []byte) (ledger.Proof, bool) {
	p, err := ledger.ParseProof(b)
	ok := err == nil && int(p.Index) == at.Index && int(p.Count) == at.Txs && p.Verify(id, at.Header.Merkle)
	return p, ok
}
