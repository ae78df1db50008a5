package schedule

import (
	"sort"
	"time"
)

// Step is a rate held for some time. A rate of 0 is a pause.
type Step struct {
	Rate float64 // arrivals per second
	For  time.Duration
}

// Steps offers one constant rate after another. The fraction of an arrival
// that a step ends with is carried into the next, so the whole offers the sum
// of rate x duration whatever the steps are.
func Steps(steps []Step) Schedule {
	s := &stepped{}
	for _, step := range steps {
		s.add(clampRate(step.Rate), clampLength(step.For))
	}
	s.count = countWithin(s.total, s.length, s.At)
	return s
}

// stepped is the piecewise linear N(t) of Steps, with its corners.
type stepped struct {
	rates  []float64
	starts []time.Duration // of each step
	before []float64       // arrivals expected before each step
	length time.Duration
	total  float64
	count  uint64
}

func (s *stepped) add(rate float64, d time.Duration) {
	d = min(d, MaxLength-s.length)
	if d == 0 {
		return
	}
	s.rates = append(s.rates, rate)
	s.starts = append(s.starts, s.length)
	s.before = append(s.before, s.total)
	s.length += d
	s.total += rate * d.Seconds()
}

func (s *stepped) Count() uint64         { return s.count }
func (s *stepped) Length() time.Duration { return s.length }

// At finds the step in which n arrivals are reached. Where that is exactly at
// a corner, the later step has it, so that an arrival falls after a pause and
// not into it.
func (s *stepped) At(n uint64) time.Duration {
	x := float64(n)
	i := sort.Search(len(s.before), func(i int) bool { return s.before[i] > x }) - 1
	if i < 0 || s.rates[i] == 0 {
		return s.length
	}
	at := s.starts[i] + toDuration((x-s.before[i])/s.rates[i])
	return min(at, s.length)
}

func (s *stepped) Rate(t time.Duration) float64 {
	if t < 0 || t >= s.length {
		return 0
	}
	i := sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > t }) - 1
	return s.rates[i]
}

func (s *stepped) breaks() []time.Duration {
	return append(append([]time.Duration(nil), s.starts...), s.length)
}
