package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Trial is one run that is asked for.
type Trial struct {
	N       int // from 1
	Purpose string
	Attempt int           // from 1; more after INVALID
	Rate    float64       // arrivals a second
	Length  time.Duration // of the steady window
}

// Dir names the trial's folder: its number, its purpose and its rate.
func (t Trial) Dir() string {
	return fmt.Sprintf("%02d-%s-%s", t.N, t.Purpose, strconv.FormatFloat(t.Rate, 'f', -1, 64))
}

// Run carries out one trial on a system that owes nothing to the one before.
// The run that it returns is complete, also where it was interrupted.
type Run func(ctx context.Context, t Trial) (*result.Run, error)

// Search looks for the highest rate that passes. It calls ended after each
// trial. The bracket says what is known by then in every case; the error is
// that of a trial that could not be carried out. A search that was interrupted
// has no error.
func Search(ctx context.Context, cfg Config, run Run, ended func(result.Trial)) (result.Bracket, error) {
	if err := cfg.Validate(); err != nil {
		return result.Bracket{Outcome: result.CapacityUndecided}, err
	}
	s := &search{cfg: cfg, run: run, ended: ended, passes: map[float64]int{}, fails: map[float64]failure{}}
	for _, stage := range cfg.Worst() {
		s.left += stage.Trials
	}
	outcome, err := s.search(ctx)
	return s.bracket(outcome), err
}

// search is what is known so far. Every rate in passes is below every rate in
// fails.
type search struct {
	cfg    Config
	run    Run
	ended  func(result.Trial)
	trials int
	left   int // trials that may still be asked for, repeats aside

	passes map[float64]int // how many of the runs that passed were full ones
	fails  map[float64]failure
	why    string // an end without an answer
}

// failure is why a rate did not pass.
type failure struct {
	why     string
	invalid bool // it was not the chain's fault
	full    bool // in a full run
}

var (
	errInterrupted = errors.New("interrupted")
	errSpent       = errors.New("no trials are left")
	errDisturbed   = errors.New("disturbed")
)

func (s *search) search(ctx context.Context) (result.Outcome, error) {
	for round := range Rounds {
		done, err := s.round(ctx, round == 0)
		switch {
		case errors.Is(err, errInterrupted):
			return result.CapacityInterrupted, nil
		case errors.Is(err, errSpent):
			s.why = "full runs kept contradicting shorter ones"
			return result.CapacityUndecided, nil
		case errors.Is(err, errDisturbed):
			return result.CapacityUndecided, nil
		case err != nil:
			return result.CapacityUndecided, err
		case done:
			return s.outcome(), nil
		}
	}
	s.why = "full runs kept contradicting shorter ones"
	return result.CapacityUndecided, nil
}

// round goes through all phases once. It is done unless a full run contradicted
// what was known: then the next round asks full runs only.
func (s *search) round(ctx context.Context, first bool) (done bool, err error) {
	short, long := s.cfg.Short, s.cfg.Long
	if !first {
		short, long = s.cfg.Full, s.cfg.Full
	}
	if err := s.find(ctx, short, long); err != nil || s.lower() == 0 {
		return true, err
	}
	if err := s.bisect(ctx, long); err != nil {
		return false, err
	}
	if ok, err := s.confirm(ctx); err != nil || !ok {
		return false, err
	}
	passed, err := s.recheck(ctx)
	return !passed, err
}

// find looks for a rate that passes and one that does not, as far as the floor
// and the limit let it.
func (s *search) find(ctx context.Context, short, long time.Duration) error {
	for s.lower() == 0 {
		rate := s.cfg.Start
		if above := s.upper(); above > 0 && above <= s.cfg.Floor {
			return nil
		} else if above > 0 {
			rate = max(s.cfg.Floor, Round(above/2))
		}
		if err := s.askTwice(ctx, rate, short, long); err != nil {
			return err
		}
	}
	for s.upper() == 0 && s.lower() < s.cfg.Limit {
		if err := s.askTwice(ctx, min(s.cfg.Limit, 2*s.lower()), short, long); err != nil {
			return err
		}
	}
	return nil
}

// askTwice tries a rate, and again for longer where it failed.
func (s *search) askTwice(ctx context.Context, rate float64, short, long time.Duration) error {
	ok, err := s.try(ctx, result.TrialFind, rate, short)
	if err != nil || ok || long <= short || s.fails[rate].invalid {
		return err
	}
	_, err = s.try(ctx, result.TrialFind, rate, long)
	return err
}

func (s *search) bisect(ctx context.Context, length time.Duration) error {
	for {
		lower, upper := s.lower(), s.upper()
		if upper == 0 || upper/lower <= 1+s.cfg.Precision {
			return nil
		}
		if _, err := s.try(ctx, result.TrialBisect, Round(math.Sqrt(lower*upper)), length); err != nil || s.lower() == 0 {
			return err
		}
	}
}

// confirm says whether the lower end passes all its full runs. It has passed a
// run before, so that where it comes out INVALID the machine is being disturbed,
// and a lower rate would be as well: the search gives up.
func (s *search) confirm(ctx context.Context) (bool, error) {
	rate := s.lower()
	for rate > 0 && s.passes[rate] < s.cfg.Confirm {
		if ok, err := s.try(ctx, result.TrialConfirm, rate, s.cfg.Full); err != nil || !ok {
			return false, err
		}
	}
	return rate > 0, nil
}

// recheck says whether the upper end passes a full run after all. One that has
// failed a full run is not asked again.
func (s *search) recheck(ctx context.Context) (passed bool, err error) {
	rate := s.upper()
	if rate == 0 || s.fails[rate].full {
		return false, nil
	}
	return s.try(ctx, result.TrialRecheck, rate, s.cfg.Full)
}

// try carries out a trial, and again where it is INVALID, and notes what came
// of it.
func (s *search) try(ctx context.Context, purpose string, rate float64, length time.Duration) (passed bool, err error) {
	if s.left == 0 {
		return false, errSpent
	}
	s.left--
	full := length >= s.cfg.Full
	for attempt := 1; ; attempt++ {
		row, err := s.once(ctx, Trial{Purpose: purpose, Attempt: attempt, Rate: rate, Length: s.cfg.stretched(rate, length)})
		if err != nil {
			return false, err
		}
		switch invalid := row.Verdict == result.Invalid; {
		case row.Verdict == result.Interrupted:
			return false, errInterrupted
		case row.Verdict == result.Pass:
			s.passed(rate, full)
			return true, nil
		case invalid && attempt > s.cfg.Repeats && purpose == result.TrialConfirm:
			s.why = fmt.Sprintf("a full run at %s/s was INVALID %d times (%s)", InFull(rate), attempt, firstOf(row.Reasons))
			return false, errDisturbed
		case !invalid || attempt > s.cfg.Repeats:
			s.failed(rate, failure{why: firstOf(row.Reasons), invalid: invalid, full: full && !invalid})
			return false, nil
		}
	}
}

func (s *search) once(ctx context.Context, t Trial) (result.Trial, error) {
	if ctx.Err() != nil {
		return result.Trial{}, errInterrupted
	}
	t.N = s.trials + 1
	run, err := s.run(ctx, t)
	if err != nil && ctx.Err() != nil {
		return result.Trial{}, errInterrupted
	}
	if err != nil {
		return result.Trial{}, fmt.Errorf("trial %d at %v/s: %w", t.N, t.Rate, err)
	}
	s.trials++
	row := Assess(run, s.cfg.Errors)
	row.N, row.Purpose, row.Attempt, row.AskedPerS, row.LengthNs, row.Dir = t.N, t.Purpose, t.Attempt, t.Rate, int64(t.Length), t.Dir()
	s.ended(row)
	return row, nil
}

// passed notes a rate that passed; what it was said to fail at is forgotten.
func (s *search) passed(rate float64, full bool) {
	delete(s.fails, rate)
	n := s.passes[rate]
	if full {
		n++
	}
	s.passes[rate] = n
}

// failed notes a rate that did not pass; that this rate or a higher one did
// before is forgotten. A valid failure is not made less by an invalid trial.
func (s *search) failed(rate float64, f failure) {
	if old, ok := s.fails[rate]; ok {
		f.full = f.full || old.full
		if f.invalid && !old.invalid {
			f.why, f.invalid = old.why, false
		}
	}
	s.fails[rate] = f
	for passed := range s.passes {
		if passed >= rate {
			delete(s.passes, passed)
		}
	}
}

// lower is the highest rate that is known to pass; 0 = none.
func (s *search) lower() (rate float64) {
	for r := range s.passes {
		rate = max(rate, r)
	}
	return rate
}

// upper is the lowest rate that is known not to pass; 0 = none.
func (s *search) upper() (rate float64) {
	for r := range s.fails {
		if rate == 0 || r < rate {
			rate = r
		}
	}
	return rate
}

// outcome is that of a search that has come to its end.
func (s *search) outcome() result.Outcome {
	f := s.fails[s.upper()]
	switch {
	case s.lower() == 0 && f.invalid:
		return result.CapacityUndecided
	case s.lower() == 0:
		return result.CapacityNone
	case s.upper() == 0 || f.invalid:
		return result.CapacityAtLeast
	}
	return result.CapacityFound
}

func (s *search) bracket(o result.Outcome) result.Bracket {
	b := result.Bracket{Outcome: o, Lower: s.lower(), Upper: s.upper(), Why: s.why}
	b.Confirmed = s.passes[b.Lower]
	if f, ok := s.fails[b.Upper]; ok {
		b.UpperWhy, b.UpperIs, b.Rechecked = f.why, "fail", f.full
		if f.invalid {
			b.UpperIs = "invalid"
		}
	}
	return b
}

func firstOf(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[0]
}
