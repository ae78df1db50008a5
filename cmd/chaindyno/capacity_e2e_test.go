//go:build e2e

package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// searched reads what a search left, and holds it against its exit code.
func searched(t *testing.T, out string, code int, output string) (*result.Capacity, string) {
	t.Helper()
	dir := only(t, out, output)
	c, err := reports.ReadCapacity(dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if code != codeOfSearch(c.Bracket.Outcome) || strings.Contains(output, "sustainable") {
		t.Errorf("exit code %d, outcome %s\n%s", code, c.Bracket.Outcome, output)
	}
	for _, trial := range c.Trials {
		s := summary(t, filepath.Join(dir, trial.Dir))
		if s.Run.LoadEndNs < trial.LengthNs || s.Verdict == result.Invalid && trial.Verdict != result.Invalid {
			t.Errorf("trial %d is %s, its run %s\n%s", trial.N, trial.Verdict, s.Verdict, output)
		}
		checkBooks(t, s, output)
	}
	return c, dir
}

// TestE2ECapacity searches a system that lets 2,000 a second through. On a
// machine too busy to measure on, the program says so itself, and there is
// nothing to hold it against.
func TestE2ECapacity(t *testing.T) {
	for range 3 {
		out := t.TempDir()
		code, output := run(t, "capacity", scenarioFile(t, "capacity-null"), "--out", out, "--start", "700/s", "--confirm", "2", "--set", "target.options={rate: 2000/s, over: queue}",
			"--set", "capacity.trial={short: 2s, long: 3s, full: 4s}", "--set", "load.warmup=500ms", "--set", "capacity.repeats=4")
		c, dir := searched(t, out, code, output)
		if code == exitInvalid && c.Bracket.Outcome != result.CapacityFound && disturbed(c) {
			t.Logf("searched again: %s", c.Says)
			continue
		}
		// What the search lets pass is a hundredth more than the limit.
		b := c.Bracket
		if b.Outcome != result.CapacityFound || b.Lower > 2020 || b.Upper < 2000 || b.Upper/b.Lower > 1.05 || b.Confirmed != 2 {
			t.Errorf("%+v\n%s", b, output)
		}
		if code, again := run(t, "report", dir); code != exitPass || !strings.HasSuffix(output, again[strings.Index(again, "\n["):]) {
			t.Errorf("from files: %d\n%s", code, again)
		}
		if code, one := run(t, "report", filepath.Join(dir, c.Trials[0].Dir)); code != exitPass || !strings.Contains(one, "capacity-null") {
			t.Errorf("one trial: %d\n%s", code, one)
		}
		return
	}
	t.Skip("the machine is too busy to measure on")
}

// disturbed says whether the search met trials that were INVALID: without any, it
// has no excuse for having no answer.
func disturbed(c *result.Capacity) bool {
	return slices.ContainsFunc(c.Trials, func(t result.Trial) bool { return t.Verdict == result.Invalid })
}

// TestE2ECapacityInterrupted searches somebody else's node until Ctrl-C. What is
// known is kept, and that its trials depend on each other is said.
func TestE2ECapacityInterrupted(t *testing.T) {
	n := launchNode(t, "--data", t.TempDir(), "--pace", "100ms")
	out := t.TempDir()
	cmd, log := started(t, "steady", "capacity", scenarioFile(t, "smoke"), "--target", n.ready.Listen, "--out", out, "--start", "300/s",
		"--set", "capacity.trial={short: 60s, long: 60s, full: 60s}", "--set", "load.warmup=0s")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(log)
	_ = cmd.Wait()
	dir := only(t, out, string(rest))
	c, err := reports.ReadCapacity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || c.Bracket.Outcome != result.CapacityInterrupted || !c.Dependent || len(c.Trials) != 1 {
		t.Errorf("exit code %d, %+v\n%s", code, c.Bracket, rest)
	}
	var again []string
	m, err := os.ReadFile(filepath.Join(dir, c.Trials[0].Dir, result.FileManifest))
	if err != nil || json.Unmarshal(m, &struct{ Argv *[]string }{&again}) != nil || len(again) < 2 || again[1] != "run" || !strings.HasPrefix(again[len(again)-1], "load.schedule={constant: {rate: 300/s, for: 1m0s}}") {
		t.Errorf("a trial is carried out again by %q, %v", again, err)
	}
}
