package reports

import (
	"math"
	"slices"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// latencySeries is one stage over time: quantiles and a coarse distribution of
// each second. Only these are kept; the histograms of an hour would fill a
// gigabyte.
type latencySeries struct {
	stage  string
	points []latencyPoint
}

type latencyPoint struct {
	from, to float64 // seconds
	count    int64
	q        [5]float64 // as in seriesQuantiles, then the maximum; ns, NaN = too few samples
	heat     map[int]int64
}

var seriesQuantiles = [...]float64{0.5, 0.9, 0.99, 0.999}

// heatPerDecade is how finely the heat map divides latencies.
const heatPerDecade = 10

// newLatencySeries takes the commit latency where it was recorded by the
// second, or else the provisional one, or else the answers.
func newLatencySeries(intervals []result.Interval) *latencySeries {
	for _, stage := range []string{result.StageCommit, result.StageInclude, result.StageAckResponse} {
		s := &latencySeries{stage: stage}
		for i := range intervals {
			if intervals[i].Stage == stage {
				s.add(&intervals[i])
			}
		}
		if len(s.points) > 0 {
			slices.SortStableFunc(s.points, func(a, b latencyPoint) int { return int(math.Copysign(1, a.from-b.from)) })
			return s
		}
	}
	return nil
}

// add skips a histogram that can't be read: writing the log refuses it.
func (s *latencySeries) add(in *result.Interval) {
	h, err := result.DecodeHistogram(in.V2)
	if err != nil {
		return
	}
	p := latencyPoint{from: seconds(in.StartNs), to: seconds(in.StartNs + in.LengthNs), count: h.TotalCount(), heat: map[int]int64{}}
	for i, q := range seriesQuantiles {
		p.q[i] = math.NaN()
		if stats.Enough(q, uint64(p.count)) {
			p.q[i] = float64(h.ValueAtQuantile(100 * q))
		}
	}
	p.q[4] = math.NaN()
	if p.count > 0 {
		p.q[4] = float64(h.Max())
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			p.heat[heatRow(float64(bar.From+bar.To)/2)] += bar.Count
		}
	}
	s.points = append(s.points, p)
}

func heatRow(ns float64) int {
	return int(math.Floor(math.Log10(max(ns, 1)) * heatPerDecade))
}

func heatValue(row int) float64 { return math.Pow(10, float64(row)/heatPerDecade) }

// x returns the middles of the seconds.
func (s *latencySeries) x() []float64 {
	x := make([]float64, len(s.points))
	for i, p := range s.points {
		x[i] = (p.from + p.to) / 2
	}
	return x
}

func (s *latencySeries) quantile(i int) []float64 {
	y := make([]float64, len(s.points))
	for k, p := range s.points {
		y[k] = p.q[i]
	}
	return y
}
