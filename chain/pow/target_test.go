package pow

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// number reads a hash as the number that is compared with targets.
func number(hash ledger.Hash) *big.Int {
	slices.Reverse(hash[:])
	return new(big.Int).SetBytes(hash[:])
}

// naiveTarget is mantissa * 256^(size-3), rounded down.
func naiveTarget(bits uint32) (*big.Int, bool) {
	size, mantissa := int(bits>>24), big.NewInt(int64(bits&0x7fffff))
	for ; size > 3; size-- {
		mantissa.Mul(mantissa, big.NewInt(256))
	}
	for ; size < 3; size++ {
		mantissa.Div(mantissa, big.NewInt(256))
	}
	ok := bits&0x800000 == 0 && mantissa.Sign() > 0 && mantissa.BitLen() <= 256
	return mantissa, ok
}

func TestTargetTable(t *testing.T) {
	for _, tc := range []struct {
		bits uint32
		want string // hexadecimal; "" = no target
	}{
		{0x1d00ffff, "ffff0000000000000000000000000000000000000000000000000000"}, // Bitcoin's limit
		{0x1b0404cb, "404cb000000000000000000000000000000000000000000000000"},    // Bitcoin wiki's example
		{0x207fffff, "7fffff0000000000000000000000000000000000000000000000000000000000"},
		{0x220000ff, "ff00000000000000000000000000000000000000000000000000000000000000"},
		{0x01120000, "12"},
		{0x02123400, "1234"},
		{0x03123456, "123456"},
		{0x01003456, ""}, // rounds to zero
		{0x00123456, ""},
		{0, ""},
		{0x04923456, ""}, // negative
		{0x21010000, ""}, // 2^256
		{0x230000ff, ""},
		{0xff123456, ""},
	} {
		got, ok := Target(tc.bits)
		if ok != (tc.want != "") || ok && got.Hex() != "0x"+tc.want {
			t.Errorf("Target(%#08x) = %s, %v, want %q", tc.bits, got.Hex(), ok, tc.want)
		}
	}
}

func TestTargetAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.Uint32Range(0, 0x24ffffff).Draw(t, "bits")
		want, wantOK := naiveTarget(bits)
		got, ok := Target(bits)
		if ok != wantOK || ok && got.ToBig().Cmp(want) != 0 {
			t.Fatalf("Target(%#x) = %s, %v, want %x, %v", bits, got.Hex(), ok, want, wantOK)
		}
		if !ok {
			return
		}
		if back, _ := Target(Compact(&got)); !back.Eq(&got) {
			t.Fatalf("Compact(%s) = %#x, another target", got.Hex(), Compact(&got))
		}
		whole := new(big.Int).Lsh(big.NewInt(1), 256)
		if work := new(big.Int).Div(whole, want.Add(want, big.NewInt(1))); Work(bits).ToBig().Cmp(work) != 0 {
			t.Fatalf("Work(%#x) = %s, want %x", bits, Work(bits).Hex(), work)
		}
	})
}

func TestCompactRoundsDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 1, 32).Draw(t, "target")
		target := new(uint256.Int).SetBytes(b)
		if target.IsZero() {
			return
		}
		bits := Compact(target)
		got, ok := Target(bits)
		if !ok || got.Gt(target) {
			t.Fatalf("Compact(%s) = %#x for %s", target.Hex(), bits, got.Hex())
		}
		above, okAbove := Target(bits + 1)
		if target.BitLen() <= 15 {
			above, okAbove = *new(uint256.Int).AddUint64(&got, 1), true // small ones are exact
		}
		if okAbove && !above.Gt(target) {
			t.Fatalf("Compact(%s) = %#x, though %#x is closer", target.Hex(), bits, bits+1)
		}
	})
}

func TestWorkOfNoTarget(t *testing.T) {
	if got := Work(0x04923456); !got.IsZero() {
		t.Errorf("negative target has work %s", got)
	}
}

// Block 1 of Bitcoin, as any block explorer shows it.
func TestCheckWorkOfABitcoinHeader(t *testing.T) {
	h := ledger.Header{Version: 1, Time: 1231469665, Bits: 0x1d00ffff, Nonce: 2573394689}
	h.Prev = fromExplorer(t, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
	h.Merkle = fromExplorer(t, "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098")
	if got := h.Hash().String(); got != "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048" {
		t.Fatalf("hash %s", got)
	}
	if !CheckWork(&h, 0x1d00ffff) || !CheckWork(&h, 0x207fffff) {
		t.Error("an honest header was rejected")
	}
	if CheckWork(&h, 0x1c7fffff) {
		t.Error("a target over the limit was accepted")
	}
	if h.Nonce++; CheckWork(&h, 0x1d00ffff) {
		t.Error("a header without work was accepted")
	}
	if h.Bits = 0; CheckWork(&h, 0x1d00ffff) {
		t.Error("a header without target was accepted")
	}
}

func fromExplorer(t *testing.T, s string) (h ledger.Hash) {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		t.Fatal(s)
	}
	n.FillBytes(h[:])
	slices.Reverse(h[:])
	return h
}

func TestMeets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := ledger.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		target, _ := uint256.FromBig(number(hash))
		// A neighbour in one limb, either way, so that every limb decides.
		limb, delta := rapid.IntRange(0, 3).Draw(t, "limb"), rapid.SampledFrom([]int64{-1, 0, 1}).Draw(t, "delta")
		target[limb] += uint64(delta)
		want := number(hash).Cmp(target.ToBig()) <= 0
		if meets(&hash, target) != want {
			t.Fatalf("meets(%x, %s) = %v", hash, target.Hex(), !want)
		}
	})
}

func TestNonceIsLastInTheHeader(t *testing.T) {
	b := (&ledger.Header{Nonce: 0x01020304}).Encode()
	if binary.LittleEndian.Uint32(b[ledger.HeaderSize-4:]) != 0x01020304 {
		t.Error("the kernels write the nonce elsewhere")
	}
}
