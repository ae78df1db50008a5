package reports

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/reports/result"
)

func TestFormats(t *testing.T) {
	tests := []struct{ got, want string }{
		{formatCount(0), "0"},
		{formatCount(uint64(math.MaxUint64)), "18,446,744,073,709,551,615"},
		{formatCount(-1234), "-1,234"},
		{formatNumber(0.0123), "0.012"},
		{formatNumber(0.5), "0.5"},
		{formatNumber(12.34), "12.3"},
		{formatNumber(99.97), "100"},
		{formatNumber(4846.4), "4,846"},
		{formatNs(0), "0"},
		{formatNs(999), "999 ns"},
		{formatNs(999_600), "1 ms"},
		{formatNs(1_820_000_000), "1.82 s"},
		{formatNs(-45_120), "-45.1 µs"},
		{formatNs(3_600_000_000_000), "3,600 s"},
		{formatMaybeNs(nil), "–"},
		{formatBytes(0), "0 B"},
		{formatBytes(1536), "1.5 KiB"},
		{formatBytes(1000 * 1024), "1,000 KiB"},
		{formatShareOf(1, 3), "33.3 %"},
		{formatShareOf(999_999, 1_000_000), "99.9999 %"},
		{formatShareOf(1, 1_000_000), "0.0001 %"},
		{formatShareOf(5, 5), "100 %"},
		{formatShareOf(0, 0), "–"},
		{exact(1e9, "ns"), "1 s"},
		{exact(1_000_000_001, "ns"), "1.000000001 s"},
		{exact(1e7, "ns"), "10 ms"},
		{exact(0.99, "share"), "99 %"},
		{exact(0.9995, "share"), "99.95 %"},
		{exact(0.07, "share"), "7 %"},
		{exact(20000, "tx/s"), "20,000 tx/s"},
		{exact(3, "count"), "3"},
		{beside(999_999_999, 1e9, "ns"), "999.999999 ms"},
		{beside(1_000_000_001, 1e9, "ns"), "1.000000001 s"},
		{beside(1_823_456_789, 1e9, "ns"), "1.8235 s"},
		{beside(0.98999999, 0.99, "share"), "98.999999 %"},
		{movePoint("0.07", 2), "7"},
		{movePoint("123", -9), "0.000000123"},
		{movePoint("-1500", -3), "-1.5"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestMargin(t *testing.T) {
	tests := []struct {
		c    result.Check
		want string
	}{
		{result.Check{Op: "<", Limit: 100, Observed: 75, Known: true}, "+25 %"},
		{result.Check{Op: "<", Limit: 100, Observed: 182, Known: true}, "-82 %"},
		{result.Check{Op: ">=", Limit: 0.5, Observed: 0.6, Known: true}, "+20 %"},
		{result.Check{Op: "==", Limit: 5, Observed: 5, Known: true}, "–"},
		{result.Check{Op: "<", Limit: 100}, "–"},
		{result.Check{Op: "==", Known: true}, "–"},
	}
	for _, tt := range tests {
		if got := margin(tt.c); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.c, got, tt.want)
		}
	}
}

// An observed value never changes sides by being written.
func TestBesideKeepsItsSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := float64(rapid.Int64Range(1, 1e15).Draw(t, "limit"))
		v := limit + float64(rapid.Int64Range(-1000, 1000).Draw(t, "off"))
		if v < 0 {
			v = 0
		}
		written := ns(t, beside(v, limit, "ns"))
		if c := written.Cmp(new(big.Rat).SetFloat64(limit)); c != cmp.Compare(v, limit) {
			t.Fatalf("%v beside %v is written %s", v, limit, beside(v, limit, "ns"))
		}
	})
}

// A limit reads back to the very same number.
func TestExactIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(0, 1e15).Draw(t, "v")
		if got := ns(t, exact(v, "ns")); got.Cmp(decimal(v)) != 0 {
			t.Fatalf("%v is written %s", v, exact(v, "ns"))
		}
	})
}

func decimal(v float64) *big.Rat {
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(v, 'f', -1, 64))
	return r
}

// ns reads a written duration back.
func ns(t *rapid.T, s string) *big.Rat {
	number, unit, _ := strings.Cut(s, " ")
	v, ok := new(big.Rat).SetString(strings.ReplaceAll(number, ",", ""))
	if !ok {
		t.Fatalf("%q is no duration", s)
	}
	scale := map[string]int64{"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}[unit]
	return v.Mul(v, new(big.Rat).SetInt64(scale))
}
