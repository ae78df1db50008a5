package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/chaindyno/chaindyno/reports/stats"
)

// leastAA is how many A/A runs there must be: two halves of three have ten
// ways to be told apart.
const leastAA = 6

// leastNoise keeps A/A runs that happen to agree from making every trifle
// count: 0.1 %, or 0.1 percentage points.
const leastNoise = 0.001

// splits is how often A/A runs are dealt out.
const splits = 4000

// noiseOf returns the noise threshold of each metric.
func noiseOf(o Options) (map[string]float64, error) {
	noise := map[string]float64{}
	for _, m := range Metrics {
		noise[m.Name] = o.Noise
		if m.Absolute {
			noise[m.Name] = shareNoise
		}
	}
	if len(o.AA) == 0 {
		return noise, nil
	}
	if len(o.AA) < leastAA {
		return nil, fmt.Errorf("%w, there are %d", errFewAA, len(o.AA))
	}
	if err := checkOnce(o.AA); err != nil {
		return nil, err
	}
	for _, r := range o.AA {
		if !counts(r) {
			return nil, fmt.Errorf("%s is %s and tells nothing about noise; take it out of the A/A runs", r.Dir, verdictOf(r))
		}
	}
	for _, m := range Metrics {
		values, absent := valuesOf(m, o.AA)
		if absent > 0 {
			continue // as without A/A runs
		}
		if v, ok := splitNoise(values, m.Absolute, o.Seed); ok {
			noise[m.Name] = max(v, leastNoise)
		}
	}
	return noise, nil
}

// splitNoise is the change between the medians of two halves of the same runs
// that 95 of 100 ways to deal them out stay below.
func splitNoise(values []float64, absolute bool, seed uint64) (float64, bool) {
	if !absolute && slices.Min(values) <= 0 {
		return 0, false
	}
	rng := rand.New(rand.NewPCG(seed, uint64(len(values))))
	dealt := slices.Clone(values)
	half := len(dealt) / 2
	changes := make([]float64, splits)
	for i := range changes {
		rng.Shuffle(len(dealt), func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
		a, b := stats.Median(dealt[:half]), stats.Median(dealt[half:2*half])
		changes[i] = math.Abs(b - a)
		if !absolute {
			changes[i] = math.Abs(b/a - 1)
		}
	}
	slices.Sort(changes)
	return changes[int(stats.Level*splits)], true
}
