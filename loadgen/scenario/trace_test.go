package scenario

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/schedule"
)

// TestShippedTraces compares each file with the total that scenarios/traces/README.md
// gives, and with the length of its source.
func TestShippedTraces(t *testing.T) {
	published := map[string]struct {
		total  float64
		length time.Duration
	}{
		"exchange": {30_327, 181 * time.Second},
		"gaming":   {3_678_705, 276 * time.Second},
		"web":      {626_000, 177 * time.Second},
		"mobility": {102_925, 121 * time.Second},
		"video":    {3_884_132, 101 * time.Second},
	}
	files, err := filepath.Glob("../../scenarios/traces/*.csv")
	if err != nil || len(files) != len(published) {
		t.Fatalf("%d files, want %d (%v)", len(files), len(published), err)
	}
	for _, file := range files {
		want := published[strings.TrimSuffix(filepath.Base(file), ".csv")]
		trace, _, err := readTrace(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if n := trace.Schedule(1, 0).Count(); trace.Total() != want.total || float64(n) != want.total || trace.Length() != want.length {
			t.Errorf("%s: %d arrivals, %v expected, over %v; published are %v over %v", file, n, trace.Total(), trace.Length(), want.total, want.length)
		}
	}
}

// traceIn writes a trace beside a scenario file and returns the latter's path.
func traceIn(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "traces"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "traces", "x.csv"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "f.yaml")
}

const traceScenario = "target: {driver: null}\nload: {warmup: 2s, schedule: {trace: {file: traces/x.csv}}}\n"

// TestTrace: the warm-up has the trace's first rate, then comes the trace; scale
// and length are as asked, and all arithmetic goes by the result.
func TestTrace(t *testing.T) {
	file := traceIn(t, "second,rate\n0,100\n3,1000\n4,10\n10,0\n")
	for _, c := range []struct {
		sets   []string
		txs    uint64
		length time.Duration
		peak   float64 // over a second
	}{
		{nil, 200 + 300 + 1000 + 60, 12 * time.Second, 1000},
		{[]string{"load.schedule.trace.scale=2"}, 400 + 600 + 2000 + 120, 12 * time.Second, 2000},
		{[]string{"load.schedule.trace.for=3s"}, 200 + 300, 5 * time.Second, 100},
		{[]string{"load.warmup=0s", "load.schedule.trace.scale=0.5"}, 150 + 500 + 30, 10 * time.Second, 500},
	} {
		s, err := Parse([]byte(traceScenario), file, c.sets...)
		if err != nil {
			t.Fatal(err)
		}
		if s.ExpectedTxs() != c.txs || s.Length() != c.length || s.peakRate(time.Second) != c.peak {
			t.Errorf("%v: %d transactions in %v, at most %v/s, want %d, %v, %v", c.sets, s.ExpectedTxs(), s.Length(), s.peakRate(time.Second), c.txs, c.length, c.peak)
		}
		if p, err := s.Plan(Limits{TxBytes: 200}); err != nil || p.Txs != c.txs {
			t.Errorf("%v: plan of %d transactions (%v)", c.sets, p.Txs, err)
		}
	}
}

// TestTraceIsPartOfTheScenario: what is reported names the trace by its content,
// and takes no other one in its place.
func TestTraceIsPartOfTheScenario(t *testing.T) {
	file := traceIn(t, "arrival_ns\n0\n500000000\n")
	s, err := Parse([]byte(traceScenario), file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(s.JSON(), file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, again)
	if len(s.Load.Schedule.Trace.SHA256) != 64 {
		t.Errorf("no SHA-256 in %s", s.JSON())
	}
	if err := os.WriteFile(s.tracePath(), []byte("arrival_ns\n0\n500000001\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err = Parse(s.JSON(), file); err == nil || !strings.Contains(err.Error(), "is another trace: its SHA-256 is") {
		t.Errorf("error %v", err)
	}
}

func TestTraceRefuses(t *testing.T) {
	file := traceIn(t, "second,rate\n0,10\n8,0\n9,5000000\n10,0\n")
	short := traceIn(t, "second,rate\n0,10\n0.05,0\n")
	broken := traceIn(t, "second,rate\n0,ten\n5,0\n")
	for _, c := range []struct{ file, set, want string }{
		{file, "load.schedule.trace.file=none.csv", "none.csv: no such file"},
		{file, "load.schedule.trace.file=traces", "traces: is no file"},
		{file, "load.schedule.trace.file=''", "load.schedule.trace.file: is absent"},
		{file, "load.schedule.trace.scale=0", "0 is out of range; permitted: 0.0001 to 10000"},
		{file, "load.schedule.trace.scale=3", "3 makes the highest rate 15000000/s; permitted: up to 10000000/s"},
		{file, "load.schedule.trace.for=11s", "load.schedule.trace.for: 11s is out of range; permitted: 100ms to the trace's own 10s"},
		{file, "load.schedule.trace.for=1ms", "1ms is out of range; permitted: 100ms"},
		{file, "load.schedule.trace.sha256=abc", `"abc" is no SHA-256`},
		{short, "name=x", "lasts 50ms; permitted: from 100ms"},
		{broken, "name=x", `f.yaml:2:45: load.schedule.trace.file: `},
		{broken, "name=x", `x.csv: line 2: rate: "ten" is no number in range; permitted: 0 to 10000000`},
	} {
		if _, err := Parse([]byte(traceScenario), c.file, c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.set, err, c.want)
		}
	}
	late := traceIn(t, "second,rate\n0,0\n5,3\n9,0\n")
	if _, err := Parse([]byte(traceScenario), late, "load.schedule.trace.for=4s"); err == nil || !strings.Contains(err.Error(), "there is no arrival in the 4s") {
		t.Errorf("error %v", err)
	}
}

// TestLongestTracePlans: the largest trace of rates that is permitted can be
// planned with.
func TestLongestTracePlans(t *testing.T) {
	rows := strings.Builder{}
	rows.WriteString("second,rate\n")
	for i := range schedule.MaxTraceSteps {
		rows.WriteString(strconv.Itoa(i) + ",1" + string(rune('0'+i%10)) + "\n")
	}
	rows.WriteString(strconv.Itoa(schedule.MaxTraceSteps) + ",0\n")
	s, err := Parse([]byte(traceScenario), traceIn(t, rows.String()))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.Plan(Limits{TxBytes: 200}); err != nil || p.PeakRate < 14 || p.PeakRate > 19 {
		t.Errorf("plan %+v, %v", p, err)
	}
}
