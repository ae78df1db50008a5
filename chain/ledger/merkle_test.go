package ledger

import (
	"bytes"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// leaves returns n different leaves.
func leaves(n int) []Hash {
	ids := make([]Hash, n)
	for i := range ids {
		ids[i] = DoubleSHA256([]byte{byte(i), byte(i >> 8)})
	}
	return ids
}

// naiveRoot builds every level as a list of its own.
func naiveRoot(ids []Hash) Hash {
	if len(ids) == 1 {
		return ids[0]
	}
	if len(ids)%2 == 1 {
		ids = append(slices.Clone(ids), ids[len(ids)-1])
	}
	var up []Hash
	for pair := range slices.Chunk(ids, 2) {
		up = append(up, DoubleSHA256(slices.Concat(pair[0][:], pair[1][:])))
	}
	return naiveRoot(up)
}

func TestMerkleAgainstNaive(t *testing.T) {
	for n := 1; n <= 70; n++ {
		ids := leaves(n)
		before := slices.Clone(ids)
		root, mutated := MerkleRoot(ids)
		if root != naiveRoot(ids) || mutated {
			t.Errorf("%d leaves: root differs, or mutated %v", n, mutated)
		}
		if !slices.Equal(ids, before) {
			t.Fatalf("%d leaves: the list was changed", n)
		}
		for i := range ids {
			p := MerkleProof(ids, i)
			if !p.Verify(ids[i], root) {
				t.Errorf("proof %d of %d is refused", i, n)
			}
			if n > 1 && p.Verify(ids[(i+1)%n], root) {
				t.Errorf("proof %d of %d holds for its neighbour", i, n)
			}
		}
	}
	if root, mutated := MerkleRoot(nil); !root.IsZero() || mutated {
		t.Error("no leaves have a root")
	}
}

// Block 170 of Bitcoin: a coinbase and the first payment.
func TestMerkleOfABitcoinBlock(t *testing.T) {
	var ids []Hash
	for _, s := range []string{
		"b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082",
		"f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",
	} {
		n, _ := new(big.Int).SetString(s, 16)
		var h Hash
		n.FillBytes(h[:])
		slices.Reverse(h[:])
		ids = append(ids, h)
	}
	root, _ := MerkleRoot(ids)
	if got := root.String(); got != "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff" {
		t.Errorf("root %s", got)
	}
}

// Doubling what an odd level ends in keeps the root: every such list must be
// told from the honest one.
func TestReliability08MutationsAreFound(t *testing.T) {
	for n := 1; n <= 40; n++ {
		ids := leaves(n)
		root, _ := MerkleRoot(ids)
		for width := 1; width <= n; width *= 2 {
			if n%width != 0 || n/width%2 == 0 || n == width {
				continue
			}
			mutant := append(slices.Clone(ids), ids[n-width:]...)
			got, mutated := MerkleRoot(mutant)
			if got != root {
				t.Fatalf("%d leaves, %d doubled: another root", n, width)
			}
			if !mutated {
				t.Errorf("%d leaves, %d doubled: not found", n, width)
			}
			if p := MerkleProof(mutant, len(mutant)-1); p.Verify(ids[n-1], root) {
				t.Errorf("%d leaves, %d doubled: a proof at a place that does not exist", n, width)
			}
		}
	}
}

func TestEqualNeighboursThatArePaired(t *testing.T) {
	ids := leaves(6)
	ids[3] = ids[2]
	if _, mutated := MerkleRoot(ids); !mutated {
		t.Error("an equal pair was not found")
	}
	ids = leaves(6)
	ids[2] = ids[1] // of different pairs: the root changes with either
	if _, mutated := MerkleRoot(ids); mutated {
		t.Error("equal leaves of different pairs count as mutation")
	}
}

func TestProofRefuses(t *testing.T) {
	ids := leaves(11)
	root, _ := MerkleRoot(ids)
	for _, tc := range []struct {
		name   string
		change func(p *Proof)
	}{
		{"another index", func(p *Proof) { p.Index ^= 1 }},
		{"index past the count", func(p *Proof) { p.Index = p.Count }},
		{"another count of the same depth, last leaf", func(p *Proof) { p.Count = 12 }},
		{"another depth", func(p *Proof) { p.Count = 17 }},
		{"no count", func(p *Proof) { p.Count = 0 }},
		{"a sibling less", func(p *Proof) { p.Siblings = p.Siblings[1:] }},
		{"a sibling more", func(p *Proof) { p.Siblings = append(p.Siblings, Hash{}) }},
		{"a wrong sibling", func(p *Proof) { p.Siblings[2][5]++ }},
	} {
		p := MerkleProof(ids, 10)
		if tc.change(&p); p.Verify(ids[10], root) {
			t.Errorf("%s: accepted", tc.name)
		}
	}
}

// An inner node must not pass for a transaction: no transaction has 64 bytes.
func TestNoTransactionOf64Bytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom([]Scheme{SchemeNone, SchemeEd25519, SchemeSecp256k1}).Draw(t, "scheme")
		tx := Tx{scheme: scheme, outputs: rapid.Uint32Range(1, 9).Draw(t, "outputs")}
		if scheme != SchemeNone {
			tx.inputs = rapid.Uint16Range(1, 9).Draw(t, "inputs")
		}
		if size, err := tx.checkShape(); err != nil || size == 64 {
			t.Fatalf("size %d, %v", size, err)
		}
	})
}

func TestProofEncoding(t *testing.T) {
	ids := leaves(11)
	for i := range ids {
		want := MerkleProof(ids, i)
		b := want.Append(nil)
		got, err := ParseProof(b)
		if err != nil || !bytes.Equal(got.Append(nil), b) {
			t.Fatalf("proof %d does not come back: %v", i, err)
		}
		if _, err := ParseProof(append(b, 0)); err != RejectMalformed {
			t.Errorf("a byte more: %v", err)
		}
		if _, err := ParseProof(b[:len(b)-1]); err != RejectMalformed {
			t.Errorf("a byte less: %v", err)
		}
	}
}

func FuzzProof(f *testing.F) {
	ids := leaves(11)
	for _, i := range []int{0, 5, 10} {
		f.Add(MerkleProof(ids, i).Append(nil))
	}
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 255, 255, 255, 255})
	root, _ := MerkleRoot(ids)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			if err != RejectMalformed {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(p.Append(nil), b) {
			t.Fatal("another encoding of the same proof")
		}
		for i, id := range ids {
			if p.Verify(id, root) && int(p.Index) != i {
				t.Fatalf("leaf %d has a proof for place %d", i, p.Index)
			}
		}
	})
}

func BenchmarkMerkleRoot(b *testing.B) {
	ids := leaves(10_000)
	for b.Loop() {
		MerkleRoot(ids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/leaf")
}
