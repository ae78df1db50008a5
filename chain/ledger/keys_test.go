package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"testing"
)

// RFC 8032, 7.1, test 1, and generator times one.
func TestNewSignerVectors(t *testing.T) {
	seed := [32]byte(unhex(t, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
	for _, tc := range []struct {
		scheme Scheme
		seed   [32]byte
		public string
	}{
		{SchemeEd25519, seed, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
		{SchemeSecp256k1, [32]byte{31: 1}, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"},
	} {
		k, err := NewSigner(tc.scheme, tc.seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(k.Public()); got != tc.public || k.Scheme() != tc.scheme || len(k.Public()) != tc.scheme.KeySize() {
			t.Errorf("%v: key %s", k.Scheme(), got)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	for _, tc := range []struct {
		scheme Scheme
		seed   [32]byte
	}{
		{SchemeNone, [32]byte{1}}, {9, [32]byte{1}}, {SchemeSecp256k1, [32]byte{}},
		{SchemeSecp256k1, [32]byte(bytes.Repeat([]byte{255}, 32))},
	} {
		if _, err := NewSigner(tc.scheme, tc.seed); err == nil {
			t.Errorf("%v accepts seed %x", tc.scheme, tc.seed)
		}
	}
}

func TestSignaturesAreStandard(t *testing.T) {
	k := DevKey(1, SchemeEd25519, 2)
	a, b := make([]byte, SigSize), make([]byte, SigSize)
	k.Sign(a, Hash{5})
	k.Sign(b, Hash{5})
	if !bytes.Equal(a, b) {
		t.Error("signatures are not deterministic")
	}
	digest := Hash{5}
	if !ed25519.Verify(k.Public(), digest[:], a) {
		t.Error("the standard library refuses the signature")
	}
}

func TestDevKeysDiffer(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for i := range uint32(3) {
			for _, s := range []Scheme{SchemeEd25519, SchemeSecp256k1} {
				seen[string(DevKey(seed, s, i).Public())] = true
			}
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d keys of 18", len(seen))
	}
	if !slices.Equal(DevKey(1, SchemeEd25519, 2).Public(), DevKey(1, SchemeEd25519, 2).Public()) {
		t.Error("a key is not the same each time")
	}
}

func TestHashKeyCoversTheScheme(t *testing.T) {
	key := make([]byte, 32)
	if HashKey(SchemeEd25519, key) == HashKey(SchemeSecp256k1, key) {
		t.Error("keys of two schemes have one hash")
	}
	if got := HashKey(SchemeEd25519, key); hex.EncodeToString(got[:]) != "1a7dfdeaffeedac489287e85be5e9c049a2ff647" {
		t.Errorf("hash %x", got)
	}
}

func BenchmarkDevKey(b *testing.B) {
	for _, s := range []Scheme{SchemeEd25519, SchemeSecp256k1} {
		b.Run(s.String(), func(b *testing.B) {
			for i := uint32(0); b.Loop(); i++ {
				DevKey(1, s, i)
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	for _, s := range []Scheme{SchemeEd25519, SchemeSecp256k1} {
		b.Run(s.String(), func(b *testing.B) {
			k, dst := DevKey(1, s, 1), make([]byte, SigSize)
			b.ReportAllocs()
			for b.Loop() {
				k.Sign(dst, Hash{1})
			}
		})
	}
}
