//go:build e2e

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/reports/result"
)

// e2eSweep is a matrix of runs of the reference chain, a few seconds each.
var e2eSweep = []string{
	"--calibrate", "off", "--set", "load.schedule={constant: {rate: 300/s, for: 2s}}", "--set", "load.warmup=200ms",
	"--set", "sweep={axes: {ingest.batch_size: [1, 64]}, repeats: 2, seed: 1}", "--set", "audit=counts",
}

// TestE2ESweepInterrupt sends the binary SIGINT in the middle of a sweep's
// second run, goes on with what it left, and wants the runs of the plan, none
// of them made twice.
func TestE2ESweepInterrupt(t *testing.T) {
	out := t.TempDir()
	cmd, log := started(t, "prepare", append([]string{"sweep", scenarioFile(t, "smoke"), "--out", out}, e2eSweep...)...)
	for line := ""; !strings.Contains(line, "phase=steady") || !strings.Contains(line, `among="run 2 of 4`); {
		var err error
		if line, err = log.ReadString('\n'); err != nil {
			t.Fatalf("it ended before the second run: %v", err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(log)
	_ = cmd.Wait()
	dir := only(t, out, string(rest))
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(string(rest), "go on with: chaindyno sweep --resume "+dir) {
		t.Fatalf("exit code %d\n%s", code, rest)
	}
	before := readSweep(t, dir)
	if n := before.Matrix.Made; n == 0 || n == len(before.Order) {
		t.Fatalf("%d runs were there when it was interrupted", n)
	}
	code, output := run(t, "sweep", "--resume", dir)
	if code != exitPass && code != exitInvalid {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	after := readSweep(t, dir)
	for folder, id := range idsOf(before) {
		if idsOf(after)[folder] != id {
			t.Errorf("%s was made again", folder)
		}
	}
	if after.Matrix.Made != len(after.Order) || len(after.Sessions) != 2 {
		t.Errorf("%d of %d runs in %d sessions\n%s", after.Matrix.Made, len(after.Order), len(after.Sessions), output)
	}
	straight := t.TempDir()
	code, output = run(t, append([]string{"sweep", scenarioFile(t, "smoke"), "--out", straight}, e2eSweep...)...)
	if code != exitPass && code != exitInvalid {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if diff := cmp.Diff(settledAsE2E(t, only(t, straight, output)), settledAsE2E(t, dir)); diff != "" {
		t.Errorf("not the runs of a sweep without an interruption: %s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, result.FileHTML)); err != nil {
		t.Error(err)
	}
}

// settledAsE2E is the value of the axis at each place of the order.
func settledAsE2E(t *testing.T, dir string) (values []string) {
	t.Helper()
	s := readSweep(t, dir)
	for place := range s.Order {
		values = append(values, s.Label(s.Order[place]))
	}
	for i := range s.Runs {
		if s.Runs[i].Attempt == 1 {
			values = append(values, s.Runs[i].Folder)
		}
	}
	return values
}
