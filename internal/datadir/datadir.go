// Package datadir opens a folder that holds data of ours: it creates it, makes
// it ours alone, and refuses one that belongs to something else.
package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What can be wrong with a folder, for errors.Is. The errors that are returned
// wrap one of these and say, in one line, what and where.
var (
	ErrLocked       = errors.New("data folder is in use by another process")
	ErrOtherNetwork = errors.New("data folder belongs to another network")
	ErrNewerFormat  = errors.New("data folder has a newer format")
	ErrForeign      = errors.New("folder holds something else")
	ErrNotWritable  = errors.New("data folder cannot be written")
	ErrDiskFull     = errors.New("too little room on the disk")
)

// Dir is a folder that is ours until Close.
type Dir struct {
	FS   vfs.FS
	Path string
	// MinFree is the room on the disk in bytes that writers leave alone.
	MinFree uint64
	lock    io.Closer
}

const (
	lockFile   = "LOCK"
	formatFile = "FORMAT"
	formatTemp = "FORMAT.tmp"
)

// Open creates the folder if it does not exist, locks it, and checks that it is
// what want says, or makes it so if it is empty. fsys may be nil, which is the
// operating system's. Nothing is left behind in a folder that is refused, apart
// from an empty lock file.
func Open(fsys vfs.FS, path string, want Format, minFree uint64) (*Dir, error) {
	if fsys == nil {
		fsys = vfs.Default
	}
	d := &Dir{FS: fsys, Path: path, MinFree: minFree}
	if err := d.create(); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, ErrNotWritable, err)
	}
	if err := d.acquire(); err != nil {
		return nil, err
	}
	err := d.checkFormat(want)
	if err == nil {
		err = d.CheckRoom(0)
	}
	if err != nil {
		_ = d.Close() // the first error is the one to know
		return nil, err
	}
	return d, nil
}

// Close gives the folder back.
func (d *Dir) Close() error { return d.lock.Close() }

// Join returns the path of a file in the folder.
func (d *Dir) Join(name string) string { return d.FS.PathJoin(d.Path, name) }

// CheckRoom refuses a write of so many bytes that would leave less than MinFree.
// File systems that do not know their room are believed to have it.
func (d *Dir) CheckRoom(bytes int64) error {
	usage, err := d.FS.GetDiskUsage(d.Path)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: room on the disk: %w", d.Path, err)
	}
	if need := d.MinFree + uint64(bytes); usage.AvailBytes < need {
		return fmt.Errorf("%s: %w: %d bytes are free, %d are needed", d.Path, ErrDiskFull, usage.AvailBytes, need)
	}
	return nil
}

// Sync makes the names in the folder durable.
func (d *Dir) Sync() error { return syncDir(d.FS, d.Path) }

func syncDir(fsys vfs.FS, path string) error {
	f, err := fsys.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// create makes the folder and those above it, durably.
func (d *Dir) create() error {
	var above []string
	for p := d.Path; ; {
		if _, err := d.FS.Stat(p); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		up := d.FS.PathDir(p)
		if up == p {
			break
		}
		above = append(above, up)
		p = up
	}
	if err := d.FS.MkdirAll(d.Path, 0o755); err != nil {
		return err
	}
	for _, p := range above {
		if err := syncDir(d.FS, p); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) acquire() (err error) {
	d.lock, err = d.FS.Lock(d.Join(lockFile))
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return fmt.Errorf("%s: %w: %v", d.Path, ErrNotWritable, err)
	} else if err != nil {
		return fmt.Errorf("%s: %w", d.Path, ErrLocked)
	}
	return nil
}

// checkFormat compares the format file, or writes it into an empty folder.
func (d *Dir) checkFormat(want Format) error {
	have, err := d.readFormat()
	if errors.Is(err, fs.ErrNotExist) {
		return d.claim(want)
	} else if err != nil {
		return fmt.Errorf("%s: %w", d.Join(formatFile), err)
	}
	if err := have.admits(want); err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	return nil
}

func (d *Dir) readFormat() (Format, error) {
	f, err := d.FS.Open(d.Join(formatFile))
	if err != nil {
		return Format{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, formatBytesMax+1))
	if err != nil {
		return Format{}, err
	}
	return parseFormat(string(b))
}

// claim writes the format file, whole or not at all, before anything else comes
// into the folder.
func (d *Dir) claim(want Format) error {
	names, err := d.FS.List(d.Path)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == lockFile || n == formatTemp || n == "lost+found" })
	if len(names) > 0 {
		return fmt.Errorf("%s: %w: it is not empty and has no file %s", d.Path, ErrForeign, formatFile)
	}
	f, err := d.FS.Create(d.Join(formatTemp), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("%s: %w: %v", d.Path, ErrNotWritable, err)
	}
	_, err = f.Write([]byte(want.String()))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = errors.Join(d.FS.Rename(d.Join(formatTemp), d.Join(formatFile)), d.Sync())
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %v", d.Path, ErrNotWritable, err)
	}
	return nil
}
