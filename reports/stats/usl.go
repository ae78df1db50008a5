package stats

import "math"

// Law is throughput over N threads,
//
//	X(N) = Lambda N / (1 + Sigma (N-1) + Kappa N (N-1)),
//
// the Universal Scalability Law: N. J. Gunther, "Guerrilla Capacity Planning"
// (2007), chapter 4. With Kappa = 0 it is Amdahl's law. None of the three is
// below 0.
type Law struct {
	Lambda float64 // throughput of one thread, per second
	Sigma  float64 // contention: the share of work that only one thread can do at a time
	Kappa  float64 // coherency: what each pair of threads costs
}

// At returns X(n).
func (l Law) At(n float64) float64 { return l.Lambda * l.shape(n) }

func (l Law) shape(n float64) float64 { return n / (1 + l.Sigma*(n-1) + l.Kappa*n*(n-1)) }

// Peak is the whole number of threads up to which X grows, Gunther's
// floor(sqrt((1-Sigma)/Kappa)); not ok where it grows with every thread.
func (l Law) Peak() (n float64, ok bool) {
	if l.Kappa <= 0 {
		return 0, false
	}
	return max(1, math.Floor(math.Sqrt(max(0, 1-l.Sigma)/l.Kappa))), true
}

// load is one measurement: x per second with n threads.
type load struct{ n, x float64 }

// fitLaw fits by least squares, with kappa held at 0 unless pairs. sigma and
// kappa are kept at or above 0 by fitting with either of them at its bound too
// and taking the best fit within: two bounds make four cases, and the least
// squares lie in one of them.
func fitLaw(loads []load, pairs bool) (Law, float64) {
	best, least := Law{}, math.Inf(1)
	for _, free := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		if free[1] && !pairs {
			continue
		}
		law := descend(loads, startLaw(loads, free), free)
		if law.Sigma < 0 || law.Kappa < 0 {
			continue
		}
		if s := squares(loads, law); s < least {
			best, least = law, s
		}
	}
	return best, least
}

// startLaw solves the law turned round, N/X = 1/Lambda + ..., which is linear.
// Weighted with X^2 its squares are nearly those of X itself.
func startLaw(loads []load, free [2]bool) Law {
	var e equations
	for _, l := range loads {
		w := l.x * l.x / (l.n * l.n)
		row := [3]float64{1, 0, 0}
		if free[0] {
			row[1] = l.n - 1
		}
		if free[1] {
			row[2] = l.n * (l.n - 1)
		}
		e.add(row, l.n/l.x, w*l.x*l.x)
	}
	c := e.solve(0)
	if !(c[0] > 0) {
		return Law{Lambda: bestLambda(loads, Law{})}
	}
	law := Law{Sigma: max(0, c[1]/c[0]), Kappa: max(0, c[2]/c[0])}
	law.Lambda = bestLambda(loads, law)
	return law
}

// bestLambda is the least-squares factor of a shape.
func bestLambda(loads []load, law Law) float64 {
	var xs, ss float64
	for _, l := range loads {
		s := law.shape(l.n)
		xs, ss = xs+l.x*s, ss+s*s
	}
	return xs / ss
}

func squares(loads []load, law Law) float64 {
	var sum float64
	for _, l := range loads {
		r := l.x - law.At(l.n)
		sum += r * r
	}
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

// descend is the method of Levenberg and Marquardt: K. Levenberg, Quarterly of
// Applied Mathematics 2 (1944); D. Marquardt, SIAM Journal 11 (1963).
func descend(loads []load, law Law, free [2]bool) Law {
	damping, here := 1e-3, squares(loads, law)
	for range 200 {
		e := gradients(loads, law, free)
		step := e.solve(damping)
		next := Law{law.Lambda + step[0], law.Sigma + step[1], law.Kappa + step[2]}
		there := math.Inf(1)
		if feasibleDenominator(loads, next) {
			there = squares(loads, next)
		}
		if there <= here {
			settled := here-there <= 1e-14*here
			law, here, damping = next, there, damping/10
			if settled {
				return law
			}
			continue
		}
		if damping *= 10; damping > 1e12 {
			return law
		}
	}
	return law
}

// feasibleDenominator keeps a step from crossing the pole of the law.
func feasibleDenominator(loads []load, law Law) bool {
	for _, l := range loads {
		if !(1+law.Sigma*(l.n-1)+law.Kappa*l.n*(l.n-1) > 0) {
			return false
		}
	}
	return true
}

func gradients(loads []load, law Law, free [2]bool) *equations {
	e := new(equations)
	for _, l := range loads {
		d := 1 + law.Sigma*(l.n-1) + law.Kappa*l.n*(l.n-1)
		row := [3]float64{l.n / d, 0, 0}
		by := -law.Lambda * l.n / (d * d)
		if free[0] {
			row[1] = by * (l.n - 1)
		}
		if free[1] {
			row[2] = by * l.n * (l.n - 1)
		}
		e.add(row, l.x-law.At(l.n), 1)
	}
	return e
}

// equations are the normal equations of three unknowns, J'WJ c = J'Wy.
type equations struct {
	m [3][3]float64
	y [3]float64
}

func (e *equations) add(row [3]float64, y, weight float64) {
	for i := range 3 {
		for k := range 3 {
			e.m[i][k] += weight * row[i] * row[k]
		}
		e.y[i] += weight * row[i] * y
	}
}

// solve returns c, with the diagonal multiplied by 1 + damping. An unknown
// that no row mentions stays 0. The rows and columns are scaled to a unit
// diagonal first: lambda and kappa can lie eight orders of magnitude apart.
func (e *equations) solve(damping float64) [3]float64 {
	var scale, c [3]float64
	var m [3][4]float64
	for i := range 3 {
		if e.m[i][i] > 0 {
			scale[i] = 1 / math.Sqrt(e.m[i][i])
		}
	}
	for i := range 3 {
		for k := range 3 {
			m[i][k] = e.m[i][k] * scale[i] * scale[k]
		}
		m[i][i] = 1 + damping
		m[i][3] = e.y[i] * scale[i]
	}
	for i := range 3 { // positive semidefinite: no pivoting needed
		if m[i][i] < 1e-13 {
			continue // said already by the other unknowns
		}
		for k := range 3 {
			if k == i {
				continue
			}
			f := m[k][i] / m[i][i]
			for j := i; j < 4; j++ {
				m[k][j] -= f * m[i][j]
			}
		}
	}
	for i := range 3 {
		if m[i][i] >= 1e-13 {
			c[i] = m[i][3] / m[i][i] * scale[i]
		}
	}
	return c
}
