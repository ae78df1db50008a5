package ledger

import (
	crand "crypto/rand"
	"crypto/sha512"
	"math/rand/v2"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// The rule for Ed25519 is curve25519-voi's default: S < L, canonical A and R,
// A not of small order, and the cofactored equation [8]([S]B - [k]A - R) = 0.
// A batch can't check the cofactorless equation, so single signatures must not
// be checked by it either, or the way transactions happen to be grouped would
// decide which are valid (H. de Valence, "It's 255:19AM. Do you know what your
// validation criteria are?", 2020). Both ways start from the same prepared
// signature, so that what one refuses the other can't accept.

// edKey is a decoded public key, negated.
type edKey = curve.EdwardsPoint

// edSig is a signature taken apart: what is left is the equation.
type edSig struct {
	r    curve.EdwardsPoint
	negA edKey
	s, k scalar.Scalar
}

// prepare decodes key and signature and says whether they may be valid.
func (e *edSig) prepare(key, sig []byte, digest *Hash) bool {
	return e.prepareKey(key) && e.prepareSig(key, sig, digest)
}

func (e *edSig) prepareKey(key []byte) bool {
	var a curve.CompressedEdwardsY
	if _, err := a.SetBytes(key); err != nil || !a.IsCanonicalVartime() {
		return false
	}
	if _, err := e.negA.SetCompressedY(&a); err != nil || e.negA.IsSmallOrder() {
		return false
	}
	e.negA.Neg(&e.negA)
	return true
}

func (e *edSig) prepareSig(key, sig []byte, digest *Hash) bool {
	if len(sig) != SigSize || !scalar.ScMinimalVartime(sig[32:]) {
		return false
	}
	var r curve.CompressedEdwardsY
	if _, err := r.SetBytes(sig[:32]); err != nil || !r.IsCanonicalVartime() {
		return false
	}
	if _, err := e.r.SetCompressedY(&r); err != nil {
		return false
	}
	if _, err := e.s.SetBytesModOrder(sig[32:]); err != nil {
		return false
	}
	var b [96]byte
	copy(b[:32], sig)
	copy(b[32:64], key)
	copy(b[64:], digest[:])
	k := sha512.Sum512(b[:])
	_, err := e.k.SetBytesModOrderWide(k[:])
	return err == nil
}

// valid checks the equation of one signature.
func (e *edSig) valid() bool {
	var diff curve.EdwardsPoint
	return diff.TripleScalarMulBasepointVartime(&e.k, &e.negA, &e.s, &e.r).IsSmallOrder()
}

func verifyEd25519(key, sig []byte, digest *Hash) bool {
	var e edSig
	return e.prepare(key, sig, digest) && e.valid()
}

// edEquation checks the equations of many signatures as one: their sum, each
// times a random 128-bit factor, is zero (D. Bernstein et al., "High-speed
// high-security signatures", 2011, section 5). A set with a wrong signature
// passes with a chance of 2^-128, since its author can't know the factors.
type edEquation struct {
	random  *rand.ChaCha8
	values  []scalar.Scalar
	scalars []*scalar.Scalar
	points  []*curve.EdwardsPoint
}

func newEdEquation() edEquation {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	return edEquation{random: rand.NewChaCha8(seed)}
}

// grow makes room for the terms of n signatures: B, then R and A of each.
func (q *edEquation) grow(n int) {
	terms := 1 + 2*n
	if len(q.values) >= terms {
		return
	}
	q.values = make([]scalar.Scalar, terms)
	q.scalars = make([]*scalar.Scalar, terms)
	q.points = make([]*curve.EdwardsPoint, terms)
	for i := range q.values {
		q.scalars[i] = &q.values[i]
	}
	q.points[0] = curve.ED25519_BASEPOINT_POINT
}

// holds says whether all of the signatures are valid.
func (q *edEquation) holds(sigs []edSig) bool {
	q.grow(len(sigs))
	var factor [32]byte
	var zs scalar.Scalar
	b := q.values[0].Zero()
	for i := range sigs {
		e, r, a := &sigs[i], 1+2*i, 2+2*i
		_, _ = q.random.Read(factor[:16]) // never fails
		z := &q.values[r]
		if _, err := z.SetBits(factor[:]); err != nil {
			return false
		}
		b.Sub(b, zs.Mul(z, &e.s))
		k := q.values[a].Mul(z, &e.k)
		k.Neg(k)
		q.points[r], q.points[a] = &e.r, &e.negA
	}
	terms := 1 + 2*len(sigs)
	var sum curve.EdwardsPoint
	return sum.MultiscalarMulVartime(q.scalars[:terms], q.points[:terms]).IsSmallOrder()
}
