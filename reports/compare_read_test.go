package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// writeRuns writes n small runs below dir and returns their folders.
func writeRuns(t *testing.T, dir, name string, n int) []string {
	t.Helper()
	var dirs []string
	for i := range n {
		run := smallRun()
		run.Run.ID, run.Verdict, run.Reasons = fmt.Sprintf("%s-%d", name, i), result.Pass, nil
		path := filepath.Join(dir, fmt.Sprintf("%s-%02d", name, i))
		if err := WriteRun(path, run); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, path)
	}
	return dirs
}

func TestFindRuns(t *testing.T) {
	dir := t.TempDir()
	a, b := writeRuns(t, filepath.Join(dir, "x", "y"), "a", 2), writeRuns(t, dir, "b", 1)
	for _, d := range []string{".hidden", "other", "z/z/z/z"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeRuns(t, filepath.Join(dir, ".hidden"), "c", 1)
	writeRuns(t, filepath.Join(dir, "z/z/z/z"), "d", 1)
	for name, tt := range map[string]struct{ paths, want []string }{
		"a run":            {b, b},
		"a folder of runs": {[]string{filepath.Join(dir, "x", "y")}, a},
		"deeper":           {[]string{filepath.Join(dir, "x")}, a},
		"all but hidden":   {[]string{dir}, slices.Concat(b, a)},
		"several":          {[]string{a[1], b[0]}, []string{a[1], b[0]}},
	} {
		if got, err := FindRuns(tt.paths); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v %v, want %v", name, got, err, tt.want)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "none: no such folder", file: "file: not a folder that can be read", filepath.Join(dir, "other"): "other: there is no folder of a run in it",
	} {
		if _, err := FindRuns([]string{path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// Everything that can be wrong with a folder is one line that names it.
func TestReadRunsRefuses(t *testing.T) {
	edit := func(name string, change func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(old, by string) func([]byte) []byte {
		return func(data []byte) []byte { return []byte(strings.Replace(string(data), old, by, 1)) }
	}
	half := func(data []byte) []byte { return data[:len(data)/2] }
	for name, tt := range map[string]struct {
		do   func(t *testing.T, dir string)
		want string
	}{
		"no manifest":        {remove(result.FileManifest), "manifest.json: missing"},
		"no summary":         {remove(result.FileSummary), "summary.json: missing, though manifest.json lists it"},
		"no log":             {remove(result.FileLog), "latency.hlog: missing, though manifest.json lists it"},
		"truncated":          {edit(result.FileLog, half), "latency.hlog: truncated"},
		"manifest cut":       {edit(result.FileManifest, half), "manifest.json: "},
		"edited":             {edit(result.FileSummary, replace(`"verdict": "PASS"`, `"verdict": "FAIL"`)), "summary.json: "},
		"schema":             {edit(result.FileManifest, replace(`"schema_version": 1`, `"schema_version": 9`)), "schema_version 9 is unknown; this version of chaindyno reads 1"},
		"edited time series": {edit(result.FileSeries, replace("t_ns", "t_ms")), "timeseries.csv: "},
	} {
		t.Run(name, func(t *testing.T) {
			dirs := writeRuns(t, t.TempDir(), "a", 2)
			tt.do(t, dirs[1])
			_, err := ReadRuns(dirs)
			if err == nil || !strings.Contains(err.Error(), dirs[1]) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// A baseline can be read as any other folder, when the runs are long gone.
func TestSaveBaseline(t *testing.T) {
	dir := t.TempDir()
	dirs := writeRuns(t, filepath.Join(dir, "out"), "a", 2)
	writeSampleRaw(t, dirs[0])
	if err := os.Remove(filepath.Join(dirs[1], result.FileHTML)); err != nil {
		t.Fatal(err)
	}
	before, err := ReadRuns(dirs)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "baselines")
	kept, err := SaveBaseline(root, "main-1.2", dirs)
	if err != nil || kept != filepath.Join(root, "main-1.2") {
		t.Fatal(kept, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	found, err := FindRuns([]string{kept})
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	after, err := ReadRuns(found)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if before[i].Summary.Run.ID != after[i].Summary.Run.ID || before[i].Summary.Throughput != after[i].Summary.Throughput {
			t.Errorf("run %d was %s and is %s", i, before[i].Summary.Run.ID, after[i].Summary.Run.ID)
		}
	}
	if _, err := os.Stat(filepath.Join(found[0], result.FileTransactions)); !os.IsNotExist(err) {
		t.Errorf("the transactions were kept: %v", err)
	}
	if _, err := SaveBaseline(root, "main-1.2", found); err == nil || !strings.Contains(err.Error(), "is there already; remove that folder first") {
		t.Errorf("a second one: %v", err)
	}
}

// A baseline that fails leaves nothing, and its name is a name and no path.
func TestSaveBaselineFails(t *testing.T) {
	dir := t.TempDir()
	dirs := writeRuns(t, dir, "a", 1)
	root := filepath.Join(dir, "baselines")
	if _, err := SaveBaseline(root, "x", append(dirs, filepath.Join(dir, "none"))); err == nil {
		t.Error("a run that is not there was kept")
	}
	if left, _ := os.ReadDir(root); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, name := range []string{"", ".", "..", "a/b", "../x", "-x", "a b", strings.Repeat("x", 65), "a\n"} {
		if _, err := SaveBaseline(root, name, dirs); err == nil || !strings.Contains(err.Error(), "permitted are") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := SaveBaseline(filepath.Join(dir, "file"), "x", dirs); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("into a file: %v", err)
	}
}

// Runs that were read can be compared.
func TestComparisonOfFolders(t *testing.T) {
	dir := t.TempDir()
	a, err := ReadRuns(writeRuns(t, dir, "a", 2))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ReadRuns(writeRuns(t, dir, "b", 2))
	if err != nil {
		t.Fatal(err)
	}
	c := compareSides(t, compare.NewSide("A", "a", a), compare.NewSide("B", "b", b), compare.DefaultOptions())
	if c.Verdict != compare.Undecided || !c.Rows[0].Compared() || c.Rows[0].P != 1 {
		t.Errorf("%s, %+v", c.Verdict, c.Rows[0])
	}
}
