package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// Signer holds a private key. It may be used by several goroutines at once.
type Signer interface {
	Scheme() Scheme
	// Public returns the encoded public key, KeySize bytes; it must not be
	// changed.
	Public() []byte
	// Sign writes the signature of digest to dst, which holds SigSize bytes.
	// Signatures are deterministic.
	Sign(dst []byte, digest Hash)
}

var errSeed = errors.New("seed is not a secp256k1 key: zero, or not under the group order")

// NewSigner returns the key that seed stands for: the RFC 8032 seed of
// Ed25519, the big-endian scalar of secp256k1. It fails for other schemes and,
// with a chance of about 2^-128 for a random seed, for a scalar that is zero
// or not under the group order.
func NewSigner(s Scheme, seed [32]byte) (Signer, error) {
	switch s {
	case SchemeEd25519:
		return edSigner(ed25519.NewKeyFromSeed(seed[:])), nil
	case SchemeSecp256k1:
		return newSecpSigner(seed)
	}
	return nil, fmt.Errorf("scheme %s has no keys; permitted: ed25519, secp256k1", s)
}

// HashKey returns what an output names instead of the key: the first 20 bytes
// of SHA-256(scheme byte || key).
func HashKey(s Scheme, pub []byte) KeyHash {
	var b [64]byte
	b[0] = byte(s)
	n := copy(b[1:], pub)
	sum := sha256.Sum256(b[:1+n])
	return KeyHash(sum[:20])
}

type edSigner ed25519.PrivateKey

func (k edSigner) Scheme() Scheme { return SchemeEd25519 }
func (k edSigner) Public() []byte { return k[32:] }
func (k edSigner) Sign(dst []byte, digest Hash) {
	copy(dst[:SigSize], ed25519.Sign(ed25519.PrivateKey(k), digest[:]))
}

type secpSigner struct {
	key *secp256k1.PrivateKey
	pub []byte
}

func newSecpSigner(seed [32]byte) (Signer, error) {
	var k secp256k1.ModNScalar
	if overflow := k.SetBytes(&seed); overflow != 0 || k.IsZero() {
		return nil, errSeed
	}
	key := secp256k1.NewPrivateKey(&k)
	return &secpSigner{key: key, pub: key.PubKey().SerializeCompressed()}, nil
}

func (k *secpSigner) Scheme() Scheme { return SchemeSecp256k1 }
func (k *secpSigner) Public() []byte { return k.pub }
func (k *secpSigner) Sign(dst []byte, digest Hash) {
	sig := ecdsa.Sign(k.key, digest[:]) // RFC 6979, low S
	r, s := sig.R(), sig.S()
	r.PutBytesUnchecked(dst[:32])
	s.PutBytesUnchecked(dst[32:SigSize])
}

// DevKey returns key i of a public seed: anybody can derive it, so it is worth
// nothing outside a development network. The private seed is
// SHA-256(seed u64 || scheme || i u32), little-endian. It panics where s has
// no keys.
func DevKey(seed uint64, s Scheme, i uint32) Signer {
	var b [13]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	b[8] = byte(s)
	binary.LittleEndian.PutUint32(b[9:], i)
	key, err := NewSigner(s, sha256.Sum256(b[:]))
	if err != nil {
		panic("ledger: development key: " + err.Error())
	}
	return key
}
