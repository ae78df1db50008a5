//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// nullRuns keeps measuring two null drivers in turn, the second of which stands
// still for 600 ms in every second, until there are six valid runs of either. A
// machine that is busy otherwise makes some invalid.
func nullRuns(t *testing.T) (steady, stalling string) {
	t.Helper()
	dir := t.TempDir()
	valid := map[string]int{}
	for try := 0; valid["steady"] < 6 || valid["stalling"] < 6; try++ {
		if try == 40 {
			t.Skipf("this machine is too busy: after %d runs of each %v were valid", try, valid)
		}
		for name, options := range map[string]string{"steady": "{}", "stalling": "{stall_every: 1s, stall_for: 600ms}"} {
			out := filepath.Join(dir, name, fmt.Sprint(try))
			if code, text := run(t, short(out, "--set", "target.options="+options, "--set", "load.schedule={constant: {rate: 1000/s, for: 2s}}")...); code == exitUsage || code == exitInternal {
				t.Fatal(text)
			}
			dirs, _ := filepath.Glob(filepath.Join(out, "short-*"))
			if len(dirs) != 1 {
				t.Fatalf("%v", dirs)
			}
			if v := summary(t, dirs[0]).Verdict; v == result.Pass || v == result.Fail {
				valid[name]++
			}
		}
	}
	return filepath.Join(dir, "steady"), filepath.Join(dir, "stalling")
}

// Real runs of a driver that stalls come out worse than those of one that does
// not, and the other way round better.
func TestCompareRealRuns(t *testing.T) {
	steady, stalling := nullRuns(t)
	out := filepath.Join(t.TempDir(), "out")
	code, text := run(t, "compare", steady, "--with", stalling, "--leave-out", "--out", out)
	if code != exitFail || !strings.Contains(text, "stall_for") {
		t.Errorf("code %d\n%s", code, text)
	}
	var file struct {
		Verdict compare.Verdict
		Metrics []compare.Row
	}
	data, err := os.ReadFile(filepath.Join(out, reports.FileCompareJSON))
	if err != nil || json.Unmarshal(data, &file) != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range file.Metrics {
		if r.Metric == "commit_p99" {
			found = r.Verdict == compare.Worse && r.Adjusted < 0.05 && r.Low > 0.02
		}
	}
	if file.Verdict != compare.IsWorse || !found {
		t.Errorf("%s, %+v", file.Verdict, file.Metrics)
	}
	if code, text := run(t, "compare", stalling, "--with", steady, "--leave-out"); code != exitPass || !strings.Contains(text, "better") {
		t.Errorf("turned round: code %d\n%s", code, text)
	}
}
