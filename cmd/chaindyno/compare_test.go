package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// runMaker writes folders of made-up runs, a minute apart.
type runMaker struct {
	t   *testing.T
	dir string
	n   int
	rng *rand.Rand
}

func newRunMaker(t *testing.T) *runMaker {
	return &runMaker{t: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(8, 9))}
}

// run writes one with a throughput of 1000 tx/s times speed, and small noise.
func (m *runMaker) run(name string, speed float64, change func(*result.Run)) string {
	m.t.Helper()
	m.n++
	speed *= math.Exp(0.004 * m.rng.NormFloat64())
	ns := func(v float64) *int64 { return new(int64(v)) }
	r := &result.Run{Summary: result.Summary{
		Verdict: result.Pass,
		Run: result.Info{
			ID: fmt.Sprint("run-", m.n), Name: "made", Start: time.Date(2026, 11, 22, 9, m.n, 0, 0, time.UTC), DrainEndNs: int64(30 * time.Second),
			Config: json.RawMessage(`{"load":{"rate":"1000/s"}}`), SteadyToNs: 1,
		},
		Environment: result.Environment{Host: result.Host{CPU: "Example", Cores: 2, Kernel: "6.1"}, SUT: map[string]string{"batch": name}},
		Throughput:  result.Throughput{SucceededPerS: 1000 * speed},
		Latency:     []result.Latency{{Stage: result.StageCommit, Count: 20_000, P50Ns: ns(2e8 / speed), P99Ns: ns(5e8 / speed), P999Ns: ns(9e8 / speed)}},
		Counts:      result.Counts{Sent: 100},
		Matrix:      []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Count: 100}},
	}}
	if change != nil {
		change(r)
	}
	dir := filepath.Join(m.dir, name, fmt.Sprintf("run-%03d", m.n))
	if err := reports.WriteRun(dir, r); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// sides writes n runs a side, interleaved, into the folders a and b.
func (m *runMaker) sides(n int, speed float64) (a, b string) {
	for range n {
		m.run("a", 1, nil)
		m.run("b", speed, nil)
	}
	return filepath.Join(m.dir, "a"), filepath.Join(m.dir, "b")
}

func TestCompareExitCodes(t *testing.T) {
	for name, tt := range map[string]struct {
		n     int
		speed float64
		code  int
		want  string
	}{
		"worse":     {6, 0.9, exitFail, "✗ WORSE"},
		"better":    {6, 1.1, exitPass, "✓ NO WORSE"},
		"same":      {6, 1, exitPass, "No difference"},
		"undecided": {4, 0.5, exitUndecided, "need ≥ 5 runs"}, // five metrics were measured
	} {
		a, b := newRunMaker(t).sides(tt.n, tt.speed)
		code, out, stderr := call(t, "compare", a, "--with", b)
		if code != tt.code || !strings.Contains(out, tt.want) || stderr != "" {
			t.Errorf("%s: code %d, want %d and %q\n%s%s", name, code, tt.code, tt.want, out, stderr)
		}
	}
}

// A flag takes all paths up to the next one of its kind, wherever other flags
// stand.
func TestCompareGroups(t *testing.T) {
	a, b := newRunMaker(t).sides(6, 0.9)
	x, _ := filepath.Glob(filepath.Join(a, "*"))
	y, _ := filepath.Glob(filepath.Join(b, "*"))
	out := filepath.Join(t.TempDir(), "out")
	args := slices.Concat([]string{"compare"}, x[:2], []string{"--alpha", "0.04"}, x[2:], []string{"--with"}, y[:3], []string{"--out", out, "--noise=1%"}, y[3:])
	code, _, stderr := call(t, args...)
	var file struct {
		Alpha, Noise float64
		Command      []string
		Runs         []struct{ Side, Dir string }
	}
	data, err := os.ReadFile(filepath.Join(out, reports.FileCompareJSON))
	if err != nil {
		t.Fatal(err, stderr)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var got [2][]string
	for _, r := range file.Runs {
		k := strings.Index("AB", r.Side)
		got[k] = append(got[k], r.Dir)
	}
	if code != exitFail || !slices.Equal(got[0], x) || !slices.Equal(got[1], y) || file.Alpha != 0.04 || file.Noise != 0.01 {
		t.Errorf("code %d, %s%+v", code, stderr, file)
	}
	// The command that is written down makes the same comparison.
	again := filepath.Join(t.TempDir(), "again")
	file.Command[slices.Index(file.Command, "--out")+1] = again
	if code, _, stderr := call(t, file.Command[1:]...); code != exitFail {
		t.Errorf("again: code %d, %s", code, stderr)
	}
	first, _ := os.ReadFile(filepath.Join(out, reports.FileCompareCSV))
	second, err := os.ReadFile(filepath.Join(again, reports.FileCompareCSV))
	if err != nil || string(first) != string(second) {
		t.Errorf("compare.csv differs: %v", err)
	}
}

func TestCompareOutputs(t *testing.T) {
	a, b := newRunMaker(t).sides(6, 1)
	dir := t.TempDir()
	code, out, _ := call(t, "compare", a, "--with", b, "--markdown", "-")
	if code != exitPass || !strings.HasPrefix(out, "### ✓ NO WORSE\n") || strings.Contains(out, "What differs\n") {
		t.Errorf("code %d, markdown\n%s", code, out)
	}
	code, out, _ = call(t, "compare", a, "--with", b, "--benchstat", "-")
	if code != exitPass || strings.Count(out, "\nBenchmarkMade ") != 12 {
		t.Errorf("code %d, benchstat\n%s", code, out)
	}
	md, bench, files := filepath.Join(dir, "c.md"), filepath.Join(dir, "c.txt"), filepath.Join(dir, "files")
	code, out, _ = call(t, "compare", a, "--with", b, "--markdown", md, "--benchstat", bench, "--out", files)
	if code != exitPass || !strings.Contains(out, "What differs") || !strings.Contains(out, reports.FileCompareHTML) {
		t.Errorf("code %d\n%s", code, out)
	}
	for _, path := range []string{md, bench, filepath.Join(files, reports.FileCompareCSV), filepath.Join(files, reports.FileCompareJSON), filepath.Join(files, reports.FileCompareHTML)} {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCompareBaseline(t *testing.T) {
	m := newRunMaker(t)
	a, b := m.sides(6, 0.9)
	root := filepath.Join(m.dir, "baselines")
	code, out, stderr := call(t, "compare", a, "--save-baseline", "main", "--baselines", root)
	if code != exitPass || !strings.Contains(out, "kept 6 runs in "+filepath.Join(root, "main")) {
		t.Fatalf("code %d, %s%s", code, out, stderr)
	}
	if err := os.RemoveAll(a); err != nil {
		t.Fatal(err)
	}
	code, out, stderr = call(t, "compare", b, "--baseline", "main", "--baselines", root)
	if code != exitFail || !strings.Contains(out, "A: baseline main, 6 runs") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
	// It is a folder like any other.
	if code, _, stderr := call(t, "compare", filepath.Join(root, "main"), "--with", b); code != exitFail {
		t.Errorf("as a folder: code %d, %s", code, stderr)
	}
	// What is left out of a comparison is not kept either.
	m.run("c", 1, nil)
	m.run("c", 1, func(r *result.Run) { r.Verdict = result.Invalid })
	c := filepath.Join(m.dir, "c")
	usageLine(t, "is INVALID and no replicate", "compare", c, "--save-baseline", "c", "--baselines", root)
	if code, out, _ := call(t, "compare", c, "--save-baseline", "c", "--baselines", root, "--leave-out"); code != exitPass || !strings.Contains(out, "kept 1 run in") {
		t.Errorf("code %d, %s", code, out)
	}
}

// usageLine wants exit code 2 and one clear line.
func usageLine(t *testing.T, want string, args ...string) {
	t.Helper()
	code, out, stderr := call(t, args...)
	if code != exitUsage || out != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
		t.Errorf("%v: code %d, %q, want %q\n%s", args, code, stderr, want, out)
	}
}

func TestCompareUsage(t *testing.T) {
	m := newRunMaker(t)
	a, b := m.sides(2, 1)
	other := m.run("other", 1, func(r *result.Run) { r.Environment.Host.Kernel = "6.2" })
	invalid := m.run("invalid", 1, func(r *result.Run) { r.Verdict = result.Invalid })
	interrupted := m.run("interrupted", 1, func(r *result.Run) { r.Verdict = result.Interrupted })
	mixed := m.run("mixed", 1, func(r *result.Run) { r.Run.Config = json.RawMessage(`{"load":{"rate":"9/s"}}`) })
	calm, empty := m.run("aa", 1, nil), t.TempDir()
	for want, args := range map[string][]string{
		"no runs before --with":                        {"--with", b},
		"no runs before --with: chaindyno compare":     {"--with", b, a}, // what follows is B's
		"nothing to compare with":                      {a},
		"none: no such folder":                         {a, "--with", filepath.Join(m.dir, "none")},
		"there is no folder of a run in it":            {empty, "--with", b},
		"host.kernel is \"6.1\"":                       {a, "--with", other},
		"invalid/run-006 is INVALID":                   {a, "--with", invalid},
		"interrupted/run-007 is INTERRUPTED":           {a, "--with", interrupted},
		"B mixes configurations: load.rate is":         {a, "--with", b, mixed},
		"are the same run (run-1), which counts once":  {a, "--with", a},
		"--noise \"much\": not a share":                {a, "--with", b, "--noise", "much"},
		"noise -0.01, permitted is 0 to 1":             {a, "--with", b, "--noise", "-1%"},
		"alpha 0.7, permitted is above 0":              {a, "--with", b, "--alpha", "0.7"},
		"cannot both go to standard output":            {a, "--with", b, "--markdown", "-", "--benchstat", "-"},
		"give one of them":                             {a, "--with", b, "--baseline", "x"},
		"no such baseline; chaindyno compare RUN...":   {a, "--baseline", "x", "--baselines", empty},
		"permitted are 1 to 64 letters":                {a, "--baseline", "../x"},
		"keeps runs and compares nothing":              {a, "--with", b, "--save-baseline", "x"},
		"no runs to keep":                              {"--save-baseline", "x"},
		"needs at least 6 of them, there are 2":        {a, "--with", b, "--aa", calm, m.run("aa", 1, nil)},
		"unknown flag: --wit":                          {a, "--wit", b},
		"cannot be written":                            {a, "--with", b, "--markdown", filepath.Join(empty, "no", "x.md")},
		"the folder of the comparison cannot be made:": {a, "--with", b, "--out", filepath.Join(invalid, "summary.json")},
	} {
		usageLine(t, want, append([]string{"compare"}, args...)...)
	}
	// By force it goes, and says so.
	code, out, _ := call(t, "compare", a, "--with", other, "--force")
	if code != exitUndecided || !strings.Contains(out, "Compared by force: host.kernel") {
		t.Errorf("code %d\n%s", code, out)
	}
}

// A folder that was damaged is refused, whichever side it is on.
func TestCompareDamaged(t *testing.T) {
	for want, damage := range map[string]func(t *testing.T, dir string){
		"manifest.json: missing": func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "manifest.json"))) },
		"summary.json: missing":  func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "summary.json"))) },
		"latency.hlog: truncated": func(t *testing.T, dir string) {
			must(t, os.Truncate(filepath.Join(dir, "latency.hlog"), 10))
		},
		"schema_version 7 is unknown": func(t *testing.T, dir string) {
			replaceIn(t, filepath.Join(dir, "manifest.json"), `"schema_version": 1`, `"schema_version": 7`)
		},
		"summary.json: ": func(t *testing.T, dir string) { // edited by hand
			replaceIn(t, filepath.Join(dir, "summary.json"), `"cores": 2`, `"cores": 4`)
		},
	} {
		m := newRunMaker(t)
		a, b := m.run("a", 1, nil), m.run("b", 1, nil)
		damage(t, b)
		usageLine(t, want, "compare", a, "--with", b)
		usageLine(t, want, "compare", b, "--with", a)
		usageLine(t, want, "compare", b, "--save-baseline", "x", "--baselines", m.dir)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func replaceIn(t *testing.T, path, old, by string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %s", path, old)
	}
	must(t, os.WriteFile(path, []byte(strings.Replace(string(data), old, by, 1)), 0o644))
}

func TestParseShare(t *testing.T) {
	for text, want := range map[string]float64{"2%": 0.02, "2 %": 0.02, "0.02": 0.02, "0": 0, "1.5%": 0.015} {
		if got, err := parseShare(text); err != nil || math.Abs(got-want) > 1e-15 {
			t.Errorf("%q is %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "x", "2%%"} {
		if got, err := parseShare(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	if err := (compare.Options{Alpha: 0.05, Noise: math.NaN()}).Validate(); err == nil {
		t.Error("NaN is permitted as noise")
	}
}
