package reports

import (
	"math"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Numbers are written with thousands separators, a point, and a space before
// the unit, to three significant digits or so. What must not be rounded goes
// through exact or beside.

// formatCount writes a whole number: 1,234,567.
func formatCount[N int | int64 | uint64](n N) string {
	s := strconv.FormatUint(uint64(n), 10)
	if n < 0 {
		return "-" + group(strconv.FormatUint(uint64(-n), 10))
	}
	return group(s)
}

// group puts commas between thousands of a string of digits.
func group(digits string) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// formatNumber writes to three significant digits, and whole from 100 on.
func formatNumber(v float64) string {
	abs := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case abs >= 99.95:
		return formatCount(int64(math.Round(v)))
	case abs >= 9.995:
		return trimZeros(strconv.FormatFloat(v, 'f', 1, 64))
	case abs >= 0.0995:
		return trimZeros(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// durationUnits are tried from the largest.
var durationUnits = []struct {
	ns   float64
	name string
}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}

// formatNs writes a duration to three significant digits: 1.82 s, 45.1 µs.
func formatNs(ns int64) string {
	v := float64(ns)
	for _, u := range durationUnits {
		// 999.6 µs is 1 ms when rounded.
		if math.Abs(v) >= u.ns*0.9995 {
			return formatNumber(v/u.ns) + " " + u.name
		}
	}
	return "0"
}

// formatMaybeNs writes a dash for an absent quantile.
func formatMaybeNs(ns *int64) string {
	if ns == nil {
		return absent
	}
	return formatNs(*ns)
}

// absent stands for a value that was not observed, or has too few samples.
const absent = "–"

// formatBytes writes binary units: 1.5 GiB.
func formatBytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; math.Abs(n) >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	return formatNumber(n) + " " + units[i]
}

// formatShare writes a share as a percentage.
func formatShare(v float64) string { return formatNumber(100*v) + " %" }

// formatShareOf writes part/whole as a percentage; a dash for nothing of
// nothing. 100 % and 0 % mean all and none.
func formatShareOf(part, whole uint64) string {
	switch {
	case whole == 0:
		return absent
	case part == whole:
		return "100 %"
	case part == 0:
		return "0 %"
	}
	v := 100 * float64(part) / float64(whole)
	for digits := 1; ; digits++ {
		s := trimZeros(strconv.FormatFloat(v, 'f', digits, 64))
		if s != "100" && s != "0" || digits > 12 {
			return s + " %"
		}
	}
}

// exact writes a limit in its unit without rounding it.
func exact(v float64, unit string) string {
	return withUnit(v, unit, func(v float64) string { return plain(strconv.FormatFloat(v, 'f', -1, 64)) })
}

// beside writes an observed value with five significant digits, or as many
// more as it takes for the written number to lie on the same side of the limit
// as the value does.
func beside(v, limit float64, unit string) string {
	if v == limit {
		return exact(v, unit)
	}
	for digits := 5; digits < 17; digits++ {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
		if err == nil && rounded != limit && (rounded < limit) == (v < limit) {
			return exact(rounded, unit)
		}
	}
	return exact(v, unit)
}

// plain groups the digits before the point.
func plain(s string) string {
	whole, fraction, ok := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if ok {
		return sign + group(whole) + "." + fraction
	}
	return sign + group(whole)
}

// withUnit scales by powers of ten only, moving the point in the text, so that
// no digit changes.
func withUnit(v float64, unit string, write func(float64) string) string {
	switch unit {
	case "ns":
		s := strconv.FormatFloat(v, 'f', -1, 64)
		switch abs := math.Abs(v); {
		case abs >= 1e9:
			return plain(movePoint(s, -9)) + " s"
		case abs >= 1e6:
			return plain(movePoint(s, -6)) + " ms"
		case abs >= 1e3:
			return plain(movePoint(s, -3)) + " µs"
		case v == 0:
			return "0 s"
		}
		return s + " ns"
	case "share":
		return plain(movePoint(strconv.FormatFloat(v, 'f', -1, 64), 2)) + " %"
	case "", "count":
		return write(v)
	}
	return write(v) + " " + unit
}

// movePoint moves the decimal point of a plain number by places to the right
// (to the left where negative) and drops zeros that no longer matter.
func movePoint(s string, places int) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits, point := whole+fraction, len(whole)+places
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole = strings.TrimLeft(digits[:point], "0")
	if whole == "" {
		whole = "0"
	}
	return sign + trimZeros(whole+"."+digits[point:])
}

// margin is the distance to the limit in the good direction, as a share of the
// limit; negative where it was missed.
func margin(c result.Check) string {
	if !c.Known || c.Limit == 0 {
		return absent
	}
	share := (c.Limit - c.Observed) / math.Abs(c.Limit)
	switch c.Op {
	case ">", ">=":
		share = -share
	case "<", "<=":
	default:
		return absent
	}
	s := formatNumber(100 * share)
	if share > 0 {
		s = "+" + s
	}
	return s + " %"
}

// interval writes the confidence interval of a check.
func interval(c result.Check) string {
	if c.Low == 0 && c.High == 0 || !c.Known {
		return absent
	}
	return rounded(c.Low, c.Unit) + " to " + rounded(c.High, c.Unit)
}

// rounded writes a value of a check's unit for reading, not for judging.
func rounded(v float64, unit string) string {
	switch unit {
	case "ns":
		return formatNs(int64(v))
	case "share":
		return formatShare(v)
	case "", "count":
		return formatNumber(v)
	case "bytes":
		return formatBytes(v)
	}
	return formatNumber(v) + " " + unit
}

func observed(c result.Check) string {
	if !c.Known {
		return "not observed"
	}
	return beside(c.Observed, c.Limit, c.Unit)
}

func limit(c result.Check) string { return c.Op + " " + exact(c.Limit, c.Unit) }
