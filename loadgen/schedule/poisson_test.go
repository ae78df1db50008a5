package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestPoissonCounts: over many seeds, the number of arrivals has the mean and
// the variance of a Poisson process, over the whole and over a part.
func TestPoissonCounts(t *testing.T) {
	const seeds, mean = 2000, 2500.0
	for _, part := range []time.Duration{time.Second, 333 * time.Millisecond} {
		var sum, squares float64
		for seed := range uint64(seeds) {
			s := Poisson(mean, time.Second, seed)
			n := float64(DueBy(s, 0, part))
			sum += n
			squares += n * n
		}
		want := mean * part.Seconds()
		got := sum / seeds
		variance := squares/seeds - got*got
		// Five standard errors; seeds are fixed, so this does not come and go.
		if math.Abs(got-want) > 5*math.Sqrt(want/seeds) {
			t.Errorf("%v: mean %v, want %v", part, got, want)
		}
		if math.Abs(variance/want-1) > 5*math.Sqrt(2.0/seeds) {
			t.Errorf("%v: variance %v, want %v", part, variance, want)
		}
	}
}

// TestPoissonGaps: the gaps are exponential (Kolmogorov-Smirnov at 0.1 %), also
// across the borders of blocks, and not correlated with the gap before.
func TestPoissonGaps(t *testing.T) {
	const rate = 10_000.0
	s := Poisson(rate, 30*time.Second, 7)
	all := times(s)
	var gaps, borders []float64
	for i := 1; i < len(all); i++ {
		gap := (all[i] - all[i-1]).Seconds() * rate
		gaps = append(gaps, gap)
		if i%minBlock == 0 {
			borders = append(borders, gap)
		}
	}
	var product float64
	for i := 1; i < len(gaps); i++ {
		product += (gaps[i] - 1) * (gaps[i-1] - 1)
	}
	if r := product / float64(len(gaps)); math.Abs(r) > 5/math.Sqrt(float64(len(gaps))) {
		t.Errorf("gaps are correlated: %v", r)
	}
	for name, sample := range map[string][]float64{"all": gaps, "at borders": borders} {
		if d := distance(sample); d > 1.95/math.Sqrt(float64(len(sample))) {
			t.Errorf("gaps %s: Kolmogorov-Smirnov distance %v from the exponential in %d", name, d, len(sample))
		}
	}
}

// distance is the Kolmogorov-Smirnov statistic against the unit exponential.
func distance(sample []float64) float64 {
	slices.Sort(sample)
	d, n := 0.0, float64(len(sample))
	for i, x := range sample {
		f := 1 - math.Exp(-x)
		d = max(d, f-float64(i)/n, float64(i+1)/n-f)
	}
	return d
}

// TestGamma: mean and variance are the shape, to five standard errors.
func TestGamma(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, shape := range []float64{1, 2, 10} {
		const n = 1_000_000
		var sum, squares float64
		for range n {
			x := gamma(r, shape)
			sum += x
			squares += x * x
		}
		mean := sum / n
		if math.Abs(mean-shape) > 5*math.Sqrt(shape/n) {
			t.Errorf("shape %v: mean %v", shape, mean)
		}
		// The fourth central moment of a gamma is 3k^2 + 6k.
		if v := squares/n - mean*mean; math.Abs(v-shape) > 5*math.Sqrt((2*shape*shape+6*shape)/n) {
			t.Errorf("shape %v: variance %v", shape, v)
		}
	}
}

func TestPoissonSeeds(t *testing.T) {
	one, same, other := Poisson(1000, time.Second, 1), Poisson(1000, time.Second, 1), Poisson(1000, time.Second, 2)
	if !slices.Equal(times(one), times(same)) {
		t.Errorf("equal seeds give different arrivals")
	}
	if slices.Equal(times(one), times(other)) {
		t.Errorf("different seeds give the same arrivals")
	}
}

// TestPoissonMemory: a long schedule has larger blocks, not more of them.
func TestPoissonMemory(t *testing.T) {
	p := Poisson(1e6, 24*time.Hour, 1).(*poisson)
	if len(p.ends) > maxBlocks*101/100 {
		t.Errorf("%d blocks, want at most %d", len(p.ends), maxBlocks)
	}
	if want := 1e6 * 86400.0; math.Abs(float64(p.count)/want-1) > 0.001 {
		t.Errorf("%d arrivals, want about %v", p.count, want)
	}
}

func BenchmarkPoissonAt(b *testing.B) {
	s := Poisson(1e6, time.Hour, 1)
	n := uint64(0)
	for b.Loop() {
		s.At(n)
		n++
	}
}

func BenchmarkConstantDueBy(b *testing.B) {
	s := Constant(50_000, time.Hour)
	n, at := uint64(0), time.Duration(0)
	for b.Loop() {
		at += 100 * time.Microsecond
		n = DueBy(s, n, at)
	}
}
