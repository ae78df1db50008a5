package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/chaindyno/chaindyno/reports/result"
)

// The transactions alone give the percentiles of percentiles.csv, row by row.
func TestRawGivesTheSamePercentiles(t *testing.T) {
	dir, run := writeSample(t)
	raw, err := ReadRaw(dir)
	if err != nil {
		t.Fatal(err)
	}
	inRaw := map[string]bool{}
	for _, s := range rawStages {
		inRaw[s.name] = true
	}
	var want []result.Histogram
	for _, h := range run.Histograms {
		if inRaw[h.Stage] {
			want = append(want, h)
		}
	}
	index := func(hs []result.Histogram) map[string][]Percentile {
		m := map[string][]Percentile{}
		for _, p := range Percentiles(hs) {
			m[p.Stage+"/"+p.Kind] = append(m[p.Stage+"/"+p.Kind], p)
		}
		return m
	}
	if diff := cmp.Diff(index(want), index(raw.Histograms)); diff != "" {
		t.Error(diff)
	}
	if len(want) != 14 {
		t.Errorf("only %d histograms compared", len(want))
	}
	if raw.Rows != run.Counts.Sent || raw.Sampled || raw.OutOfRange != 0 {
		t.Errorf("rows %d of %d, sampled %v, out of range %d", raw.Rows, run.Counts.Sent, raw.Sampled, raw.OutOfRange)
	}
}

func TestRawRefuses(t *testing.T) {
	row := "0,1,transfer,5,6,7,8,9,1,accepted,succeeded\n"
	tests := []struct{ name, content, want string }{
		{"empty", "", ": line 1: want seq,lane"},
		{"header", "seq,lane\n", ": line 1: want seq,lane"},
		{"fields", result.RawHeader + "\n" + row + "1,2\n", ": line 3: 2 fields, want 11"},
		{"sampling", result.RawHeader + "\n# sampled: one row in many\n", `: line 2: "# sampled: one row in many": want # sampled: one row in N`},
		{"time", result.RawHeader + "\n0,1,transfer,5,six,7,8,9,1,accepted,succeeded\n", `: line 2: field 5: "six": want nanoseconds`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, result.FileTransactions)
			writeZstd(t, path, []byte(tt.content))
			if err := WriteRun(dir, smallRun()); err != nil {
				t.Fatal(err)
			}
			_, err := ReadRaw(dir)
			wantLine(t, err, path+tt.want)
		})
	}
	t.Run("none", func(t *testing.T) {
		dir := t.TempDir()
		if err := WriteRun(dir, smallRun()); err != nil {
			t.Fatal(err)
		}
		_, err := ReadRaw(dir)
		wantLine(t, err, filepath.Join(dir, result.FileTransactions)+": not listed")
	})
	t.Run("truncated", func(t *testing.T) {
		dir, _ := writeSample(t)
		path := filepath.Join(dir, result.FileTransactions)
		if err := os.Truncate(path, 5000); err != nil {
			t.Fatal(err)
		}
		_, err := ReadRaw(dir)
		wantLine(t, err, path+": truncated: 5000 bytes of ")
	})
}

// Rows after the mark stand for as many transactions as it says, and a kind
// that is alone has no histogram of its own.
func TestRawWeights(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprintln(&b, result.RawHeader)
	for range 900 {
		fmt.Fprintln(&b, "0,1,transfer,0,0,1000000,-1,-1,0,accepted,succeeded")
	}
	fmt.Fprintln(&b, "# sampled: one row in 100 from here on, offset 17, seed 42")
	fmt.Fprintln(&b, "1,1,transfer,0,0,5000000,-1,-1,0,accepted,succeeded")
	fmt.Fprintln(&b, "# end: 1000 rows done, 901 written, 0 lost")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := parseRaw(bytes.NewReader(z.EncodeAll(b.Bytes(), nil)), result.Info{SteadyToNs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !raw.Sampled || raw.Rows != 901 || len(raw.Histograms) != 2 {
		t.Fatalf("got %+v", raw)
	}
	h := raw.Histograms[0].H
	if h.TotalCount() != 1000 || h.ValueAtQuantile(89) > 1_001_000 || h.ValueAtQuantile(91) < 4_999_000 {
		t.Errorf("count %d, p89 %d, p91 %d", h.TotalCount(), h.ValueAtQuantile(89), h.ValueAtQuantile(91))
	}
}

// A file that holds too few rows is a sample, even where it does not say so.
func TestRawSampled(t *testing.T) {
	dir, run := t.TempDir(), smallRun()
	writeSampleRaw(t, dir)
	run.Counts.Sent *= 2
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	raw, err := ReadRaw(dir)
	if err != nil || !raw.Sampled {
		t.Errorf("sampled = %v, %v", raw, err)
	}
}
