// Package schedule computes when transactions ought to arrive. Everything in
// it is pure: arrival n has an intended time that depends on the schedule, its
// seed and n alone, whether or not earlier arrivals have finished.
package schedule

import (
	"math"
	"time"
)

// Schedule is a finite sequence of arrivals. Its methods may be called by
// several goroutines at once.
type Schedule interface {
	// Count is the number of arrivals in all: those with At(n) < Length().
	Count() uint64
	// At is the intended time of arrival n since the start, for n < Count().
	// It never decreases with n.
	At(n uint64) time.Duration
	// Length is how long the schedule lasts.
	Length() time.Duration
	// Rate is the offered rate at t in arrivals per second: the intensity,
	// where arrivals are random. It is 0 outside 0 <= t < Length().
	Rate(t time.Duration) float64
}

// Bounds of a schedule. Constructors clamp to the upper ones, so that times
// stay exact in a float64.
const (
	MaxRate   = 1e8                 // arrivals per second
	MaxLength = 30 * 24 * time.Hour // of one schedule
)

// clampRate makes a rate usable: NaN and negative rates become 0.
func clampRate(rate float64) float64 {
	if math.IsNaN(rate) {
		return 0
	}
	return min(max(rate, 0), MaxRate)
}

func clampLength(d time.Duration) time.Duration { return min(max(d, 0), MaxLength) }

// toDuration rounds seconds down to whole nanoseconds. Adding a hundredth of a
// nanosecond first keeps n/rate from falling short of a whole value by a
// rounding error; it cannot change the order of two times. What is beyond any
// schedule (an arrival at next to no rate) stays so.
func toDuration(seconds float64) time.Duration {
	const beyond = 9e9 // seconds, the most that a Duration holds
	return time.Duration(math.Floor(min(seconds, beyond)*1e9 + 0.01))
}

// countWithin returns how many n have at(n) < d, starting from a guess that is
// right but for rounding.
func countWithin(guess float64, d time.Duration, at func(uint64) time.Duration) uint64 {
	n := uint64(max(math.Ceil(guess), 0))
	for n > 0 && at(n-1) >= d {
		n--
	}
	for guess > 0 && at(n) < d {
		n++
	}
	return n
}

// DueBy returns the first arrival index m >= n that is not yet due at t, that
// is At(m) > t, or Count() when all are due. Its cost grows with the logarithm
// of m-n, so it is cheap to call often.
func DueBy(s Schedule, n uint64, t time.Duration) uint64 {
	count := s.Count()
	if n >= count || s.At(n) > t {
		return min(n, count)
	}
	low, high := bracket(s, n, t)
	for high-low > 1 {
		mid := low + (high-low)/2
		if s.At(mid) <= t {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// bracket returns an arrival low >= n that is due at t, as n is, and a later
// one, high, that is not, or Count(). It gallops from n, unless the schedule
// knows better.
func bracket(s Schedule, n uint64, t time.Duration) (low, high uint64) {
	if p, ok := s.(*poisson); ok {
		low, high = p.bracket(t)
		return max(low, n), high
	}
	low = n
	for step := uint64(1); low+step < s.Count(); step *= 2 {
		if s.At(low+step) > t {
			return low, low + step
		}
		low += step
	}
	return low, s.Count()
}
