package search

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Config is how a search is set up. Rates are per second.
type Config struct {
	Start     float64 // first rate that is asked for, Floor to Limit
	Floor     float64 // no lower rate is tried, over 0
	Limit     float64 // no higher rate is asked for
	LimitWhy  string  // whose limit that is
	Precision float64 // widest bracket as a share of its lower end, 0.01 to 0.5
	Confirm   int     // full runs that the lower end must pass, from 1
	Repeats   int     // of a trial that was INVALID, from 0
	Errors    float64 // largest share of errors, 0 to 1; see verdict's error_share
	// Lengths of a trial's steady window: while a bracket is looked for, while it
	// is narrowed, and of those runs that decide.
	Short, Long, Full time.Duration
	// Arrivals is the least that a trial must have for the SLO's percentiles to
	// be known; at low rates trials are longer for it.
	Arrivals float64
}

// Bounds of Config, and of the search.
const (
	PrecisionMin = 0.01
	PrecisionMax = 0.5
	// Rounds bounds how often a full run may contradict what shorter ones said.
	Rounds = 4
	// FloorShare of the start rate is the floor where nothing else is asked for:
	// six halvings.
	FloorShare = 1.0 / 64
	// CeilingShare of what the generator can drive at most is as much as a trial
	// asks for: beyond, its own pauses show.
	CeilingShare = 0.8
)

// Validate says which field is out of its range.
func (c *Config) Validate() error {
	switch {
	case !(c.Precision >= PrecisionMin && c.Precision <= PrecisionMax):
		return fmt.Errorf("search: precision is %v; permitted: %v to %v", c.Precision, PrecisionMin, PrecisionMax)
	case !(c.Floor > 0 && c.Start >= c.Floor && c.Limit >= c.Start):
		return fmt.Errorf("search: floor %v, start %v and limit %v; permitted: over 0, in this order", c.Floor, c.Start, c.Limit)
	case c.Confirm < 1 || c.Repeats < 0:
		return fmt.Errorf("search: %d full runs and %d repeats; permitted: from 1, and from 0", c.Confirm, c.Repeats)
	case c.Short <= 0 || c.Long < c.Short || c.Full < c.Long:
		return fmt.Errorf("search: trials of %v, %v and %v; permitted: over 0s, in rising order", c.Short, c.Long, c.Full)
	}
	return nil
}

// Plan says the same as a report does.
func (c *Config) Plan() result.CapacityPlan {
	return result.CapacityPlan{
		Start: c.Start, Floor: c.Floor, Limit: c.Limit, LimitWhy: c.LimitWhy, Precision: c.Precision,
		Confirm: c.Confirm, Repeats: c.Repeats, Errors: c.Errors,
		ShortNs: int64(c.Short), LongNs: int64(c.Long), FullNs: int64(c.Full),
	}
}

// stretched is how long a trial of a rate must be to have enough arrivals.
func (c *Config) stretched(rate float64, length time.Duration) time.Duration {
	need := time.Duration(math.Ceil(c.Arrivals / rate * 1e9))
	return max(length, need.Round(100*time.Millisecond))
}

// Round rounds a rate down to four significant digits, which is as fine as
// anybody will want to read. No precision that is permitted suffers from it.
func Round(rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	unit := math.Pow10(int(math.Floor(math.Log10(rate))) - 3)
	if unit < 1 { // 1/unit is exact where unit is not
		return math.Floor(rate*math.Round(1/unit)+1e-9) / math.Round(1/unit)
	}
	return math.Floor(rate/unit+1e-9) * unit
}

// Stage is one part of the plan: at most so many trials of one length.
type Stage struct {
	Purpose string
	Length  time.Duration // of one trial at the start rate or above
	Trials  int           // at most, without repeats
}

// Worst lists the most trials that a search can take, its first round in order
// and then all further rounds together. Every trial may be repeated
// Config.Repeats times on top, where it is INVALID.
func (c *Config) Worst() []Stage {
	ups := int(math.Ceil(math.Log2(c.Limit/c.Start)-1e-9)) + 1 // the start rate itself is one
	downs := int(math.Ceil(math.Log2(c.Start/c.Floor) - 1e-9))
	// Each failure while finding is asked again: one on the way up, or all on the
	// way down.
	bisect := c.bisections()
	further := Rounds - 1
	return []Stage{
		{result.TrialFind, c.Short, ups + downs},
		{result.TrialFind, c.Long, 1 + downs},
		{result.TrialBisect, c.Long, bisect},
		{result.TrialConfirm, c.Full, c.Confirm},
		{result.TrialRecheck, c.Full, 1},
		{"again", c.Full, further * (bisect + c.Confirm + 1)},
	}
}

// Takes is how long a search lasts at most, without the starting of systems and
// the signing of transactions: once, where trials do not contradict each other
// and drain at once; and in the worst case, where every drain goes to its end,
// every trial is repeated, and the rates are as low as the floor.
func (c *Config) Takes(warmup, drain time.Duration) (once, worst time.Duration) {
	all := c.Worst()
	for i, s := range all {
		if i < len(all)-1 {
			once += time.Duration(s.Trials) * (warmup + c.stretched(c.Start, s.Length))
		}
		worst += time.Duration(s.Trials*(1+c.Repeats)) * (warmup + c.stretched(c.Floor, s.Length) + drain)
	}
	return once, worst
}

// ArrivalsFor returns how many arrivals a trial must have for the quantiles of
// an SLO's metrics to be known: 10/(1-q), and a tenth more for arrivals that
// come at random.
func ArrivalsFor(metrics ...string) float64 {
	need := 1.0
	for _, m := range metrics {
		for suffix, n := range map[string]float64{".p50": 20, ".p90": 100, ".p99": 1000, ".p999": 10_000} {
			if strings.HasSuffix(m, suffix) {
				need = max(need, 1.1*n)
			}
		}
	}
	return need
}

// bisections narrow a factor of two down to the precision: each halves the
// bracket's logarithm. One more makes up for the rounding of rates.
func (c *Config) bisections() int {
	return int(math.Ceil(math.Log2(math.Ln2/math.Log1p(c.Precision)))) + 1
}
