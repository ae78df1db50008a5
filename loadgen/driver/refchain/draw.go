package refchain

import (
	"math"
	"sort"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// dice yields numbers that depend on the seed, the lane and the sequence
// number alone: the same plan gives the same transactions everywhere.
type dice uint64

func newDice(seed uint64, lane uint32, seq uint64) dice {
	return dice(mix(mix(seed^mix(uint64(lane)+1)) ^ seq))
}

// next returns the next number in [0, 1).
func (d *dice) next() float64 {
	*d += 0x9e3779b97f4a7c15
	return float64(mix(uint64(*d))>>11) / (1 << 53)
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// drawKind chooses a kind by the workload's shares.
func (d *dice) drawKind(w *driver.Workload) uint8 {
	switch x := d.next(); {
	case x < w.InvalidSignatures:
		return kindInvalidSignature
	case x < w.InvalidSignatures+w.DoubleSpends:
		return kindDoubleSpend
	}
	return kindTransfer
}

// payees are the keys that transfers pay, by the number of their development
// key. They are read from the genesis block, since deriving 65,536 keys takes
// a second.
type payees struct {
	genesis  ledger.Hash
	coinbase ledger.Hash // ID of the transaction that pays them
	keys     []ledger.KeyHash
}

// skew draws an index by Zipf's law: index i with a weight of 1/(i+1)^exponent.
// The zero exponent is the uniform law.
type skew struct {
	n    int
	upTo []float64 // cumulated weights, scaled to 1; nil for the uniform law
}

func newSkew(n int, exponent float64) skew {
	s := skew{n: n}
	if exponent == 0 {
		return s
	}
	s.upTo = make([]float64, n)
	sum := 0.0
	for i := range s.upTo {
		sum += math.Pow(float64(i+1), -exponent)
		s.upTo[i] = sum
	}
	for i := range s.upTo {
		s.upTo[i] /= sum
	}
	return s
}

func (s skew) draw(x float64) int {
	if s.upTo == nil {
		return int(x * float64(s.n))
	}
	return min(sort.SearchFloat64s(s.upTo, x), s.n-1)
}
