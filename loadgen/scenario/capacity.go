package scenario

import (
	"strings"
	"time"
)

// Capacity is how the highest rate under the SLO is searched for. It changes
// nothing for a plain run.
type Capacity struct {
	Start     Rate   `json:"start" doc:"first rate that is tried" range:"0.1/s..10000000/s"`
	Precision Share  `json:"precision" doc:"widest bracket, as a share of its lower end" range:"1%..50%"`
	Trial     Trials `json:"trial" doc:"how long a trial lasts, after its warm-up"`
	Confirm   int    `json:"confirm" doc:"full runs that the lower end must pass, all of them" range:"1..50"`
	Repeats   int    `json:"repeats" doc:"how often a trial is repeated that was INVALID" range:"0..10"`
	Errors    Share  `json:"errors" doc:"largest share of transactions that may go wrong" range:"0..1"`
}

// Trials are the lengths of the trials of a search.
type Trials struct {
	Short Duration `json:"short" doc:"while a bracket is looked for" range:"1s..1h"`
	Long  Duration `json:"long" doc:"while it is narrowed" range:"1s..1h"`
	Full  Duration `json:"full" doc:"of the runs that decide" range:"1s..24h"`
}

// SetDefaults fills in what a file need not say.
func (c *Capacity) SetDefaults() {
	*c = Capacity{
		Start: 1000, Precision: 0.05, Confirm: 5, Repeats: 2, Errors: 0.001,
		Trial: Trials{Short: Duration(5 * second), Long: Duration(15 * second), Full: Duration(30 * second)},
	}
}

// ForCapacity fills in how the search is done where the scenario does not say,
// and checks whether it can be: a search asks for one rate at a time, and needs a
// latency to hold it to.
func (s *Scenario) ForCapacity() error {
	if s.Capacity == nil {
		s.Capacity = &Capacity{}
		s.Capacity.SetDefaults()
	}
	return s.validateCapacity()
}

func (s *Scenario) validateCapacity() error {
	c := s.Capacity
	if c == nil {
		return nil
	}
	if t := c.Trial; t.Short > t.Long || t.Long > t.Full {
		return s.ErrorAt("capacity.trial", "short %v, long %v and full %v must not get shorter", t.Short, t.Long, t.Full)
	}
	if sc := s.Load.Schedule; sc.Constant == nil && sc.Poisson == nil {
		return s.ErrorAt("load.schedule", "a search for capacity asks for one rate at a time; permitted: constant, poisson (their rate and length are the search's)")
	}
	if len(s.Faults) > 0 {
		return s.ErrorAt("faults", "a search for capacity needs a system that nobody hurts; remove one of faults, capacity")
	}
	latency := false
	for i, o := range s.SLO {
		if o.Metric == "throughput" {
			return s.ErrorAt(keyf("slo[%d]", i), "throughput is what a search for capacity looks for; remove the objective")
		}
		latency = latency || o.Unit == "ns" && strings.HasPrefix(o.Op, "<")
	}
	if !latency {
		return s.ErrorAt("slo", "a search for capacity needs a latency to hold it to, such as \"commit.p99 < 2s\"")
	}
	return nil
}

// At returns the scenario of one trial of a search: the same arrivals at another
// rate, for another length. It shares what both only read.
func (s *Scenario) At(rate float64, length time.Duration) *Scenario {
	trial := *s
	trial.Sweep, trial.Capacity = nil, nil
	c := Constant{Rate: Rate(rate), For: Duration(length)}
	if s.Load.Schedule.Poisson != nil {
		trial.Load.Schedule = Schedule{Poisson: &c}
	} else {
		trial.Load.Schedule = Schedule{Constant: &c}
	}
	return &trial
}

// Assignment says what At has changed, as --set takes it.
func (s *Scenario) Assignment() string {
	kind, c := "constant", s.Load.Schedule.Constant
	if c == nil {
		kind, c = "poisson", s.Load.Schedule.Poisson
	}
	return keyf("load.schedule={%s: {rate: %v, for: %v}}", kind, c.Rate, c.For)
}
