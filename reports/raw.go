package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/klauspost/compress/zstd"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Raw is what transactions.csv.zst says by itself.
type Raw struct {
	// Histograms over the steady window, all transactions and per kind, of the
	// stages that the raw times give: ack, ack_response, include, commit,
	// commit_service.
	Histograms []result.Histogram
	Rows       uint64
	// Sampled: the file does not hold every transaction, so the percentiles
	// are estimates. A row that stands for n transactions counts n times.
	Sampled    bool
	OutOfRange uint64 // latencies below 0 or beyond an hour
}

// rawStages are the stages that the raw times give, in travel order.
var rawStages = []struct {
	name     string
	from, to int // columns of a row
}{
	{result.StageAck, rawSent, rawAcked},
	{result.StageAckResponse, rawIntended, rawAcked},
	{result.StageInclude, rawIntended, rawIncluded},
	{result.StageCommit, rawIntended, rawHeld},
	{result.StageCommitService, rawSent, rawHeld},
}

// The columns that matter here, as in result.RawHeader.
const (
	rawKind = iota + 2
	rawIntended
	rawSent
	rawAcked
	rawIncluded
	rawHeld
	_
	_
	rawFate
	rawColumns
)

// ReadRaw rebuilds the steady-window histograms of a run folder from its
// transactions alone.
func ReadRaw(dir string) (*Raw, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := m.check(dir, result.FileTransactions); err != nil {
		return nil, err
	}
	var s result.Summary
	if err := readSummary(dir, &s); err != nil {
		return nil, err
	}
	var raw *Raw
	err = readFile(dir, result.FileTransactions, func(r io.Reader) (err error) {
		raw, err = parseRaw(r, s.Run)
		return err
	})
	if err != nil {
		return nil, err
	}
	raw.Sampled = raw.Sampled || raw.Rows < s.Counts.Sent
	return raw, nil
}

// parseRaw reads the compressed rows. Its errors name the line.
func parseRaw(r io.Reader, info result.Info) (*Raw, error) {
	b := &rawBuilder{from: info.SteadyFromNs, to: info.SteadyToNs, weight: 1, index: map[string][]*hdr.Histogram{}}
	err := scanRaw(r, func(line []byte) error {
		if bytes.HasPrefix(line, []byte("#")) {
			return b.comment(line)
		}
		return b.row(line)
	})
	if err != nil {
		return nil, err
	}
	return b.raw(), nil
}

// scanRaw hands over each line after the header, comments too. Its errors name
// the line.
func scanRaw(r io.Reader, take func(line []byte) error) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	if !lines.Scan() {
		return fmt.Errorf("line 1: want %s%w", result.RawHeader, after(lines.Err()))
	}
	if lines.Text() != result.RawHeader {
		return fmt.Errorf("line 1: want %s", result.RawHeader)
	}
	line := 1
	for lines.Scan() {
		line++
		if err := take(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("after line %d: truncated or damaged: %w", line, err)
	}
	return nil
}

// rawRow is what matters here of one row.
type rawRow struct {
	kind, fate []byte
	times      [rawHeld + 1]int64 // by column
}

func splitRow(line []byte) (row rawRow, err error) {
	fields := bytes.Split(line, []byte(","))
	if len(fields) != rawColumns {
		return row, fmt.Errorf("%d fields, want %d", len(fields), rawColumns)
	}
	row.kind, row.fate = fields[rawKind], fields[rawFate]
	for i := rawIntended; i <= rawHeld; i++ {
		if row.times[i], err = strconv.ParseInt(string(fields[i]), 10, 64); err != nil {
			return row, fmt.Errorf("field %d: %q: want nanoseconds, or -1", i+1, cut(string(fields[i]), 40))
		}
	}
	return row, nil
}

func after(err error) error {
	if err == nil {
		return errors.New(", found an empty file")
	}
	return fmt.Errorf(": %w", err)
}

// rawBuilder sorts rows into histograms.
type rawBuilder struct {
	from, to   int64
	weight     int64                       // transactions that a row stands for
	index      map[string][]*hdr.Histogram // by kind, in the order of rawStages; "" = all
	kinds      []string                    // in the order of appearance
	rows       uint64
	outOfRange uint64
}

// comment reads the line that says that from here on only one row in n was
// written: "# sampled: one row in 100 from here on, ...". Others are for people.
func (b *rawBuilder) comment(line []byte) error {
	rest, ok := bytes.CutPrefix(line, []byte(result.RawSampled))
	if !ok {
		return nil
	}
	digits, _, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.ParseInt(string(digits), 10, 32)
	if err != nil || n < 1 {
		return fmt.Errorf("%q: want %sN, N from 1 to 2^31-1", cut(string(line), 60), result.RawSampled)
	}
	b.weight = n
	return nil
}

func (b *rawBuilder) row(line []byte) error {
	row, err := splitRow(line)
	if err != nil {
		return err
	}
	b.rows++
	times := &row.times
	if times[rawIntended] < b.from || times[rawIntended] >= b.to {
		return nil
	}
	held := string(row.fate) == result.FateSucceeded
	for i, s := range rawStages {
		if times[s.from] < 0 || times[s.to] < 0 || s.to == rawHeld && !held {
			continue
		}
		for _, kind := range []string{"", string(row.kind)} {
			ns := times[s.to] - times[s.from]
			if ns < 0 || ns > result.HighestNs || b.histogram(kind, i).RecordValues(ns, b.weight) != nil {
				b.outOfRange++
			}
		}
	}
	return nil
}

func (b *rawBuilder) histogram(kind string, stage int) *hdr.Histogram {
	hs, ok := b.index[kind]
	if !ok {
		hs = make([]*hdr.Histogram, len(rawStages))
		for i := range hs {
			hs[i] = result.NewHistogram()
		}
		b.index[kind] = hs
		b.kinds = append(b.kinds, kind)
	}
	return hs[stage]
}

func (b *rawBuilder) raw() *Raw {
	out := &Raw{Rows: b.rows, OutOfRange: b.outOfRange, Sampled: b.weight > 1}
	kinds := b.kinds
	if len(kinds) == 2 { // all, and the only one
		kinds = kinds[:1]
	}
	for i, s := range rawStages {
		for _, kind := range kinds {
			if h := b.index[kind][i]; h.TotalCount() > 0 {
				out.Histograms = append(out.Histograms, result.Histogram{Stage: s.name, Kind: kind, H: h})
			}
		}
	}
	return out
}
