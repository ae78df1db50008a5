package ledger

import "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

// Verifier checks signatures of many transactions at once. It belongs to one
// goroutine and reuses its buffers.
type Verifier struct {
	genesis Hash
}

// NewVerifier returns a verifier for the network with the given genesis.
func NewVerifier(genesis Hash) *Verifier { return &Verifier{genesis: genesis} }

// Verify sets verdicts[i] to RejectSignature for each transaction with a wrong
// signature and leaves the others. It skips coinbases and transactions whose
// verdict is not RejectNone. verdicts has one element for each transaction.
func (v *Verifier) Verify(txs []Tx, verdicts []Reject) {
	for i := range txs {
		if verdicts[i] == RejectNone {
			verdicts[i] = VerifyOne(&txs[i], v.genesis)
		}
	}
}

// VerifyOne checks all signatures of one transaction by itself, by the same
// rule as a Verifier. It returns RejectNone or RejectSignature.
func VerifyOne(tx *Tx, genesis Hash) Reject {
	if tx.IsCoinbase() {
		return RejectNone
	}
	digest := tx.SigHash(genesis)
	for i := range tx.Inputs() {
		in := tx.In(i)
		if !verifySignature(tx.Scheme(), in.Key, in.Sig, &digest) {
			return RejectSignature
		}
	}
	return RejectNone
}

func verifySignature(s Scheme, key, sig []byte, digest *Hash) bool {
	if s == SchemeSecp256k1 {
		return verifySecp256k1(key, sig, digest)
	}
	return ed25519.Verify(key, digest[:], sig)
}
