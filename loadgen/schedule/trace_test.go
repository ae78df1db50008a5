package schedule

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustDecode(t interface{ Fatal(...any) }, text string) *Trace {
	trace, err := DecodeTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// arrivalsFile writes a trace of arrivals.
func arrivalsFile(at []time.Duration) string {
	b := bytes.NewBufferString("arrival_ns\n")
	for _, t := range at {
		fmt.Fprintln(b, t.Nanoseconds())
	}
	return b.String()
}

// anyTrace draws a trace of either kind.
func anyTrace(t *rapid.T) *Trace {
	if rapid.Bool().Draw(t, "steps") {
		b, at := bytes.NewBufferString("# a comment\nsecond,rate\n"), 0.0
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			fmt.Fprintf(b, "%.3f,%.2f\n", at, rapid.Float64Range(0.01, 3000).Draw(t, "rate"))
			at += float64(rapid.IntRange(1, 2000).Draw(t, "ms")) / 1000
		}
		fmt.Fprintf(b, "%.3f,0\n", at)
		return mustDecode(t, b.String())
	}
	var times []time.Duration
	at := time.Duration(0)
	for range rapid.IntRange(1, 3000).Draw(t, "arrivals") {
		at += time.Duration(rapid.SampledFrom([]int64{0, 1, 999, 1e6, 3e6, 7e7}).Draw(t, "gap"))
		times = append(times, at)
	}
	return mustDecode(t, arrivalsFile(times))
}

// TestTraceOfArrivalsIsExact: at scale 1 the replay is what was recorded.
func TestTraceOfArrivalsIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SliceOfN(rapid.Int64Range(0, int64(20*time.Second)), 1, 2500).Draw(t, "times")
		if rapid.Bool().Draw(t, "dense") {
			for i := range at {
				at[i] /= 1000
			}
		}
		slices.Sort(at)
		want := make([]time.Duration, len(at))
		for i, ns := range at {
			want[i] = time.Duration(ns)
		}
		trace := mustDecode(t, arrivalsFile(want))
		if got := times(trace.Schedule(1, 0)); !slices.Equal(got, want) {
			t.Fatalf("%d arrivals come back as %d, or at other times", len(want), len(got))
		}
		cut := time.Duration(rapid.Int64Range(1, int64(trace.Length())).Draw(t, "for"))
		n, _ := slices.BinarySearch(want, cut)
		if got := trace.Schedule(1, cut); got.Length() != cut || !slices.Equal(times(got), want[:n]) {
			t.Fatalf("the first %v have %d arrivals over %v, want %d", cut, got.Count(), got.Length(), n)
		}
	})
}

// TestTraceScale: a replay at another scale lasts as long, offers as many times
// more, and does so in every part: at any time it is within one arrival (of
// either) of scale times what the recorded one has offered.
func TestTraceScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := anyTrace(t)
		scale := rapid.Float64Range(0.05, 5).Draw(t, "scale")
		one, other := trace.Schedule(1, 0), trace.Schedule(scale, 0)
		if one.Length() != other.Length() {
			t.Fatalf("lasts %v at scale %v and %v at scale 1", other.Length(), scale, one.Length())
		}
		for range 20 {
			at := time.Duration(rapid.Int64Range(0, int64(one.Length())).Draw(t, "t"))
			want, got := scale*float64(DueBy(one, 0, at)), float64(DueBy(other, 0, at))
			if math.Abs(got-want) > 1+scale {
				t.Fatalf("at scale %v, %v arrivals by %v, want about %v", scale, got, at, want)
			}
		}
	})
}

// TestTraceLength: evenly spaced arrivals replay at their rate.
func TestTraceLength(t *testing.T) {
	for _, c := range []struct {
		at     []time.Duration
		length time.Duration
		first  float64
	}{
		{times(Constant(5000, 3*time.Second)), 3 * time.Second, 5000},
		{times(Constant(4, 3*time.Second)), 3 * time.Second, 4},
		{[]time.Duration{250 * time.Millisecond}, 1250 * time.Millisecond, 1},
		{[]time.Duration{7, 7, 7}, time.Second + 7, 3},
		{[]time.Duration{0, 100 * time.Hour}, 200 * time.Hour, 1},
	} {
		trace := mustDecode(t, arrivalsFile(c.at))
		if trace.Length() != c.length || trace.FirstRate() != c.first || trace.Total() != float64(len(c.at)) {
			t.Errorf("%d arrivals last %v and begin at %v/s, want %v and %v", len(c.at), trace.Length(), trace.FirstRate(), c.length, c.first)
		}
	}
}

func TestTraceSteps(t *testing.T) {
	trace := mustDecode(t, "second,rate\n0,100\n0.5,0\n1.25,20\r\n# the end\n2.25,0\n")
	if trace.Length() != 2250*time.Millisecond || trace.Total() != 70 || trace.Rows() != 3 || trace.FirstRate() != 100 || trace.HighestRate() != 100 {
		t.Errorf("%+v", trace)
	}
	s := trace.Schedule(2, 1750*time.Millisecond)
	if s.Count() != 120 || s.At(100) != 1250*time.Millisecond || s.Rate(time.Millisecond) != 200 {
		t.Errorf("%d arrivals, the hundredth at %v, at %v/s", s.Count(), s.At(100), s.Rate(time.Millisecond))
	}
}

// TestPackedMemory: the stated bound holds.
func TestPackedMemory(t *testing.T) {
	for gap, most := range map[time.Duration]float64{time.Millisecond: 4.1, time.Second: 8.1} {
		var p packed
		for i := range 100 * packedSize {
			p.add(time.Duration(i) * gap)
		}
		if per := float64(p.bytes()) / float64(p.count); per > most {
			t.Errorf("%v apart, a time takes %.2f bytes, want at most %v", gap, per, most)
		}
	}
}

func TestTraceRefuses(t *testing.T) {
	steps := strings.Builder{}
	for i := range MaxTraceSteps + 2 {
		fmt.Fprintf(&steps, "%d,1\n", i)
	}
	for _, c := range []struct{ text, want string }{
		{"", "the file is empty; its first line must be second,rate or arrival_ns"},
		{"# only a comment\n", "the file is empty"},
		{"seconds,rate\n0,1\n", `line 1: "seconds,rate" is no header of a trace; permitted: second,rate, or arrival_ns`},
		{"second,rate\n", "there is no row after the header"},
		{"arrival_ns\n", "there is no arrival after the header"},
		{"second,rate\n1,5\n2,0\n", "line 2: the first second is 1; it must be 0"},
		{"second,rate\n0,5\n2,6\n", "line 3: the last row has rate 6; it must be 0, which ends the trace"},
		{"second,rate\n0,0\n", "line 2: the trace ends where it begins"},
		{"second,rate\n0,0\n5,0\n", "every rate is 0"},
		{"second,rate\n0,5\n7,6\n7,0\n", "line 4: second 7 does not come after that of the row before, 7"},
		{"second,rate\n0,5\n\n7,0\n", `line 3: "": want second,rate`},
		{"second,rate\n0,5,1\n", `line 2: "0,5,1": want second,rate`},
		{"second,rate\n0,-5\n", `line 2: rate: "-5" is no number in range; permitted: 0 to 10000000`},
		{"second,rate\n0,1e3\n", `line 2: rate: "1e3" is no number in range`},
		{"second,rate\n0,10000001\n", `permitted: 0 to 10000000`},
		{"second,rate\n0,\n", `line 2: rate: "" is no number`},
		{"second,rate\n0,5\n604801,0\n", `line 3: second: "604801" is no number in range; permitted: 0 to 604800`},
		{"second,rate\n" + steps.String(), fmt.Sprintf("line %d: too many rows; permitted are 262144 steps", MaxTraceSteps+3)},
		{"arrival_ns\n5\n4\n", "line 3: 4 comes before the arrival of the row before, 5"},
		{"arrival_ns\n-1\n", `line 2: "-1": want whole nanoseconds since the trace's start, 0 to 604800000000000`},
		{"arrival_ns\n604800000000001\n", "want whole nanoseconds"},
		{"arrival_ns\n1.5\n", "want whole nanoseconds"},
		{"arrival_ns\n" + strings.Repeat("9", 5000) + "\n", "line 2: is longer than 4096 bytes"},
	} {
		if _, err := DecodeTrace(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.30q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// TestTraceBounds: a file that never ends is given up on.
func TestTraceBounds(t *testing.T) {
	for row, want := range map[string]string{
		"0\n":                            "too many rows; permitted are 10000000 arrivals",
		strings.Repeat("#", 4000) + "\n": "the file is longer than 268435456 bytes",
	} {
		r := &endless{head: "arrival_ns\n", row: row}
		if _, err := DecodeTrace(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.5q: error %v, want %q", row, err, want)
		}
	}
}

// endless is a file with one row again and again.
type endless struct{ head, row string }

func (e *endless) Read(p []byte) (int, error) {
	if e.head == "" {
		e.head = e.row
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	return n, nil
}

// FuzzDecodeTrace: whatever is decoded is a schedule that keeps its promises,
// and an error is one short line.
func FuzzDecodeTrace(f *testing.F) {
	for _, text := range []string{
		"second,rate\n0,19800\n1,115.5\n15,0\n", "arrival_ns\n0\n1\n1\n5000000000\n", "# x\r\nsecond,rate\r\n0,1\r\n0.001,0\r\n", "second,rate\n0,1\n", "arrival_ns\n604800000000000\n",
	} {
		f.Add([]byte(text), 1.0)
		f.Add([]byte(text), 0.3)
	}
	f.Fuzz(func(t *testing.T, text []byte, scale float64) {
		trace, err := DecodeTrace(bytes.NewReader(text))
		if err != nil {
			if msg := err.Error(); strings.Contains(msg, "\n") || len(msg) > 400 {
				t.Fatalf("error %q", msg)
			}
			return
		}
		if !(scale > 0.0001 && scale < 10_000) {
			scale = 1
		}
		s := trace.Schedule(scale, 0)
		if s.Length() != trace.Length() || s.Length() <= 0 {
			t.Fatalf("lasts %v, the trace %v", s.Length(), trace.Length())
		}
		if n := s.Count(); n > 0 {
			first, middle, last := s.At(0), s.At(n/2), s.At(n-1)
			if first < 0 || middle < first || last < middle || last >= s.Length() {
				t.Fatalf("%d arrivals at %v, %v, %v of %v", n, first, middle, last, s.Length())
			}
		}
		if trace.HighestRate()*scale > MaxRate {
			return // cut off there; a scenario refuses it
		}
		if want := trace.Total() * scale; math.Abs(float64(s.Count())-want) > 1+scale+want*1e-9 {
			t.Fatalf("%d arrivals, want %v", s.Count(), want)
		}
	})
}

func BenchmarkTraceAt(b *testing.B) {
	s := mustDecode(b, arrivalsFile(times(Constant(500_000, time.Second)))).Schedule(1, 0)
	n := uint64(0)
	for b.Loop() {
		s.At(n % s.Count())
		n++
	}
}
