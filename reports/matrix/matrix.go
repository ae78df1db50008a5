package matrix

import (
	"math"
	"slices"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// SchemaVersion of report.json.
const SchemaVersion = 1

// Alpha is the family-wise error rate of the comparisons with the best point, at
// most, and Noise the relative change that is not worth telling (docs/measurement.md,
// "Comparing").
const (
	Alpha = 0.05
	Noise = 0.02
)

// bootstrapSeed makes equal runs give equal intervals.
const bootstrapSeed = 1

// Run is one run of a sweep.
type Run struct {
	Place   int // in the order, from 0
	Attempt int // from 1
	Folder  string
	// Last says that no later attempt was made in this place: the run that
	// counts, unless it is INVALID.
	Last bool
	*result.Summary
}

// Replicate tells whether the run counts at its point.
func (r *Run) Replicate() bool {
	return r.Last && (r.Verdict == result.Pass || r.Verdict == result.Fail)
}

// Sample is the values of a metric at one point, in the order of the runs.
type Sample struct {
	Median float64   `json:"median"`
	Low    float64   `json:"low"` // 95 % interval of the median; Low == High == 0: none
	High   float64   `json:"high"`
	Values []float64 `json:"values"`
}

// Known tells whether there is any value.
func (s Sample) Known() bool { return len(s.Values) > 0 }

// HasInterval tells whether the runs were enough for an interval.
func (s Sample) HasInterval() bool { return s.Low != 0 || s.High != 0 }

func sampleOf(values []float64) Sample {
	if len(values) == 0 {
		return Sample{Values: []float64{}}
	}
	s := Sample{Median: stats.Median(values), Values: values}
	if in, ok := stats.MedianInterval(values, bootstrapSeed); ok {
		s.Low, s.High = in.Low, in.High
	}
	return s
}

// Point is one combination of values and the runs that were made of it.
type Point struct {
	Label   string            `json:"label"`
	Values  []string          `json:"values"`
	Passed  int               `json:"passed"`  // runs that count, by verdict
	Failed  int               `json:"failed"`  //
	Invalid int               `json:"invalid"` // runs that do not, repeated or not
	Audit   int               `json:"audit_failed"`
	Metrics map[string]Sample `json:"metrics"`
	Best    *Versus           `json:"against_best,omitempty"`
	Pareto  bool              `json:"pareto"` // no other point has more throughput and a lower p99
	Missed  []string          `json:"missed"` // objectives that a run did not meet

	choice []int
	runs   []*Run // that count
}

// Runs is how many runs of the point count.
func (p *Point) Runs() int { return p.Passed + p.Failed }

// Sound tells whether the point can be the best one: it was measured, and the
// chain kept its promises in every run.
func (p *Point) Sound() bool { return p.Runs() > 0 && p.Audit == 0 }

// Versus is a point held against the best one.
type Versus struct {
	Change   float64 `json:"change"` // of the median, relative to the best one's
	Low      float64 `json:"low"`    // 95 % interval; Low == High == 0: none
	High     float64 `json:"high"`
	P        float64 `json:"p"`
	Adjusted float64 `json:"p_adjusted"` // for the number of pairs of points
	Told     bool    `json:"told_apart"` // p below alpha, and more than noise
}

// Matrix is what a sweep says.
type Matrix struct {
	Metric  string  `json:"metric"`
	Best    int     `json:"best"` // -1 = no point was measured
	Points  []Point `json:"points"`
	Pairs   int     `json:"pairs"`       // of points, for which the tests are corrected
	Needed  int     `json:"runs_needed"` // a point, for any difference from the best to be told
	Enough  bool    `json:"enough"`      // every point has as many
	Kept    bool    `json:"kept_up"`     // an open loop whose every point did what was asked: its throughput is the load's
	Scaling []Scale `json:"scaling"`     // along each axis of threads
	Made    int     `json:"made"`        // places of the order with a run
	Of      int     `json:"of"`

	metric Metric
	Axes   []Axis `json:"axes"`
}

// Judge works out what the runs of a plan say.
func Judge(plan *result.SweepPlan, runs []Run) *Matrix {
	m := &Matrix{Metric: plan.Metric, Best: -1, Of: len(plan.Order), metric: MetricNamed(plan.Metric), Axes: axesOf(plan)}
	for i, p := range plan.Points {
		m.Points = append(m.Points, m.point(plan, i, p, runs))
	}
	for i := range runs {
		if runs[i].Last {
			m.Made++
		}
	}
	m.rank()
	m.pareto()
	m.Kept = m.keptUp(runs)
	for axis := range m.Axes {
		if m.Axes[axis].Threads {
			m.scale(axis, plan.Host.PhysicalCores)
		}
	}
	return m
}

func (m *Matrix) point(plan *result.SweepPlan, index int, planned result.SweepPoint, runs []Run) Point {
	p := Point{Label: plan.Label(index), choice: planned.Values, Metrics: map[string]Sample{}, Missed: []string{}}
	for a, v := range planned.Values {
		p.Values = append(p.Values, plan.Axes[a].Values[v])
	}
	for i := range runs {
		r := &runs[i]
		switch {
		case plan.Order[r.Place] != index:
		case r.Verdict == result.Invalid:
			p.Invalid++
		case r.Replicate():
			p.count(r)
		}
	}
	for _, metric := range Metrics {
		values := []float64{}
		for _, r := range p.runs {
			if v, ok := metric.value(r.Summary); ok {
				values = append(values, v)
			}
		}
		p.Metrics[metric.Name] = sampleOf(values)
	}
	return p
}

func (p *Point) count(r *Run) {
	p.runs = append(p.runs, r)
	if r.Verdict == result.Pass {
		p.Passed++
	} else {
		p.Failed++
	}
	if r.Audit.Level != "" && r.Audit.Level != "off" && !r.Audit.OK {
		p.Audit++
	}
	for _, c := range r.SLO {
		if !c.OK && !slices.Contains(p.Missed, c.Name) {
			p.Missed = append(p.Missed, c.Name)
		}
	}
	if r.Counts.DroppedOverload > 0 && !slices.Contains(p.Missed, dropped) {
		p.Missed = append(p.Missed, dropped)
	}
}

// dropped stands among the objectives that were missed for arrivals that the
// chain had no room for, which fail a run too.
const dropped = "dropped as overload"

// rank finds the best point and holds the others against it. Which point is the
// best is known from the same runs that are tested then, so the tests count as
// those of all pairs: with the pairs that were chosen alone, one sweep in eight
// over 20 equal points would tell some of them from the luckiest.
func (m *Matrix) rank() {
	for i := range m.Points {
		p := &m.Points[i]
		if !p.Sound() || !p.Metrics[m.metric.Name].Known() {
			continue
		}
		if m.Best < 0 || m.metric.Better(p.Metrics[m.metric.Name].Median, m.best().Median) {
			m.Best = i
		}
	}
	if m.Best < 0 {
		return
	}
	var others []int
	var ps []float64
	for i := range m.Points {
		if v, ok := m.versus(i); ok {
			m.Points[i].Best = &v
			others, ps = append(others, i), append(ps, v.P)
		}
	}
	m.Pairs = (len(others) + 1) * len(others) / 2
	for len(ps) < m.Pairs { // as if the rest had shown nothing
		ps = append(ps, 1)
	}
	adjusted := stats.Holm(ps)
	m.Needed, m.Enough = stats.RunsNeeded(Alpha, m.Pairs), true
	for k, i := range others {
		v := m.Points[i].Best
		v.Adjusted = adjusted[k]
		v.Told = v.Adjusted < Alpha && math.Abs(v.Change) > Noise
		m.Enough = m.Enough && min(m.Points[i].Runs(), m.Points[m.Best].Runs()) >= m.Needed
	}
}

func (m *Matrix) best() Sample { return m.Points[m.Best].Metrics[m.metric.Name] }

// versus holds a point against the best one.
func (m *Matrix) versus(i int) (Versus, bool) {
	a, b := m.best(), m.Points[i].Metrics[m.metric.Name]
	if i == m.Best || !b.Known() {
		return Versus{}, false
	}
	rank, ok := stats.MannWhitney(a.Values, b.Values)
	if !ok {
		return Versus{}, false
	}
	v := Versus{P: rank.P}
	if a.Median != 0 {
		v.Change = b.Median/a.Median - 1
	}
	if d, ok := stats.MedianDifference(a.Values, b.Values, bootstrapSeed); ok {
		v.Change, v.Low, v.High = d.Change, d.Low, d.High
	}
	return v, true
}

// pareto marks the points that no other one beats in both throughput and p99.
func (m *Matrix) pareto() {
	for i := range m.Points {
		x, y := m.Points[i].Metrics[Throughput], m.Points[i].Metrics[CommitP99]
		if !m.Points[i].Sound() || !x.Known() || !y.Known() {
			continue
		}
		m.Points[i].Pareto = !slices.ContainsFunc(m.Points, func(p Point) bool {
			px, py := p.Metrics[Throughput], p.Metrics[CommitP99]
			return p.Sound() && px.Known() && py.Known() && px.Median >= x.Median && py.Median <= y.Median &&
				(px.Median > x.Median || py.Median < y.Median)
		})
	}
}

// keptShare of what was offered must have succeeded for a point to have kept
// up.
const keptShare = 0.99

// keptUp tells whether every run that counts is of an open loop and did what
// was asked of it.
func (m *Matrix) keptUp(runs []Run) bool {
	measured := false
	for i := range runs {
		r := &runs[i]
		if !r.Replicate() {
			continue
		}
		t := r.Throughput
		if r.Run.Loop == "closed" || t.OfferedPerS <= 0 || t.SucceededPerS < keptShare*t.OfferedPerS {
			return false
		}
		measured = true
	}
	return measured
}
