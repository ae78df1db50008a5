package matrix

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Axis is an axis as a report draws it.
type Axis struct {
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	Values  []string  `json:"values"`
	Numbers []float64 `json:"numbers,omitempty"` // of the values, where all are numbers of one kind
	Threads bool      `json:"threads"`           // counts threads of one machine, from 1
	Log     bool      `json:"log"`               // numbers that are better spread over a logarithm
}

// Numeric tells whether the values are numbers.
func (a *Axis) Numeric() bool { return len(a.Numbers) > 0 }

// threadKeys are the last words of keys that count threads.
var threadKeys = []string{"threads", "verifiers", "workers"}

// spreadOut is the ratio of the greatest to the least value from which an axis
// is drawn over a logarithm.
const spreadOut = 8

func axesOf(plan *result.SweepPlan) []Axis {
	axes := make([]Axis, len(plan.Axes))
	for i, a := range plan.Axes {
		axes[i] = Axis{Key: a.Key, Name: a.Name, Values: a.Values, Numbers: numbers(a.Values)}
		x := &axes[i]
		if !x.Numeric() {
			continue
		}
		least, most := slices.Min(x.Numbers), slices.Max(x.Numbers)
		x.Log = least > 0 && most >= spreadOut*least
		last := x.Key[strings.LastIndexByte(x.Key, '.')+1:]
		x.Threads = slices.Contains(threadKeys, last) && least >= 1
	}
	return axes
}

// numbers reads values that are all of one kind: plain numbers, rates, shares or
// durations (in seconds). Anything else has none, and so have values of which
// two are equal, such as 1s and 1000ms.
func numbers(values []string) []float64 {
	for _, kind := range []func(string) (float64, bool){plain, rate, percent, duration} {
		var all []float64
		for _, v := range values {
			n, ok := kind(v)
			if !ok || slices.Contains(all, n) {
				break
			}
			all = append(all, n)
		}
		if len(all) == len(values) {
			return all
		}
	}
	return nil
}

func plain(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

func rate(s string) (float64, bool) {
	number, ok := strings.CutSuffix(s, "/s")
	v, isNumber := plain(number)
	return v, ok && isNumber
}

func percent(s string) (float64, bool) {
	number, ok := strings.CutSuffix(s, "%")
	v, isNumber := plain(number)
	return v, ok && isNumber
}

func duration(s string) (float64, bool) {
	d, err := time.ParseDuration(s)
	return d.Seconds(), err == nil
}
