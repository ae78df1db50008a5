package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// blockLog is the segment files. One goroutine appends; any may sync.
//
// Nothing is ever cut off a file. A segment's valid part ends where its
// successor says; that of the last one ends where a whole record follows no
// more. So an append that failed, or that a crash tore, is undone by not
// counting it.
type blockLog struct {
	dir      *datadir.Dir
	segBytes uint32

	syncMu sync.Mutex // held while syncing; before mu

	mu      sync.Mutex
	cur     *segment
	full    bool       // the next record needs a new segment
	open    []*segment // with bytes that are not synced, oldest first; cur is the last
	newName bool       // a file was created since the folder was synced
	synced  pos        // everything before it is on the disk
	failed  error      // a sync failed after its bytes had been accepted
	bytes   int64      // of all files
}

// segment is a file that can still be written to or synced.
type segment struct {
	num  uint32
	end  uint32 // of the valid part
	file vfs.File
}

// A segment begins with: magic, number u32, end of the valid part of the
// segment before u32, zeros, crc u32 of all that.
const (
	segmentHead  = 32
	segmentMagic = "CDYSEG01"
	segmentExt   = ".seg"
)

func segmentName(num uint32) string { return fmt.Sprintf("%08d%s", num, segmentExt) }

func segmentNumber(name string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, segmentExt)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n > 0 && segmentName(uint32(n)) == name
}

func putSegmentHead(num, prevEnd uint32) []byte {
	b := make([]byte, segmentHead)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], num)
	binary.LittleEndian.PutUint32(b[12:], prevEnd)
	binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
	return b
}

// parseSegmentHead returns where the segment before num ends.
func parseSegmentHead(b []byte, num uint32) (prevEnd uint32, ok bool) {
	if len(b) != segmentHead || string(b[:8]) != segmentMagic || binary.LittleEndian.Uint32(b[8:]) != num ||
		binary.LittleEndian.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[12:]), true
}

func (l *blockLog) path(num uint32) string { return l.dir.Join(segmentName(num)) }

// end is where the next record goes, unless it needs a new segment.
func (l *blockLog) end() pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	return pos{l.cur.num, l.cur.end}
}

func (l *blockLog) syncedTo() pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// append writes a record whose head is filled in here. After an error the log
// is what it was.
func (l *blockLog) append(f *frame, record []byte) (at pos, err error) {
	if err := l.dir.CheckRoom(int64(len(record))); err != nil {
		return pos{}, err
	}
	l.mu.Lock()
	failed, next := l.failed, l.full || l.cur.end > segmentHead && uint64(l.cur.end)+uint64(len(record)) > uint64(l.segBytes)
	f.synced = l.synced
	l.mu.Unlock()
	if failed != nil {
		return pos{}, failed
	}
	if next {
		if err := l.rotate(); err != nil {
			return pos{}, err
		}
	}
	at = pos{l.cur.num, l.cur.end}
	f.put(record, at)
	if _, err := l.cur.file.WriteAt(record, int64(at.off)); err != nil {
		return pos{}, l.explain(at.seg, err)
	}
	l.mu.Lock()
	l.cur.end += uint32(len(record))
	l.bytes += int64(len(record))
	l.mu.Unlock()
	return at, nil
}

// explain names the file, and a full disk by its own error.
func (l *blockLog) explain(num uint32, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: %w: %v", l.path(num), ErrDiskFull, err)
	}
	return fmt.Errorf("%s: %w", l.path(num), err)
}

// rotate begins a new segment. If it fails it has to be tried again before
// anything is appended, since a new file that stayed behind says where this one
// ends.
func (l *blockLog) rotate() error {
	l.mu.Lock()
	num, prevEnd := l.cur.num+1, l.cur.end
	l.full = true
	l.mu.Unlock()
	s, err := l.create(num, prevEnd)
	if err != nil {
		return l.explain(num, err)
	}
	l.mu.Lock()
	l.start(s)
	l.mu.Unlock()
	return nil
}

// start makes a new segment the current one.
func (l *blockLog) start(s *segment) {
	l.cur, l.full, l.newName = s, false, true
	l.open = append(l.open, s)
	l.bytes += segmentHead
}

// create writes the file of a new segment, over one that may be there.
func (l *blockLog) create(num, prevEnd uint32) (*segment, error) {
	f, err := l.dir.FS.Create(l.path(num), vfs.WriteCategoryUnspecified)
	if err == nil {
		// Only files that are opened in this way promise WriteAt.
		if err = f.Close(); err == nil {
			f, err = l.dir.FS.OpenReadWrite(l.path(num), vfs.WriteCategoryUnspecified)
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteAt(putSegmentHead(num, prevEnd), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &segment{num: num, end: segmentHead, file: f}, nil
}

// sync makes everything durable that was appended before the call.
func (l *blockLog) sync() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if err := l.syncOpen(); err != nil {
		// What the kernel could not write it may have thrown away, and the next sync
		// need not say so: from here on nothing is certain.
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.failed == nil {
			l.failed = fmt.Errorf("%w: %w", ErrSync, err)
		}
		return l.failed
	}
	return nil
}

// syncLast is sync for the record at a place, which is the last one and the only
// one that is not synced. If it fails the record is taken back; a later record
// overwrites all of it, so that a later sync covers what this one may have lost.
func (l *blockLog) syncLast(at pos) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	err := l.syncOpen()
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil && at.before(l.synced) {
		return nil
	}
	l.bytes -= int64(l.cur.end - at.off)
	l.cur.end = at.off
	return err
}

func (l *blockLog) syncOpen() error {
	l.mu.Lock()
	target, open, newName, failed := pos{l.cur.num, l.cur.end}, slices.Clone(l.open), l.newName, l.failed
	done := target == l.synced
	l.mu.Unlock()
	if failed != nil || done {
		return failed
	}
	for _, s := range open {
		// The file may be written to meanwhile; vfs.File leaves that open in
		// general, the files of the operating system and in memory permit it.
		if err := s.file.SyncData(); err != nil {
			return l.explain(s.num, err)
		}
	}
	if newName {
		if err := l.dir.Sync(); err != nil {
			return l.explain(target.seg, err)
		}
	}
	return l.reached(target)
}

// reached notes what is durable and closes files that are complete.
func (l *blockLog) reached(target pos) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = target
	l.newName = l.newName && l.cur.num != target.seg
	l.open = slices.DeleteFunc(l.open, func(s *segment) bool {
		if s.num < target.seg {
			err = errors.Join(err, s.file.Close())
			return true
		}
		return false
	})
	return err
}

// close gives the files back, synced or not.
func (l *blockLog) close() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.open {
		err = errors.Join(err, s.file.Close())
	}
	l.open = nil
	return err
}

func (l *blockLog) size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}
