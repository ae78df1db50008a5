package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// TestCapacityMistakes wants one line, exit code 2, and nothing on the disk.
func TestCapacityMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--start", "fast"}, `--set capacity.start=fast: capacity.start: want a rate such as 5000/s or 300/m, got "fast"`},
		{[]string{"--precision", "60%"}, "--set capacity.precision=60%: capacity.precision: 0.6 is out of range; permitted: 1% to 50%"},
		{[]string{"--confirm", "0"}, "--set capacity.confirm=0: capacity.confirm: 0 is out of range; permitted: 1 to 50"},
		{[]string{"--set", "load.schedule={closed: {}}"}, "default scenario: load.schedule: a search for capacity asks for one rate at a time; permitted: constant, poisson"},
		{[]string{"--set", "slo=[lost == 0]"}, "default scenario: slo: a search for capacity needs a latency to hold it to"},
		{[]string{"--start", "9000000/s"}, "load.schedule: 9000000 tx/s with up to"},
		{[]string{"--calibrate", "some"}, `--calibrate "some" is not known; permitted: standard, quick, off`},
		{[]string{"--set", "load.options.scheme=rsa"}, `load.options.scheme: signature scheme "rsa" is not known`},
		{[]string{"--target", "127.0.0.1:1"}, "node 127.0.0.1:1: cannot be reached"},
		{[]string{"nowhere.yaml"}, "open nowhere.yaml: no such file or directory"},
	} {
		code, stdout, stderr := call(t, append([]string{"capacity"}, c.args...)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v\n got %d %s%s\nwant %s", c.args, code, stdout, stderr, c.want)
		}
	}
	if left := names(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCapacityDryRun prints the plan and runs nothing.
func TestCapacityDryRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for file, wants := range map[string][]string{
		"capacity-null": {
			"target     null in this process; a fresh chain for each trial", "arrivals   constant", "limit      10,000,000/s: no scenario may ask for more; or 80 % of what the generator",
			"start      2,000/s, and down to 31.25/s where that fails", "bisect     up to 7 trials of 6s, after 1s of warm-up", "confirm    up to 3 trials of 10s",
		},
		"capacity": {"target     1 node started by the run; a fresh chain for each trial", "the scenario permits no more: ", "objective  commit.p99 < 2s", "duration   up to "},
	} {
		code, stdout, stderr := call(t, "capacity", "--dry-run", "--out", out, filepath.Join("../../scenarios", file+".yaml"), "--start", "2000/s", "--precision", "2%", "--confirm", "3")
		for _, want := range wants {
			if code != exitPass || !strings.Contains(stdout, want) {
				t.Errorf("%s: code %d, want %q\n%s%s", file, code, want, stdout, stderr)
			}
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the output folder: %v", err)
	}
}

// TestHighest finds the edge of what a scenario permits.
func TestHighest(t *testing.T) {
	beyond := errors.New("too few lanes")
	for edge, want := range map[float64]struct{ low, high float64 }{2e7: {rateMax, rateMax}, 30_000: {29_700, 30_000}, 1000: {1000, 1000}} {
		got, why := highest(1000, func(rate float64) error {
			if rate > edge {
				return beyond
			}
			return nil
		})
		if got < want.low || got > want.high || (edge < rateMax) != strings.Contains(why, "too few lanes") {
			t.Errorf("%v: %v, %s", edge, got, why)
		}
	}
}

// TestTrialArgv: a trial says how it is carried out again by itself.
func TestTrialArgv(t *testing.T) {
	a := asked{changes: []string{"load.drain=1s"}, targets: []string{"127.0.0.1:1"}, access: access{token: "TOKEN", ca: "ca.pem", allowRemote: true}}
	want := []string{
		"chaindyno", "run", "f.yaml", "--target", "127.0.0.1:1", "--tls-ca", "ca.pem", "--token-env", "TOKEN", "--allow-remote",
		"--set", "load.drain=1s", "--set", "load.schedule={constant: {rate: 5/s, for: 1s}}",
	}
	if got := a.argv([]string{"f.yaml"}, "load.schedule={constant: {rate: 5/s, for: 1s}}"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestCapacityReportAgain renders a search from its files, and refuses one that
// was edited.
func TestCapacityReportAgain(t *testing.T) {
	dir := t.TempDir()
	c := &result.Capacity{
		Name: "x", Bracket: result.Bracket{Outcome: result.CapacityFound, Lower: 10, Upper: 10.4, Confirmed: 1}, Says: "between 10 and 10.4 tx/s",
		Trials: []result.Trial{{N: 1, Purpose: result.TrialFind, Attempt: 1, AskedPerS: 10, Verdict: result.Pass}},
	}
	if err := reports.WriteCapacity(dir, c); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{"table": "[10, 10.4] tx/s", "json": `"outcome": "found"`, "html": "report.html"} {
		if code, out, stderr := call(t, "report", dir, "--format", format); code != exitPass || !strings.Contains(out, want) {
			t.Errorf("%s: code %d, %s%s", format, code, out, stderr)
		}
	}
	if code, _, stderr := call(t, "report", dir, "--format", "pdf"); code != exitUsage || !strings.Contains(stderr, "permitted: table, json, html") {
		t.Errorf("code %d, %s", code, stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, result.FileTrials), []byte("n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call(t, "report", dir); code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "trials.csv: truncated") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

func TestCodeOfSearch(t *testing.T) {
	for o, want := range map[result.Outcome]int{
		result.CapacityFound: 0, result.CapacityNone: 1, result.CapacityAtLeast: 3, result.CapacityUndecided: 3, result.CapacityInterrupted: 130,
	} {
		if got := codeOfSearch(o); got != want {
			t.Errorf("%s: %d, want %d", o, got, want)
		}
	}
}
