package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/verdict"
)

// Objective is one line of the SLO.
type Objective struct {
	Metric string  // as verdict.Metrics lists them
	Op     string  // as verdict.Ops lists them
	Limit  float64 // in Unit
	Unit   string  // ns, share, count, tx/s
	Text   string  // as it was written
}

// ParseObjective reads "commit.p99 < 2s", "error_share < 0.1%", "lost == 0" or
// "throughput >= 4900/s".
func ParseObjective(text string) (Objective, error) {
	fields := strings.Fields(spaced(text))
	if len(fields) != 3 {
		return Objective{}, fmt.Errorf("want metric, comparison and limit, such as \"commit.p99 < 2s\", got %q", text)
	}
	o := Objective{Metric: fields[0], Op: fields[1], Text: strings.Join(fields, " ")}
	var ok bool
	if o.Unit, ok = verdict.Unit(o.Metric); !ok {
		return Objective{}, fmt.Errorf("metric %q is not known; permitted: a stage and a figure such as commit.p99, or %s", o.Metric, plainMetrics())
	}
	if !slices.Contains(verdict.Ops, o.Op) {
		return Objective{}, fmt.Errorf("comparison %q is not known; permitted: %s", o.Op, strings.Join(verdict.Ops, " "))
	}
	limit, err := parseLimit(fields[2], o.Unit)
	o.Limit = limit
	return o, err
}

// spaced puts blanks around the comparison, so that "lost==0" is read too.
func spaced(text string) string {
	i := strings.IndexAny(text, "<>=")
	if i < 0 {
		return text
	}
	j := i + 1
	if j < len(text) && text[j] == '=' {
		j++
	}
	return text[:i] + " " + text[i:j] + " " + text[j:]
}

// plainMetrics lists the metrics that are no stage's.
func plainMetrics() string {
	var names []string
	for _, m := range verdict.Metrics() {
		if !strings.Contains(m, ".") {
			names = append(names, m)
		}
	}
	return strings.Join(names, ", ")
}

func parseLimit(text, unit string) (float64, error) {
	switch unit {
	case "ns":
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("want a duration as limit, such as 2s, got %q", text)
		}
		return float64(d), nil
	case "share":
		var s Share
		if err := s.UnmarshalText([]byte(text)); err != nil || s < 0 || s > 1 {
			return 0, fmt.Errorf("want a share as limit, 0 to 1 or such as 0.1%%, got %q", text)
		}
		return float64(s), nil
	case "count":
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return 0, fmt.Errorf("want a whole number as limit, got %q", text)
		}
		return float64(n), nil
	}
	var r Rate
	if err := r.UnmarshalText([]byte(text)); err != nil || r < 0 {
		return 0, fmt.Errorf("want a rate as limit, such as 4900/s, got %q", text)
	}
	return float64(r), nil
}

func mustObjective(text string) Objective {
	o, err := ParseObjective(text)
	if err != nil {
		panic(err)
	}
	return o
}

func (o Objective) String() string { return o.Text }

// MarshalText writes the objective as it was given.
func (o Objective) MarshalText() ([]byte, error) { return []byte(o.Text), nil }

// UnmarshalText reads what ParseObjective reads.
func (o *Objective) UnmarshalText(b []byte) (err error) {
	*o, err = ParseObjective(string(b))
	return err
}

// Schema describes the notation.
func (Objective) Schema() map[string]any {
	return map[string]any{"type": "string", "examples": []string{"commit.p99 < 2s", "error_share < 0.001", "lost == 0", "throughput >= 4900/s"}}
}
