package reports

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/chaindyno/chaindyno/reports/result"
)

// What a reader takes, the writer gives back in a form that reads the same.
func FuzzReadLog(f *testing.F) {
	run := smallRun()
	var b bytes.Buffer
	if err := writeLog(&b, run); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("Tag=ack,0.000,1.000,1.000,HISTFAAAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		intervals, steady, err := readLog(bytes.NewReader(data))
		if err != nil {
			return
		}
		run := &result.Run{Histograms: steady}
		var out bytes.Buffer
		if err := writeLog(&out, run); err != nil {
			t.Fatal(err)
		}
		for i := range intervals {
			_ = writeInterval(newDiscard(), &intervals[i]) // may refuse, must not panic
		}
		_, again, err := readLog(&out)
		if err != nil || len(again) != len(steady) {
			t.Fatalf("%d histograms became %d (%v)", len(steady), len(again), err)
		}
	})
}

func FuzzReadSeries(f *testing.F) {
	var b bytes.Buffer
	if err := writeCSV(&b, seriesColumns, smallRun().Series); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) { csvRoundTrip(t, data, seriesColumns) })
}

func FuzzReadErrors(f *testing.F) {
	var b bytes.Buffer
	if err := writeCSV(&b, errorColumns, smallRun().ErrorRows); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) { csvRoundTrip(t, data, errorColumns) })
}

func csvRoundTrip[T comparable](t *testing.T, data []byte, columns []column[T]) {
	rows, err := readCSV(bytes.NewReader(data), columns)
	if err != nil {
		return
	}
	var first, second bytes.Buffer
	if err := writeCSV(&first, columns, rows); err != nil {
		t.Fatal(err)
	}
	once, err := readCSV(bytes.NewReader(first.Bytes()), columns)
	if err != nil || len(once) != len(rows) {
		t.Fatalf("%d rows became %d (%v)", len(rows), len(once), err)
	}
	if err := writeCSV(&second, columns, once); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("written twice:\n%s\n%s", first.Bytes(), second.Bytes())
	}
}

func FuzzRaw(f *testing.F) {
	f.Add([]byte(result.RawHeader + "\n0,1,transfer,5,6,7,8,9,1,accepted,succeeded\n"))
	z, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	info := result.Info{SteadyFromNs: 0, SteadyToNs: 1e9}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = parseRaw(bytes.NewReader(data), info) // as it is: broken frames
		raw, err := parseRaw(bytes.NewReader(z.EncodeAll(data, nil)), info)
		times, _ := parseIntended(bytes.NewReader(z.EncodeAll(data, nil)), 3)
		if times != nil && len(times) != 3 {
			t.Fatalf("%d times of 3 rows", len(times))
		}
		if err == nil && uint64(bytes.Count(data, []byte("\n"))) < raw.Rows {
			t.Fatalf("%d rows of %d bytes", raw.Rows, len(data))
		}
	})
}
