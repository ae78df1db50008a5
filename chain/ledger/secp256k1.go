package ledger

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// verifySecp256k1 is the rule for secp256k1: a compressed key, r and s in
// [1, n), and s in the lower half of the group order (BIP 146), since the
// transaction's ID covers the signature and must not be malleable.
func verifySecp256k1(key, sig []byte, digest *Hash) bool {
	if len(key) != secp256k1.PubKeyBytesLenCompressed || len(sig) != SigSize {
		return false
	}
	pub, err := secp256k1.ParsePubKey(key)
	if err != nil {
		return false
	}
	var r, s secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) {
		return false
	}
	if r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return false
	}
	return ecdsa.NewSignature(&r, &s).Verify(digest[:], pub)
}
