package audit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Inclusion is one transaction that the run counts as succeeded or failed, and
// the block that holds it.
type Inclusion struct {
	ID driver.ID
	At driver.Ref
}

// Spool keeps the inclusions of a run on disk, so that a long run needs no
// memory for its audit. Write and Durable are for one goroutine; Close comes
// before reading.
type Spool struct {
	path string
	f    *os.File
	w    *bufio.Writer
	n    uint64
	err  error
}

// A run of the spool is height u64, block ID, count u32, and count IDs.
const runHead = 8 + 32 + 4

// NewSpool creates the file at path, replacing what is there.
func NewSpool(path string) (*Spool, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("audit spool: %w", err)
	}
	return &Spool{path: path, f: f, w: bufio.NewWriterSize(f, 1<<18)}, nil
}

// Add appends the inclusions of one block; blocks come in ascending order of
// height and each at most once. Errors are kept for Close.
func (s *Spool) Add(at driver.Ref, ids []driver.ID) {
	if s.err != nil || len(ids) == 0 {
		return
	}
	var head [runHead]byte
	binary.LittleEndian.PutUint64(head[0:], at.Height)
	copy(head[8:], at.ID[:])
	binary.LittleEndian.PutUint32(head[40:], uint32(len(ids)))
	if _, s.err = s.w.Write(head[:]); s.err != nil {
		return
	}
	for i := range ids {
		if _, s.err = s.w.Write(ids[i][:]); s.err != nil {
			return
		}
	}
	s.n += uint64(len(ids))
}

// Count is the number of inclusions added.
func (s *Spool) Count() uint64 { return s.n }

// Close flushes the file and returns the first error of any call.
func (s *Spool) Close() error {
	s.err = errors.Join(s.err, s.w.Flush(), s.f.Close())
	return s.err
}

// Err is the first error of any call.
func (s *Spool) Err() error { return s.err }

// runs reads a spool back, one block's share at a time.
type runs struct {
	r   *bufio.Reader
	f   *os.File
	at  driver.Ref
	ids []driver.ID
	ok  bool
}

func openRuns(path string) (*runs, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &runs{f: f, r: bufio.NewReaderSize(f, 1<<18)}
	return r, r.next()
}

// next reads the following run; ok turns false at the end.
func (r *runs) next() error {
	var head [runHead]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		r.ok = false
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("audit spool is damaged: %w", err)
	}
	r.at.Height = binary.LittleEndian.Uint64(head[0:])
	copy(r.at.ID[:], head[8:])
	n := binary.LittleEndian.Uint32(head[40:])
	r.ids = r.ids[:0]
	for range n {
		var id driver.ID
		if _, err := io.ReadFull(r.r, id[:]); err != nil {
			r.ok = false
			return fmt.Errorf("audit spool is damaged: %w", err)
		}
		r.ids = append(r.ids, id)
	}
	r.ok = true
	return nil
}
