package reports

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// ComparisonBenchstat writes the runs in the format of Go benchmarks
// (https://go.dev/design/14313-benchmark-format), one line a run, so that
// benchstat can judge them by itself: benchstat -col side FILE. Durations are
// in seconds, as benchstat shows them. Its errors are those of w.
func ComparisonBenchstat(w io.Writer, c *compare.Comparison) error {
	c = shown(c)
	var b strings.Builder
	host := c.A.Runs[0].Summary.Environment.Host
	for _, pair := range [][2]string{{"goos", host.OS}, {"goarch", host.Arch}, {"cpu", host.CPU}} {
		if value := strings.TrimSpace(Clean(pair[1])); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", pair[0], value)
		}
	}
	for _, m := range compare.Metrics {
		better := "lower"
		if m.Up {
			better = "higher"
		}
		fmt.Fprintf(&b, "Unit %s better=%s\n", benchUnit(m), better)
	}
	for _, side := range []*compare.Side{&c.A, &c.B} {
		fmt.Fprintf(&b, "side: %s\n", side.Name)
		for i, run := range side.Runs {
			fmt.Fprintf(&b, "Benchmark%s %d", benchName(c), max(1, run.Summary.Counts.Sent))
			for k, m := range compare.Metrics {
				if v, ok := benchValue(&c.Rows[k], side.Name, i); ok {
					fmt.Fprintf(&b, " %s %s", strconv.FormatFloat(v, 'g', -1, 64), benchUnit(m))
				}
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// benchUnit names the unit after the metric, because a line has each unit once.
func benchUnit(m compare.Metric) string {
	name := strings.ReplaceAll(m.Name, "_", "-")
	switch m.Unit {
	case "ns":
		return name + "-sec"
	case "bytes":
		return name + "-B"
	case "share":
		return name
	}
	return m.Unit
}

func benchValue(r *compare.Row, side string, i int) (float64, bool) {
	values := r.A.Values
	if side == "B" {
		values = r.B.Values
	}
	if i >= len(values) || math.IsNaN(values[i]) {
		return 0, false
	}
	if r.Unit == "ns" {
		return values[i] / 1e9, true
	}
	return values[i], true
}

// benchName is the scenario's name, where both sides have one and the same,
// in the letters that a benchmark's name may have.
func benchName(c *compare.Comparison) string {
	name := c.A.Runs[0].Summary.Run.Name
	if name != c.B.Runs[0].Summary.Run.Name {
		return "Run"
	}
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, cut(name, 60))
	if name == "" || !unicode.IsLetter(rune(name[0])) {
		return "Run" + name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
