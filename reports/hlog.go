package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// latency.hlog is an HdrHistogram interval log, format 1.3: one line per stage
// and second, tagged with the stage. After these stand the histograms of the
// whole steady window, tagged "steady:stage" or "steady:stage:kind", so that
// the log alone rebuilds every percentile without loss. Tools select by tag,
// and none of the stages begins with "steady:".
//
// The lines are written here and not by the library's log writer, which cuts
// the start time to whole seconds and can't write all tags.

const steadyTag = "steady:"

// maxUnit turns nanoseconds into the log's customary milliseconds.
const maxUnit = 1e6

func writeLog(w io.Writer, run *result.Run) error {
	out := bufio.NewWriter(w)
	writeLogHeader(out, run)
	for i := range run.Intervals {
		if err := writeInterval(out, &run.Intervals[i]); err != nil {
			return err
		}
	}
	for _, h := range run.Histograms {
		v2, err := h.H.Encode(hdr.V2CompressedEncodingCookieBase)
		if err != nil {
			return fmt.Errorf("steady %s: %w", h.Stage, err)
		}
		length := run.Run.SteadyToNs - run.Run.SteadyFromNs
		writeLogLine(out, steadyName(h.Stage, h.Kind), run.Run.SteadyFromNs, length, h.H.Max(), v2)
	}
	return out.Flush()
}

func writeLogHeader(out *bufio.Writer, run *result.Run) {
	start := run.Run.Start.UTC()
	seconds := fmt.Sprintf("%d.%03d", start.Unix(), start.Nanosecond()/1e6)
	fmt.Fprintf(out, "#[chaindyno %s, run %s. Lines tagged %sSTAGE[:KIND] hold the whole steady window.]\n",
		run.Environment.Host.Version, run.Run.ID, steadyTag)
	fmt.Fprintf(out, "#[Histogram log format version 1.3]\n")
	fmt.Fprintf(out, "#[StartTime: %s (seconds since epoch), %s]\n", seconds, start.Format(time.UnixDate))
	fmt.Fprintf(out, "#[BaseTime: %s (seconds since epoch)]\n", seconds)
	fmt.Fprintln(out, `"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"`)
}

// writeInterval decodes the histogram for its maximum, which also keeps a
// broken one out of the file.
func writeInterval(out *bufio.Writer, in *result.Interval) error {
	h, err := result.DecodeHistogram(in.V2)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", in.Stage, time.Duration(in.StartNs), err)
	}
	writeLogLine(out, url.QueryEscape(in.Stage), in.StartNs, in.LengthNs, h.Max(), in.V2)
	return nil
}

func writeLogLine(out *bufio.Writer, tag string, start, length, maximum int64, v2 []byte) {
	fmt.Fprintf(out, "Tag=%s,%s,%s,%.3f,%s\n", tag, logSeconds(start), logSeconds(length), float64(maximum)/maxUnit, v2)
}

// logSeconds writes nanoseconds as seconds without loss: three decimals, as
// every tool writes them, or nine where three are not enough.
func logSeconds(ns int64) string {
	if ns%1e6 == 0 {
		return fmt.Sprintf("%d.%03d", ns/1e9, ns%1e9/1e6)
	}
	return fmt.Sprintf("%d.%09d", ns/1e9, ns%1e9)
}

func parseLogSeconds(s string) (int64, error) {
	whole, fraction, ok := strings.Cut(s, ".")
	if !ok || fraction == "" || len(fraction) > 9 {
		return 0, fmt.Errorf("%q: want seconds with 1 to 9 decimals", cut(s, 40))
	}
	sec, err := strconv.ParseUint(whole, 10, 33)
	if err != nil {
		return 0, fmt.Errorf("%q: want seconds from 0 to 2^33", cut(s, 40))
	}
	nanos, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q: want seconds with 1 to 9 decimals", cut(s, 40))
	}
	return int64(sec)*1e9 + int64(nanos), nil
}

// steadyName is the tag of a steady-window histogram. A tag may hold neither
// commas nor white space, and a kind's name is the driver's choice.
func steadyName(stage, kind string) string {
	name := steadyTag + url.QueryEscape(stage)
	if kind != "" {
		name += ":" + url.QueryEscape(kind)
	}
	return name
}

// readLog returns the intervals and the steady-window histograms. Its errors
// name the line.
func readLog(r io.Reader) (intervals []result.Interval, steady []result.Histogram, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			return intervals, steady, nil
		}
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		text = bytes.TrimRight(text, "\r\n")
		if len(text) == 0 || text[0] == '#' || text[0] == '"' {
			continue
		}
		iv, err := parseLogLine(text)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		if !strings.HasPrefix(iv.Stage, steadyTag) {
			intervals = append(intervals, iv)
			continue
		}
		h, err := steadyHistogram(iv)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		steady = append(steady, h)
	}
}

func parseLogLine(line []byte) (iv result.Interval, err error) {
	fields := bytes.SplitN(line, []byte(","), 5)
	if len(fields) != 5 || !bytes.HasPrefix(fields[0], []byte("Tag=")) {
		return iv, errors.New("want Tag=name,start,length,max,histogram")
	}
	iv.Stage = string(fields[0][len("Tag="):])
	if !strings.HasPrefix(iv.Stage, steadyTag) {
		if iv.Stage, err = url.QueryUnescape(iv.Stage); err != nil {
			return iv, fmt.Errorf("tag: %w", err)
		}
	}
	if iv.StartNs, err = parseLogSeconds(string(fields[1])); err != nil {
		return iv, fmt.Errorf("start: %w", err)
	}
	if iv.LengthNs, err = parseLogSeconds(string(fields[2])); err != nil {
		return iv, fmt.Errorf("length: %w", err)
	}
	iv.V2 = slices.Clone(fields[4])
	return iv, nil
}

func steadyHistogram(iv result.Interval) (h result.Histogram, err error) {
	stage, kind, _ := strings.Cut(strings.TrimPrefix(iv.Stage, steadyTag), ":")
	if h.Stage, err = url.QueryUnescape(stage); err != nil {
		return h, fmt.Errorf("tag: %w", err)
	}
	if h.Kind, err = url.QueryUnescape(kind); err != nil {
		return h, fmt.Errorf("tag: %w", err)
	}
	if h.H, err = result.DecodeHistogram(iv.V2); err != nil {
		return h, fmt.Errorf("%s: %w", cut(iv.Stage, 60), err)
	}
	return h, nil
}
