package pow

import (
	"math/big"
	"testing"
	"time"

	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// bitcoinCash has the constants of the specification: 600 s, two days.
func bitcoinCash() *ledger.Params {
	p := ledger.TestParams()
	p.FixedDifficulty = false
	p.TimeUnit, p.Interval, p.HalfLife = time.Second, 600*time.Second, 48*time.Hour
	p.Bits = 0x1d00ffff
	return p
}

// reference computes target * 2^(behind/halfLife) with 400-bit numbers: whole
// halvings by shifting, the fraction by repeated square roots of two.
func reference(p *ledger.Params, parent Link) *big.Float {
	const precision = 400
	limit, _ := naiveTarget(p.Bits)
	behind := new(big.Rat).SetInt64(int64(parent.Time) - int64(parent.First))
	behind.Mul(behind, new(big.Rat).SetInt64(int64(p.TimeUnit)))
	scheduled := new(big.Rat).SetInt64(int64(parent.Height) - 1)
	behind.Sub(behind, scheduled.Mul(scheduled, new(big.Rat).SetInt64(int64(p.Interval))))
	behind.Quo(behind, new(big.Rat).SetInt64(int64(p.HalfLife)))

	whole := new(big.Int).Div(behind.Num(), behind.Denom()) // floor: the denominator is positive
	fraction := new(big.Rat).Sub(behind, new(big.Rat).SetInt(whole))
	result := new(big.Float).SetPrec(precision).SetInt(limit)
	root := new(big.Float).SetPrec(precision).SetInt64(2)
	for range 80 { // binary digits of the fraction
		root.Sqrt(root)
		fraction.Add(fraction, fraction)
		if fraction.Cmp(big.NewRat(1, 1)) >= 0 {
			fraction.Sub(fraction, big.NewRat(1, 1))
			result.Mul(result, root)
		}
	}
	shift := max(min(whole.Int64(), 600), -600)
	return result.SetMantExp(result, int(shift))
}

// closeTo allows for the cubic's 0.013 %, for the exponent's 1/65536, and for
// what 23 bits of mantissa (at least 15 significant) round off.
func closeTo(t interface{ Fatalf(string, ...any) }, bits uint32, p *ledger.Params, parent Link) {
	limit, _ := naiveTarget(p.Bits)
	want := reference(p, parent)
	if want.Cmp(new(big.Float).SetInt(limit)) >= 0 {
		want.SetInt(limit)
	}
	got, ok := naiveTarget(bits)
	if !ok {
		t.Fatalf("%+v: bits %#x are no target", parent, bits)
	}
	if want.Cmp(big.NewFloat(1<<24)) < 0 {
		return // whole numbers that small are too coarse to compare
	}
	ratio, _ := new(big.Float).Quo(new(big.Float).SetInt(got), want).Float64()
	if ratio < 0.9998 || ratio > 1.0002 {
		t.Fatalf("%+v: target %x is %.6f of the exact %.0f", parent, got, ratio, want)
	}
}

func TestASERTAgainstExactArithmetic(t *testing.T) {
	for _, p := range []*ledger.Params{bitcoinCash(), development()} {
		rapid.Check(t, func(t *rapid.T) {
			first := rapid.Uint32Range(0, 1<<31).Draw(t, "first")
			height := rapid.Uint32Range(1, 2_000_000).Draw(t, "height")
			onTime := int64(height-1) * int64(p.Interval/p.TimeUnit)
			off := rapid.Int64Range(-40, 3).Draw(t, "half-lives")*int64(p.HalfLife/p.TimeUnit) + rapid.Int64Range(-90_000, 90_000).Draw(t, "off")
			at := int64(first) + onTime + off
			if at < 0 || at > 1<<32-1 {
				t.Skip("not a header time")
			}
			parent := Link{Height: height, Time: uint32(at), First: first}
			closeTo(t, NextBits(p, parent), p, parent)
		})
	}
}

// development has a tick, an interval and a half-life of very different size.
func development() *ledger.Params {
	p := ledger.DevParams()
	p.FixedDifficulty = false
	return p
}

func TestASERTOnSchedule(t *testing.T) {
	p := bitcoinCash()
	day := uint32(24 * 3600)
	for _, tc := range []struct {
		name   string
		parent Link
		want   uint32
	}{
		{"the genesis' child", Link{Height: 0, Time: 7, First: 99}, 0x1d00ffff},
		{"the anchor's child", Link{Height: 1, Time: 5000, First: 5000}, 0x1d00ffff},
		{"on time", Link{Height: 11, Time: 5000 + 6000, First: 5000}, 0x1d00ffff},
		{"late, but the limit holds", Link{Height: 11, Time: 5000 + 9*day, First: 5000}, 0x1d00ffff},
		{"one half-life early", Link{Height: 1 + 288, Time: 5000, First: 5000}, 0x1c7fff80},
		{"two half-lives early", Link{Height: 1 + 2*288, Time: 5000, First: 5000}, 0x1c3fffc0},
		{"a hundred half-lives early", Link{Height: 1 + 100*288, Time: 5000, First: 5000}, 0x100ffff0},
		{"for ever early", Link{Height: 1 + 1000*288, Time: 5000, First: 5000}, 0x01010000},
		{"past any shift", Link{Height: ^uint32(0), Time: 0, First: 0}, 0x01010000},
		{"back in time", Link{Height: 1, Time: 0, First: 2 * 48 * 3600}, 0x1c3fffc0},
	} {
		if got := NextBits(p, tc.parent); got != tc.want {
			t.Errorf("%s: %#08x, want %#08x", tc.name, got, tc.want)
		}
	}
}

func TestFixedDifficulty(t *testing.T) {
	p := bitcoinCash()
	p.FixedDifficulty = true
	if got := NextBits(p, Link{Height: 999, Time: 1, First: 1}); got != p.Bits {
		t.Errorf("bits %#x", got)
	}
}

// The sums must not overflow for any fraction, and the cubic is within the
// specification's error.
func TestPowerOfTwo(t *testing.T) {
	last := uint64(0)
	for frac := range uint64(1 << 16) {
		f := new(big.Int).SetUint64(frac)
		sum := big.NewInt(195766423245049)
		sum.Add(sum.Mul(sum, f), new(big.Int).Lsh(big.NewInt(1), 47))
		square := new(big.Int).Mul(f, f)
		sum.Add(sum, new(big.Int).Mul(big.NewInt(971821376), square))
		sum.Add(sum, square.Mul(square, f).Mul(square, big.NewInt(5127)))
		got := powerOfTwo(frac)
		if want := 65536 + sum.Rsh(sum, 48).Uint64(); got != want {
			t.Fatalf("powerOfTwo(%d) = %d, want %d", frac, got, want)
		}
		if got < last || got > 1<<17 {
			t.Fatalf("powerOfTwo(%d) = %d after %d", frac, got, last)
		}
		last = got
	}
}

func TestASERTSaturates(t *testing.T) {
	top := new(uint256.Int).Lsh(uint256.NewInt(1), 255)
	for _, shifts := range []int64{1, 2, 256, 1 << 40} {
		exponent := new(big.Int).Lsh(big.NewInt(shifts), 16)
		if got := asert(top, exponent); !got.Eq(new(uint256.Int).SetAllOne()) {
			t.Errorf("2^255 doubled %d times is %s", shifts, got.Hex())
		}
	}
	for _, shifts := range []int64{-256, -257, -1 << 40} {
		exponent := new(big.Int).Lsh(big.NewInt(shifts), 16)
		if got := asert(top, exponent); !got.Eq(uint256.NewInt(1)) {
			t.Errorf("2^255 halved %d times is %s", -shifts, got.Hex())
		}
	}
}
