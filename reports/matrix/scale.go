package matrix

import (
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/reports/stats"
)

// Scale is how a quantity grows along an axis of threads, the other axes held
// where the best point is.
type Scale struct {
	Axis     int      `json:"axis"`
	Held     string   `json:"held"`     // the values of the other axes; "" = there are none
	Quantity string   `json:"quantity"` // throughput, blocks or hashes: each per second
	Steps    []Step   `json:"steps"`    // by threads
	Cores    int      `json:"cores"`    // physical ones; 0 = not known
	Warnings []string `json:"warnings"`
	Knee     float64  `json:"knee"` // 0 = no distinct one
	Law      *Law     `json:"law,omitempty"`
	Why      string   `json:"why,omitempty"` // there is no law

	fit stats.Scaling
}

// Step is one number of threads.
type Step struct {
	N          float64 `json:"n"`
	Point      int     `json:"point"`
	PerS       Sample  `json:"per_s"`
	SpeedUp    float64 `json:"speed_up"` // over the fewest threads
	Low        float64 `json:"low"`      // 95 % interval; Low == High == 0: none
	High       float64 `json:"high"`
	Efficiency float64 `json:"efficiency"` // speed-up per thread, against the fewest threads
}

// Law is the law that fits best.
type Law struct {
	Name   string     `json:"name"` // amdahl or usl
	Lambda float64    `json:"lambda"`
	Sigma  float64    `json:"sigma"`
	Kappa  float64    `json:"kappa"`
	Sigmas [2]float64 `json:"sigma_interval"`
	Kappas [2]float64 `json:"kappa_interval"`
	R2     float64    `json:"r2"`
	Peak   float64    `json:"peak"` // threads; 0 = it grows with every thread
}

// Blocks per second are the quantity that scales where points are ranked by
// block time; otherwise it is the metric itself.
const Blocks = "blocks"

// quantity is what grows when the metric gets better, and how a run gives it.
func (m *Matrix) quantity() (name string, of func(float64) float64, metric string) {
	switch m.metric.Name {
	case BlockTime:
		return Blocks, func(ns float64) float64 { return 1e9 / ns }, BlockTime
	case Hashes:
		return Hashes, func(v float64) float64 { return v }, Hashes
	}
	return Throughput, func(v float64) float64 { return v }, Throughput
}

// scale fits the laws to the points along an axis of threads.
func (m *Matrix) scale(axis, cores int) {
	if m.Best < 0 || len(m.Axes[axis].Values) < 2 {
		return
	}
	s := Scale{Axis: axis, Cores: cores, Warnings: []string{}}
	name, of, metric := m.quantity()
	s.Quantity = name
	held := m.Points[m.Best].choice
	for a := range m.Axes {
		if a != axis {
			s.Held = join(s.Held, m.Axes[a].Name+"="+m.Axes[a].Values[held[a]])
		}
	}
	for i := range m.Points {
		p := &m.Points[i]
		if !along(p.choice, held, axis) || !p.Metrics[metric].Known() {
			continue
		}
		var values []float64
		for _, v := range p.Metrics[metric].Values {
			values = append(values, of(v))
		}
		s.Steps = append(s.Steps, Step{N: m.Axes[axis].Numbers[p.choice[axis]], Point: i, PerS: sampleOf(values)})
	}
	slices.SortFunc(s.Steps, func(a, b Step) int { return int(a.N - b.N) })
	s.speedUp()
	s.law()
	m.Scaling = append(m.Scaling, s)
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}

// along tells whether two points differ on one axis at most.
func along(a, b []int, axis int) bool {
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

func (s *Scale) speedUp() {
	for i := range s.Steps {
		x, first := &s.Steps[i], s.Steps[0]
		if first.PerS.Median <= 0 {
			continue
		}
		x.SpeedUp = x.PerS.Median / first.PerS.Median
		x.Efficiency = x.SpeedUp * first.N / x.N
		if d, ok := stats.MedianDifference(first.PerS.Values, x.PerS.Values, bootstrapSeed); ok && i > 0 {
			x.Low, x.High = 1+d.Low, 1+d.High
		}
	}
}

// leastSteps is how many numbers of threads a law needs: any law goes through
// two.
const leastSteps = 3

func (s *Scale) law() {
	if len(s.Steps) < leastSteps {
		s.Why = fmt.Sprintf("%d numbers of threads are too few, it takes %d", len(s.Steps), leastSteps)
		return
	}
	var points []stats.Point
	for _, x := range s.Steps {
		points = append(points, stats.Point{N: x.N, X: x.PerS.Values})
	}
	fit, err := stats.Scale(points, s.Cores, bootstrapSeed)
	if err != nil {
		s.Why = err.Error()
		return
	}
	s.fit, s.Warnings = fit, append(s.Warnings, fit.Warnings...)
	s.Law = &Law{Name: fit.Name, Lambda: fit.Lambda, Sigma: fit.Sigma, Kappa: fit.Kappa, R2: fit.R2}
	if fit.Confidence {
		s.Law.Sigmas = [2]float64{fit.SigmaInterval.Low, fit.SigmaInterval.High}
		s.Law.Kappas = [2]float64{fit.KappaInterval.Low, fit.KappaInterval.High}
	}
	if n, ok := fit.Peak(); ok {
		s.Law.Peak = n
	}
	if n, ok := stats.Knee(points, fit); ok {
		s.Knee = n
	}
}

// Fits returns the laws by name, for drawing; empty where there are none.
func (s *Scale) Fits() []stats.Fit {
	if s.Law == nil {
		return nil
	}
	return []stats.Fit{s.fit.Fit, s.fit.Other}
}
