package reports

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/reports/result"
)

// completeSample is the sample run as if all that was scheduled had been sent.
func completeSample(t *testing.T) string {
	t.Helper()
	dir, run := t.TempDir(), sampleRun()
	run.Counts.Scheduled = run.Counts.Sent
	writeSampleRaw(t, dir)
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Where every arrival was sent, the trace is their intended times, to the
// nanosecond, without those of the warm-up unless they are asked for.
func TestArrivalsAreTheIntendedTimes(t *testing.T) {
	dir := completeSample(t)
	for _, warmup := range []bool{false, true} {
		from := int64(sampleWarmup)
		if warmup {
			from = 0
		}
		var want []int64
		for _, x := range sampleOnce().txs {
			if x.intended >= from {
				want = append(want, x.intended-from)
			}
		}
		slices.Sort(want)
		a, err := ReadArrivals(dir, warmup)
		if err != nil || a.Why != "" || a.Steps != nil || !slices.Equal(a.Times, want) {
			t.Fatalf("%d times, %d steps, %q, %v; want %d times", len(a.Times), len(a.Steps), a.Why, err, len(want))
		}
		var b bytes.Buffer
		if err := a.Write(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if len(lines) != len(want)+3 || lines[1] != "arrival_ns" || !strings.HasPrefix(lines[0], "# the intended times of the ") {
			t.Errorf("%d lines: %q", len(lines), lines[:3])
		}
	}
}

// A run that dropped arrivals gives the rates that it offered.
func TestArrivalsAsRates(t *testing.T) {
	dir, run := writeSample(t)
	a, err := ReadArrivals(dir, false)
	if err != nil || a.Times != nil || !strings.Contains(a.Why, "arrivals were not sent") {
		t.Fatalf("%d times, %q, %v", len(a.Times), a.Why, err)
	}
	var offered, want float64
	for i, s := range a.Steps {
		end := a.EndNs
		if i+1 < len(a.Steps) {
			end = a.Steps[i+1].FromNs
		}
		offered += s.PerS * float64(end-s.FromNs) / 1e9
	}
	for _, s := range totals(run.Series) {
		if s.Phase != "warmup" {
			want += float64(s.Offered)
		}
	}
	if len(a.Steps) != 30 || a.EndNs != int64(sampleLoad-sampleWarmup) || offered < want-0.1 || offered > want+0.1 {
		t.Errorf("%d steps until %d ns offer %.1f, want %.1f", len(a.Steps), a.EndNs, offered, want)
	}
}

func TestOfferedSteps(t *testing.T) {
	series := []result.Sample{
		{TNs: 1e9, Offered: 10}, {TNs: 2_000_300_000, Offered: 20}, {TNs: 3e9, Offered: 0}, {TNs: 3_900_000_000, Offered: 90}, {TNs: 4e9, Offered: 5},
	}
	got := offeredSteps(series, 1_500_000_000, 3_900_000_000)
	want := []RateStep{{0, 20 / 1.0003}, {500_300_000, 0}, {1_500_000_000, 100 + 5/0.9}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecimals(t *testing.T) {
	for ns, want := range map[int64]string{0: "0", 1e9: "1", 1_500_000_000: "1.5", 1: "0.000000001", 20_000_000_300: "20.0000003"} {
		if got := decimals(ns); got != want {
			t.Errorf("%d: %s, want %s", ns, got, want)
		}
	}
}

func TestArrivalsRefuse(t *testing.T) {
	dir := completeSample(t)
	if err := os.WriteFile(filepath.Join(dir, result.FileTransactions), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadArrivals(dir, false)
	wantLine(t, err, filepath.Join(dir, result.FileTransactions)+": truncated")

	early := t.TempDir()
	run := sampleRun()
	run.Run.LoadEndNs = run.Run.SteadyFromNs
	if err := WriteRun(early, run); err != nil {
		t.Fatal(err)
	}
	_, err = ReadArrivals(early, false)
	wantLine(t, err, early+": the run was ended within its warm-up")
	if a, err := ReadArrivals(early, true); err != nil || !strings.Contains(a.Why, "not sent") {
		t.Errorf("%+v, %v", a, err)
	}
}
