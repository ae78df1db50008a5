package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Slot is one run: a place in the order, and an attempt at it.
type Slot struct {
	Place   int // in the order, from 0
	Point   int
	Attempt int // from 1; more where those before were INVALID
}

// Found is what there is of a run.
type Found int

// What may be there of a run.
const (
	Nothing Found = iota
	Half          // begun and not finished, or interrupted
	Whole
)

// Folder keeps the runs.
type Folder interface {
	// Look tells what there is of a run and, of a whole one, its verdict. An
	// error says that what is there cannot be trusted.
	Look(s Slot) (Found, result.Verdict, error)
	// Clear removes what there is of a run.
	Clear(s Slot) error
	// Measure makes a run. Whatever its verdict, it is whole then; an error
	// ends the sweep.
	Measure(ctx context.Context, s Slot) (result.Verdict, error)
}

// ErrInterrupted says that a sweep was ended early: it can be resumed.
var ErrInterrupted = errors.New("interrupted")

// Run makes the runs that are not there yet, in their order, until all are
// there. What was begun and not finished is cleared and made again. A run that
// ends INVALID is repeated up to the plan's bound; where that has come to
// nothing it was no accident, and the later runs of that point are made once.
// Run decides by the verdicts before it alone, so a sweep that was resumed makes
// the runs that it would have made.
func Run(ctx context.Context, p *result.SweepPlan, f Folder) error {
	return walk(p, func(s Slot) (result.Verdict, error) { return settle(ctx, f, s) })
}

// Missing counts the runs that Run would make, if none of them were INVALID. It
// looks at all that are there, so that what is wrong with one of them is said
// before hours of others.
func Missing(p *result.SweepPlan, f Folder) (n int, err error) {
	err = walk(p, func(s Slot) (result.Verdict, error) {
		found, verdict, err := f.Look(s)
		if found != Whole {
			n++
			return result.Pass, err
		}
		return verdict, err
	})
	return n, err
}

// walk goes along the order, as far into the attempts at each place as the
// verdicts lead.
func walk(p *result.SweepPlan, settle func(Slot) (result.Verdict, error)) error {
	hopeless := make([]bool, len(p.Points))
	for place, point := range p.Order {
		bound := p.Attempts
		if hopeless[point] {
			bound = 1
		}
		for attempt := 1; attempt <= bound; attempt++ {
			verdict, err := settle(Slot{Place: place, Point: point, Attempt: attempt})
			if err != nil {
				return err
			}
			if verdict != result.Invalid {
				break
			}
			hopeless[point] = hopeless[point] || attempt == p.Attempts
		}
	}
	return nil
}

// settle returns the verdict of a run that is there, or makes it.
func settle(ctx context.Context, f Folder, s Slot) (result.Verdict, error) {
	found, verdict, err := f.Look(s)
	if err != nil || found == Whole {
		return verdict, err
	}
	if found == Half {
		if err := f.Clear(s); err != nil {
			return "", err
		}
	}
	if ctx.Err() != nil {
		return "", ErrInterrupted
	}
	verdict, err = f.Measure(ctx, s)
	if err == nil && verdict == result.Interrupted {
		err = ErrInterrupted
	}
	return verdict, err
}

// Left estimates how long the rest of a sweep takes from the start of the run
// at a place, by how long the runs of this session have taken against what was
// expected of them.
func Left(p *result.SweepPlan, place int, expected, taken time.Duration) time.Duration {
	var rest time.Duration
	for _, point := range p.Order[place:] {
		rest += time.Duration(p.Points[point].AboutNs)
	}
	if expected > 0 {
		rest = time.Duration(float64(rest) * float64(taken) / float64(expected))
	}
	return rest
}

// Total is how long the runs of a plan last, about and at most, where each is
// made once.
func Total(p *result.SweepPlan) (about, most time.Duration) {
	for _, point := range p.Order {
		about += time.Duration(p.Points[point].AboutNs)
		most += time.Duration(p.Points[point].MostNs)
	}
	return about, most
}
