package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

func config() Config {
	return Config{
		Start: 1000, Floor: 1000.0 / 64, Limit: 1e6, LimitWhy: "80 % of what it can do", Precision: 0.05, Confirm: 5, Repeats: 2, Errors: 0.001,
		Short: 5 * time.Second, Long: 15 * time.Second, Full: 30 * time.Second, Arrivals: 1100,
	}
}

// outcomeOf makes the run of a trial that came out like this.
func outcomeOf(t Trial, v result.Verdict) *result.Run {
	r := &result.Run{}
	r.Verdict = v
	r.Counts = result.Counts{Sent: 100, Balanced: true, Fates: map[string]uint64{result.FateSucceeded: 100}}
	r.Matrix = []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Expect: "none", Count: 100}}
	r.Throughput.OfferedPerS, r.Throughput.SucceededPerS = t.Rate, t.Rate
	switch v {
	case result.Fail:
		r.Reasons = []string{"objective missed"}
		r.SLO = []result.Check{{Name: "commit.p99", Op: "<", Limit: 1e9, Observed: 3e9, Unit: "ns", Known: true}}
	case result.Invalid:
		r.Reasons = []string{"the generator was the limit: dispatch_lag.p99 is 40ms, asked <= 10ms"}
	}
	return r
}

// system is a simulated one: it says how a trial comes out.
type system func(Trial) result.Verdict

// upTo passes every rate up to a limit.
func upTo(limit float64) system {
	return func(t Trial) result.Verdict {
		if t.Rate > limit {
			return result.Fail
		}
		return result.Pass
	}
}

// look searches a system and returns the trials that it took.
func look(t *testing.T, c Config, s system) (result.Bracket, []result.Trial) {
	t.Helper()
	var rows []result.Trial
	b, err := Search(t.Context(), c, func(_ context.Context, trial Trial) (*result.Run, error) {
		if trial.Rate > c.Limit || trial.Rate < c.Floor {
			t.Errorf("asked for %v; floor %v, limit %v", trial.Rate, c.Floor, c.Limit)
		}
		return outcomeOf(trial, s(trial)), nil
	}, func(row result.Trial) { rows = append(rows, row) })
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if r.N != i+1 {
			t.Errorf("trial %d is numbered %d", i+1, r.N)
		}
	}
	return b, rows
}

// worst is the most trials that there may be, with or without repeats.
func worst(c Config) (n int) {
	for _, s := range c.Worst() {
		n += s.Trials
	}
	return n
}

// firstRound is the most that a system that never contradicts itself takes.
func firstRound(c Config) (n int) {
	all := c.Worst()
	for _, s := range all[:len(all)-1] {
		n += s.Trials
	}
	return n
}

// TestBracketHoldsTheLimit: for any limit of a deterministic system, any start,
// precision and limit of the generator, the bracket holds the true limit, is no
// wider than asked, and took no more trials than the formula says.
func TestBracketHoldsTheLimit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		c := config()
		c.Start = Round(math.Pow(10, 5*random.Float64()))
		c.Floor = c.Start * FloorShare
		c.Limit = Round(c.Start * math.Pow(2, 12*random.Float64()))
		c.Precision = PrecisionMin + (PrecisionMax-PrecisionMin)*random.Float64()*random.Float64()
		c.Confirm = 1 + random.IntN(6)
		limit := c.Floor / 2 * math.Pow(2*c.Limit*2/c.Floor, random.Float64())
		b, rows := look(t, c, upTo(limit))
		told := fmt.Sprintf("limit %v, start %v, generator %v, precision %v: %+v", limit, c.Start, c.Limit, c.Precision, b)
		switch {
		case limit < c.Floor:
			if b.Outcome != result.CapacityNone || b.Lower != 0 || b.Upper > c.Floor*1.001 {
				t.Fatal(told)
			}
		case limit >= c.Limit:
			if b.Outcome != result.CapacityAtLeast || b.Lower != c.Limit || b.Upper != 0 || b.Confirmed != c.Confirm {
				t.Fatal(told)
			}
		default:
			if b.Outcome != result.CapacityFound || b.Lower > limit || b.Upper <= limit || b.Upper/b.Lower > 1+c.Precision ||
				b.Confirmed != c.Confirm || b.UpperIs != "fail" || !b.Rechecked {
				t.Fatal(told)
			}
		}
		if len(rows) > firstRound(c) {
			t.Fatalf("%d trials, at most %d were announced; %s", len(rows), firstRound(c), told)
		}
	}
}

// TestPlainSearch is one search in full.
func TestPlainSearch(t *testing.T) {
	b, rows := look(t, config(), upTo(20_000))
	var told []string
	for _, r := range rows {
		told = append(told, fmt.Sprintf("%s %v %v %s", r.Purpose, r.AskedPerS, time.Duration(r.LengthNs), r.Verdict))
	}
	want := []string{
		"find 1000 5s PASS", "find 2000 5s PASS", "find 4000 5s PASS", "find 8000 5s PASS", "find 16000 5s PASS",
		"find 32000 5s FAIL", "find 32000 15s FAIL",
		"bisect 22620 15s FAIL", "bisect 19020 15s PASS", "bisect 20740 15s FAIL", "bisect 19860 15s PASS",
		"confirm 19860 30s PASS", "confirm 19860 30s PASS", "confirm 19860 30s PASS", "confirm 19860 30s PASS", "confirm 19860 30s PASS",
		"recheck 20740 30s FAIL",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%s", strings.Join(told, "\n"))
	}
	says := Says(b, new(config()).Plan())
	if want := "between 19,860 and 20,740 tx/s: 5 of 5 runs of 30s passed at 19,860/s, and 20,740/s failed (objective: commit.p99 is 3s, asked < 1s)"; says != want {
		t.Errorf("%s", says)
	}
}

// TestShortTrialsFlatter: what short trials let pass and full runs do not is
// found out by the confirmation, which lowers the bracket.
func TestShortTrialsFlatter(t *testing.T) {
	c := config()
	b, rows := look(t, c, func(trial Trial) result.Verdict {
		limit := 20_000.0
		if trial.Length >= c.Full {
			limit = 14_000
		}
		return upTo(limit)(trial)
	})
	if b.Outcome != result.CapacityFound || b.Lower > 14_000 || b.Upper <= 14_000 || b.Upper/b.Lower > 1.05 || b.Confirmed != 5 {
		t.Errorf("%+v", b)
	}
	if len(rows) > worst(c) {
		t.Errorf("%d trials of %d", len(rows), worst(c))
	}
}

// TestShortTrialsAreTooStrict: a failure that no full run bears out is taken
// back by the recheck, which lifts the bracket.
func TestShortTrialsAreTooStrict(t *testing.T) {
	c := config()
	b, _ := look(t, c, func(trial Trial) result.Verdict {
		limit := 17_000.0
		if trial.Length >= c.Full {
			limit = 27_000
		}
		return upTo(limit)(trial)
	})
	if b.Outcome != result.CapacityFound || b.Lower > 27_000 || b.Upper <= 27_000 || b.Upper/b.Lower > 1.05 || b.Confirmed != 5 || !b.Rechecked {
		t.Errorf("%+v", b)
	}
}

// TestNoisySystem: between 18,000 and 22,000 the outcome is a matter of luck.
// Whatever comes out, the lower end has passed all its runs and none has failed
// at it or below, and the search ends within its bound.
func TestNoisySystem(t *testing.T) {
	outcomes := map[result.Outcome]int{}
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 7))
		c := config()
		b, rows := look(t, c, func(trial Trial) result.Verdict {
			return upTo(18_000 + 4_000*random.Float64())(trial)
		})
		outcomes[b.Outcome]++
		if len(rows) > worst(c) {
			t.Errorf("seed %d: %d trials of %d", seed, len(rows), worst(c))
		}
		if b.Outcome != result.CapacityFound {
			continue
		}
		full := 0
		for _, r := range rows {
			if r.AskedPerS == b.Lower && r.Purpose == result.TrialConfirm && r.Verdict == result.Pass {
				full++
			}
		}
		if b.Confirmed != 5 || full > 5 || b.Lower < 8_000 || b.Upper > 23_000 || b.Upper/b.Lower > 1.05 {
			t.Errorf("seed %d: %+v, %d confirming runs", seed, b, full)
		}
	}
	if outcomes[result.CapacityFound] < 300 {
		t.Errorf("%v", outcomes)
	}
}

// TestFlakyAtTheEdge: one full run in three fails at the edge, so that five in
// a row are rare: the bracket comes to lie below it.
func TestFlakyAtTheEdge(t *testing.T) {
	n := 0
	b, _ := look(t, config(), func(trial Trial) result.Verdict {
		if trial.Rate <= 19_000 {
			return result.Pass
		}
		if n++; trial.Rate > 20_000 || n%3 == 0 {
			return result.Fail
		}
		return result.Pass
	})
	if b.Outcome != result.CapacityFound || b.Lower > 20_000 || b.Lower < 18_000 || b.Confirmed != 5 {
		t.Errorf("%+v", b)
	}
}

// TestNotMonotone: a system that fails between two rates at which it works. The
// lower end must have nothing below it that has failed.
func TestNotMonotone(t *testing.T) {
	b, rows := look(t, config(), func(trial Trial) result.Verdict {
		if trial.Rate > 5_000 && trial.Rate < 7_000 || trial.Rate > 40_000 {
			return result.Fail
		}
		return result.Pass
	})
	if b.Outcome != result.CapacityFound || b.Confirmed != 5 {
		t.Errorf("%+v", b)
	}
	for _, r := range rows {
		if r.Verdict == result.Fail && r.AskedPerS <= b.Lower {
			t.Errorf("%v failed, and the lower end is %v", r.AskedPerS, b.Lower)
		}
	}
}

// TestFailingFromTheStart goes down by halving, to the floor and no further.
func TestFailingFromTheStart(t *testing.T) {
	b, _ := look(t, config(), upTo(100))
	if b.Outcome != result.CapacityFound || b.Lower > 100 || b.Upper <= 100 || b.Upper/b.Lower > 1.05 {
		t.Errorf("%+v", b)
	}
	b, rows := look(t, config(), upTo(0))
	if b.Outcome != result.CapacityNone || b.Lower != 0 || b.Upper != config().Floor || len(rows) != 2*7 {
		t.Errorf("%+v after %d trials", b, len(rows))
	}
	if says := Says(b, new(config()).Plan()); !strings.HasPrefix(says, "less than 15.625 tx/s: even the lowest rate that was tried failed") {
		t.Error(says)
	}
}

// TestGeneratorLimit: past what the generator can do nothing is asked, and past
// where it is fit to measure nothing is called a limit of the chain.
func TestGeneratorLimit(t *testing.T) {
	c := config()
	c.Limit = 50_000
	b, _ := look(t, c, upTo(1e9))
	if says := Says(b, c.Plan()); says != "at least 50,000 tx/s (5 of 5 runs of 30s passed); the generator was the limit: it asks for no more than 50,000/s, 80 % of what it can do" {
		t.Error(says)
	}
	b, _ = look(t, c, func(trial Trial) result.Verdict {
		if trial.Rate > 30_000 {
			return result.Invalid
		}
		return result.Pass
	})
	if b.Outcome != result.CapacityAtLeast || b.Lower > 30_000 || b.Upper <= 30_000 || b.Upper/b.Lower > 1.05 || b.UpperIs != "invalid" {
		t.Errorf("%+v", b)
	}
	if says := Says(b, c.Plan()); !strings.Contains(says, "the generator was the limit: at 30,") || !strings.HasSuffix(says, "it was not fit to measure (dispatch_lag.p99 is 40ms, asked <= 10ms)") {
		t.Error(says)
	}
}

// TestAlwaysInvalid ends, and calls nothing a limit.
func TestAlwaysInvalid(t *testing.T) {
	b, rows := look(t, config(), func(Trial) result.Verdict { return result.Invalid })
	if b.Outcome != result.CapacityUndecided || b.Lower != 0 || b.UpperIs != "invalid" {
		t.Errorf("%+v", b)
	}
	if len(rows) != 7*3 {
		t.Errorf("%d trials, want seven rates three times", len(rows))
	}
}

// TestDisturbedWhileConfirming gives up instead of going down: the rate has
// passed before.
func TestDisturbedWhileConfirming(t *testing.T) {
	n := 0
	b, rows := look(t, config(), func(trial Trial) result.Verdict {
		if trial.Purpose == result.TrialConfirm {
			if n++; n > 2 {
				return result.Invalid
			}
		}
		return upTo(20_000)(trial)
	})
	if b.Outcome != result.CapacityUndecided || b.Lower != 19_860 || b.Upper != 20_740 || b.Confirmed != 2 || len(rows) != 11+2+3 {
		t.Errorf("%+v after %d trials", b, len(rows))
	}
	want := "undecided: a full run at 19,860/s was INVALID 3 times (the generator was the limit: dispatch_lag.p99 is 40ms, asked <= 10ms); " +
		"19,860 tx/s passed (2 of the 5 runs that would confirm it), and 20,740 tx/s failed (objective: commit.p99 is 3s, asked < 1s)"
	if says := Says(b, new(config()).Plan()); says != want {
		t.Error(says)
	}
}

// TestDisturbedWhileRechecking: the upper end has failed a valid trial, which
// stands.
func TestDisturbedWhileRechecking(t *testing.T) {
	b, _ := look(t, config(), func(trial Trial) result.Verdict {
		if trial.Purpose == result.TrialRecheck {
			return result.Invalid
		}
		return upTo(20_000)(trial)
	})
	if b.Outcome != result.CapacityFound || b.Upper != 20_740 || b.UpperIs != "fail" || b.Rechecked {
		t.Errorf("%+v", b)
	}
}

// TestDisturbedNowAndThen: a trial that was disturbed is asked again, and the
// answer is that of a quiet machine.
func TestDisturbedNowAndThen(t *testing.T) {
	n := 0
	b, rows := look(t, config(), func(trial Trial) result.Verdict {
		if n++; n%3 == 1 {
			return result.Invalid
		}
		return upTo(20_000)(trial)
	})
	quiet, _ := look(t, config(), upTo(20_000))
	if b != quiet {
		t.Errorf("%+v, and %+v on a quiet machine", b, quiet)
	}
	if rows[0].Verdict != result.Invalid || rows[1].Attempt != 2 || rows[1].AskedPerS != rows[0].AskedPerS {
		t.Errorf("%+v", rows[:2])
	}
}

// TestContradiction: a system that passes long trials and fails every full run
// is given up on, within the bound.
func TestContradiction(t *testing.T) {
	c := config()
	b, rows := look(t, c, func(trial Trial) result.Verdict {
		if trial.Length >= c.Full {
			return result.Fail
		}
		return result.Pass
	})
	if b.Outcome != result.CapacityUndecided && b.Outcome != result.CapacityNone || len(rows) > worst(c) {
		t.Errorf("%+v after %d trials of %d", b, len(rows), worst(c))
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		b, rows := look(t, c, func(Trial) result.Verdict {
			return []result.Verdict{result.Pass, result.Fail}[random.IntN(2)]
		})
		if len(rows) > worst(c) || b.Outcome == result.CapacityFound && b.Confirmed < c.Confirm {
			t.Errorf("%+v after %d trials of %d", b, len(rows), worst(c))
		}
	}
}

// TestInterrupted keeps what is known.
func TestInterrupted(t *testing.T) {
	for _, late := range []bool{false, true} { // within a trial, or as one ends
		ctx, cancel := context.WithCancel(t.Context())
		b, err := Search(ctx, config(), func(_ context.Context, trial Trial) (*result.Run, error) {
			v := upTo(3000)(trial)
			if trial.N == 4 {
				cancel()
				if !late {
					v = result.Interrupted
				}
			}
			return outcomeOf(trial, v), nil
		}, func(result.Trial) {})
		if err != nil || b.Outcome != result.CapacityInterrupted || b.Lower != 2000 {
			t.Errorf("%+v, %v", b, err)
		}
		if says := Says(b, new(config()).Plan()); !strings.HasPrefix(says, "interrupted; 2,000 tx/s passed (0 of the 5 runs that would confirm it)") {
			t.Error(says)
		}
		cancel()
	}
}

// TestTrialFails: what keeps a trial from being carried out ends the search,
// and what is known is kept.
func TestTrialFails(t *testing.T) {
	broken := errors.New("no room on the disk")
	b, err := Search(t.Context(), config(), func(_ context.Context, trial Trial) (*result.Run, error) {
		if trial.Rate > 5000 {
			return nil, broken
		}
		return outcomeOf(trial, result.Pass), nil
	}, func(result.Trial) {})
	if !errors.Is(err, broken) || b.Outcome != result.CapacityUndecided || b.Lower != 4000 || err.Error() != "trial 4 at 8000/s: no room on the disk" {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestLowRatesTakeLonger: every trial has arrivals enough for its percentiles.
func TestLowRatesTakeLonger(t *testing.T) {
	_, rows := look(t, config(), upTo(30))
	for _, r := range rows {
		if n := r.AskedPerS * float64(r.LengthNs) / 1e9; n < 1099 {
			t.Errorf("%v/s for %v are %.0f arrivals", r.AskedPerS, time.Duration(r.LengthNs), n)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"search: precision is 0.6; permitted: 0.01 to 0.5":                                  func(c *Config) { c.Precision = 0.6 },
		"search: floor 15.625, start 10 and limit 1e+06; permitted: over 0, in this order":  func(c *Config) { c.Start = 10 },
		"search: floor 15.625, start 1000 and limit 999; permitted: over 0, in this order":  func(c *Config) { c.Limit = 999 },
		"search: 0 full runs and 2 repeats; permitted: from 1, and from 0":                  func(c *Config) { c.Confirm = 0 },
		"search: trials of 5s, 15s and 10s; permitted: over 0s, in rising order":            func(c *Config) { c.Full = 10 * time.Second },
		"search: floor 15.625, start NaN and limit 1e+06; permitted: over 0, in this order": func(c *Config) { c.Start = math.NaN() },
		"search: precision is NaN; permitted: 0.01 to 0.5":                                  func(c *Config) { c.Precision = math.NaN() },
	} {
		c := config()
		change(&c)
		if _, err := Search(t.Context(), c, nil, nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestTakes adds the plan up by hand: 11 doublings and 6 halvings of 5 s, 7
// second looks and 5 bisections of 15 s, 5 + 1 full runs; then 3 further rounds
// of 11 full runs, which at the floor take 70.4 s for 1,100 arrivals.
func TestTakes(t *testing.T) {
	c := config()
	once, worst := c.Takes(time.Second, 10*time.Second)
	if want := 17*6*time.Second + 12*16*time.Second + 6*31*time.Second; once != want {
		t.Errorf("%v, want %v", once, want)
	}
	if want := time.Duration(3*(17+12+6+33)) * (11*time.Second + 70400*time.Millisecond); worst != want {
		t.Errorf("%v, want %v", worst, want)
	}
}

func TestArrivalsFor(t *testing.T) {
	for want, metrics := range map[float64][]string{1: {"lost", "commit.max"}, 22: {"commit.p50"}, 1100: {"ack.p90", "commit.p99", "lost"}, 11_000: {"commit.p999", "commit.p99"}} {
		if got := ArrivalsFor(metrics...); math.Abs(got-want) > 1e-6 {
			t.Errorf("%v: %v, want %v", metrics, got, want)
		}
	}
}

func TestRound(t *testing.T) {
	for in, want := range map[float64]float64{
		0: 0, 1000: 1000, 22627.4: 22620, 999.96: 999.9, 15.625: 15.62, 0.0123456: 0.01234, 16000: 16000, 8000: 8000, 1e6: 1e6, 0.3: 0.3,
	} {
		if got := Round(in); got != want {
			t.Errorf("%v becomes %v, want %v", in, got, want)
		}
	}
}
