package schedule

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anySchedule draws a schedule of up to some ten thousand arrivals.
func anySchedule(t *rapid.T) Schedule {
	rate := func(name string) float64 { return rapid.Float64Range(0, 3000).Draw(t, name) }
	length := func() time.Duration { return time.Duration(rapid.Int64Range(0, 5e9).Draw(t, "length")) }
	part := func() Schedule {
		switch rapid.SampledFrom([]string{"constant", "ramp", "steps", "poisson", "trace"}).Draw(t, "kind") {
		case "constant":
			return Constant(rate("rate"), length())
		case "ramp":
			return Ramp(rate("from"), rate("to"), length())
		case "poisson":
			return Poisson(rate("rate"), length(), rapid.Uint64().Draw(t, "seed"))
		case "trace":
			return anyTrace(t).Schedule(rapid.SampledFrom([]float64{1, 0.3, 1.7}).Draw(t, "scale"), length())
		}
		var steps []Step
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			steps = append(steps, Step{Rate: rapid.SampledFrom([]float64{0, rate("rate")}).Draw(t, "pause"), For: length()})
		}
		return Steps(steps)
	}
	s := part()
	if rapid.Bool().Draw(t, "sequence") {
		s = Sequence(s, part(), part())
	}
	if rapid.Bool().Draw(t, "split") {
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		s = Split(s, rapid.IntRange(0, workers-1).Draw(t, "worker"), workers)
	}
	return s
}

// times lists all arrivals.
func times(s Schedule) []time.Duration {
	all := make([]time.Duration, s.Count())
	for n := range all {
		all[n] = s.At(uint64(n))
	}
	return all
}

// TestOrder: times lie within the schedule and never decrease, whatever the
// order in which they are asked for.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		all := times(s)
		if !slices.IsSorted(all) {
			t.Fatalf("times decrease")
		}
		if n := len(all); n > 0 && (all[0] < 0 || all[n-1] >= s.Length()) {
			t.Fatalf("times from %v to %v of a schedule of %v", all[0], all[n-1], s.Length())
		}
		for range 10 {
			if len(all) > 0 {
				n := rapid.IntRange(0, len(all)-1).Draw(t, "n")
				if at := s.At(uint64(n)); at != all[n] {
					t.Fatalf("At(%d) is %v, and was %v", n, at, all[n])
				}
			}
		}
	})
}

// TestDueBy compares with a search from end to end.
func TestDueBy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		all := times(s)
		for range 20 {
			from := rapid.IntRange(0, len(all)+2).Draw(t, "from")
			at := time.Duration(rapid.Int64Range(-1, int64(s.Length())+1).Draw(t, "t"))
			if len(all) > 0 && rapid.Bool().Draw(t, "exactly") {
				at = rapid.SampledFrom(all).Draw(t, "at")
			}
			want := min(from, len(all))
			for want < len(all) && all[want] <= at {
				want++
			}
			if got := DueBy(s, uint64(from), at); got != uint64(want) {
				t.Fatalf("DueBy(%d, %v) is %d, want %d", from, at, got, want)
			}
		}
	})
}

// TestRateIsCount: the offered rate, summed over time, is the number of
// arrivals; for deterministic schedules to within one for each part.
func TestRateIsCount(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Schedule
		want float64
	}{
		{"constant", Constant(5000, 30*time.Second), 150_000},
		{"constant, odd", Constant(0.3, 10*time.Second), 3},
		{"constant, third", Constant(1.0/3, 9*time.Second), 3},
		{"ramp up", Ramp(0, 1000, 10*time.Second), 5000},
		{"ramp down", Ramp(1000, 0, 10*time.Second), 5000},
		{"ramp in between", Ramp(100, 300, 7*time.Second), 1400},
		{"steps", Steps([]Step{{100, time.Second}, {0, time.Second}, {50.5, 2 * time.Second}, {10, time.Second}}), 211},
		{"fractions add up", Steps(slices.Repeat([]Step{{0.25, time.Second}}, 40)), 10},
		{"sequence", Sequence(Constant(10, time.Second), Ramp(10, 20, time.Second)), 25},
		{"trace of arrivals", mustDecode(t, arrivalsFile(times(Ramp(10, 50, 3*time.Second)))).Schedule(1, 0), 90},
		{"trace of arrivals, scaled", mustDecode(t, arrivalsFile(times(Ramp(10, 50, 3*time.Second)))).Schedule(2.5, 0), 225},
		{"empty", Constant(0, time.Second), 0},
		{"not a number", Constant(math.NaN(), time.Second), 0},
		{"negative", Ramp(-5, -1, time.Second), 0},
		{"no time", Constant(10, -time.Second), 0},
		{"over the bounds", Constant(1e300, time.Millisecond), MaxRate / 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := float64(c.s.Count()); got != c.want {
				t.Errorf("%v arrivals, want %v", got, c.want)
			}
			const points = 100_000
			sum := 0.0
			for i := range points {
				sum += c.s.Rate(c.s.Length() * time.Duration(i) / points)
			}
			sum *= c.s.Length().Seconds() / points
			if math.Abs(sum-c.want) > 1+c.want/1000 {
				t.Errorf("the rate sums up to %v, want %v", sum, c.want)
			}
			if c.s.Rate(-1) != 0 || c.s.Rate(c.s.Length()) != 0 {
				t.Errorf("there is a rate outside the schedule")
			}
		})
	}
}

// TestTimes pins down where arrivals lie.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Schedule
		n    uint64
		want time.Duration
	}{
		{"constant", Constant(1000, time.Second), 999, 999 * time.Millisecond},
		{"thirds", Constant(3, 2*time.Second), 5, 1666666666 * time.Nanosecond},
		{"ramp from nothing", Ramp(0, 200, 10*time.Second), 250, 5 * time.Second},
		{"ramp to nothing", Ramp(200, 0, 10*time.Second), 750, 5 * time.Second},
		{"after a pause", Steps([]Step{{10, time.Second}, {0, time.Second}, {10, time.Second}}), 10, 2 * time.Second},
		{"fraction carried", Steps([]Step{{1.5, time.Second}, {1, time.Second}}), 2, 1500 * time.Millisecond},
		{"second of a sequence", Sequence(Constant(10, time.Second), Constant(20, time.Second)), 12, 1100 * time.Millisecond},
		{"split", Split(Constant(10, time.Second), 1, 3), 2, 700 * time.Millisecond},
		{"a month at full rate", Constant(MaxRate, MaxLength), uint64(MaxRate) * 3600 * 24 * 29, 29 * 24 * time.Hour},
	} {
		if got := c.s.At(c.n); got != c.want {
			t.Errorf("%s: At(%d) is %v, want %v", c.name, c.n, got, c.want)
		}
	}
}

// TestExact: where the gap is a whole number of nanoseconds, every time is a
// multiple of it, and rounding takes none of it away.
func TestExact(t *testing.T) {
	for _, rate := range []int{1, 50, 1000, 5000, 50_000, 1_000_000} {
		gap := time.Second / time.Duration(rate)
		s := Constant(float64(rate), min(time.Hour, 200_000*gap))
		for n := range s.Count() {
			if got, want := s.At(n), time.Duration(n)*gap; got != want {
				t.Fatalf("at %d/s, At(%d) is %d ns, want %d", rate, n, got, want)
			}
		}
	}
}

// TestSplit: the shares of all workers are the whole.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := anySchedule(t)
		workers := rapid.IntRange(1, 7).Draw(t, "workers")
		var all []time.Duration
		for w := range workers {
			all = append(all, times(Split(whole, w, workers))...)
		}
		slices.Sort(all)
		if !slices.Equal(all, times(whole)) {
			t.Fatalf("%d shares have %d arrivals of %d", workers, len(all), whole.Count())
		}
	})
}

// TestPeak compares with every window that begins at an arrival.
func TestPeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		window := time.Duration(rapid.Int64Range(1e6, 2e9).Draw(t, "window"))
		got := Peak(s, window)
		all := times(s)
		if len(all) == 0 {
			if got != 0 {
				t.Fatalf("peak %v of nothing", got)
			}
			return
		}
		window = min(window, s.Length())
		most, narrow := 0, 0
		for i, from := range all {
			most = max(most, countBefore(all, from+window)-i)
			narrow = max(narrow, countBefore(all, from+window-window/16)-i)
		}
		count := got * window.Seconds()
		if count > float64(most)+0.5 || count < float64(narrow)-1.5 {
			t.Fatalf("peak of %v in a window, want %d to %d", count, narrow, most)
		}
	})
}

// countBefore returns how many arrivals are before t.
func countBefore(all []time.Duration, t time.Duration) int {
	i, _ := slices.BinarySearch(all, t)
	return i
}
