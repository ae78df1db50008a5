package chart

import (
	"math"
	"strconv"
	"time"
)

// Scale maps values to 0..1. A logarithmic one needs 0 < Min < Max.
type Scale struct {
	Min, Max float64
	Log      bool
}

// At returns where v lies: 0 at Min, 1 at Max, beyond them for others. A value
// that a logarithmic scale can't show is NaN.
func (s Scale) At(v float64) float64 {
	if s.Max == s.Min {
		return 0.5
	}
	if !s.Log {
		return (v - s.Min) / (s.Max - s.Min)
	}
	if v <= 0 {
		return math.NaN()
	}
	return math.Log(v/s.Min) / math.Log(s.Max/s.Min)
}

// Tick is a mark of an axis. Minor ones have a fine line and no label.
type Tick struct {
	At    float64
	Label string
}

// Linear returns round ticks within the scale, about n of them.
func Linear(s Scale, n int, label func(float64) string) []Tick {
	return every(s, niceStep((s.Max-s.Min)/float64(max(n, 1))), label)
}

// every returns a tick at each multiple of step.
func every(s Scale, step float64, label func(float64) string) []Tick {
	var ticks []Tick
	if step <= 0 {
		return nil
	}
	for i := math.Ceil(s.Min/step - 1e-9); i*step <= s.Max+step*1e-9; i++ {
		at := i*step + 0 // adding turns a negative zero into a plain one
		ticks = append(ticks, Tick{At: at, Label: label(at)})
	}
	return ticks
}

// niceStep is the least of 1, 2, 5 x 10^k that is not below raw.
func niceStep(raw float64) float64 {
	if raw <= 0 || math.IsInf(raw, 0) || math.IsNaN(raw) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*(1-1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}

// NiceMax rounds up to a value that Linear puts a tick on.
func NiceMax(v float64, n int) float64 {
	step := niceStep(v / float64(max(n, 1)))
	if step == 0 {
		return 1
	}
	return math.Ceil(v/step-1e-9) * step
}

// Decades returns a tick at each power of ten, and at 2 and 5 times it where
// the scale is short: labelled below two decades, unlabelled below four.
func Decades(s Scale, label func(float64) string) []Tick {
	if s.Min <= 0 || s.Max <= s.Min {
		return nil
	}
	decades := math.Log10(s.Max / s.Min)
	var ticks []Tick
	for e := math.Floor(math.Log10(s.Min)); e <= math.Ceil(math.Log10(s.Max)); e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			if v < s.Min*(1-1e-9) || v > s.Max*(1+1e-9) || m > 1 && decades >= 4 {
				continue
			}
			t := Tick{At: v}
			if m == 1 || decades < 2 {
				t.Label = label(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// timeSteps are steps between ticks that a clock reader expects, in seconds.
var timeSteps = []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400}

// Times returns ticks of a scale in seconds, at most n of them.
func Times(s Scale, n int) []Tick {
	step := timeSteps[len(timeSteps)-1]
	for _, t := range timeSteps {
		if (s.Max-s.Min)/t <= float64(n) {
			step = t
			break
		}
	}
	return every(s, step, func(v float64) string { return Clock(v, s.Max) })
}

// Clock writes seconds as a clock reader expects, in the form that suits the
// longest time beside it: 35 s, 2:05, 1:02:05.
func Clock(seconds, longest float64) string {
	if longest <= 120 {
		return strconv.FormatFloat(math.Round(seconds*10)/10, 'f', -1, 64) + " s"
	}
	d := time.Duration(math.Round(seconds)) * time.Second
	m, s := int(d.Minutes()), int(d.Seconds())%60
	if longest < 3600 {
		return strconv.Itoa(m) + ":" + pad(s)
	}
	return strconv.Itoa(m/60) + ":" + pad(m%60) + ":" + pad(s)
}

func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
