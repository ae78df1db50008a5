package reports

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/reports/result"
)

// The log is read by the library's own reader, which knows nothing of this
// package: tags, times, counts and every value must come out.
func TestLogReadByTheLibrary(t *testing.T) {
	dir, run := writeSample(t)
	f, err := os.Open(filepath.Join(dir, result.FileLog))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader := hdr.NewHistogramLogReader(f)
	for _, in := range run.Intervals {
		want, err := hdr.Decode(in.V2)
		if err != nil {
			t.Fatal(err)
		}
		got := nextLogged(t, reader)
		if got.Tag() != in.Stage || !got.Equals(want) {
			t.Fatalf("tag %q, want %q with the same counts", got.Tag(), in.Stage)
		}
		start := run.Run.Start.UnixMilli() + in.StartNs/1e6
		if d := got.StartTimeMs() - start; d < -1 || d > 1 {
			t.Fatalf("%s starts at %d ms, want %d", in.Stage, got.StartTimeMs(), start)
		}
		if d := got.EndTimeMs() - start - in.LengthNs/1e6; d < -1 || d > 1 {
			t.Fatalf("%s ends %d ms off", in.Stage, d)
		}
	}
	for _, h := range run.Histograms {
		got := nextLogged(t, reader)
		want := "steady:" + h.Stage
		if h.Kind != "" {
			want += ":" + h.Kind
		}
		if got.Tag() != want || !got.Equals(h.H) {
			t.Fatalf("tag %q, want %q with the same counts", got.Tag(), want)
		}
	}
	if h, err := reader.NextIntervalHistogram(); h != nil || err != nil {
		t.Errorf("one more line: %v %v", h, err)
	}
}

func nextLogged(t *testing.T, r *hdr.HistogramLogReader) *hdr.Histogram {
	t.Helper()
	h, err := r.NextIntervalHistogram()
	if err != nil || h == nil {
		t.Fatalf("library reads %v, %v", h, err)
	}
	return h
}

// Seconds of one stage added up are the whole run's histogram.
func TestIntervalsAddUp(t *testing.T) {
	_, run := writeSample(t)
	sum := result.NewHistogram()
	for _, in := range run.Intervals {
		if in.Stage == result.StageDispatchLag {
			h, err := hdr.Decode(in.V2)
			if err != nil {
				t.Fatal(err)
			}
			if dropped := sum.Merge(h); dropped > 0 {
				t.Fatalf("%d samples dropped", dropped)
			}
		}
	}
	if got, want := sum.TotalCount(), int64(run.Counts.Sent); got != want {
		t.Errorf("%d samples in all seconds, want %d", got, want)
	}
}

func TestLogSecondsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(0, 1e17).Draw(t, "ns")
		got, err := parseLogSeconds(logSeconds(ns))
		if err != nil || got != ns {
			t.Fatalf("%d was written as %s and read as %d (%v)", ns, logSeconds(ns), got, err)
		}
	})
}

func TestLogTagsRoundTrip(t *testing.T) {
	h := result.NewHistogram()
	if err := h.RecordValue(5e6); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		run := &result.Run{}
		run.Run.SteadyToNs = 1e9
		kind := rapid.String().Draw(t, "kind")
		run.Histograms = []result.Histogram{{Stage: "commit", Kind: kind, H: h}}
		var b bytes.Buffer
		if err := writeLog(&b, run); err != nil {
			t.Fatal(err)
		}
		_, steady, err := readLog(&b)
		if err != nil || len(steady) != 1 || steady[0].Kind != kind || steady[0].Stage != "commit" || !steady[0].H.Equals(h) {
			t.Fatalf("kind %q came back as %+v (%v)", kind, steady, err)
		}
	})
}

func TestReadLogRefuses(t *testing.T) {
	tests := []struct{ name, log, want string }{
		{"no tag", "#c\n0.000,1.000,1.000,HIST\n", "line 2: want Tag="},
		{"cut", "Tag=ack,0.000,1.0", "line 1: want Tag="},
		{"start", "Tag=ack,zero,1.000,1.000,HIST\n", `line 1: start: "zero"`},
		{"length", "Tag=ack,0.000,1.,1.000,HIST\n", `line 1: length: "1."`},
		{"steady", "Tag=steady:ack,0.000,1.000,1.000,HISTF\n", "line 1: steady:ack: histogram"},
		{"escape", "Tag=%zz,0.000,1.000,1.000,HISTF\n", "line 1: tag: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readLog(strings.NewReader(tt.log))
			wantLine(t, err, tt.want)
		})
	}
}

func TestWriteLogRefusesBroken(t *testing.T) {
	run := &result.Run{Intervals: []result.Interval{{Stage: "ack", StartNs: 3e9, V2: []byte("HISTnothing")}}}
	err := writeLog(new(bytes.Buffer), run)
	wantLine(t, err, "ack at 3s: histogram")
}

func newDiscard() *bufio.Writer { return bufio.NewWriter(io.Discard) }
