package scenario

import (
	"math"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/schedule"
)

// Schedule says when transactions arrive. One kind is set.
type Schedule struct {
	Constant *Constant `json:"constant,omitempty" doc:"evenly spaced"`
	Ramp     *Ramp     `json:"ramp,omitempty" doc:"a rate that changes steadily"`
	Steps    []Step    `json:"steps,omitempty" doc:"one constant rate after another"`
	Poisson  *Constant `json:"poisson,omitempty" doc:"independent arrivals at a mean rate"`
	Trace    *Trace    `json:"trace,omitempty" doc:"what was recorded before: a file of rates or of arrivals"`
	Closed   *Closed   `json:"closed,omitempty" doc:"as fast as answers and blocks permit: a closed loop, labelled so in reports"`
}

// OneOf makes a file choose one kind.
func (Schedule) OneOf() {}

// Constant is a rate held for some time.
type Constant struct {
	Rate Rate     `json:"rate" doc:"arrivals" range:"0.001/s..10000000/s"`
	For  Duration `json:"for" doc:"after the warm-up" range:"100ms..168h"`
}

// SetDefaults fills in what a file need not say.
func (c *Constant) SetDefaults() { *c = Constant{Rate: 5000, For: Duration(30 * second)} }

// Ramp is a rate that changes steadily.
type Ramp struct {
	From Rate     `json:"from" doc:"rate at the start" range:"0/s..10000000/s"`
	To   Rate     `json:"to" doc:"rate at the end" range:"0/s..10000000/s"`
	For  Duration `json:"for" doc:"after the warm-up" range:"100ms..168h"`
}

// SetDefaults fills in what a file need not say.
func (r *Ramp) SetDefaults() { *r = Ramp{From: 500, To: 5000, For: Duration(60 * second)} }

// Step is a rate held for some time; a rate of 0 is a pause.
type Step struct {
	Rate Rate     `json:"rate" doc:"arrivals" range:"0/s..10000000/s"`
	For  Duration `json:"for" doc:"how long" range:"100ms..168h"`
}

// Closed sends whenever fewer than InFlight transactions are under way.
type Closed struct {
	InFlight int      `json:"in_flight" doc:"most transactions sent and not yet in a block, of all senders" range:"1..10000000"`
	For      Duration `json:"for" doc:"after the warm-up" range:"100ms..168h"`
	Expect   Rate     `json:"expect" doc:"rate that is signed for beforehand; what goes past it is signed live" range:"1/s..10000000/s"`
}

// SetDefaults fills in what a file need not say.
func (c *Closed) SetDefaults() {
	*c = Closed{InFlight: 20_000, For: Duration(30 * second), Expect: 20_000}
}

// Loop returns "open" or "closed".
func (s *Scenario) Loop() string {
	if s.Load.Schedule.Closed != nil {
		return "closed"
	}
	return "open"
}

// Varies says whether the schedule itself changes its rate on the way.
func (s *Scenario) Varies() bool {
	sc := s.Load.Schedule
	return sc.Ramp != nil && sc.Ramp.From != sc.Ramp.To || len(sc.Steps) > 1 || sc.Trace != nil
}

// BuildSchedule returns the arrivals of an open loop, warm-up included, and
// nil for a closed one, which makes its own.
func (s *Scenario) BuildSchedule() (schedule.Schedule, error) {
	load := &s.Load
	warm := load.Warmup.Std()
	switch sc := load.Schedule; {
	case sc.Constant != nil:
		return schedule.Constant(float64(sc.Constant.Rate), warm+sc.Constant.For.Std()), nil
	case sc.Poisson != nil:
		return schedule.Poisson(float64(sc.Poisson.Rate), warm+sc.Poisson.For.Std(), load.Seed), nil
	case sc.Ramp != nil:
		from := float64(sc.Ramp.From)
		return warmed(from, warm, schedule.Ramp(from, float64(sc.Ramp.To), sc.Ramp.For.Std())), nil
	case sc.Steps != nil:
		return schedule.Steps(warmSteps(warm, sc.Steps)), nil
	case sc.Trace != nil:
		return warmed(sc.Trace.trace.FirstRate()*sc.Trace.Scale, warm, sc.Trace.schedule()), nil
	case sc.Closed != nil:
		return nil, nil
	}
	return nil, s.ErrorAt("load.schedule", emptySchedule)
}

const emptySchedule = "is empty; choose one of constant, ramp, steps, poisson, trace, closed"

func warmed(rate float64, warm time.Duration, s schedule.Schedule) schedule.Schedule {
	if warm == 0 {
		return s
	}
	return schedule.Sequence(schedule.Constant(rate, warm), s)
}

func warmSteps(warm time.Duration, steps []Step) []schedule.Step {
	all := []schedule.Step{{Rate: float64(steps[0].Rate), For: warm}}
	for _, s := range steps {
		all = append(all, schedule.Step{Rate: float64(s.Rate), For: s.For.Std()})
	}
	return all
}

// Length is how long the load lasts, warm-up included.
func (s *Scenario) Length() time.Duration {
	total := s.Load.Warmup.Std()
	switch sc := s.Load.Schedule; {
	case sc.Constant != nil:
		total += sc.Constant.For.Std()
	case sc.Poisson != nil:
		total += sc.Poisson.For.Std()
	case sc.Ramp != nil:
		total += sc.Ramp.For.Std()
	case sc.Trace != nil:
		total += sc.Trace.length()
	case sc.Closed != nil:
		total += sc.Closed.For.Std()
	default:
		for _, step := range sc.Steps {
			total += step.For.Std()
		}
	}
	return total
}

// ExpectedTxs is how many transactions the load has: exactly in an open loop,
// as expected in a closed one. As many are signed beforehand.
func (s *Scenario) ExpectedTxs() uint64 {
	if c := s.Load.Schedule.Closed; c != nil {
		return uint64(float64(c.Expect) * s.Length().Seconds())
	}
	arrivals, err := s.BuildSchedule()
	if err != nil {
		return 0
	}
	return arrivals.Count()
}

// peakRate is the highest rate over a window: expected in a closed loop, and
// with Poisson arrivals five standard deviations over the mean.
func (s *Scenario) peakRate(window time.Duration) float64 {
	switch sc := s.Load.Schedule; {
	case sc.Closed != nil:
		return float64(sc.Closed.Expect)
	case sc.Poisson != nil:
		return float64(sc.Poisson.Rate) + 5*math.Sqrt(float64(sc.Poisson.Rate)/window.Seconds())
	}
	arrivals, err := s.BuildSchedule()
	if err != nil {
		return 0
	}
	return schedule.Peak(arrivals, window)
}

// Workload returns the shape of transactions as a driver takes it.
func (s *Scenario) Workload() driver.Workload {
	o := s.Load.Options
	return driver.Workload{
		Inputs: o.Inputs, Outputs: o.Outputs, Scheme: o.Scheme, KeySkew: float64(o.KeySkew),
		InvalidSignatures: float64(o.InvalidSignatures), DoubleSpends: float64(o.DoubleSpends),
	}
}
