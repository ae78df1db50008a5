package stats

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestEnough(t *testing.T) {
	tests := []struct {
		q    float64
		need uint64
	}{{0.5, 20}, {0.9, 100}, {0.99, 1000}, {0.999, 10_000}, {0.9999, 100_000}, {0, 10}}
	for _, tt := range tests {
		if Enough(tt.q, tt.need-1) || !Enough(tt.q, tt.need) {
			t.Errorf("q = %v: MinSamples = %d, want %d", tt.q, MinSamples(tt.q), tt.need)
		}
	}
	if Enough(1, math.MaxUint64-1) || Enough(-0.1, 1000) {
		t.Error("a quantile outside 0 <= q < 1 is never available")
	}
}

// binomialBelow is P(Binomial(n, p) < k) in rational numbers.
func binomialBelow(n, k int, p *big.Rat) *big.Rat {
	sum, miss := new(big.Rat), new(big.Rat).Sub(big.NewRat(1, 1), p)
	for i := range k {
		term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		for range i {
			term.Mul(term, p)
		}
		for range n - i {
			term.Mul(term, miss)
		}
		sum.Add(sum, term)
	}
	return sum
}

// Against exact arithmetic: the ranks cover, and the next narrower ones cut
// off too much on the side that was narrowed.
func TestQuantileRanksExact(t *testing.T) {
	tail := big.NewRat(25, 1000)
	for _, q := range []*big.Rat{big.NewRat(1, 2), big.NewRat(9, 10), big.NewRat(19, 20)} {
		for _, n := range []int{6, 20, 59, 80} {
			f, _ := q.Float64()
			low, high, ok := QuantileRanks(n, f)
			if !ok {
				if n >= 59 && f < 0.95 {
					t.Errorf("n = %d, q = %v: no interval", n, f)
				}
				continue
			}
			if binomialBelow(n, low, q).Cmp(tail) > 0 || binomialBelow(n, low+1, q).Cmp(tail) <= 0 {
				t.Errorf("n = %d, q = %v: low = %d is not the largest that keeps the tail", n, f, low)
			}
			rest := func(k int) *big.Rat { return new(big.Rat).Sub(big.NewRat(1, 1), binomialBelow(n, k, q)) }
			if rest(high).Cmp(tail) > 0 || rest(high-1).Cmp(tail) <= 0 {
				t.Errorf("n = %d, q = %v: high = %d is not the least that keeps the tail", n, f, high)
			}
		}
	}
}

func TestQuantileRanksProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1_000_000).Draw(t, "n")
		q := rapid.Float64Range(-0.1, 1.1).Draw(t, "q")
		low, high, ok := QuantileRanks(n, q)
		if !ok {
			return
		}
		if low < 1 || high > n || low >= high {
			t.Fatalf("ranks %d to %d of %d", low, high, n)
		}
		if rank := q * float64(n); float64(low) > rank+1 || float64(high) < rank {
			t.Fatalf("ranks %d to %d do not enclose %v", low, high, rank)
		}
	})
}

// Blocks whose transactions share a delay: a plain interval would be far too
// narrow, the one over blocks must still cover.
func TestQuantileOverBlocksCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const trials, blocks, perBlock = 200, 80, 20
	covered := 0
	truth := math.Ln2 // the median of the shared exponential delay, noise being small
	for trial := range trials {
		var all []float64
		delays := make([][]float64, blocks)
		for b := range delays {
			shared := rng.ExpFloat64()
			for range perBlock {
				delays[b] = append(delays[b], shared+rng.Float64()*1e-3)
			}
			all = append(all, delays[b]...)
		}
		slices.Sort(all)
		at := func(p float64) float64 { return all[min(int(p*float64(len(all))), len(all)-1)] }
		median := at(0.5)
		below, total := make([]float64, blocks), make([]float64, blocks)
		for b, ds := range delays {
			for _, d := range ds {
				total[b]++
				if d <= median {
					below[b]++
				}
			}
		}
		share, _ := Bootstrap(blocks, 200, uint64(trial), func(units []int) float64 {
			var hit, n float64
			for _, u := range units {
				hit, n = hit+below[u], n+total[u]
			}
			return hit / n
		})
		if at(share.Low) <= truth && truth <= at(share.High) {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.88 {
		t.Errorf("covered in %.3f of the trials, want about 0.95", share)
	}
}

func TestQuantileOverBlocksMapsBack(t *testing.T) {
	below, total := []float64{5, 5, 5, 5}, []float64{10, 10, 10, 10}
	in, ok := QuantileOverBlocks(below, total, 1, func(p float64) float64 { return 100 * p })
	if !ok || in != (Interval{50, 50}) {
		t.Errorf("got %v %v, want [50 50]", in, ok)
	}
	if _, ok := QuantileOverBlocks(nil, nil, 1, nil); ok {
		t.Error("no blocks, yet an interval")
	}
}
