package loadgen

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// steadyNoise is the change of a mean below which a warm-up that is too short
// doesn't matter.
const steadyNoise = 0.02

// perSecond and perTx are the figures by the block in which a warm-up may show:
// transactions over seconds, and the mean of their times to inclusion.
func perSecond(s *share) (amount, per float64) { return s.amount, s.seconds }
func perTx(s *share) (amount, per float64)     { return s.waitNs, s.good }

// steady looks for a warm-up that outlasted the one that was asked for. It is
// told and not acted on: see decision 0016.
func (e *engine) steady() result.Steady {
	all := e.steadyBlocks()
	s := result.Steady{State: result.SteadyYes, BlocksNeeded: stats.MinBlocks, Varying: e.sc.Varies()}
	s.Series = []result.SteadySeries{
		steadySeries("throughput", "tx/s", all, perSecond, e.sc.Load.Seed),
		steadySeries("commit", "ns", slices.DeleteFunc(slices.Clone(all), func(s share) bool { return s.good == 0 }), perTx, e.sc.Load.Seed),
	}
	order := []string{result.SteadyYes, result.SteadyUnknown, result.SteadyWarming, result.SteadyNo}
	for _, x := range s.Series {
		if slices.Index(order, x.State) > slices.Index(order, s.State) {
			s.State = x.State
		}
	}
	return s
}

// steadySeries cuts one figure by MSER-5 over one value per block, and asks
// whether the cut makes a difference: the mean of what is left is out of the
// interval of the whole, and by more than steadyNoise. Without the second
// question, noise alone would find a warm-up in many a steady run.
func steadySeries(name, unit string, all []share, of func(*share) (amount, per float64), seed uint64) result.SteadySeries {
	s := result.SteadySeries{Name: name, Unit: unit, Blocks: len(all), State: result.SteadyYes}
	values := make([]float64, len(all))
	for i := range all {
		amount, per := of(&all[i])
		values[i] = amount / max(per, 1e-9)
	}
	amounts, pers := units(all, of)
	s.Whole = ratio(amounts, pers)
	s.After = s.Whole
	if ci, ok := stats.BootstrapRate(amounts, pers, seed); ok {
		s.Low, s.High = ci.Low, ci.High
	}
	if len(all) > 0 {
		s.FromNs = all[0].from
	}
	w := stats.MSER5(values)
	if w.TooShort {
		s.State = result.SteadyUnknown
		return s
	}
	s.Cut, s.FromNs = w.Cut, all[w.Cut].from
	s.After = ratio(units(all[w.Cut:], of))
	outside := s.After < s.Low || s.After > s.High
	switch differs := outside && math.Abs(s.After-s.Whole) > steadyNoise*math.Abs(s.Whole); {
	case differs && w.NoSteadyState:
		s.State = result.SteadyNo
	case differs:
		s.State = result.SteadyWarming
	}
	return s
}

// ratio is the sum of one over the sum of the other; 0 where that is 0.
func ratio(amounts, pers []float64) float64 {
	var amount, per float64
	for i := range amounts {
		amount, per = amount+amounts[i], per+pers[i]
	}
	if per <= 0 {
		return 0
	}
	return amount / per
}

// steadyWarnings doubts the figures of a run that was not steady. A load that
// changes by itself is not expected to be.
func steadyWarnings(s *result.Steady) (w []string) {
	for _, x := range s.Series {
		switch {
		case x.State == result.SteadyUnknown && x.Name == "throughput":
			w = append(w, fmt.Sprintf("%d blocks in the steady window are too few to tell whether it is steady (%d are needed)", x.Blocks, s.BlocksNeeded))
		case s.Varying:
		case x.State == result.SteadyNo:
			w = append(w, fmt.Sprintf("no steady state: %s was still changing in the second half of the window", steadyName(x)))
		case x.State == result.SteadyWarming:
			to := time.Duration(x.FromNs).Round(100 * time.Millisecond)
			w = append(w, fmt.Sprintf("the warm-up was too short: without the first %d of %d blocks of the window, %s is %s instead of %s; load.warmup of %v or more would leave them out",
				x.Cut, x.Blocks, steadyName(x), steadyValue(x, x.After), steadyValue(x, x.Whole), to))
		}
	}
	return w
}

func steadyName(x result.SteadySeries) string {
	if x.Name == "commit" {
		return "the mean time to inclusion"
	}
	return x.Name
}

func steadyValue(x result.SteadySeries, v float64) string {
	if x.Unit == "ns" {
		return time.Duration(v).Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("%.0f %s", v, x.Unit)
}
