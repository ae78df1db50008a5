package ledger

// Verifier checks signatures of many transactions at once. It belongs to one
// goroutine and reuses its buffers, which grow to some 2 MB.
//
// Ed25519 signatures are checked in groups (see edBatch), secp256k1 ones one
// by one. The verdicts are those of VerifyOne, however transactions are
// grouped.
type Verifier struct {
	genesis Hash
	batch   edBatch
	owner   []int32 // transaction of each signature in batch
	keys    *keyCache
}

// NewVerifier returns a verifier for the network with the given genesis.
func NewVerifier(genesis Hash) *Verifier {
	return &Verifier{genesis: genesis, batch: edBatch{equation: newEdEquation()}}
}

// Verify sets verdicts[i] to RejectSignature for each transaction with a wrong
// signature and leaves the others. It skips coinbases and transactions whose
// verdict is not RejectNone. verdicts has one element for each transaction.
func (v *Verifier) Verify(txs []Tx, verdicts []Reject) {
	for i := range txs {
		if verdicts[i] != RejectNone || txs[i].IsCoinbase() {
			continue
		}
		if !v.gather(&txs[i], int32(i)) {
			verdicts[i] = RejectSignature
		}
		if len(v.batch.sigs) >= batchMax {
			v.flush(verdicts)
		}
	}
	v.flush(verdicts)
}

// gather adds the signatures of a transaction to the batch, or none where one
// is wrong at first sight. It settles secp256k1 at once.
func (v *Verifier) gather(tx *Tx, owner int32) bool {
	digest := tx.SigHash(v.genesis)
	before := len(v.batch.sigs)
	for i := range tx.Inputs() {
		in := tx.In(i)
		if !v.add(tx.Scheme(), in.Key, in.Sig, &digest) {
			v.batch.sigs, v.owner = v.batch.sigs[:before], v.owner[:before]
			return false
		}
		if len(v.batch.sigs) > len(v.owner) {
			v.owner = append(v.owner, owner)
		}
	}
	return true
}

func (v *Verifier) add(s Scheme, key, sig []byte, digest *Hash) bool {
	if s == SchemeSecp256k1 {
		return verifySecp256k1(key, sig, digest)
	}
	e := v.batch.next()
	if v.keys != nil {
		return v.keys.prepare(e, key) && e.prepareSig(key, sig, digest)
	}
	return e.prepare(key, sig, digest)
}

// flush verifies what was gathered.
func (v *Verifier) flush(verdicts []Reject) {
	v.batch.verify()
	for i, bad := range v.batch.bad {
		if bad {
			verdicts[v.owner[i]] = RejectSignature
		}
	}
	v.batch.sigs, v.owner = v.batch.sigs[:0], v.owner[:0]
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
	return verifyEd25519(key, sig, digest)
}

// keyCache keeps decoded Ed25519 keys.
type keyCache struct {
	most   int
	points map[[32]byte]edKey
}

// NewCachingVerifier returns a verifier that keeps up to keys decoded Ed25519
// keys of 160 bytes, so that a key seen before is not decoded again. It serves
// to measure what such a cache could gain; the verdicts are the same.
func NewCachingVerifier(genesis Hash, keys int) *Verifier {
	v := NewVerifier(genesis)
	v.keys = &keyCache{most: keys, points: make(map[[32]byte]edKey)}
	return v
}

func (c *keyCache) prepare(e *edSig, key []byte) bool {
	if point, ok := c.points[[32]byte(key)]; ok {
		e.negA = point
		return true
	}
	if !e.prepareKey(key) {
		return false
	}
	if len(c.points) >= c.most {
		clear(c.points)
	}
	c.points[[32]byte(key)] = e.negA
	return true
}
