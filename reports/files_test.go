package reports

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// writeSample writes the sample run, its raw transactions included.
func writeSample(t *testing.T) (dir string, run *result.Run) {
	t.Helper()
	dir, run = t.TempDir(), sampleRun()
	writeSampleRaw(t, dir)
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	return dir, run
}

func writeSampleRaw(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintln(&b, result.RawHeader)
	for _, x := range sampleOnce().txs {
		fmt.Fprintf(&b, "%d,%d,%s,%d,%d,%d,%d,%d,%d,%s,%s\n",
			x.seq, x.lane, x.kind, x.intended, x.sent, x.acked, x.included, x.held_, x.height, x.answer, x.fate)
	}
	writeZstd(t, filepath.Join(dir, result.FileTransactions), b.Bytes())
}

func writeZstd(t *testing.T, path string, data []byte) {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, z.EncodeAll(data, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A run read back and written again gives every file again, byte for byte:
// nothing of a run lives in memory only.
func TestFilesAreTheRun(t *testing.T) {
	dir, _ := writeSample(t)
	run, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	writeSampleRaw(t, again)
	if err := WriteRun(again, run); err != nil {
		t.Fatal(err)
	}
	first, second := readAll(t, dir), readAll(t, again)
	for name, data := range first {
		if !bytes.Equal(data, second[name]) {
			t.Errorf("%s differs after reading back", name)
		}
	}
	if len(first) != 12 || len(second) != 12 {
		t.Errorf("%d and %d files, want 12", len(first), len(second))
	}
}

func TestReadRunEqualsWritten(t *testing.T) {
	dir, run := writeSample(t)
	got, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	equal := cmp.Comparer(func(a, b *hdr.Histogram) bool { return a.Equals(b) })
	if diff := cmp.Diff(prepare(run), prepare(got), equal, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// Whatever a node says, a run that was read back renders as it did before.
func TestHostileTextSurvives(t *testing.T) {
	run := hostileRun()
	dir := t.TempDir()
	var before, after bytes.Buffer
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	if err := HTML(&before, run); err != nil {
		t.Fatal(err)
	}
	back, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := HTML(&after, back); err != nil {
		t.Fatal(err)
	}
	if before.String() != after.String() {
		t.Error(cmp.Diff(strings.Split(before.String(), "\n"), strings.Split(after.String(), "\n")))
	}
	onDisk, err := os.ReadFile(filepath.Join(dir, result.FileHTML))
	if err != nil || before.String() != string(onDisk) {
		t.Errorf("report.html is not what HTML writes (%v)", err)
	}
}

func TestWriteRunReplaces(t *testing.T) {
	dir, run := writeSample(t)
	run.Warnings = append(run.Warnings, "another")
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) != len(run.Warnings) {
		t.Errorf("%d warnings, want %d", len(got.Warnings), len(run.Warnings))
	}
	for name := range readAll(t, dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("temporary file %s was left", name)
		}
	}
}

func TestRewriteHTML(t *testing.T) {
	dir, _ := writeSample(t)
	run, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := readAll(t, dir)
	if err := os.WriteFile(filepath.Join(dir, result.FileHTML), []byte("gone"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := RewriteHTML(dir, run); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, readAll(t, dir), bytes.Equal) {
		t.Error("the folder is not as it was before")
	}
}

// A failed write leaves neither the file nor a temporary one.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	_, err := writeFile(dir, "x", func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return io.ErrShortWrite
	})
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "x")+": cannot be written") {
		t.Errorf("error %v does not name the file", err)
	}
	if left := readAll(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Each damage gets one line with the file's name and what is wrong.
func TestReadRunRefuses(t *testing.T) {
	truncate := func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	}
	edit := func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data[len(data)/2] ^= 1
		return os.WriteFile(path, data, 0o644)
	}
	damages := []struct {
		name string
		do   func(string) error
		want string
	}{{"missing", os.Remove, "missing"}, {"truncated", truncate, "truncated: "}, {"edited", edit, "edited since it was written"}}
	for _, name := range written {
		if name == result.FileHTML {
			continue
		}
		for _, d := range damages {
			t.Run(d.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				if err := WriteRun(dir, smallRun()); err != nil {
					t.Fatal(err)
				}
				if err := d.do(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				_, err := ReadRun(dir)
				wantLine(t, err, filepath.Join(dir, name)+": "+d.want)
			})
		}
	}
}

func wantLine(t *testing.T, err error, prefix string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if !strings.HasPrefix(err.Error(), prefix) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q, want one line beginning %q", err, prefix)
	}
}

func TestReadRunRefusesManifest(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"none", "", "manifest.json: missing"},
		{"cut", "{\n\"schema_version\": 1,\n", "manifest.json: line 3: "},
		{"newer", `{"schema_version": 99}`, "manifest.json: schema_version 99 is unknown; this version of chaindyno reads 1"},
		{"unlisted", `{"schema_version": 1}`, "summary.json: not listed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.content != "" {
				if err := os.WriteFile(filepath.Join(dir, result.FileManifest), []byte(tt.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := ReadRun(dir)
			wantLine(t, err, filepath.Join(dir, tt.want))
		})
	}
	_, err := ReadRun("no-such-folder")
	wantLine(t, err, "no-such-folder: no such folder")
}

// The readers of the single files name line and column, for the cases in which
// a manifest vouches for a file that another program wrote.
func TestReadersNameTheLine(t *testing.T) {
	series := strings.Repeat("1,", 2)
	header := "height,hash,claimed_ms,txs,bytes,used,limit,interval_ns,seal_ns,hashes,status,seen_ns,ours\n"
	good := "7,ab,1,2,3,4,5,6,7,8,main,9,1\n"
	tests := []struct{ name, content, want string }{
		{"empty", "", "empty file, want a header"},
		{"header", "height,hush\n", "line 1: column 2 must be hash"},
		{"short header", "height\n", "line 1: column 2 must be hash"},
		{"long header", strings.TrimSpace(header) + ",more\n", "line 1: 14 columns, want 13"},
		{"few fields", header + good + series + "1\n", "line 3: 3 fields, want 13: truncated or edited"},
		{"not a number", header + good + good + "7,ab,1,two,3,4,5,6,7,8,main,9,1\n", `line 4, column txs: "two": want a whole number`},
		{"negative", header + "-7,ab,1,2,3,4,5,6,7,8,main,9,1\n", `line 2, column height: "-7": want a whole number from 0 to 2^64-1`},
		{"bare quote", header + "7,a\"b,1,2\n", "line 2: bare"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readCSV(strings.NewReader(tt.content), blockColumns)
			wantLine(t, err, tt.want)
		})
	}
}

func TestSpreadsheetFormula(t *testing.T) {
	rows := []result.ErrorRow{{Sample: `=HYPERLINK("http://x")`}, {Sample: "'quoted"}, {Sample: "-1"}, {Sample: "plain"}, {Sample: "a,b\n\"c\""}}
	var b bytes.Buffer
	if err := writeCSV(&b, errorColumns, rows); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), ",=") || strings.Contains(b.String(), `,"=`) {
		t.Errorf("a cell begins with =:\n%s", b.String())
	}
	got, err := readCSV(&b, errorColumns)
	if err != nil {
		t.Fatal(err)
	}
	rows[4].Sample = `a,b "c"` // the line break is gone for good
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Error(diff)
	}
}

func TestAgainQuotes(t *testing.T) {
	info := result.Info{Argv: []string{"chaindyno", "run", "a b.yaml", "it's", "", "--x=1"}}
	if got, want := Again(info), `chaindyno run 'a b.yaml' 'it'\''s' '' --x=1`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
