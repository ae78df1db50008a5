package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// quickSweep is a matrix of runs of a third of a second against the null
// driver.
const quickSweep = `name: quick
target: {driver: 'null'}
load: {schedule: {constant: {rate: 1000/s, for: 200ms}}, warmup: 100ms, drain: 2s, lanes: 200}
sweep: {axes: {target.options.delay: [1ms, 5ms], load.connections: [1, 2]}, repeats: 2, seed: 3}
`

func sweepFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quick.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// measuredSweep carries a sweep out and returns its folder. A busy machine may
// make runs INVALID, which is exit code 3 and none of these tests' concern.
func measuredSweep(t *testing.T, file string, more ...string) string {
	t.Helper()
	out := t.TempDir()
	code, stdout, stderr := call(t, append([]string{"sweep", file, "--out", out, "--calibrate", "off"}, more...)...)
	if code != exitPass && code != exitInvalid {
		t.Fatalf("code %d\n%s%s", code, stdout, stderr)
	}
	return onlyFolder(t, out)
}

func onlyFolder(t *testing.T, out string) string {
	t.Helper()
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries in %s, %v", len(entries), out, err)
	}
	return filepath.Join(out, entries[0].Name())
}

func readSweep(t *testing.T, dir string) *reports.Sweep {
	t.Helper()
	s, err := reports.ReadSweep(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// idsOf are the identities of the runs that are there, by folder.
func idsOf(s *reports.Sweep) map[string]string {
	ids := map[string]string{}
	for i := range s.Runs {
		ids[s.Runs[i].Folder] = s.Runs[i].Run.ID
	}
	return ids
}

// settledAs is what a sweep must have in common with any other of its plan: the
// header of runs.csv, and the values of each place of the order.
func settledAs(t *testing.T, dir string) (lines []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, result.FileSweepRuns))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, strings.Join(rows[0], ","))
	place := ""
	for _, row := range rows[1:] {
		if row[0] != place { // not another attempt
			place = row[0]
			lines = append(lines, strings.Join([]string{row[0], row[3], row[4]}, ","))
		}
	}
	return lines
}

// shapeOf is a report without its figures: the keys, and the texts of the
// points.
func shapeOf(t *testing.T, dir string) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, result.FileSweepReport))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Axes   json.RawMessage
		Metric string
		Made   int
		Of     int
		Needed int `json:"runs_needed"`
		Points []struct {
			Label  string
			Values []string
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

func TestSweepWritesEverything(t *testing.T) {
	file := sweepFile(t, quickSweep)
	dir := measuredSweep(t, file)
	s := readSweep(t, dir)
	if len(s.Order) != 8 || s.Matrix.Made != 8 || len(s.Sessions) != 1 || s.Sessions[0].End.IsZero() {
		t.Errorf("%d of %d runs, sessions %+v", s.Matrix.Made, len(s.Order), s.Sessions)
	}
	for _, name := range []string{result.FileSweep, result.FileSweepRuns, result.FileSweepReport, result.FileHTML} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(s.Runs)+4 {
		t.Errorf("%d entries for %d runs, %v", len(entries), len(s.Runs), err)
	}
	// Each run says how it is made again by itself, and that is the same run.
	for i := range s.Runs[:2] {
		argv := s.Runs[i].Run.Argv
		code, out, stderr := call(t, append([]string{"check"}, argvOfCheck(argv)...)...)
		if code != exitPass {
			t.Fatalf("%v: %s", argv, stderr)
		}
		values := s.Points[s.Order[s.Runs[i].Place]].Values
		if want := fmt.Sprintf("load.connections=%s", s.Axes[1].Values[values[1]]); !slices.Contains(argv, want) || !strings.Contains(out, "quick") {
			t.Errorf("%v does not set %s", argv, want)
		}
	}
	rendersAgain(t, dir, s)
}

// argvOfCheck leaves out what check does not know.
func argvOfCheck(argv []string) []string {
	i := slices.Index(argv, "--calibrate")
	return slices.Delete(slices.Clone(argv[2:]), i-2, i)
}

func rendersAgain(t *testing.T, dir string, s *reports.Sweep) {
	t.Helper()
	if code, out, stderr := call(t, "report", dir); code != exitPass || !strings.Contains(out, s.Says[0][:20]) {
		t.Errorf("table: %d, %s%s", code, out, stderr)
	}
	if code, out, _ := call(t, "report", dir, "--format", "json"); code != exitPass || !json.Valid([]byte(out)) {
		t.Errorf("json: %d, %s", code, out)
	}
	before, err := os.ReadFile(filepath.Join(dir, result.FileHTML))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{result.FileSweepRuns, result.FileSweepReport, result.FileHTML} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := call(t, "report", dir, "--format", "html"); code != exitPass {
		t.Errorf("html: %d, %s", code, stderr)
	}
	after, err := os.ReadFile(filepath.Join(dir, result.FileHTML))
	if err != nil || string(before) != string(after) {
		t.Errorf("the report is another when it is made again from the same files, %v", err)
	}
	if code, _, _ := call(t, "report", dir, "--format", "pdf"); code != exitUsage {
		t.Errorf("an unknown format gives %d", code)
	}
	if code, _, _ := call(t, "report", dir, "--from-raw"); code != exitUsage {
		t.Errorf("--from-raw of a sweep gives %d", code)
	}
}

// cancelAt cancels once a text has been written.
type cancelAt struct {
	strings.Builder
	text   string
	cancel context.CancelFunc
}

func (c *cancelAt) Write(p []byte) (int, error) {
	n, err := c.Builder.Write(p)
	if strings.Contains(c.String(), c.text) {
		c.cancel()
	}
	return n, err
}

// TestSweepResumes interrupts a sweep in the middle, leaves a run behind that
// was not written to its end, and goes on: the report is that of a sweep
// without an interruption, and no finished run is made again.
func TestSweepResumes(t *testing.T) {
	file := sweepFile(t, quickSweep)
	straight := measuredSweep(t, file)

	out := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr := &cancelAt{text: "\nrun 3 of 8", cancel: cancel}, &strings.Builder{}
	code := execute(ctx, []string{"sweep", file, "--out", out, "--calibrate", "off"}, strings.NewReader(""), stdout, stderr)
	dir := onlyFolder(t, out)
	if want := "go on with: chaindyno sweep --resume " + dir + "\n"; code != exitInterrupted || !strings.HasSuffix(stderr.String(), want) {
		t.Fatalf("code %d, %s", code, stderr)
	}
	broken := readSweep(t, dir)
	if broken.Matrix.Made < 3 || broken.Matrix.Made == 8 {
		t.Fatalf("%d runs were made before the interruption", broken.Matrix.Made)
	}
	half := filepath.Join(dir, broken.Folder(6, 1))
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "summary.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, dry, _ := call(t, "sweep", "--resume", dir, "--dry-run"); code != exitPass || !strings.Contains(dry, "run 8") {
		t.Errorf("dry run: %d, %s", code, dry)
	}

	code, said, errs := call(t, "sweep", "--resume", dir)
	if code != exitPass && code != exitInvalid {
		t.Fatalf("code %d, %s", code, errs)
	}
	whole := readSweep(t, dir)
	for folder, id := range idsOf(broken) {
		if idsOf(whole)[folder] != id {
			t.Errorf("%s was made again", folder)
		}
	}
	if whole.Matrix.Made != 8 || len(whole.Sessions) != 2 || strings.Contains(said, "run 1 of 8") {
		t.Errorf("%d runs in %d sessions\n%s", whole.Matrix.Made, len(whole.Sessions), said)
	}
	if diff := cmp.Diff(settledAs(t, straight), settledAs(t, dir)); diff != "" {
		t.Errorf("runs.csv is not that of a sweep without an interruption: %s", diff)
	}
	if diff := cmp.Diff(shapeOf(t, straight), shapeOf(t, dir)); diff != "" {
		t.Errorf("report.json is not that of a sweep without an interruption: %s", diff)
	}
	// Once more: nothing is left to do.
	if code, said, _ := call(t, "sweep", "--resume", dir); code != exitPass && code != exitInvalid || strings.Contains(said, "run 8 of 8") {
		t.Errorf("a whole sweep goes on: %d, %s", code, said)
	}
	if diff := cmp.Diff(idsOf(whole), idsOf(readSweep(t, dir))); diff != "" {
		t.Errorf("runs were made again: %s", diff)
	}
}

// TestSweepRefusals are what would mix runs that do not compare. Each is one
// line and exit code 2, and leaves the folder as it was.
func TestSweepRefusals(t *testing.T) {
	file := sweepFile(t, quickSweep)
	dir := measuredSweep(t, file, "--set", "sweep.axes={load.connections: [1]}")
	refused := func(want string, more ...string) {
		t.Helper()
		before := idsOf(readSweepQuietly(dir))
		code, _, stderr := call(t, append([]string{"sweep", "--resume", dir}, more...)...)
		if code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("got %d, %s\nwant %s", code, stderr, want)
		}
		if diff := cmp.Diff(before, idsOf(readSweepQuietly(dir))); diff != "" {
			t.Error(diff)
		}
	}
	refused("the sweep has its scenario already; remove "+file, file)
	refused("the sweep has its settings already; remove --repeats", "--repeats", "3")
	refused("the sweep has its settings already; remove --set", "--set", "load.seed=1")

	plan := filepath.Join(dir, result.FileSweep)
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	restore := func() {
		t.Helper()
		if err := os.WriteFile(plan, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	replaced := func(old, other string) {
		t.Helper()
		if !strings.Contains(string(text), old) {
			t.Fatalf("%s is not in the plan", old)
		}
		if err := os.WriteFile(plan, []byte(strings.Replace(string(text), old, other, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	replaced(`"repeats": 2`, `"repeats": 3`)
	refused("sweep.json: edited since it was written: its digest is not that of the plan")
	replaced(`"schema_version": 1`, `"schema_version": 9`)
	refused("sweep.json: schema_version 9 is unknown; this version of chaindyno reads 1")
	replaced(`"repeats": 2,`, `"repeats": 2;`)
	refused("sweep.json: line ")
	resealed := func(change func(*result.Sweep)) {
		t.Helper()
		restore()
		s, err := reports.ReadSweepPlan(dir)
		if err != nil {
			t.Fatal(err)
		}
		change(s)
		if err := reports.WriteSweepPlan(dir, s); err != nil {
			t.Fatal(err)
		}
	}
	resealed(func(s *result.Sweep) { s.Builds[0].SHA256 = "0" })
	refused("cannot be resumed: this chaindyno is not the build with which it began")
	resealed(func(s *result.Sweep) { s.Host.MemoryBytes++ })
	refused("cannot be resumed: this machine is not the one on which it began")
	resealed(func(s *result.Sweep) { s.Points[0].Config = "0" })
	refused("cannot be resumed: this version reads its scenario in another way")
	resealed(func(s *result.Sweep) { s.Order = s.Order[1:] })
	refused("1 runs in order are not 1 points, 2 times each")
	restore()

	if err := os.WriteFile(file, []byte(quickSweep+"# changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(file + " has changed since it began; runs of both would not compare: put it back, or start a new sweep")
	if err := os.Remove(file); err != nil { // the plan has all that is needed
		t.Fatal(err)
	}
	if code, _, stderr := call(t, "sweep", "--resume", dir); code != exitPass && code != exitInvalid {
		t.Errorf("without its file: %d, %s", code, stderr)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	refused(dir + ": another process works on this sweep")
	_ = lock.Close()

	first := filepath.Join(dir, readSweep(t, dir).Folder(0, 1))
	edited := filepath.Join(first, result.FileSeries)
	if err := os.WriteFile(edited, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(edited + ": truncated: 1 bytes of ")
	if code, _, stderr := call(t, "report", dir); code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, edited) {
		t.Errorf("report: %d, %s", code, stderr)
	}
}

// readSweepQuietly returns an empty sweep where there is none to be read.
func readSweepQuietly(dir string) *reports.Sweep {
	s, err := reports.ReadSweep(dir)
	if err != nil {
		return &reports.Sweep{}
	}
	return s
}

// TestForeignRun: a run of another scenario in the place of one of the sweep's.
func TestForeignRun(t *testing.T) {
	dir := measuredSweep(t, sweepFile(t, quickSweep), "--repeats", "1")
	s := readSweep(t, dir)
	a, b := filepath.Join(dir, s.Folder(0, 1)), filepath.Join(dir, s.Folder(1, 1))
	if err := os.RemoveAll(a); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b, a); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, "sweep", "--resume", dir)
	if want := a + ": this run was not made for this place of the sweep (" + s.Label(s.Order[0]) + "): its scenario is another"; code != exitUsage || !strings.Contains(stderr, want) {
		t.Errorf("got %d, %s\nwant %s", code, stderr, want)
	}
}

// TestSweepDryRun wants the plan and no file.
func TestSweepDryRun(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("quick.yaml", []byte(quickSweep), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := call(t, "sweep", "quick.yaml", "--dry-run", "--repeats", "3", "--calibrate", "quick", "--set", "sweep.metric=commit.p99")
	if code != exitPass {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"axis delay        target.options.delay: 1ms, 5ms\n", "axis connections  load.connections: 1, 2\n",
		"4 points, 3 times each: 12 runs, ranked by commit.p99", "seed 3\n", "quick, around every run",
		"duration          about 1 min 40 s, at most 2 min 4 s\n", "run 12  delay=", "about 8s, at most 10s\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if left := names(t); !slices.Equal(left, []string{"quick.yaml"}) {
		t.Errorf("left %v", left)
	}
}

// TestBadSweeps wants one line, exit code 2, and nothing on the disk.
func TestBadSweeps(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := func(name, text string) string {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	quick := file("quick.yaml", quickSweep)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "sweep needs the file of a scenario with the key sweep, such as scenarios/threads-batch.yaml, or --resume DIR"},
		{[]string{"nowhere.yaml"}, "open nowhere.yaml: no such file or directory"},
		{[]string{file("none.yaml", "chain: {}")}, "none.yaml: sweep: is absent: there is nothing to vary; add for example sweep: {axes: {miner.threads: [1, 2]}}"},
		{[]string{quick, "--repeats", "101"}, "--set sweep.repeats=101: sweep.repeats: 101 is out of range; permitted: 1 to 100"},
		{[]string{quick, "--calibrate", "often"}, `--calibrate "often" is not known; permitted: once, quick, standard, off`},
		{[]string{quick, "--out", "quick.yaml"}, "output folder quick.yaml cannot be written: " + dir + "/quick.yaml is a file"},
		{[]string{"--resume", "nowhere"}, "nowhere: no such folder"},
		{[]string{"--resume", "."}, "sweep.json: missing, so this is not the folder of a sweep"},
		{[]string{file("null.yaml", "target: {driver: 'null'}\nsweep: {axes: {target.options.delai: [1ms, 2ms]}}")}, `"delai"`},
		{[]string{file("value.yaml", "target: {driver: 'null'}\nsweep: {axes: {target.options.delay: [1ms, never]}}")}, "never"},
		{[]string{file("lanes.yaml", "chain: {}\nload: {lanes: 300}\nsweep: {axes: {load.schedule.constant.rate: [100/s, 90000/s]}}")}, "300 lanes are too few: 90000 tx/s"},
		{[]string{file("scheme.yaml", "chain: {}\nsweep: {axes: {load.options.scheme: [ed25519, rsa]}}")}, `scheme.yaml:2:47: load.options.scheme: signature scheme "rsa" is not known; permitted: ed25519, secp256k1`},
		{[]string{file("binary.yaml", "chain: {}\nsweep: {axes: {chain.up.binary: [./nowhere]}}")}, "binary.yaml:2:34: chain.up.binary: ./nowhere is no chaindyno: no such file or directory"},
	} {
		before := names(t)
		code, stdout, stderr := call(t, append([]string{"sweep"}, c.args...)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v\n got %d %s%s\nwant %s", c.args, code, stdout, stderr, c.want)
		}
		if after := names(t); !slices.Equal(before, after) {
			t.Errorf("%v left %v", c.args, after)
		}
	}
}

// TestSweepOfBuilds interleaves two builds, one of which cannot start a node:
// the sweep stops there, keeps what it has, and goes on once the build works.
func TestSweepOfBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a chain")
	}
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	otherBuild(t, good, "v1.0.0")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\ncase $1 in version) echo '{\"version\":\"v2.0.0\",\"go\":\"go1\"}';; *) echo broken >&2; exit 4;; esac\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := sweepFile(t, `name: ab
chain: {node: {miner: {pace: 50ms}}}
load: {schedule: {constant: {rate: 100/s, for: 500ms}}, warmup: 100ms, lanes: 300}
sweep: {axes: {chain.up.binary: [`+good+`, `+bad+`]}, repeats: 1, seed: 2}
`)
	out := filepath.Join(dir, "out")
	code, _, stderr := call(t, "sweep", file, "--out", out, "--calibrate", "off")
	if code != exitInternal || !strings.Contains(stderr, "node-0 did not start: broken") || !strings.Contains(stderr, "go on with: chaindyno sweep --resume") {
		t.Fatalf("code %d, %s", code, stderr)
	}
	folder := onlyFolder(t, out)
	s := readSweep(t, folder)
	if s.Axes[0].Values[s.Points[s.Order[0]].Values[0]] != good {
		t.Fatalf("the order began with the other build: choose another seed")
	}
	if s.Matrix.Made != 1 || s.Runs[0].Environment.SUT["version"] != "v1.0.0" || len(s.Builds) != 3 || s.Builds[2].Version != "v2.0.0" {
		t.Errorf("%d runs, %+v", s.Matrix.Made, s.Builds)
	}
	otherBuild(t, bad, "v2.0.0")
	if code, _, stderr := call(t, "sweep", "--resume", folder); code != exitUsage || !strings.Contains(stderr, bad+" is not the build with which it began (v2.0.0)") {
		t.Errorf("another build is taken for the one before: %d, %s", code, stderr)
	}
}
