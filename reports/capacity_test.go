package reports

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/chaindyno/chaindyno/reports/result"
)

// sampleCapacity is a search with trials of every kind.
func sampleCapacity() *result.Capacity {
	run := sampleRun()
	trial := func(n int, purpose string, rate float64, v result.Verdict, p99 time.Duration, reasons ...string) result.Trial {
		t := result.Trial{
			N: n, Purpose: purpose, Attempt: 1, AskedPerS: rate, LengthNs: int64(10 * time.Second), Verdict: v, Reasons: append([]string{}, reasons...),
			OfferedPerS: rate, Succeeded: min(rate, 20_000), SuccessShare: min(rate, 20_000) / rate, Dir: "01-" + purpose,
		}
		if p99 > 0 {
			t.CommitP50Ns, t.CommitP99Ns = new(int64(p99/4)), new(int64(p99))
		}
		return t
	}
	return &result.Capacity{
		SchemaVersion: result.CapacityVersion, ID: "20261122", Name: "capacity", Start: run.Run.Start, ElapsedNs: int64(372 * time.Second),
		Argv: []string{"chaindyno", "capacity", "a b.yaml"}, Config: run.Run.Config, Environment: run.Environment,
		SLO: []string{"commit.p99 < 500ms", "lost == 0"}, Limits: []result.Check{{Name: "commit.p99", Op: "<", Limit: 5e8, Unit: "ns"}, {Name: "lost", Op: "==", Unit: "count"}},
		Plan: result.CapacityPlan{
			Start: 1000, Floor: 15.625, Limit: 148_900, LimitWhy: "80 % of what it can drive", Precision: 0.05, Confirm: 5, Repeats: 2, Errors: 0.001,
			ShortNs: int64(3 * time.Second), LongNs: int64(6 * time.Second), FullNs: int64(10 * time.Second),
		},
		Bracket: result.Bracket{Outcome: result.CapacityFound, Lower: 19_860, Upper: 20_740, Confirmed: 5, UpperWhy: "success: 96.40 %", UpperIs: "fail", Rechecked: true},
		Says:    "between 19,860 and 20,740 tx/s", Dependent: true,
		Trials: []result.Trial{
			trial(1, result.TrialFind, 1000, result.Pass, 12*time.Millisecond),
			trial(2, result.TrialFind, 32_000, result.Fail, 3*time.Second, "success: 62.50 %", "objective: commit.p99", "a third", "a fourth"),
			trial(3, result.TrialBisect, 22_620, result.Invalid, 0, "the generator was the limit"),
			trial(4, result.TrialConfirm, 19_860, result.Pass, 90*time.Millisecond),
			trial(5, result.TrialRecheck, 15.625, result.Interrupted, 90*time.Millisecond),
		},
	}
}

// TestCapacityFiles: what was written is read back, and written again it is the
// same, byte for byte.
func TestCapacityFiles(t *testing.T) {
	dir, again := t.TempDir(), t.TempDir()
	c := sampleCapacity()
	if err := WriteCapacity(dir, c); err != nil {
		t.Fatal(err)
	}
	if !IsCapacity(dir) || IsCapacity(again) {
		t.Error("a search is not told from a run")
	}
	back, err := ReadCapacity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Trials, back.Trials); diff != "" {
		t.Error(diff)
	}
	if err := WriteCapacity(again, back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(readAll(t, dir), readAll(t, again)); diff != "" {
		t.Error(diff)
	}
	csv, err := os.ReadFile(filepath.Join(dir, result.FileTrials))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(csv), "\n")
	if want := "2,find,1,32000,10000000000,FAIL,32000,20000,0.625,750000000,3000000000,0,0,0,0,01-find,success: 62.50 %; objective: commit.p99; a third; a fourth"; lines[2] != want {
		t.Errorf("%s", lines[2])
	}
	if want := "3,bisect,1,22620,10000000000,INVALID,22620,20000,"; !strings.HasPrefix(lines[3], want) || !strings.Contains(lines[3], ",,,0,0,") {
		t.Errorf("%s", lines[3])
	}
}

// TestCapacityFileErrors: one line that names the file.
func TestCapacityFileErrors(t *testing.T) {
	for want, harm := range map[string]func(dir string) error{
		"manifest.json: missing, so this is not the folder of a run": func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) },
		"trials.csv: missing, though manifest.json lists it":         func(dir string) error { return os.Remove(filepath.Join(dir, "trials.csv")) },
		"trials.csv: truncated: 9 bytes of":                          func(dir string) error { return os.Truncate(filepath.Join(dir, "trials.csv"), 9) },
		"capacity.json: edited since it was written": func(dir string) error {
			path := filepath.Join(dir, "capacity.json")
			data, _ := os.ReadFile(path)
			return os.WriteFile(path, bytes.Replace(data, []byte("19860"), []byte("29860"), 1), 0o644)
		},
		"capacity.json: schema_version 7 is unknown; this version of chaindyno reads 1": func(dir string) error {
			m, err := readManifest(dir)
			if err != nil {
				return err
			}
			entry, err := writeFile(dir, "capacity.json", func(w io.Writer) error { return writeJSON(w, result.Capacity{SchemaVersion: 7}) })
			m.set(entry)
			return errors.Join(err, writeManifest(dir, m))
		},
	} {
		dir := t.TempDir()
		if err := WriteCapacity(dir, sampleCapacity()); err != nil {
			t.Fatal(err)
		}
		if err := harm(dir); err != nil {
			t.Fatal(err)
		}
		_, err := ReadCapacity(dir)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func capacityPageOf(t *testing.T, c *result.Capacity) string {
	t.Helper()
	var b bytes.Buffer
	if err := CapacityHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCapacityHTML: the charts show every trial that has a figure, the bracket
// and the objective, and have their data.
func TestCapacityHTML(t *testing.T) {
	page := capacityPageOf(t, sampleCapacity())
	for _, want := range []string{
		"✓ FOUND", "19,860/s", "20,740/s", "bracket [19,860, 20,740]", "SLO: commit.p99 500 ms", "! INVALID", "✗ FAIL", "a third; … and 1 more, in capacity.json",
		"chaindyno capacity &#39;a b.yaml&#39;", "drained in between", "15.625",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	figures, rows := 0, 0
	elements(t, page, func(n *html.Node) {
		if n.Data == "figure" {
			figures++
			for d := range n.Descendants() {
				if d.Type == html.ElementNode && d.Data == "tbody" {
					rows += strings.Count(inner(d), "\n")
				}
			}
		}
	})
	if figures != 2 || rows < 10 {
		t.Errorf("%d figures with %d lines of data", figures, rows)
	}
	if strings.Contains(strings.ToLower(page), "sustainable") {
		t.Error("a search of minutes claims to know what is sustainable")
	}
}

// TestHostileCapacity: the page of a search whose every text means harm has the
// elements of a tame one, and neither NaN nor missing figures break it.
func TestHostileCapacity(t *testing.T) {
	tame, wild := sampleCapacity(), sampleCapacity()
	purposes := []string{}
	for i := range tame.Trials {
		purposes = append(purposes, tame.Trials[i].Purpose)
	}
	poison(reflect.ValueOf(wild).Elem())
	wild.Bracket = tame.Bracket
	for i := range wild.Trials {
		wild.Trials[i].Verdict, wild.Trials[i].Purpose = tame.Trials[i].Verdict, purposes[i]+hostile
	}
	for i := range wild.Limits {
		wild.Limits[i].Name = tame.Limits[i].Name
	}
	wild.Trials[0].BacklogSlope = math.NaN()
	count := func(c *result.Capacity) map[string]int {
		n := map[string]int{}
		elements(t, capacityPageOf(t, c), func(e *html.Node) { n[e.Data]++ })
		return n
	}
	if diff := cmp.Diff(count(tame), count(wild)); diff != "" {
		t.Error(diff)
	}
	dir := t.TempDir()
	if err := WriteCapacity(dir, wild); err != nil {
		t.Fatal(err)
	}
	back, err := ReadCapacity(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := CapacityTable(&out, back, TableOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range wild.Trials {
		if err := TrialLine(&out, &wild.Trials[i], TableOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x00\r\a") {
		t.Errorf("%q", out.String())
	}
	empty := capacityPageOf(t, &result.Capacity{})
	if !strings.Contains(empty, "UNKNOWN") {
		t.Error("an empty search has no page")
	}
}

func TestCapacityTable(t *testing.T) {
	var out bytes.Buffer
	c := sampleCapacity()
	for i := range c.Trials {
		if err := TrialLine(&out, &c.Trials[i], TableOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := CapacityTable(&out, c, TableOptions{Dir: "out/x"}); err != nil {
		t.Fatal(err)
	}
	want := `  1  find          1,000/s for 10s    [✓ PASS]  100 % of offered, commit p50 3 ms, p99 12 ms
  2  find         32,000/s for 10s    [✗ FAIL]  62.5 % of offered, commit p50 750 ms, p99 3 s
     success: 62.50 %
     objective: commit.p99
     a third
     … and 1 more, in capacity.json
  3  bisect       22,620/s for 10s    [! INVALID]  88.4 % of offered, commit p50 –, p99 –
     the generator was the limit
  4  confirm      19,860/s for 10s    [✓ PASS]  100 % of offered, commit p50 22.5 ms, p99 90 ms
  5  recheck      15.625/s for 10s    [■ INTERRUPTED]  100 % of offered, commit p50 22.5 ms, p99 90 ms

[19,860, 20,740] tx/s  under commit.p99 < 500ms, lost == 0
Between 19,860 and 20,740 tx/s.

  trials     5 in 6m12s, on one chain that was drained in between and not made anew, so that they
             depend on each other
  held for   5 runs of 10s at 19,860/s; nothing is known of longer ones
  asked for  at most 148,900/s: 80 % of what it can drive
  files      out/x
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for b, want := range map[result.Bracket]string{
		{Outcome: result.CapacityNone, Upper: 15.625}:                  "[0, 15.625]",
		{Outcome: result.CapacityAtLeast, Lower: 1_000_000}:            "[1,000,000, ?]",
		{Outcome: result.CapacityUndecided, Upper: 500}:                "[?, 500]",
		{Outcome: result.CapacityInterrupted, Lower: 999, Upper: 1998}: "[999, 1,998]",
	} {
		if got := bracketText(b); got != want {
			t.Errorf("%+v: %s, want %s", b, got, want)
		}
	}
}
