package schedule

import (
	"math"
	"time"
)

// Constant offers rate arrivals per second for d, evenly spaced from 0 on:
// At(n) = n / rate. A rate or duration that is not positive gives an empty
// schedule.
func Constant(rate float64, d time.Duration) Schedule { return Ramp(rate, rate, d) }

// Ramp offers a rate that changes linearly from one value to another over d.
// A ramp between rates that are both 0 is an empty schedule of length d: a
// pause.
//
// With a = (to-from)/d, the arrivals expected by time t are
//
//	N(t) = from t + a t^2 / 2
//
// and arrival n is at N(t) = n. Solved for t in the form that loses no digits
// when a is small or negative (Press et al., Numerical Recipes, 5.6):
//
//	t = 2 n / (from + sqrt(from^2 + 2 a n))
func Ramp(from, to float64, d time.Duration) Schedule {
	r := &ramp{from: clampRate(from), to: clampRate(to), length: clampLength(d)}
	if r.length > 0 {
		r.slope = (r.to - r.from) / r.length.Seconds()
	}
	r.count = countWithin((r.from+r.to)/2*r.length.Seconds(), r.length, r.At)
	return r
}

type ramp struct {
	from, to float64 // arrivals per second
	slope    float64 // arrivals per second squared
	length   time.Duration
	count    uint64
}

func (r *ramp) Count() uint64             { return r.count }
func (r *ramp) Length() time.Duration     { return r.length }
func (r *ramp) At(n uint64) time.Duration { return toDuration(r.solve(float64(n))) }

// solve returns the time in seconds at which n arrivals are expected. Past the
// peak of a falling parabola there is none: it returns the peak.
func (r *ramp) solve(n float64) float64 {
	if n == 0 {
		return 0
	}
	root := math.Sqrt(max(r.from*r.from+2*r.slope*n, 0))
	return 2 * n / (r.from + root)
}

func (r *ramp) Rate(t time.Duration) float64 {
	if t < 0 || t >= r.length {
		return 0
	}
	return r.from + r.slope*t.Seconds()
}

func (r *ramp) breaks() []time.Duration { return []time.Duration{0, r.length} }
