package sweep

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// AttemptsMax is how often a run is made in its place of the order while it
// ends INVALID.
const AttemptsMax = 3

// Lasts tells how long a run of a scenario will last, about and at most. An
// error is one of the scenario.
type Lasts func(s *scenario.Scenario) (about, most time.Duration, err error)

// Plan lays out the scenario's sweep: axes, points and order. The caller fills
// in what it knows besides. The error is of the scenario at some point.
func Plan(s *scenario.Scenario, lasts Lasts) (result.SweepPlan, error) {
	p := result.SweepPlan{
		Name: s.Name, Config: s.JSON(), Metric: s.Sweep.Metric, Repeats: s.Sweep.Repeats, Seed: s.Sweep.Seed,
		Attempts: AttemptsMax, Dependent: s.Chain == nil && s.Target.Driver != scenario.DriverNull, SLO: []result.Check{},
	}
	for _, o := range s.SLO {
		p.SLO = append(p.SLO, result.Check{Name: o.Metric, Op: o.Op, Limit: o.Limit, Unit: o.Unit})
	}
	axes := s.Axes()
	names := shortNames(axes)
	for i, a := range axes {
		axis := result.SweepAxis{Key: a.Key, Name: names[i]}
		for _, v := range a.Values {
			axis.Values = append(axis.Values, scenario.Label(v))
			axis.Sets = append(axis.Sets, a.Key+"="+scenario.Assignable(v))
		}
		p.Axes = append(p.Axes, axis)
	}
	err := s.Choices(func(choice []int) error {
		point, err := s.Vary(choice)
		if err != nil {
			return err
		}
		about, most, err := lasts(point)
		if err != nil {
			return err
		}
		p.Points = append(p.Points, result.SweepPoint{Values: choice, Config: Sum(point), AboutNs: int64(about), MostNs: int64(most)})
		return nil
	})
	p.Order = Order(len(p.Points), p.Repeats, p.Seed)
	return p, err
}

// Sum is the digest of a scenario by which its runs are known.
func Sum(s *scenario.Scenario) string {
	var b bytes.Buffer
	if err := json.Compact(&b, s.JSON()); err != nil {
		panic("sweep: " + err.Error()) // a scenario is valid JSON
	}
	return result.ConfigSum(b.Bytes())
}

// Order returns the point of each run: as many rounds as repeats, each of them
// all points in random order. So no point has the machine's good hours to
// itself, and a sweep that was broken off has measured all points about
// equally often (randomised complete blocks: R. A. Fisher, The Design of
// Experiments, 1935). It is a pure function of its arguments.
func Order(points, repeats int, seed uint64) []int {
	draw := rand.New(rand.NewPCG(seed, uint64(points)))
	order := make([]int, 0, points*repeats)
	for range repeats {
		order = append(order, draw.Perm(points)...)
	}
	return order
}

// shortNames are the last words of the keys, with as many of those before as it
// takes to tell them apart.
func shortNames(axes []scenario.Axis) []string {
	names := make([]string, len(axes))
	for words := 1; ; words++ {
		seen := map[string]int{}
		for i, a := range axes {
			parts := strings.Split(a.Key, ".")
			names[i] = strings.Join(parts[max(0, len(parts)-words):], ".")
			seen[names[i]]++
		}
		if len(seen) == len(axes) {
			return names
		}
	}
}
