package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// scanner reads the log from a place to its end.
//
// Where no whole record follows, either a crash tore what had not been synced,
// and the rest is dropped, or the disk lost what had been, and the store must
// not be opened. The records themselves tell: each says up to where the log was
// synced when it was written. A record anywhere behind the gap that says it was
// synced beyond the gap is proof of the latter.
type scanner struct {
	dir  *datadir.Dir
	nums []uint32 // segments that exist, ascending
	buf  []byte
}

func newScanner(dir *datadir.Dir) (*scanner, error) {
	names, err := dir.FS.List(dir.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir.Path, err)
	}
	s := &scanner{dir: dir}
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			s.nums = append(s.nums, n)
		}
	}
	slices.Sort(s.nums)
	return s, nil
}

// last is the highest segment that exists, 0 if there is none.
func (s *scanner) last() uint32 {
	if len(s.nums) == 0 {
		return 0
	}
	return s.nums[len(s.nums)-1]
}

// record is one record with its sections, valid until the next one is read.
type record struct {
	frame
	at       pos
	sections [sections][]byte
}

func (r *record) end() pos { return pos{r.at.seg, r.at.off + r.size()} }

// torn says what was dropped.
type torn struct {
	at    pos
	bytes int64
}

// logStart is where the first record goes.
var logStart = pos{1, segmentHead}

// run calls each with all records from a place on and returns where the log
// ends. What a crash tore is not removed yet.
func (s *scanner) run(from pos, each func(r *record) error) (end pos, lost torn, err error) {
	end = from
	if from != logStart && !s.headValid(from.seg) {
		return end, lost, s.damaged(from, errors.New("the file is missing or has no head"))
	}
	for end.seg <= s.last() {
		valid, ok := s.validEnd(end.seg)
		if ok && valid < end.off {
			return end, lost, s.damaged(end, fmt.Errorf("the file ends at %d", valid))
		}
		if ok {
			end, err = s.segment(end, valid, each)
			ok = end.off == valid
		}
		if err != nil {
			return end, lost, err
		}
		if !ok {
			lost, err = s.tear(end)
			return end, lost, err
		}
		if end.seg == s.last() {
			return end, lost, nil
		}
		if !s.headValid(end.seg + 1) {
			lost, err = s.tear(end)
			return end, lost, err
		}
		end = pos{end.seg + 1, segmentHead}
	}
	return end, lost, nil
}

// segment reads the records of one segment up to its valid end, or to where
// there is none any more.
func (s *scanner) segment(at pos, valid uint32, each func(r *record) error) (pos, error) {
	f, err := s.dir.FS.Open(s.dir.Join(segmentName(at.seg)))
	if err != nil {
		return at, err
	}
	defer f.Close()
	for at.off < valid {
		r, err := s.read(f, at, valid)
		if errors.Is(err, errNoRecord) {
			return at, nil
		} else if err != nil {
			return at, err
		}
		if err := each(r); err != nil {
			return at, s.damaged(at, err)
		}
		at = r.end()
	}
	return at, nil
}

var errNoRecord = errors.New("no whole record")

// read returns the record at a place, errNoRecord if there is none that ends by
// valid.
func (s *scanner) read(f vfs.File, at pos, valid uint32) (*record, error) {
	var head [frameSize]byte
	if err := readFull(f, head[:], at.off); err != nil {
		return nil, err
	}
	r := &record{at: at}
	var err error
	if r.frame, err = parseFrame(head[:], at); err != nil || uint64(at.off)+uint64(r.size()) > uint64(valid) {
		return nil, errNoRecord
	}
	n := int(r.size()) - frameSize
	s.buf = slices.Grow(s.buf[:0], n)[:n]
	if err := readFull(f, s.buf, at.off+frameSize); err != nil {
		return nil, err
	}
	for i := range r.sections {
		began := r.offset(i) - frameSize
		r.sections[i] = s.buf[began : began+r.length[i]]
		if r.checkSection(i, r.sections[i]) != nil {
			return nil, errNoRecord
		}
	}
	return r, nil
}

// readFull reads len(b) bytes; a file that ends before is errNoRecord.
func readFull(f vfs.File, b []byte, off uint32) error {
	_, err := f.ReadAt(b, int64(off))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoRecord
	}
	return err
}

// validEnd is where the valid part of a segment ends: where its successor says,
// or at the end of the last file. False if the segment itself has no valid head.
func (s *scanner) validEnd(num uint32) (uint32, bool) {
	if !s.headValid(num) {
		return 0, false
	}
	if end, ok := s.head(num + 1); ok {
		return end, true
	}
	info, err := s.dir.FS.Stat(s.dir.Join(segmentName(num)))
	if err != nil || info.Size() > 1<<32-1 {
		return 0, false
	}
	return uint32(info.Size()), true
}

func (s *scanner) headValid(num uint32) bool {
	_, ok := s.head(num)
	return ok
}

func (s *scanner) head(num uint32) (prevEnd uint32, ok bool) {
	f, err := s.dir.FS.Open(s.dir.Join(segmentName(num)))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var b [segmentHead]byte
	if readFull(f, b[:], 0) != nil {
		return 0, false
	}
	return parseSegmentHead(b[:], num)
}

// tear decides what a gap at a place means, and counts what follows it.
func (s *scanner) tear(gap pos) (torn, error) {
	lost := torn{at: gap}
	for _, num := range s.nums {
		if num < gap.seg {
			continue
		}
		size, proof, err := s.search(num, gap)
		if err != nil {
			return lost, err
		}
		if proof {
			return lost, s.damaged(gap, errors.New("what was synced is not there"))
		}
		if lost.bytes += size; num == gap.seg {
			lost.bytes -= int64(gap.off)
		}
	}
	return lost, nil
}

func (s *scanner) damaged(at pos, why error) error {
	return fmt.Errorf("%s: %w at offset %d: %w", s.dir.Join(segmentName(at.seg)), ErrDamaged, at.off, why)
}

// search looks in a segment, behind the gap, for a record that was written when
// the gap had been synced.
func (s *scanner) search(num uint32, gap pos) (size int64, proof bool, err error) {
	f, err := s.dir.FS.Open(s.dir.Join(segmentName(num)))
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	off := int64(0)
	if num == gap.seg {
		off = int64(gap.off) + 1
	}
	for magic := binary.LittleEndian.AppendUint32(nil, frameMagic); ; {
		off, err = find(f, off, info.Size(), magic)
		if err != nil || off < 0 {
			return info.Size(), false, err
		}
		r, err := s.read(f, pos{num, uint32(off)}, uint32(info.Size()))
		if err == nil && gap.before(r.synced) {
			return info.Size(), true, nil
		} else if err != nil && !errors.Is(err, errNoRecord) {
			return info.Size(), false, err
		}
		off++
	}
}

// find returns the offset of what in the file, from off on; -1 if there is none.
func find(f vfs.File, off, size int64, what []byte) (int64, error) {
	buf := make([]byte, 1<<20)
	for off+int64(len(what)) <= size {
		b := buf[:min(int64(len(buf)), size-off)]
		if _, err := f.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.Index(b, what); i >= 0 {
			return off + int64(i), nil
		}
		off += int64(len(b) - len(what) + 1)
	}
	return -1, nil
}
