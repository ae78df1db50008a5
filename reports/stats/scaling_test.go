package stats

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A published measurement of a machine with 144 cores, and its published
// coefficients.
var published = []Point{
	{1, []float64{65}}, {18, []float64{996}}, {36, []float64{1652}}, {72, []float64{1853}},
	{108, []float64{1829}}, {144, []float64{1775}}, {216, []float64{1702}},
}

func TestScalePublished(t *testing.T) {
	s, err := Scale(published, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want, within float64) {
		t.Helper()
		if math.Abs(got-want) > within {
			t.Errorf("%s = %.8g, published is %v", name, got, want)
		}
	}
	// Seven runs are too few for AICc to believe in a third coefficient; what
	// was published is the Universal Scalability Law.
	if s.Name != Amdahl || !warns(s, "falls by 8 % beyond 72 threads") {
		t.Errorf("chose %s; warnings %q", s.Name, s.Warnings)
	}
	usl := s.Other
	near("sigma", usl.Sigma, 0.02773, 0.000005)
	near("kappa", usl.Kappa, 0.000104, 0.0000005)
	near("lambda", usl.Lambda, 89.99, 0.005)
	n, ok := usl.Peak()
	if !ok || n != 96 {
		t.Errorf("peak at %v %v, want 96", n, ok)
	}
	near("X(96)", usl.At(n), 1883.8, 0.05)
	if n, ok := Knee(published, s); !ok || n != 36 {
		t.Errorf("knee at %v %v, want 36", n, ok)
	}
	if s.Confidence || !warns(s, "no intervals") {
		t.Errorf("one run a point has no interval; warnings %q", s.Warnings)
	}
}

func warns(s Scaling, what string) bool {
	return strings.Contains(strings.Join(s.Warnings, "\n"), what)
}

// twin minimises the same squares by a method that knows nothing of the law: a
// compass search, which tries four directions and halves its step where none
// leads down. R. Hooke and T. Jeeves, Journal of the ACM 8 (1961).
func twin(loads []load, pairs bool) float64 {
	at := func(sigma, kappa float64) float64 {
		law := Law{1, sigma, kappa}
		law.Lambda = bestLambda(loads, law)
		return squares(loads, law)
	}
	least := math.Inf(1)
	for _, start := range [][2]float64{{0, 0}, {0.1, 0.01}, {1, 0.1}} {
		sigma, kappa := start[0], start[1]
		if !pairs {
			kappa = 0
		}
		here := at(sigma, kappa)
		for step := 0.1; step > 1e-9; {
			moved := false
			for _, d := range [][2]float64{{1, 0}, {-1, 0}, {0, 0.1}, {0, -0.1}, {1, -0.1}, {-1, 0.1}} {
				s, k := max(0, sigma+step*d[0]), max(0, kappa+step*d[1])
				if !pairs {
					k = 0
				}
				if there := at(s, k); there < here {
					sigma, kappa, here, moved = s, k, there, true
				}
			}
			if !moved {
				step /= 2
			}
		}
		least = min(least, here)
	}
	return least
}

// On any measurement, sensible or not, the fit is at least as good as the
// twin's, and within its bounds.
func TestFitLawAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := []float64{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}[:rapid.IntRange(3, 10).Draw(t, "points")]
		truth := Law{rapid.Float64Range(1, 1e6).Draw(t, "lambda"), rapid.Float64Range(0, 0.6).Draw(t, "sigma"), rapid.Float64Range(0, 0.05).Draw(t, "kappa")}
		noise := rapid.Float64Range(0, 0.3).Draw(t, "noise")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var loads []load
		for _, n := range counts {
			for range 2 {
				loads = append(loads, load{n, truth.At(n) * math.Exp(noise*rng.NormFloat64())})
			}
		}
		for _, pairs := range []bool{false, true} {
			law, least := fitLaw(loads, pairs)
			if law.Sigma < 0 || law.Kappa < 0 || law.Lambda <= 0 || !pairs && law.Kappa != 0 {
				t.Fatalf("pairs %v: %+v is out of bounds", pairs, law)
			}
			scale := squares(loads, Law{})
			if want := twin(loads, pairs); least > want*(1+1e-6)+1e-12*scale {
				t.Fatalf("pairs %v: squares %v with %+v, the twin has %v", pairs, least, law, want)
			}
		}
	})
}

// made returns runs of a law with noise.
func made(law Law, noise float64, seed uint64, counts ...float64) []Point {
	rng := rand.New(rand.NewPCG(seed, 9))
	var points []Point
	for _, n := range counts {
		p := Point{N: n}
		for range 5 {
			p.X = append(p.X, law.At(n)*(1+noise*rng.NormFloat64()))
		}
		points = append(points, p)
	}
	return points
}

// The same measurement, had each point been measured five times.
func TestScalePublishedRepeated(t *testing.T) {
	var points []Point
	for _, p := range published {
		x := p.X[0]
		points = append(points, Point{p.N, []float64{0.98 * x, 0.99 * x, x, 1.01 * x, 1.02 * x}})
	}
	s, err := Scale(points, 0, 1)
	if err != nil || s.Name != USL || !s.Confidence || math.Abs(s.Kappa-0.000104) > 1e-6 {
		t.Errorf("got %+v %v", s.Fit, err)
	}
	if in, ok := s.PeakInterval(); !ok || in.Low > 96 || in.High < 96 {
		t.Errorf("peak in %v %v, want 96 in it", in, ok)
	}
}

// A law that is known is found, its coefficients in their intervals about as
// often as they should (20 sets, each coefficient misses in 1 of 20).
func TestScaleFindsTheLaw(t *testing.T) {
	missed := 0
	for seed := range uint64(20) {
		truth := Law{Lambda: 5000, Sigma: 0.08, Kappa: 0.004}
		s, err := Scale(made(truth, 0.02, seed, 1, 2, 4, 8, 12, 16, 24), 32, seed)
		if err != nil || s.Name != USL || !s.Confidence {
			t.Fatalf("seed %d: %s, %v", seed, s.Name, err)
		}
		for _, c := range []struct {
			in   Interval
			want float64
		}{{s.LambdaInterval, truth.Lambda}, {s.SigmaInterval, truth.Sigma}, {s.KappaInterval, truth.Kappa}} {
			if c.want < c.in.Low || c.want > c.in.High {
				missed++
			}
		}
		if x, in, ok := s.Predict(48); !ok || !(in.Low <= x && x <= in.High) || math.Abs(x/truth.At(48)-1) > 0.15 {
			t.Errorf("seed %d: X(48) = %v %v %v, truth %v", seed, x, in, ok, truth.At(48))
		}
		if _, _, ok := s.Predict(49); ok {
			t.Error("a prediction beyond twice the greatest thread count")
		}
		if _, _, ok := s.Predict(0.5); ok {
			t.Error("a prediction for half a thread")
		}
		if in, ok := s.PeakInterval(); !ok || in.Low > 15 || in.High < 15 || in.High > 20 {
			t.Errorf("seed %d: peak in %v %v, truth 15", seed, in, ok)
		}
	}
	if missed > 12 {
		t.Errorf("%d of 60 coefficients missed their interval", missed)
	}
}

func TestScaleChoosesAmdahl(t *testing.T) {
	chosen := 0
	for seed := range uint64(10) {
		s, err := Scale(made(Law{Lambda: 5000, Sigma: 0.1}, 0.02, seed, 1, 2, 4, 8, 16, 32), 0, seed)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name == Amdahl {
			chosen++
			if _, ok := s.Peak(); ok {
				t.Error("Amdahl's law has a peak")
			}
		}
	}
	if chosen < 7 {
		t.Errorf("Amdahl's law was chosen in %d of 10", chosen)
	}
}

func TestScaleWarns(t *testing.T) {
	law := Law{Lambda: 100, Sigma: 0.05}
	tests := map[string]struct {
		points []Point
		cores  int
		want   string
	}{
		"few points":   {made(law, 0.01, 1, 1, 2, 4), 0, "Only 3 thread counts"},
		"over cores":   {made(law, 0.01, 1, 1, 2, 3, 4, 6, 8), 4, "Beyond the 4 physical cores (at 6, 8 threads)"},
		"no one":       {made(law, 0.01, 1, 2, 3, 4, 6, 8), 0, "No run with one thread"},
		"noise":        {made(Law{Lambda: 100, Sigma: 0.95}, 0.3, 1, 1, 2, 3, 4, 6, 8), 0, "of the variance"},
		"superlinear":  {made(Law{Lambda: 100, Sigma: -0.05}, 0.001, 1, 1, 2, 3, 4, 6, 8), 0, "above linear growth"},
		"far peak":     {made(Law{Lambda: 100, Sigma: 0.01, Kappa: 0.0005}, 0.0001, 1, 1, 2, 4, 8, 16, 24), 0, "lies beyond the 24 measured"},
		"two points":   {[]Point{{1, []float64{10}}, {2, []float64{19}}}, 0, "Too few runs to choose"},
		"not distinct": {made(Law{Lambda: 100, Sigma: 0.05, Kappa: 0.0006}, 0.03, 10, 1, 2, 3, 4, 6, 8), 0, "fit about equally well"},
	}
	for name, tt := range tests {
		s, err := Scale(tt.points, tt.cores, 1)
		if err != nil || !warns(s, tt.want) {
			t.Errorf("%s: warnings %q, error %v, want %q", name, s.Warnings, err, tt.want)
		}
	}
	calm, err := Scale(made(Law{Lambda: 100, Sigma: 0.05, Kappa: 0.003}, 0.005, 1, 1, 2, 4, 8, 16, 24), 32, 1)
	if err != nil || len(calm.Warnings) > 0 {
		t.Errorf("a good measurement is warned of: %q %v", calm.Warnings, err)
	}
}

func TestScaleRefuses(t *testing.T) {
	ok := Point{1, []float64{10}}
	for name, points := range map[string][]Point{
		"nothing":       nil,
		"one":           {ok},
		"twice":         {ok, {2, []float64{9}}, ok},
		"below one":     {ok, {0.5, []float64{9}}},
		"no run":        {ok, {2, nil}},
		"no throughput": {ok, {2, []float64{0}}},
		"NaN":           {ok, {2, []float64{math.NaN()}}},
		"infinite":      {ok, {math.Inf(1), []float64{1}}},
	} {
		if s, err := Scale(points, 0, 1); err == nil {
			t.Errorf("%s: got %+v", name, s)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", name, err)
		}
	}
}

// The order of the points makes no difference, and the argument stays as it is.
func TestScaleOrder(t *testing.T) {
	points := made(Law{Lambda: 100, Sigma: 0.05, Kappa: 0.003}, 0.01, 1, 1, 2, 4, 8)
	turned := []Point{points[2], points[0], points[3], points[1]}
	a, _ := Scale(points, 0, 1)
	b, _ := Scale(turned, 0, 1)
	if a.Law != b.Law || a.SigmaInterval != b.SigmaInterval || turned[0].N != 4 {
		t.Errorf("%+v, turned round %+v", a.Law, b.Law)
	}
}

func TestKnee(t *testing.T) {
	knee := func(points []Point) (float64, bool) {
		s, err := Scale(points, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		return Knee(points, s)
	}
	if n, ok := knee(made(Law{Lambda: 1000, Sigma: 0.3, Kappa: 0.001}, 0.001, 1, 1, 2, 4, 8, 16, 32, 64)); !ok || n != 16 {
		t.Errorf("a bend: knee at %v %v, want 16", n, ok)
	}
	if n, ok := knee(made(Law{Lambda: 1000}, 0.001, 1, 1, 2, 4, 8, 16, 32)); ok {
		t.Errorf("a straight line has a knee at %v", n)
	}
	if n, ok := knee(made(Law{Lambda: 1000, Sigma: 0.3}, 0.001, 1, 1, 2, 4)); ok {
		t.Errorf("three points have a knee at %v", n)
	}
	if n, ok := knee([]Point{{1, []float64{5}}, {2, []float64{5}}, {3, []float64{5}}, {4, []float64{5}}}); ok {
		t.Errorf("a flat line has a knee at %v", n)
	}
	// The data bend at 3, but the law that was fitted bends much later.
	var steps []Point
	for i, n := range []float64{1, 2, 3, 6, 10, 15, 20, 25, 30} {
		steps = append(steps, Point{n, []float64{min(10*n, 29) + float64(i)/100}})
	}
	if n, ok := Knee(steps, Scaling{Fit: Fit{Law: Law{Lambda: 10, Sigma: 0.01, Kappa: 0.0015}}}); ok {
		t.Errorf("a knee at %v that the law does not have", n)
	}
}
