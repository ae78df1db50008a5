package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	second      = time.Second
	millisecond = time.Millisecond
)

// Names that appear in more than one place.
const (
	DriverReference = "reference"
	DriverNull      = "null"
	SignBefore      = "before"
	SignLive        = "live"
)

// Duration is a time.Duration written as in Go: 250ms, 1m30s.
type Duration time.Duration

// Std returns the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the notation that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration that is not negative.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return fmt.Errorf("want a duration such as 250ms, 5s or 1m30s, got %q", b)
	}
	*d = Duration(v)
	return nil
}

// Schema describes the notation.
func (Duration) Schema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`}
}

// Rate is events per second, written as 5000/s.
type Rate float64

func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s" }

// MarshalText writes the notation that UnmarshalText reads.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads 5000/s, 300/m or 100000/h; a bare number is per second.
func (r *Rate) UnmarshalText(b []byte) error {
	number, unit, _ := strings.Cut(string(b), "/")
	seconds := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	v, err := strconv.ParseFloat(strings.ReplaceAll(number, "_", ""), 64)
	if err != nil || seconds == 0 || !finite(v) || strings.HasSuffix(string(b), "/") {
		return fmt.Errorf("want a rate such as 5000/s or 300/m, got %q", b)
	}
	*r = Rate(v / seconds)
	return nil
}

// Schema describes the notation.
func (Rate) Schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": `^[0-9_]+(\.[0-9]+)?(e[0-9]+)?(/[smh])?$`},
		map[string]any{"type": "number"},
	}}
}

// Share is a part of a whole, 0 to 1, written as 0.05 or 5%.
type Share float64

func (s Share) String() string { return strconv.FormatFloat(float64(s), 'f', -1, 64) }

// MarshalText writes the notation that UnmarshalText reads.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads 0.05 or 5%.
func (s *Share) UnmarshalText(b []byte) error {
	number, percent := strings.CutSuffix(string(b), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !finite(v) {
		return fmt.Errorf("want a share such as 0.05 or 5%%, got %q", b)
	}
	if percent {
		v /= 100
	}
	*s = Share(v)
	return nil
}

// Schema describes the notation.
func (Share) Schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)? ?%?$`},
		map[string]any{"type": "number", "minimum": 0, "maximum": 1},
	}}
}

// Skew is the exponent of Zipf's law; 0 is uniform and written so.
type Skew float64

func (s Skew) String() string {
	if s == 0 {
		return "uniform"
	}
	return strconv.FormatFloat(float64(s), 'f', -1, 64)
}

// MarshalText writes the notation that UnmarshalText reads.
func (s Skew) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "uniform" or an exponent.
func (s *Skew) UnmarshalText(b []byte) error {
	if string(b) == "uniform" {
		*s = 0
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !finite(v) {
		return fmt.Errorf("want uniform or the exponent of Zipf's law such as 1.1, got %q", b)
	}
	*s = Skew(v)
	return nil
}

// Schema describes the notation.
func (Skew) Schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"const": "uniform"},
		map[string]any{"type": "number", "minimum": 0, "maximum": 10},
	}}
}

// Lanes is a number of lanes; 0 is "auto".
type Lanes int

func (l Lanes) String() string {
	if l == 0 {
		return "auto"
	}
	return strconv.Itoa(int(l))
}

// MarshalText writes the notation that UnmarshalText reads.
func (l Lanes) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// lanesLimit bounds lanes by what a generator can hold.
const lanesLimit = 1 << 24

// UnmarshalText reads "auto" or a number from 1.
func (l *Lanes) UnmarshalText(b []byte) error {
	if string(b) == "auto" {
		*l = 0
		return nil
	}
	v, err := strconv.Atoi(strings.ReplaceAll(string(b), "_", ""))
	if err != nil || v < 1 || v > lanesLimit {
		return fmt.Errorf("want auto or a number from 1 to %d, got %q", lanesLimit, b)
	}
	*l = Lanes(v)
	return nil
}

// Schema describes the notation.
func (Lanes) Schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"const": "auto"},
		map[string]any{"type": "integer", "minimum": 1, "maximum": lanesLimit},
	}}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
