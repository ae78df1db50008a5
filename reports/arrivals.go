package reports

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Arrivals are when the transactions of a run were due, as a trace to replay.
type Arrivals struct {
	// Times are the intended times in ns since the trace's start, sorted; nil
	// where the run's files do not hold every arrival.
	Times []int64
	// Steps are the offered rates instead.
	Steps []RateStep
	// EndNs is where the steps end.
	EndNs int64
	// Why there are no times; "" = there are.
	Why string

	run string // its name and ID
}

// RateStep is a rate that holds until the next one.
type RateStep struct {
	FromNs int64
	PerS   float64
}

// ReadArrivals takes the arrivals of a run from its folder: each one's time
// from transactions.csv.zst where that holds all that were due, or else rates
// by the second from timeseries.csv. The trace begins after the run's warm-up,
// or with it.
func ReadArrivals(dir string, withWarmup bool) (*Arrivals, error) {
	run, err := ReadRun(dir)
	if err != nil {
		return nil, err
	}
	from := run.Run.SteadyFromNs
	if withWarmup {
		from = 0
	}
	if run.Run.LoadEndNs <= from {
		return nil, fmt.Errorf("%s: the run was ended within its warm-up: there is nothing to record", dir)
	}
	a := &Arrivals{Why: incomplete(run.Counts), run: Clean(run.Run.Name + " " + run.Run.ID)}
	if a.Why == "" {
		if err := a.readTimes(dir, run, from); err != nil {
			return nil, err
		}
	}
	if a.Times == nil {
		a.Steps, a.EndNs = offeredSteps(totals(run.Series), from, run.Run.LoadEndNs), run.Run.LoadEndNs-from
	}
	if len(a.Times)+len(a.Steps) == 0 {
		return nil, fmt.Errorf("%s: nothing was offered after the warm-up", dir)
	}
	return a, nil
}

// mostTimes is how many arrivals a trace may have.
const mostTimes = 10_000_000

// incomplete says which arrivals have no row: those that were never sent.
func incomplete(c result.Counts) string {
	switch {
	case c.Sent < c.Scheduled:
		return fmt.Sprintf("%s of %s arrivals were not sent, and only those sent have a row", formatCount(c.Scheduled-c.Sent), formatCount(c.Scheduled))
	case c.Sent > mostTimes:
		return fmt.Sprintf("%s arrivals are more than the %s that a trace of them may have", formatCount(c.Sent), formatCount(mostTimes))
	}
	return ""
}

// readTimes fills in Times, or Why where the file is a sample.
func (a *Arrivals) readTimes(dir string, run *result.Run, from int64) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if _, ok := m.find(result.FileTransactions); !ok {
		a.Why = "the run has no " + result.FileTransactions
		return nil
	}
	if err := m.check(dir, result.FileTransactions); err != nil {
		return err
	}
	return readFile(dir, result.FileTransactions, func(r io.Reader) error {
		times, err := parseIntended(r, run.Counts.Sent)
		switch {
		case err != nil:
			return err
		case times == nil:
			a.Why = result.FileTransactions + " holds a part of the transactions only"
			return nil
		}
		slices.Sort(times)
		first, _ := slices.BinarySearch(times, from)
		times = times[first:]
		for i := range times {
			times[i] -= from
		}
		a.Times = times
		return nil
	})
}

// parseIntended reads the intended times of all rows; nil where there are fewer
// rows than were sent.
func parseIntended(r io.Reader, sent uint64) ([]int64, error) {
	var times []int64
	sampled := false
	err := scanRaw(r, func(line []byte) error {
		if bytes.HasPrefix(line, []byte("#")) {
			sampled = sampled || bytes.HasPrefix(line, []byte(result.RawSampled))
			return nil
		}
		row, err := splitRow(line)
		if err != nil {
			return err
		}
		if uint64(len(times)) >= sent {
			return fmt.Errorf("is one more than the %d that were sent", sent)
		}
		times = append(times, row.times[rawIntended])
		return nil
	})
	if err != nil || sampled || uint64(len(times)) < sent {
		return nil, err
	}
	return times, nil
}

// offeredSteps turns seconds into rates from a time on. What a second that
// begins after the load's end still counted belongs to the one before.
func offeredSteps(series []result.Sample, from, end int64) []RateStep {
	var steps []RateStep
	last, lastLength := -1, 0.0 // the step that may gain what is counted late
	start := int64(0)
	for _, s := range series {
		begin, stop := max(start, 0), min(s.TNs, end)
		start = s.TNs
		switch {
		case stop <= from:
			continue
		case begin >= end || stop <= begin:
			if last >= 0 && lastLength > 0 {
				steps[last].PerS += float64(s.Offered) / lastLength
			}
			continue
		}
		lastLength = float64(stop-begin) / 1e9
		steps = append(steps, RateStep{FromNs: max(begin-from, 0), PerS: float64(s.Offered) / lastLength})
		last = len(steps) - 1
	}
	return steps
}

// Write writes a trace file: arrival_ns where the times are known, or else
// second,rate. The first line is a comment that says which, and why.
func (a *Arrivals) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s\n", a.describe())
	if a.Times != nil {
		fmt.Fprintln(out, "arrival_ns")
		for _, t := range a.Times {
			_, _ = out.Write(append(strconv.AppendInt(out.AvailableBuffer(), t, 10), '\n'))
		}
		return out.Flush() // keeps the first error
	}
	fmt.Fprintln(out, "second,rate")
	for _, s := range a.Steps {
		fmt.Fprintf(out, "%s,%s\n", decimals(s.FromNs), strconv.FormatFloat(s.PerS, 'f', 6, 64))
	}
	fmt.Fprintf(out, "%s,0\n", decimals(a.EndNs))
	return out.Flush()
}

// describe says in one line what was recorded.
func (a *Arrivals) describe() string {
	if a.Times != nil {
		return fmt.Sprintf("the intended times of the %s arrivals of run %s", formatCount(len(a.Times)), a.run)
	}
	return fmt.Sprintf("the rates that run %s offered, by the second: %s", a.run, a.Why)
}

// decimals writes nanoseconds as seconds, exactly.
func decimals(ns int64) string {
	whole, rest := ns/1e9, ns%1e9
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%09d", whole, rest), "0"), ".")
}
