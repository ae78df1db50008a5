package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// openLog makes the log ready to be appended to at end, which a scan that began
// at from has found, and makes all of it durable: after the death of a process
// the operating system may still have it in memory alone.
func openLog(dir *datadir.Dir, segBytes int64, scan *scanner, from, end pos) (*blockLog, error) {
	l := &blockLog{dir: dir, segBytes: uint32(segBytes), synced: end}
	if err := l.dropAfter(scan, end); err != nil {
		return nil, err
	}
	if err := syncSegments(dir, from.seg, end.seg-1); err != nil {
		return nil, err
	}
	if !scan.headValid(end.seg) {
		// Nothing has ever been in the log: the head of its first file comes before
		// the first record.
		s, err := l.create(end.seg, 0)
		if err != nil {
			return nil, l.explain(end.seg, err)
		}
		l.start(s)
		l.synced = pos{} // so that the next sync does its work
	} else if err := l.resume(end); err != nil {
		return nil, err
	}
	if err := l.sync(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// dropAfter removes the segments behind the end, the last first, so that a crash
// meanwhile leaves what the next scan drops too.
func (l *blockLog) dropAfter(scan *scanner, end pos) error {
	for _, num := range slices.Backward(scan.nums) {
		if num <= end.seg {
			break
		}
		if err := l.dir.FS.Remove(l.path(num)); err != nil {
			return fmt.Errorf("%s: %w", l.path(num), err)
		}
		if err := l.dir.Sync(); err != nil {
			return fmt.Errorf("%s: %w", l.dir.Path, err)
		}
	}
	for num := uint32(1); num < end.seg; num++ {
		info, err := l.dir.FS.Stat(l.path(num))
		if err != nil {
			return fmt.Errorf("%s: %w", l.path(num), err)
		}
		l.bytes += info.Size()
	}
	return nil
}

// syncSegments makes whole files durable, and their names.
func syncSegments(dir *datadir.Dir, first, last uint32) error {
	for num := first; num <= last; num++ {
		path := dir.Join(segmentName(num))
		f, err := dir.FS.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		if err == nil {
			err = errors.Join(f.SyncData(), f.Close())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return dir.Sync()
}

// resume goes on in the last segment, or, if that has torn bytes behind its end,
// in a new one that says so.
func (l *blockLog) resume(end pos) error {
	f, err := l.dir.FS.OpenReadWrite(l.path(end.seg), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("%s: %w", l.path(end.seg), err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", l.path(end.seg), err), f.Close())
	}
	l.cur = &segment{num: end.seg, end: end.off, file: f}
	l.open = []*segment{l.cur}
	l.full = info.Size() > int64(end.off)
	l.bytes += info.Size()
	l.newName, l.synced = true, pos{} // so that the next sync does its work
	return nil
}
