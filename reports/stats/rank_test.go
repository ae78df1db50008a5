package stats

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/combin"
	"pgregory.net/rapid"
)

// countPairs is U by its definition.
func countPairs(a, b []float64) float64 {
	var u float64
	for _, x := range a {
		for _, y := range b {
			if x > y {
				u++
			} else if x == y {
				u += 0.5
			}
		}
	}
	return u
}

// bruteMannWhitney deals the values out to the two sides in all ways.
func bruteMannWhitney(a, b []float64) (u, p float64) {
	all := slices.Concat(a, b)
	u = countPairs(a, b)
	var below, above, total float64
	for _, chosen := range combin.Combinations(len(all), len(a)) {
		var x, y []float64
		for i, v := range all {
			if slices.Contains(chosen, i) {
				x = append(x, v)
			} else {
				y = append(y, v)
			}
		}
		total++
		got := countPairs(x, y)
		if got <= u {
			below++
		}
		if got >= u {
			above++
		}
	}
	return u, min(1, 2*min(below, above)/total)
}

func TestMannWhitneyAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few different values, so that ties are common.
		value := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 12).Draw(t, "v")) / 4 })
		a := rapid.SliceOfN(value, 1, 6).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 6).Draw(t, "b")
		got, ok := MannWhitney(a, b)
		u, p := bruteMannWhitney(a, b)
		if !ok || !got.Exact || got.U != u || math.Abs(got.P-p) > 1e-12 {
			t.Fatalf("got %+v %v, want U %v, P %v", got, ok, u, p)
		}
		back, _ := MannWhitney(b, a)
		if math.Abs(back.P-got.P) > 1e-12 || back.U+got.U != float64(len(a)*len(b)) {
			t.Fatalf("turned round: %+v and %+v", got, back)
		}
	})
}

// Known values: the tables of Mann and Whitney give the tail of U <= 2 for 5
// against 5 as 4/252; all above all for 10 against 10 is 2 of 184,756.
func TestMannWhitneyKnown(t *testing.T) {
	low, high := []float64{1, 2, 3, 4, 6.5}, []float64{5, 6, 7, 8, 9}
	got, _ := MannWhitney(low, high)
	if got.U != 2 || math.Abs(got.P-8.0/252) > 1e-12 {
		t.Errorf("got %+v, want U 2, P %v", got, 8.0/252)
	}
	var a, b []float64
	for i := range 10 {
		a, b = append(a, float64(i)), append(b, float64(i+10))
	}
	if got, _ := MannWhitney(a, b); math.Abs(got.P-2.0/184756) > 1e-15 || got.P < SmallestP(10, 10)*(1-1e-9) {
		t.Errorf("got %+v, want P %v", got, 2.0/184756)
	}
}

// Where the exact test hands over to the normal distribution, the two agree.
func TestMannWhitneyNormalAgrees(t *testing.T) {
	for _, ties := range []bool{false, true} {
		var a, b []float64
		for i := range 31 {
			x, y := float64(i*7%31), float64(i*7%31)+4.5
			if ties {
				x, y = math.Floor(x/3), math.Floor(y/3)
			}
			a, b = append(a, x), append(b, y)
		}
		got, ok := MannWhitney(a, b)
		if !ok || got.Exact {
			t.Fatalf("got %+v %v, want the normal distribution", got, ok)
		}
		twice := doubledRanks(a, b)
		sum := 0
		for _, r := range twice[:len(a)] {
			sum += r
		}
		if want := countedP(twice, len(a), sum); math.Abs(got.P-want) > 0.01*want {
			t.Errorf("ties %v: P %v, counted %v", ties, got.P, want)
		}
		if same, _ := MannWhitney(a, a); same.P != 1 {
			t.Errorf("a set against itself: P %v", same.P)
		}
	}
}

func TestMannWhitneyRefuses(t *testing.T) {
	one := []float64{1}
	for name, sides := range map[string][2][]float64{
		"empty": {nil, one}, "empty with": {one, nil}, "NaN": {{math.NaN()}, one}, "NaN with": {one, {math.NaN()}},
	} {
		if got, ok := MannWhitney(sides[0], sides[1]); ok {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got, ok := MannWhitney([]float64{2, 2, 2}, []float64{2, 2}); !ok || got.P != 1 {
		t.Errorf("all equal: got %+v %v, want P 1", got, ok)
	}
}

func TestHolm(t *testing.T) {
	tests := []struct{ p, want []float64 }{
		{nil, []float64{}},
		{[]float64{0.04}, []float64{0.04}},
		// Holm's own steps: 0.01 x 4, 0.02 x 3, then 0.06 carried on, 0.9.
		{[]float64{0.02, 0.9, 0.01, 0.025}, []float64{0.06, 0.9, 0.04, 0.06}},
		{[]float64{0.5, 0.5, 0.5}, []float64{1, 1, 1}},
	}
	for _, tt := range tests {
		got := Holm(tt.p)
		if len(got) != len(tt.want) {
			t.Fatalf("Holm(%v) = %v", tt.p, got)
		}
		for i := range got {
			if math.Abs(got[i]-tt.want[i]) > 1e-12 {
				t.Errorf("Holm(%v) = %v, want %v", tt.p, got, tt.want)
			}
		}
	}
}

func TestRunsNeeded(t *testing.T) {
	// 2/C(2n,n): 1/3, 0.1, 0.0286, 0.0079, 0.0022, 0.00058 for n = 2 to 7.
	for _, tt := range []struct {
		alpha   float64
		metrics int
		want    int
	}{{0.05, 8, 6}, {0.05, 1, 4}, {0.05, 0, 4}, {0.01, 8, 7}, {0.05, 7, 6}, {0.05, 6, 5}, {0.5, 1, 2}} {
		if got := RunsNeeded(tt.alpha, tt.metrics); got != tt.want {
			t.Errorf("RunsNeeded(%v, %d) = %d, want %d", tt.alpha, tt.metrics, got, tt.want)
		}
	}
	if got := SmallestP(5, 5); math.Abs(got-2.0/252) > 1e-12 {
		t.Errorf("SmallestP(5, 5) = %v, want %v", got, 2.0/252)
	}
	if got := SmallestP(0, 5); got != 1 {
		t.Errorf("SmallestP(0, 5) = %v, want 1", got)
	}
}
