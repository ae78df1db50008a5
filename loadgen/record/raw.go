package record

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
)

const (
	rawBatch = 512  // rows handed over at a time
	rawQueue = 1024 // batches waiting at most: half a million rows, 60 MB

	// RawAll is how many rows are all written.
	RawAll = 5_000_000
	// RawOneIn is how many rows stand behind each one that is written
	// afterwards.
	RawOneIn = 100
)

// Raw writes transactions.csv.zst: result.RawHeader, then one line per
// transaction in the order in which they were done.
//
// The first RawAll rows are all written. From there on one in RawOneIn is, at a
// seeded offset, and the place is marked by a comment line,
//
//	# sampled: one row in 100 from here on, offset 17, seed 42
//
// so each row after it stands for 100. A file that does not hold all rows ends
// with
//
//	# end: 5100000 rows done, 5001000 written, 0 lost
//
// where lost ones are those the disk could not keep up with: recording never
// waits for it.
type Raw struct {
	kinds   []driver.Kind
	seed    uint64
	all     uint64
	offset  uint64
	queue   chan []inflight.Entry
	spare   chan []inflight.Entry
	zstd    *zstd.Encoder
	out     *bufio.Writer
	seen    uint64 // rows that reached the writer
	written uint64
	lost    atomic.Uint64
	line    []byte
}

// NewRaw returns a writer to w, which it does not close. kinds names what
// Entry.Kind indexes.
func NewRaw(w io.Writer, kinds []driver.Kind, seed uint64) (*Raw, error) {
	return newRaw(w, kinds, seed, RawAll, rawQueue)
}

func newRaw(w io.Writer, kinds []driver.Kind, seed, all uint64, queue int) (*Raw, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("raw log: %w", err)
	}
	return &Raw{
		kinds: kinds, seed: seed, all: all,
		offset: rand.New(rand.NewPCG(seed, 0x7261776c6f67)).Uint64N(RawOneIn),
		queue:  make(chan []inflight.Entry, queue), spare: make(chan []inflight.Entry, queue),
		zstd: z, out: bufio.NewWriterSize(z, 1<<16),
	}, nil
}

// put hands a batch over and returns an empty one. It never blocks: when the
// queue is full, the rows are counted as not written.
func (w *Raw) put(rows []inflight.Entry) []inflight.Entry {
	select {
	case w.queue <- rows:
	default:
		w.lost.Add(uint64(len(rows)))
		return rows[:0]
	}
	select {
	case empty := <-w.spare:
		return empty
	default:
		return make([]inflight.Entry, 0, rawBatch)
	}
}

// Lost is the number of rows that were not written because the queue was full.
func (w *Raw) Lost() uint64 { return w.lost.Load() }

// Run writes until Close, and completes the file. After an error it goes on
// taking rows without writing them, and returns the error at the end.
func (w *Raw) Run() error {
	_, err := fmt.Fprintln(w.out, result.RawHeader)
	for rows := range w.queue {
		if err == nil {
			err = w.writeBatch(rows)
		}
		select {
		case w.spare <- rows[:0]:
		default:
		}
	}
	if done := w.seen + w.Lost(); err == nil && done != w.written {
		_, err = fmt.Fprintf(w.out, "# end: %d rows done, %d written, %d lost\n", done, w.written, w.Lost())
	}
	if err == nil {
		err = w.out.Flush()
	}
	if closeErr := w.zstd.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("raw log: %w", err)
	}
	return nil
}

// Close ends Run, once what is queued is written. It is called once, after the
// collector's Finish.
func (w *Raw) Close() { close(w.queue) }

func (w *Raw) writeBatch(rows []inflight.Entry) error {
	for i := range rows {
		if w.seen == w.all {
			if _, err := fmt.Fprintf(w.out, "# sampled: one row in %d from here on, offset %d, seed %d\n", RawOneIn, w.offset, w.seed); err != nil {
				return err
			}
		}
		w.seen++
		if w.seen > w.all && (w.seen-w.all-1)%RawOneIn != w.offset {
			continue
		}
		w.written++
		if _, err := w.out.Write(w.format(&rows[i])); err != nil {
			return err
		}
	}
	return nil
}

// format returns the line of an entry, valid until the next call.
func (w *Raw) format(e *inflight.Entry) []byte {
	b := strconv.AppendUint(w.line[:0], e.Seq, 10)
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(e.Lane), 10)
	b = append(b, ',')
	if int(e.Kind) < len(w.kinds) {
		b = append(b, w.kinds[e.Kind].Name...)
	}
	held := inflight.Unset
	if e.Held != inflight.Unset {
		held = e.Included // when it was included, not when that was known to last
	}
	for _, t := range [...]int64{e.Intended, e.Sent, e.Acked, e.First, held} {
		b = append(b, ',')
		b = strconv.AppendInt(b, t, 10) // inflight.Unset is the -1 of result.RawHeader
	}
	b = append(b, ',')
	b = strconv.AppendUint(b, e.Height, 10)
	b = append(b, ',')
	b = append(b, e.Status.String()...)
	if e.Status != driver.StatusAccepted {
		b = append(b, '/')
		b = append(b, e.Reject.String()...)
	}
	b = append(b, ',')
	b = append(b, e.Fate.String()...)
	b = append(b, '\n')
	w.line = b
	return b
}
