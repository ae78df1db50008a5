package pow

import (
	"math/big"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Link is what the difficulty rule reads of a parent block.
type Link struct {
	Height uint32
	Time   uint32 // in the network's units
	First  uint32 // time of block 1 on the same branch; not read at height 0
}

// NextBits returns the bits that a child of parent must have.
//
// With FixedDifficulty they never change. Otherwise the rule is aserti3-2d
// ("Absolutely scheduled exponentially rising targets", the Bitcoin Cash
// specification of 2020-11-15): the target is that of an anchor block times
// 2^((time since the anchor - scheduled time) / half-life), in fixed-point
// arithmetic. The anchor is block 1, not the genesis: a network may start long
// after its epoch, which would count as delay to be caught up. The target of
// the anchor, Params.Bits, is the easiest permitted, too.
func NextBits(p *ledger.Params, parent Link) uint32 {
	if p.FixedDifficulty || parent.Height == 0 {
		return p.Bits
	}
	limit, ok := Target(p.Bits)
	if !ok {
		return p.Bits
	}
	next := asert(&limit, exponent(p, parent))
	if next.Gt(&limit) {
		return p.Bits
	}
	return Compact(next)
}

// exponent returns how far the chain is behind its schedule, in 1/65536 of a
// half-life, rounded towards zero as the specification's C++ does. It is
// computed in nanoseconds and wider than 64 bits, so that any unit will do.
func exponent(p *ledger.Params, parent Link) *big.Int {
	behind := big.NewInt(int64(parent.Time) - int64(parent.First))
	behind.Mul(behind, big.NewInt(int64(p.TimeUnit)))
	scheduled := big.NewInt(int64(parent.Height) - 1)
	scheduled.Mul(scheduled, big.NewInt(int64(p.Interval)))
	behind.Sub(behind, scheduled)
	behind.Lsh(behind, 16)
	return behind.Quo(behind, big.NewInt(int64(p.HalfLife)))
}

// asert returns target * 2^(exponent/65536), at least 1 and saturated at
// 2^256-1. The fractional part of the power is the specification's cubic.
func asert(target *uint256.Int, exponent *big.Int) *uint256.Int {
	frac := new(big.Int).And(exponent, big.NewInt(0xffff)).Uint64()
	shifts := new(big.Int).Rsh(exponent, 16)
	switch {
	case shifts.Cmp(big.NewInt(256)) > 0:
		return new(uint256.Int).SetAllOne()
	case shifts.Cmp(big.NewInt(-256)) < 0:
		return uint256.NewInt(1)
	}
	next := target.ToBig()
	next.Mul(next, new(big.Int).SetUint64(powerOfTwo(frac)))
	if shift := int(shifts.Int64()) - 16; shift < 0 {
		next.Rsh(next, uint(-shift))
	} else {
		next.Lsh(next, uint(shift))
	}
	if next.Sign() == 0 {
		return uint256.NewInt(1)
	}
	result, overflow := uint256.FromBig(next)
	if overflow {
		return result.SetAllOne()
	}
	return result
}

// powerOfTwo approximates 65536 * 2^(frac/65536) for frac < 65536 with an
// error under 0.013 %. No sum overflows 64 bits.
func powerOfTwo(frac uint64) uint64 {
	return 65536 + (195766423245049*frac+971821376*frac*frac+5127*frac*frac*frac+1<<47)>>48
}
