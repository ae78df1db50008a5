package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Params are the rules of one network. They are read by many goroutines and
// not changed after Validate.
type Params struct {
	Name string // 1 to 32 characters
	Dev  bool   // the genesis may pay keys that everybody can derive

	TimeUnit time.Duration // of Header.Time; 1 ms to 1 s
	Epoch    time.Time     // at which Header.Time is 0

	Bits            uint32        // compact target of the first block, and the easiest permitted
	FixedDifficulty bool          // Bits for ever; else ASERT towards Interval
	Interval        time.Duration // between blocks; read by ASERT alone
	HalfLife        time.Duration // of ASERT: so much behind schedule doubles the target

	Subsidy      uint64 // of block 1
	HalvingEvery uint32 // blocks; 0 = never
	MaxMoney     uint64 // bound of every value and every sum of values
	Maturity     uint32 // blocks before a coinbase output may be spent, genesis excepted
	MinFee       uint64 // of each transaction

	MaxBlockBytes int // at most the package's MaxBlockBytes
	MaxBlockTxs   int // at most the package's MaxBlockTxs

	// The genesis pays DevValue to each of DevKey(DevSeed, DevScheme, i),
	// i < DevOutputs; only with Dev may there be any.
	DevSeed    uint64
	DevScheme  Scheme
	DevOutputs uint32
	DevValue   uint64
}

// DevParams returns the development network's: public keys, 10 ms ticks, and a
// search of 2^12 hashes, under a millisecond of one core: even where verification
// has both cores, pace and not the search sets the interval.
func DevParams() *Params {
	return &Params{
		Name: "dev", Dev: true,
		TimeUnit: 10 * time.Millisecond, Epoch: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC),
		Bits: 0x1f0fffff, FixedDifficulty: true, Interval: 250 * time.Millisecond, HalfLife: time.Minute,
		Subsidy: 5_000_000_000, HalvingEvery: 210_000, MaxMoney: 1<<53 - 1, Maturity: 10, MinFee: 1,
		MaxBlockBytes: MaxBlockBytes, MaxBlockTxs: MaxBlockTxs,
		DevSeed: 1, DevScheme: SchemeEd25519, DevOutputs: 65_536, DevValue: 1_000_000_000,
	}
}

// TestParams returns the development network's with 256 outputs and a search
// of two hashes, for tests.
func TestParams() *Params {
	p := DevParams()
	p.Name, p.Bits, p.DevOutputs = "test", 0x207fffff, 256
	return p
}

// Validate reports the first parameter out of its range.
func (p *Params) Validate() error {
	switch {
	case p.Name == "" || len(p.Name) > 32:
		return fmt.Errorf("name %q: has %d characters, permitted 1 to 32", p.Name, len(p.Name))
	case p.TimeUnit < time.Millisecond || p.TimeUnit > time.Second:
		return fmt.Errorf("time_unit %s: permitted 1ms to 1s", p.TimeUnit)
	case !p.FixedDifficulty && (p.Interval < p.TimeUnit || p.Interval > time.Hour):
		return fmt.Errorf("interval %s: permitted %s (time_unit) to 1h", p.Interval, p.TimeUnit)
	case !p.FixedDifficulty && (p.HalfLife < time.Minute || p.HalfLife > 30*24*time.Hour):
		return fmt.Errorf("half_life %s: permitted 1m to 720h", p.HalfLife)
	case p.Bits == 0 || p.Bits&0x00800000 != 0 || p.Bits>>24 > 32:
		return fmt.Errorf("bits %#08x: not a positive compact target under 2^256", p.Bits)
	case p.MaxMoney == 0 || p.MaxMoney > math.MaxInt64:
		return fmt.Errorf("max_money %d: permitted 1 to %d", p.MaxMoney, int64(math.MaxInt64))
	case p.MaxBlockBytes < 1000 || p.MaxBlockBytes > MaxBlockBytes:
		return fmt.Errorf("max_block_bytes %d: permitted 1000 to %d", p.MaxBlockBytes, MaxBlockBytes)
	case p.MaxBlockTxs < 1 || p.MaxBlockTxs > MaxBlockTxs:
		return fmt.Errorf("max_block_txs %d: permitted 1 to %d", p.MaxBlockTxs, MaxBlockTxs)
	}
	return errors.Join(p.validateDev(), p.validateSupply())
}

func (p *Params) validateDev() error {
	most := (p.MaxBlockBytes - HeaderSize - 4 - txHeadSize - coinbaseSize) / outputSize
	switch {
	case p.DevOutputs > 0 && !p.Dev:
		return fmt.Errorf("dev_outputs %d: pay keys that everybody can derive; permitted 0, or dev: true", p.DevOutputs)
	case int(p.DevOutputs) > most:
		return fmt.Errorf("dev_outputs %d: permitted 0 to %d (max_block_bytes)", p.DevOutputs, most)
	case p.DevScheme.KeySize() == 0:
		return fmt.Errorf("dev_scheme %s: permitted ed25519, secp256k1", p.DevScheme)
	}
	return nil
}

// validateSupply keeps the sum of everything ever paid within MaxMoney.
func (p *Params) validateSupply() error {
	if _, ok := p.supply(math.MaxUint32); !ok {
		return fmt.Errorf("subsidy %d, halving_every %d, dev_outputs %d, dev_value %d: pay more than max_money %d",
			p.Subsidy, p.HalvingEvery, p.DevOutputs, p.DevValue, p.MaxMoney)
	}
	return nil
}

// SubsidyAt returns what a block at height may create, beside fees; 0 for the
// genesis, whose outputs are not subsidy.
func (p *Params) SubsidyAt(height uint32) uint64 {
	switch {
	case height == 0:
		return 0
	case p.HalvingEvery == 0:
		return p.Subsidy
	}
	return p.Subsidy >> (height / p.HalvingEvery)
}

// SupplyAt returns how much the schedule has created up to and with the block
// at height, genesis included.
func (p *Params) SupplyAt(height uint32) uint64 {
	sum, _ := p.supply(height)
	return sum
}

// supply says, too, whether the sum is within MaxMoney; if not, it is the sum
// up to there.
func (p *Params) supply(height uint32) (sum uint64, ok bool) {
	sum, ok = addMoney(0, uint64(p.DevOutputs), p.DevValue, p.MaxMoney)
	era := uint64(p.HalvingEvery)
	if era == 0 {
		era = math.MaxUint32 + 1
	}
	first, end := uint64(1), uint64(height)+1
	for ok && first < end && p.SubsidyAt(uint32(first)) > 0 {
		next := min(end, (first/era+1)*era)
		sum, ok = addMoney(sum, next-first, p.SubsidyAt(uint32(first)), p.MaxMoney)
		first = next
	}
	return sum, ok
}

// addMoney returns sum + n*value, or false where that passes limit.
func addMoney(sum, n, value, limit uint64) (uint64, bool) {
	hi, product := bits.Mul64(n, value)
	if hi != 0 || product > limit || sum > limit-product {
		return sum, false
	}
	return sum + product, true
}

// Digest identifies the rules: networks with equal digests accept the same
// blocks. Epoch is left out: it maps header times to the calendar and judges
// no block by itself, so a development network may set it at its first start.
func (p *Params) Digest() Hash {
	b := make([]byte, 0, 192)
	b = append(append(b, byte(len(p.Name))), p.Name...)
	for _, flag := range []bool{p.Dev, p.FixedDifficulty} {
		b = append(b, boolByte(flag))
	}
	for _, v := range []uint64{
		uint64(p.TimeUnit), uint64(p.Bits), uint64(p.Interval), uint64(p.HalfLife),
		p.Subsidy, uint64(p.HalvingEvery), p.MaxMoney, uint64(p.Maturity), p.MinFee,
		uint64(p.MaxBlockBytes), uint64(p.MaxBlockTxs),
		p.DevSeed, uint64(p.DevScheme), uint64(p.DevOutputs), p.DevValue,
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return sha256.Sum256(b)
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Units returns the header time of t, clamped to what a header can hold.
func (p *Params) Units(t time.Time) uint32 {
	d := t.Sub(p.Epoch) / p.TimeUnit
	return uint32(min(max(d, 0), math.MaxUint32))
}

// Clock returns the calendar time of a header time.
func (p *Params) Clock(units uint32) time.Time {
	return p.Epoch.Add(time.Duration(units) * p.TimeUnit)
}
