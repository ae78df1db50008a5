package record

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
)

// written runs a raw log over rows and returns its lines.
func written(t *testing.T, all uint64, rows []inflight.Entry) []string {
	t.Helper()
	var file bytes.Buffer
	w, err := newRaw(&file, twoKinds, 42, all, len(rows)/rawBatch+2)
	if err != nil {
		t.Fatal(err)
	}
	o := options(twoKinds)
	o.Raw = w
	c := mustNew(t, o)
	done := make(chan error)
	go func() { done <- w.Run() }()
	r := c.Recorder()
	for i := range rows {
		r.Done(&rows[i])
	}
	c.Finish()
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestRawRows(t *testing.T) {
	ok := *succeeded(0, 1000)
	ok.Seq, ok.Lane, ok.Height = 7, 3, 12
	ok.Included += 500 // again after a revert
	refused := inflight.Entry{
		Seq: 8, Lane: 4, Kind: 1, Intended: 5, Sent: 6, Acked: 9, First: inflight.Unset, Included: inflight.Unset, Held: inflight.Unset,
		Status: driver.StatusRejected, Reject: driver.RejectSignature, Fate: inflight.FateRefused,
	}
	got := written(t, 10, []inflight.Entry{ok, refused})
	want := []string{
		result.RawHeader,
		"7,3,transfer,1000,1001000,3001000,200001000,200001500,12,accepted,succeeded",
		"8,4,invalid,5,6,9,-1,-1,0,rejected/signature,refused",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRawSampled: after the first rows, one in RawOneIn, and both said so.
func TestRawSampled(t *testing.T) {
	const all, n = 1000, 11_000
	rows := make([]inflight.Entry, n)
	for i := range rows {
		rows[i] = *succeeded(0, int64(i))
		rows[i].Seq = uint64(i)
	}
	lines := written(t, all, rows)
	if len(lines) != 1+all+1+(n-all)/RawOneIn+1 {
		t.Fatalf("%d lines", len(lines))
	}
	if mark := lines[1+all]; !strings.HasPrefix(mark, "# sampled: one row in 100 from here on, offset ") || !strings.HasSuffix(mark, ", seed 42") {
		t.Errorf("mark %q", mark)
	}
	if end := lines[len(lines)-1]; end != "# end: 11000 rows done, 1100 written, 0 lost" {
		t.Errorf("end %q", end)
	}
	if first, second := lines[2+all], lines[3+all]; first == second || strings.HasPrefix(first, "#") {
		t.Errorf("%q and %q", first, second)
	}
}

// TestRawNeverBlocks: with nobody writing, rows beyond the queue are lost and
// counted.
func TestRawNeverBlocks(t *testing.T) {
	w, err := newRaw(io.Discard, twoKinds, 1, RawAll, 2)
	if err != nil {
		t.Fatal(err)
	}
	o := options(twoKinds)
	o.Raw = w
	c := mustNew(t, o)
	r := c.Recorder()
	for range 5 * rawBatch {
		r.Done(succeeded(0, 1))
	}
	if w.Lost() != 3*rawBatch {
		t.Errorf("%d rows lost, want %d", w.Lost(), 3*rawBatch)
	}
	w.Close()
	if err := w.Run(); err != nil {
		t.Error(err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDisk }

var errDisk = errors.New("no space left")

// TestRawError: a disk that fails ends the writing, not the recording.
func TestRawError(t *testing.T) {
	w, err := newRaw(full{}, twoKinds, 1, RawAll, 4)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- w.Run() }()
	for range 10_000 {
		w.put(make([]inflight.Entry, rawBatch))
	}
	w.Close()
	if err := <-done; !errors.Is(err, errDisk) {
		t.Errorf("Run: %v", err)
	}
}

func BenchmarkRaw(b *testing.B) {
	w, err := newRaw(io.Discard, twoKinds, 1, RawAll, 1)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]inflight.Entry, rawBatch)
	at := int64(0)
	for i := range rows {
		at += 20_000
		rows[i] = *succeeded(0, at)
		rows[i].Seq, rows[i].Lane = uint64(i)/100, uint32(i*7)
	}
	for b.Loop() {
		if err := w.writeBatch(rows); err != nil {
			b.Fatal(err)
		}
		w.seen = 0
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rawBatch, "ns/row")
}
