package schedule

import (
	"slices"
	"time"
)

// peakPoints bounds how many windows of its grid Peak looks at.
const peakPoints = 1 << 14

// Peak returns the highest number of arrivals per second within any window of
// the given length. It looks at windows that begin or end where the rate jumps
// or bends, and at a grid of starts at least 16 to a window (fewer where a
// schedule has more than 1,024 windows), so that a smooth peak between two grid
// points is missed by a sixteenth of the window at most. Recorded arrivals may
// come in lumps that a grid misses, so there it looks at all of them. A window
// longer than the schedule is cut to it.
func Peak(s Schedule, window time.Duration) float64 {
	window = min(window, s.Length())
	if window <= 0 || s.Count() == 0 {
		return 0
	}
	if lumpy(s) {
		return float64(mostWithin(s, window)) / window.Seconds()
	}
	starts := windowStarts(s, window)
	before := countsBefore(s, starts, 0)
	after := countsBefore(s, starts, window)
	var most uint64
	for i := range starts {
		most = max(most, after[i]-before[i])
	}
	return float64(most) / window.Seconds()
}

// lumpy says whether arrivals may come at times that no rate tells.
func lumpy(s Schedule) bool {
	l, ok := s.(interface{ lumpy() bool })
	return ok && l.lumpy()
}

// mostWithin returns the most arrivals in a window: one of those with the most
// begins with an arrival.
func mostWithin(s Schedule, window time.Duration) (most uint64) {
	end := uint64(0)
	for first := range s.Count() {
		until := s.At(first) + window
		for end < s.Count() && s.At(end) < until {
			end++
		}
		most = max(most, end-first)
	}
	return most
}

// windowStarts returns the starts of the windows worth looking at, in order.
func windowStarts(s Schedule, window time.Duration) []time.Duration {
	last := s.Length() - window
	var starts []time.Duration
	for _, b := range breaks(s) {
		starts = append(starts, min(b, last), max(b-window, 0))
	}
	step := max(window/16, s.Length()/peakPoints, 1)
	for from := time.Duration(0); from <= last; from += step {
		starts = append(starts, from)
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// countsBefore returns how many arrivals lie before each time plus a shift. It
// goes upwards through the schedule once, which suits schedules that are drawn
// in blocks.
func countsBefore(s Schedule, times []time.Duration, shift time.Duration) []uint64 {
	counts := make([]uint64, len(times))
	n := uint64(0)
	for i, t := range times {
		n = DueBy(s, n, t+shift-1)
		counts[i] = n
	}
	return counts
}

// breaks returns where the rate of a schedule may jump or bend.
func breaks(s Schedule) []time.Duration {
	if b, ok := s.(interface{ breaks() []time.Duration }); ok {
		return b.breaks()
	}
	return nil
}
