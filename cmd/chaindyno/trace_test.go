package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// TestTraceRoundTrip records a run's arrivals and plans their replay: as many
// arrivals over as long a time, and a scale that multiplies them.
func TestTraceRoundTrip(t *testing.T) {
	dir := t.TempDir()
	call(t, short(dir, "--set", "load.schedule={steps: [{rate: 500/s, for: 500ms}, {rate: 1500/s, for: 500ms}]}")...)
	dirs, _ := filepath.Glob(filepath.Join(dir, "short-*"))
	if len(dirs) != 1 {
		t.Fatal(dirs)
	}
	code, recorded, stderr := call(t, "trace", dirs[0])
	if code != exitPass {
		t.Fatal(stderr)
	}
	s := summary(t, dirs[0])
	header := "\narrival_ns\n"
	if s.Counts.Sent < s.Counts.Scheduled { // on a machine too busy for it
		header = "\nsecond,rate\n"
	}
	if !strings.HasPrefix(recorded, "# ") || !strings.Contains(recorded, header) {
		t.Fatalf("%.200s", recorded)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.csv"), []byte(recorded), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "replay.yaml")
	if err := os.WriteFile(file, []byte("name: replay\ntarget: {driver: null}\nload: {warmup: 0s, schedule: {trace: {file: mine.csv}}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	replay, err := scenario.Parse(text, file)
	if err != nil {
		t.Fatal(err)
	}
	// Of 1,000 arrivals; where only rates were known, the last one of a second
	// may be cut off.
	if n := replay.ExpectedTxs(); n < 990 || n > 1010 || replay.Length().Seconds() < 0.99 || replay.Length().Seconds() > 1.01 {
		t.Errorf("%d arrivals over %v, want 1000 over 1 s", n, replay.Length())
	}
	thrice, err := scenario.Parse(text, file, "load.schedule.trace.scale=3")
	if err != nil {
		t.Fatal(err)
	}
	if n := thrice.ExpectedTxs(); n < 2970 || n > 3030 {
		t.Errorf("%d arrivals at three times the rates", n)
	}
	code, out, stderr := call(t, "check", file, "--scale", "3")
	if code != exitPass || !strings.Contains(out, "at 3 times its rates; SHA-256 "+replay.Load.Schedule.Trace.SHA256) || !strings.Contains(out, fmt.Sprintf("transactions  %d ", thrice.ExpectedTxs())) {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
	if code, _, stderr := call(t, "check", "--scale", "3"); code != exitUsage || !strings.Contains(stderr, "load.schedule.trace.file: is absent") {
		t.Errorf("a scale without a trace: code %d, %s", code, stderr)
	}
	if code, _, stderr := call(t, "trace", dir); code != exitUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("no run: code %d, %s", code, stderr)
	}
}

// TestTraceReplays runs a trace: as many arrivals come as the scale asks for,
// and the report names the file by its content.
func TestTraceReplays(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(file, []byte("second,rate\n0,1000\n0.25,4000\n0.5,0\n0.75,100\n1,0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, short(dir, "--set", "load.schedule={trace: {file: "+file+"}}", "--scale", "0.5")...)
	dirs, _ := filepath.Glob(filepath.Join(dir, "short-*"))
	if len(dirs) != 1 {
		t.Fatalf("code %d, folders %v, %s", code, dirs, stderr)
	}
	s := summary(t, dirs[0])
	// 200 ms of warm-up at the first rate, and half of 250 + 1,000 + 0 + 25.
	if want := uint64(100 + 125 + 500 + 12); s.Counts.Scheduled < want || s.Counts.Scheduled > want+1 || !s.Counts.Balanced {
		t.Errorf("%+v, want %d scheduled", s.Counts, want)
	}
	if !strings.Contains(string(s.Run.Config), `"sha256":`) || !s.Steady.Varying {
		t.Errorf("%s, %+v", s.Run.Config, s.Steady)
	}
}
