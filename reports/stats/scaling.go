package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Point is the runs at one number of threads.
type Point struct {
	N float64   // threads, at least 1
	X []float64 // throughput of each run, per second, above 0
}

// The laws that Scale chooses from.
const (
	Amdahl = "amdahl"
	USL    = "usl"
)

// Fit is one law fitted to the runs.
type Fit struct {
	Name string // Amdahl or USL
	Law
	AICc float64 // +Inf where there are too few runs to tell
	R2   float64 // share of the variance over threads that the law explains
}

// Scaling is how throughput grows with threads.
type Scaling struct {
	Fit             // the chosen one
	Other      Fit  // the one that was not chosen
	Confidence bool // whether there are intervals: they need repeats
	// 95 % intervals of the chosen law's coefficients, bootstrapped over the
	// runs of each point.
	LambdaInterval, SigmaInterval, KappaInterval Interval

	MaxN     float64 // the greatest thread count measured
	Points   int     // thread counts that the fit used
	Over     []float64
	Warnings []string // whole sentences
	draws    []Law
}

// scaleResamples is enough for 95 % intervals of three coefficients, and a
// tenth of the work of Resamples, each of which is a fit.
const scaleResamples = 2000

// indistinct is the difference in AICc below which neither law is to be
// preferred: K. P. Burnham and D. R. Anderson, "Model Selection and Multimodel
// Inference" (2002), section 2.6.
const indistinct = 2

// Scale fits Amdahl's law and the Universal Scalability Law to the runs by
// nonlinear least squares and chooses by AICc (C. M. Hurvich and C.-L. Tsai,
// Biometrika 76 (1989)). Every run counts alike. cores is the number of
// physical cores, 0 where it is not known: thread counts beyond it are
// measured on shared cores, so they are listed in Over and warned of, but
// fitted with the rest. Doubts about the fit are in Warnings.
//
// Fewer than two thread counts, a thread count below 1 or given twice, and a
// throughput that is not above 0 are errors.
func Scale(points []Point, cores int, seed uint64) (Scaling, error) {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b Point) int { return compareFloats(a.N, b.N) })
	if err := checkPoints(points); err != nil {
		return Scaling{}, err
	}
	loads := spreadOut(points)
	amdahl, usl := fitOf(Amdahl, loads), fitOf(USL, loads)
	s := Scaling{Fit: amdahl, Other: usl, MaxN: points[len(points)-1].N, Points: len(points)}
	if usl.AICc < amdahl.AICc && usl.Kappa > 0 && len(points) >= 4 {
		s.Fit, s.Other = usl, amdahl
	}
	if cores > 0 {
		for _, p := range points {
			if p.N > float64(cores) {
				s.Over = append(s.Over, p.N)
			}
		}
	}
	s.bootstrap(points, seed)
	s.Warnings = doubts(&s, points, cores)
	return s, nil
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func checkPoints(points []Point) error {
	if len(points) < 2 {
		return errors.New("scaling: runs at fewer than two thread counts; a law needs two, better five")
	}
	for i, p := range points {
		switch {
		case !(p.N >= 1) || math.IsInf(p.N, 0):
			return fmt.Errorf("scaling: thread count %v, permitted are 1 and more", p.N)
		case i > 0 && points[i-1].N == p.N:
			return fmt.Errorf("scaling: thread count %v given twice", p.N)
		case len(p.X) == 0:
			return fmt.Errorf("scaling: no run with %v threads", p.N)
		}
		for _, x := range p.X {
			if !(x > 0) || math.IsInf(x, 0) {
				return fmt.Errorf("scaling: throughput %v with %v threads, permitted is above 0", x, p.N)
			}
		}
	}
	return nil
}

func spreadOut(points []Point) []load {
	var loads []load
	for _, p := range points {
		for _, x := range p.X {
			loads = append(loads, load{p.N, x})
		}
	}
	return loads
}

func fitOf(name string, loads []load) Fit {
	law, least := fitLaw(loads, name == USL)
	f := Fit{Name: name, Law: law}
	parameters := 3 // lambda, sigma, and the variance
	if name == USL {
		parameters = 4
	}
	f.AICc = aicc(least, len(loads), parameters)
	f.R2 = explained(least, loads)
	return f
}

func aicc(squares float64, n, k int) float64 {
	if n <= k+1 {
		return math.Inf(1)
	}
	m, p := float64(n), float64(k)
	return m*math.Log(max(squares, math.SmallestNonzeroFloat64)/m) + 2*p + 2*p*(p+1)/(m-p-1)
}

func explained(squares float64, loads []load) float64 {
	var mean, total float64
	for _, l := range loads {
		mean += l.x / float64(len(loads))
	}
	for _, l := range loads {
		total += (l.x - mean) * (l.x - mean)
	}
	if total == 0 {
		return 0
	}
	return 1 - squares/total
}

// bootstrap fits the chosen law to runs drawn anew within each point. It needs
// two runs at each: with one, drawing again would pretend that it has no noise.
func (s *Scaling) bootstrap(points []Point, seed uint64) {
	for _, p := range points {
		if len(p.X) < 2 {
			return
		}
	}
	rng := newRand(seed, len(points))
	lambda, sigma, kappa := make([]float64, scaleResamples), make([]float64, scaleResamples), make([]float64, scaleResamples)
	s.draws = make([]Law, scaleResamples)
	for r := range s.draws {
		var loads []load
		for _, p := range points {
			for range p.X {
				loads = append(loads, load{p.N, p.X[rng.IntN(len(p.X))]})
			}
		}
		law, _ := fitLaw(loads, s.Name == USL)
		s.draws[r], lambda[r], sigma[r], kappa[r] = law, law.Lambda, law.Sigma, law.Kappa
	}
	s.Confidence = true
	s.LambdaInterval, s.SigmaInterval, s.KappaInterval = percentileInterval(lambda), percentileInterval(sigma), percentileInterval(kappa)
}

// Predict returns the throughput at n threads and its interval (0 to 0 without
// Confidence). Not ok below 1 and beyond twice the greatest thread count
// measured, where a law has nothing to stand on.
func (s *Scaling) Predict(n float64) (x float64, in Interval, ok bool) {
	if !(n >= 1 && n <= 2*s.MaxN) {
		return 0, Interval{}, false
	}
	if s.Confidence {
		values := make([]float64, len(s.draws))
		for i, law := range s.draws {
			values[i] = law.At(n)
		}
		in = percentileInterval(values)
	}
	return s.At(n), in, true
}

// PeakInterval is the interval of Peak's thread count. A resample without a
// peak counts as one at infinity, so High can be +Inf. Not ok without
// Confidence or without a peak.
func (s *Scaling) PeakInterval() (Interval, bool) {
	if _, ok := s.Peak(); !ok || !s.Confidence {
		return Interval{}, false
	}
	values := make([]float64, len(s.draws))
	for i, law := range s.draws {
		n, ok := law.Peak()
		if !ok {
			n = math.Inf(1)
		}
		values[i] = n
	}
	return percentileInterval(values), true
}

// The bounds of what is worth a warning.
const (
	fewPoints = 5
	goodR2    = 0.9
	notable   = 0.05 // share of throughput
)

func doubts(s *Scaling, points []Point, cores int) []string {
	var w []string
	add := func(format string, args ...any) { w = append(w, fmt.Sprintf(format, args...)) }
	if len(points) < fewPoints {
		add("Only %d thread counts were measured; a law through fewer than %d is a guess.", len(points), fewPoints)
	}
	if points[0].N != 1 {
		add("No run with one thread: its throughput is the law's own %.4g/s.", s.Lambda)
	}
	if !s.Confidence {
		add("Not every thread count was measured twice, so there are no intervals.")
	}
	if len(s.Over) > 0 {
		add("Beyond the %d physical cores (at %s threads) cores are shared, so the bend there can be the machine's.", cores, joinFloats(s.Over))
	}
	if s.R2 < goodR2 {
		add("The law explains only %.0f %% of the variance (R² %.2f).", 100*max(0, s.R2), s.R2)
	}
	switch gap := math.Abs(s.AICc - s.Other.AICc); {
	case math.IsInf(s.AICc, 0) || math.IsInf(s.Other.AICc, 0):
		add("Too few runs to choose between Amdahl's law and the Universal Scalability Law; the simpler one is shown.")
	case s.Name == Amdahl && s.Other.Kappa == 0:
		// The two laws are one: nothing speaks for a peak.
	case gap < indistinct:
		add("Amdahl's law and the Universal Scalability Law fit about equally well (AICc differs by %.1f); whether there is a peak is open.", gap)
	}
	if peak, ok := s.Peak(); ok && peak > s.MaxN {
		add("The peak at %.0f threads lies beyond the %.0f measured.", peak, s.MaxN)
	}
	if from, share := decline(points); s.Name == Amdahl && share > notable {
		add("Throughput falls by %.0f %% beyond %v threads, which Amdahl's law cannot show; more runs at each thread count would decide.", 100*share, from)
	}
	if superlinear(points) {
		add("Some points lie above linear growth, which neither law can show: look for a cache or a first point that is too low.")
	}
	return w
}

// decline is by what share the last median lies below the greatest, and where
// that is.
func decline(points []Point) (from, share float64) {
	best := 0.0
	for _, p := range points {
		if m := Median(p.X); m > best {
			from, best = p.N, m
		}
	}
	return from, 1 - Median(points[len(points)-1].X)/best
}

// superlinear: a median lies notably above what the first point promises.
func superlinear(points []Point) bool {
	first := Median(points[0].X) / points[0].N
	return slices.ContainsFunc(points, func(p Point) bool { return Median(p.X)/p.N > (1+notable)*first })
}

func joinFloats(v []float64) string {
	text := ""
	for i, x := range v {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%.4g", x)
	}
	return text
}
