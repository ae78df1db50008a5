package schedule

import (
	"math"
	"math/rand/v2"
	"sort"
	"sync/atomic"
	"time"
)

// Poisson offers independent arrivals at a mean rate for d: the gaps between
// them are exponential. Equal seeds give equal arrivals.
//
// So that arrival n is found without going through those before it, arrivals
// are drawn in blocks. The length of a block of k arrivals is Gamma(k)/rate
// (Marsaglia and Tsang, "A simple method for generating gamma variables", ACM
// TOMS 26, 2000) and is drawn for all blocks at the start. Within a block the k
// gaps, given their sum, are k exponentials scaled to that sum (Devroye,
// "Non-Uniform Random Variate Generation", 1986, chapter V.3). The result is
// an exact Poisson process. Memory is at most 2^20 block ends and the block in
// use; the cost of a block is paid when At first enters it.
func Poisson(rate float64, d time.Duration, seed uint64) Schedule {
	p := &poisson{rate: clampRate(rate), length: clampLength(d), seed: seed, block: minBlock}
	if p.rate == 0 || p.length == 0 {
		return p
	}
	for p.rate*p.length.Seconds()/float64(p.block) > maxBlocks {
		p.block *= 2
	}
	p.drawBlocks()
	last := p.times(len(p.ends) - 1)
	p.count = uint64(len(p.ends)-1) * p.block
	for _, at := range last.at {
		if at >= p.length {
			break
		}
		p.count++
	}
	return p
}

const (
	minBlock  = 1024    // arrivals in a block
	maxBlocks = 1 << 20 // bounds the memory of a schedule to 8 MiB

	cacheBlocks = 16
)

type poisson struct {
	rate   float64
	length time.Duration
	seed   uint64
	block  uint64    // arrivals in each block
	ends   []float64 // time of the last arrival of each block, in seconds
	count  uint64
	cached [cacheBlocks]atomic.Pointer[drawn] // block i at i mod cacheBlocks: readers are seldom further apart
}

// drawn is one block of arrivals; it is not changed once it is made.
type drawn struct {
	index int
	at    []time.Duration
}

// drawBlocks draws block lengths until one ends past the schedule.
func (p *poisson) drawBlocks() {
	r := p.random(0)
	for end := 0.0; end < p.length.Seconds(); {
		end += gamma(r, float64(p.block)) / p.rate
		p.ends = append(p.ends, end)
	}
}

func (p *poisson) Count() uint64         { return p.count }
func (p *poisson) Length() time.Duration { return p.length }

func (p *poisson) At(n uint64) time.Duration {
	index := int(n / p.block)
	if index >= len(p.ends) {
		return p.length
	}
	cached := &p.cached[index%cacheBlocks]
	d := cached.Load()
	if d == nil || d.index != index {
		d = p.times(index)
		cached.Store(d)
	}
	return d.at[n%p.block]
}

// bracket narrows down to a block, since looking into one means to draw it: the
// blocks before it are due at t, and those after it are not.
func (p *poisson) bracket(t time.Duration) (low, high uint64) {
	i := uint64(sort.Search(len(p.ends), func(i int) bool { return toDuration(p.ends[i]) > t }))
	return max(i*p.block, 1) - 1, min((i+1)*p.block, p.count)
}

// times draws the arrivals of one block.
func (p *poisson) times(index int) *drawn {
	r := p.random(uint64(index) + 1)
	sums := make([]float64, p.block)
	sum := 0.0
	for i := range sums {
		sum += r.ExpFloat64()
		sums[i] = sum
	}
	start := 0.0
	if index > 0 {
		start = p.ends[index-1]
	}
	scale := (p.ends[index] - start) / sum
	at := make([]time.Duration, p.block)
	for i, s := range sums {
		at[i] = toDuration(min(start+s*scale, p.ends[index]))
	}
	return &drawn{index: index, at: at}
}

func (p *poisson) Rate(t time.Duration) float64 {
	if t < 0 || t >= p.length {
		return 0
	}
	return p.rate
}

// random returns the generator of one stream of the seed.
func (p *poisson) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(p.seed), mix(p.seed^mix(stream))))
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014): close inputs, unlike outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// gamma draws from the gamma distribution of shape k >= 1 and scale 1.
func gamma(r *rand.Rand, k float64) float64 {
	d := k - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
