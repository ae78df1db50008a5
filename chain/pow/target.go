// Package pow is the proof of work: targets, the difficulty rule and the
// search for a nonce.
package pow

import (
	"encoding/binary"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Target expands a compact target: the low three bytes are a mantissa, the
// high byte a base-256 exponent (Bitcoin's nBits). It is false for a target
// that is zero, negative or 2^256 and more.
func Target(bits uint32) (target uint256.Int, ok bool) {
	size, mantissa := uint(bits>>24), uint64(bits&0x007fffff)
	if bits&0x00800000 != 0 {
		return target, false
	}
	target.SetUint64(mantissa)
	if size <= 3 {
		target.Rsh(&target, 8*(3-size))
		return target, !target.IsZero()
	}
	shift := 8 * (size - 3)
	if uint(target.BitLen())+shift > 256 {
		return uint256.Int{}, false
	}
	target.Lsh(&target, shift)
	return target, !target.IsZero()
}

// Compact returns the compact form of a target, rounded down to 23 bits of
// mantissa.
func Compact(target *uint256.Int) uint32 {
	size := uint(target.ByteLen())
	var mantissa uint64
	if size <= 3 {
		mantissa = target.Uint64() << (8 * (3 - size))
	} else {
		var top uint256.Int
		mantissa = top.Rsh(target, 8*(size-3)).Uint64()
	}
	if mantissa&0x00800000 != 0 { // would read as a sign
		mantissa >>= 8
		size++
	}
	return uint32(size)<<24 | uint32(mantissa)
}

// Work returns how many hashes a block with these bits takes on average:
// 2^256 / (target + 1). It is 0 where bits are no target.
func Work(bits uint32) *uint256.Int {
	target, ok := Target(bits)
	work := new(uint256.Int)
	if !ok {
		return work
	}
	// 2^256 does not fit: 2^256/(t+1) = ^t/(t+1) + 1.
	work.Not(&target)
	target.AddUint64(&target, 1)
	if target.IsZero() { // t = 2^256-1: every hash will do
		return work.SetOne()
	}
	return work.AddUint64(work.Div(work, &target), 1)
}

// CheckWork says whether the header's hash is within its own target, and that
// target no easier than the compact limit.
func CheckWork(h *ledger.Header, limit uint32) bool {
	target, ok := Target(h.Bits)
	most, okLimit := Target(limit)
	if !ok || !okLimit || target.Gt(&most) {
		return false
	}
	hash := h.Hash()
	return meets(&hash, &target)
}

// meets compares a hash, read as a little-endian number, with a target.
func meets(hash *ledger.Hash, target *uint256.Int) bool {
	for limb := 3; limb >= 0; limb-- {
		if v := binary.LittleEndian.Uint64(hash[8*limb:]); v != target[limb] {
			return v < target[limb]
		}
	}
	return true
}
