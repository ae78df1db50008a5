package schedule

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// The headers of the two kinds of trace file.
const (
	stepsHeader    = "second,rate"
	arrivalsHeader = "arrival_ns"
)

const traceLine = 4096 // bytes of a line at most, comments included

// DecodeTrace reads a trace file: CSV without quotes, whose first line is one
// of two headers.
//
//	second,rate   the second from which a rate (arrivals per second) holds until
//	              the next row. The first is 0, they increase, and the last row
//	              has rate 0: it ends the trace. Both may have a fraction.
//	arrival_ns    the time of each arrival in ns since the trace's start. Times
//	              never decrease.
//
// Lines that begin with # are comments, and may come before the header too. An
// error is one line with the line's number and what is permitted. No more is
// held in memory than the trace itself; see MaxTraceSteps and MaxTraceArrivals.
func DecodeTrace(r io.Reader) (*Trace, error) {
	in := &io.LimitedReader{R: r, N: MaxTraceBytes + 1}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, traceLine), traceLine)
	d := traceDecoder{}
	for lines.Scan() {
		d.line++
		if err := d.take(lines.Bytes()); err != nil {
			return nil, fmt.Errorf("line %d: %w", d.line, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d: is longer than %d bytes", d.line+1, traceLine)
	case err != nil:
		return nil, fmt.Errorf("after line %d: %w", d.line, err)
	case in.N <= 0:
		return nil, fmt.Errorf("after line %d: the file is longer than %d bytes", d.line, MaxTraceBytes)
	}
	return d.finish()
}

// traceDecoder takes a trace file line by line.
type traceDecoder struct {
	line     int
	header   string
	steps    []Step
	starts   time.Duration // of the last step
	arrivals packed
}

func (d *traceDecoder) take(line []byte) error {
	switch {
	case bytes.HasPrefix(line, []byte("#")):
		return nil
	case d.header == "":
		d.header = string(line)
		if d.header != stepsHeader && d.header != arrivalsHeader {
			return fmt.Errorf("%q is no header of a trace; permitted: %s, or %s", shortened(line), stepsHeader, arrivalsHeader)
		}
		return nil
	case d.header == stepsHeader:
		return d.parseStep(line)
	}
	return d.parseArrival(line)
}

// parseStep takes one row of second,rate.
func (d *traceDecoder) parseStep(line []byte) error {
	at, rate, ok := strings.Cut(string(line), ",")
	if !ok || strings.Contains(rate, ",") {
		return fmt.Errorf("%q: want second,rate", shortened(line))
	}
	seconds, err := decimal(at, MaxTraceLength.Seconds())
	if err != nil {
		return fmt.Errorf("second: %w", err)
	}
	perS, err := decimal(rate, MaxTraceRate)
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	start := time.Duration(math.Round(seconds * 1e9))
	n := len(d.steps)
	switch {
	case n == 0 && start != 0:
		return fmt.Errorf("the first second is %s; it must be 0", at)
	case n > 0 && start <= d.starts:
		return fmt.Errorf("second %s does not come after that of the row before, %v", at, d.starts.Seconds())
	case n > MaxTraceSteps:
		return fmt.Errorf("too many rows; permitted are %d steps", MaxTraceSteps)
	}
	if n > 0 {
		d.steps[n-1].For = start - d.starts
	}
	d.steps, d.starts = append(d.steps, Step{Rate: perS}), start
	return nil
}

// parseArrival takes one time of arrival_ns.
func (d *traceDecoder) parseArrival(line []byte) error {
	ns, err := strconv.ParseUint(string(line), 10, 64)
	if err != nil || ns > uint64(MaxTraceLength) {
		return fmt.Errorf("%q: want whole nanoseconds since the trace's start, 0 to %d", shortened(line), MaxTraceLength.Nanoseconds())
	}
	at := time.Duration(ns)
	switch {
	case at < d.arrivals.last:
		return fmt.Errorf("%d comes before the arrival of the row before, %d; times never decrease", ns, d.arrivals.last.Nanoseconds())
	case d.arrivals.count >= MaxTraceArrivals:
		return fmt.Errorf("too many rows; permitted are %d arrivals", MaxTraceArrivals)
	}
	d.arrivals.add(at)
	return nil
}

func (d *traceDecoder) finish() (*Trace, error) {
	switch last := len(d.steps) - 1; {
	case d.header == "":
		return nil, fmt.Errorf("the file is empty; its first line must be %s or %s", stepsHeader, arrivalsHeader)
	case d.header == arrivalsHeader && d.arrivals.count == 0:
		return nil, errors.New("there is no arrival after the header")
	case d.header == arrivalsHeader:
		return newArrivals(d.arrivals), nil
	case last < 0:
		return nil, errors.New("there is no row after the header")
	case d.steps[last].Rate != 0:
		return nil, fmt.Errorf("line %d: the last row has rate %v; it must be 0, which ends the trace", d.line, d.steps[last].Rate)
	case last == 0:
		return nil, fmt.Errorf("line %d: the trace ends where it begins", d.line)
	default:
		t := newSteps(d.steps[:last])
		if t.total == 0 {
			return nil, errors.New("every rate is 0")
		}
		return t, nil
	}
}

// decimal reads a number such as 12 or 0.5, from 0 to most.
func decimal(s string, most float64) (float64, error) {
	plain := strings.Trim(s, "0123456789.") == ""
	v, err := strconv.ParseFloat(s, 64)
	if !plain || err != nil || v > most {
		return 0, fmt.Errorf("%q is no number in range; permitted: 0 to %v", shortened([]byte(s)), strconv.FormatFloat(most, 'f', -1, 64))
	}
	return v, nil
}

func shortened(s []byte) string {
	if len(s) > 40 {
		return string(s[:40]) + "..."
	}
	return string(s)
}
