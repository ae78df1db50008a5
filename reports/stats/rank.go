package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// Rank is the result of MannWhitney.
type Rank struct {
	U     float64 // pairs in which the value of a is the greater one; ties count half
	P     float64 // two-sided
	Exact bool    // P comes from counting, not from the normal distribution
}

// exactRuns is how many runs of both sides together are counted out. Beyond
// it the normal approximation is good to more digits than anyone reads.
const exactRuns = 60

// MannWhitney tests whether a and b come from one distribution, against the
// alternative that one of them tends to greater values: H. B. Mann and D. R.
// Whitney, Annals of Mathematical Statistics 18 (1947). P is twice the smaller
// tail, at most 1.
//
// Up to 60 runs P is exact, with ties as well: the distribution of the rank
// sum is then counted given the ties that there are. Beyond, it comes from the
// normal distribution with corrections for ties and continuity. Not ok where a
// side is empty or holds a NaN.
func MannWhitney(a, b []float64) (Rank, bool) {
	if len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, math.IsNaN) || slices.ContainsFunc(b, math.IsNaN) {
		return Rank{}, false
	}
	twice := doubledRanks(a, b)
	sum := 0
	for _, r := range twice[:len(a)] {
		sum += r
	}
	m, n := float64(len(a)), float64(len(b))
	rank := Rank{U: float64(sum)/2 - m*(m+1)/2}
	if len(twice) <= exactRuns {
		rank.P, rank.Exact = countedP(twice, len(a), sum), true
		return rank, true
	}
	total := m + n
	variance := m * n / 12 * (total + 1 - tieTerm(twice)/(total*(total-1)))
	distance := math.Abs(rank.U-m*n/2) - 0.5
	rank.P = 1
	if variance > 0 && distance > 0 {
		rank.P = 2 * distuv.UnitNormal.Survival(distance/math.Sqrt(variance))
	}
	return rank, true
}

// doubledRanks returns twice the rank of each value among all, those of a
// first. Ties share the mean of their ranks, of which twice is whole.
func doubledRanks(a, b []float64) []int {
	all := slices.Concat(a, b)
	sorted := slices.Sorted(slices.Values(all))
	twice := make([]int, len(all))
	for i, v := range all {
		first, _ := slices.BinarySearch(sorted, v)
		after := first
		for after < len(sorted) && sorted[after] == v {
			after++
		}
		twice[i] = first + 1 + after // ranks first+1 to after
	}
	return twice
}

// countedP counts in how many of the equally likely choices of m ranks the sum
// is as small as the one seen, and in how many as great.
func countedP(twice []int, m, seen int) float64 {
	// ways[k][s]: choices of k ranks with the sum s, among those looked at.
	top := 0
	for _, r := range twice {
		top += r
	}
	ways := make([][]float64, m+1)
	for k := range ways {
		ways[k] = make([]float64, top+1)
	}
	ways[0][0] = 1
	for _, r := range twice {
		for k := m; k >= 1; k-- {
			for s := r; s <= top; s++ {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	var below, above float64
	for s, w := range ways[m] {
		if s <= seen {
			below += w
		}
		if s >= seen {
			above += w
		}
	}
	return min(1, 2*min(below, above)/(below+above-ways[m][seen]))
}

// tieTerm is the sum of t^3 - t over groups of t equal values.
func tieTerm(twice []int) float64 {
	groups := map[int]float64{}
	for _, r := range twice {
		groups[r]++
	}
	var sum float64
	for _, t := range groups {
		sum += t*t*t - t
	}
	return sum
}

// Holm returns p-values adjusted for their number: compare each with alpha.
// S. Holm, "A simple sequentially rejective multiple test procedure",
// Scandinavian Journal of Statistics 6 (1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case p[i] < p[j]:
			return -1
		case p[i] > p[j]:
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}

// SmallestP is the least p-value that MannWhitney can give m runs against n
// without ties: all of one side above all of the other.
func SmallestP(m, n int) float64 {
	if m < 1 || n < 1 {
		return 1
	}
	return min(1, 2*math.Exp(-combin.LogGeneralizedBinomial(float64(m+n), float64(m))))
}

// mostRuns bounds RunsNeeded.
const mostRuns = 1000

// RunsNeeded is the least number of runs a side with which MannWhitney can come
// below alpha after Holm's correction over so many metrics: 6 for 8 metrics at
// 0.05. It is a matter of counting, not of how great the difference is. At
// least 2, at most 1000; alpha must be above 0.
func RunsNeeded(alpha float64, metrics int) int {
	for n := 2; n < mostRuns; n++ {
		if SmallestP(n, n)*float64(max(metrics, 1)) < alpha {
			return n
		}
	}
	return mostRuns
}
