package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// outDir is the folder that holds run folders. Nothing is created before a
// run needs it, and what the run did not come to need is removed again.
type outDir struct {
	path    string
	created bool
}

// diskReserve is the room that a run leaves on the disk.
const diskReserve = 256 << 20

// checkOut tells beforehand whether a folder can be created and written, and
// has room for so many bytes. It leaves nothing behind.
func checkOut(path string, need uint64) error {
	there, err := nearest(path)
	if err != nil {
		return usage(err)
	}
	f, err := os.CreateTemp(there, ".chaindyno-probe-*")
	if err != nil {
		return usagef("output folder %s cannot be written: %v", path, errors.Unwrap(err))
	}
	_ = f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return usage(err)
	}
	// A file system that does not know its room is believed to have it.
	disk, err := vfs.Default.GetDiskUsage(there)
	if err == nil && disk.AvailBytes < need+diskReserve {
		return usagef("output folder %s: %s are free, and the run may need %s; choose another with --out", path, size(disk.AvailBytes), size(need+diskReserve))
	}
	return nil
}

// nearest returns the path itself, or the closest folder above it that exists.
func nearest(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for p := abs; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("output folder %s cannot be written: %s is a file", path, p)
		case err == nil:
			return p, nil
		case !errors.Is(err, os.ErrNotExist):
			return "", fmt.Errorf("output folder %s cannot be written: %w", path, err)
		case filepath.Dir(p) == p:
			return "", fmt.Errorf("output folder %s cannot be written", path)
		}
	}
}

// openOut creates the folder where it does not exist yet, and sweeps it of
// what killed runs left behind.
func openOut(path string) (*outDir, error) {
	_, err := os.Stat(path)
	o := &outDir{path: path, created: errors.Is(err, os.ErrNotExist)}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, usage(err)
	}
	o.sweep()
	return o, nil
}

// scratchPrefix starts the names of folders that hold nodes' data while a run
// lasts. Each has a lock, which the system lets go when its owner dies.
const scratchPrefix = ".nodes-"

// scratch creates a folder that is ours until release, which removes it.
func (o *outDir) scratch() (path string, release func(), err error) {
	abs, err := filepath.Abs(o.path)
	if err != nil {
		return "", nil, err
	}
	if path, err = os.MkdirTemp(abs, scratchPrefix); err != nil {
		return "", nil, err
	}
	lock, err := vfs.Default.Lock(filepath.Join(path, "owner"))
	if err != nil {
		_ = os.RemoveAll(path)
		return "", nil, err
	}
	return path, func() {
		_ = lock.Close()
		_ = os.RemoveAll(path)
	}, nil
}

// sweepAge spares folders whose owner may not have locked them yet.
const sweepAge = time.Minute

// sweep removes the data of nodes whose run has been killed.
func (o *outDir) sweep() {
	left, _ := filepath.Glob(filepath.Join(o.path, scratchPrefix+"*"))
	for _, path := range left {
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := vfs.Default.Lock(filepath.Join(path, "owner"))
		if err != nil {
			continue // in use
		}
		_ = lock.Close()
		_ = os.RemoveAll(path)
	}
}

// runDir creates the folder of one run, named after scenario and time.
func (o *outDir) runDir(name string, at time.Time) (string, error) {
	base := filepath.Join(o.path, name+"-"+at.Format("20060102-150405"))
	path := base
	for i := 2; ; i++ {
		err := os.Mkdir(path, 0o755)
		if !errors.Is(err, os.ErrExist) {
			return path, err
		}
		path = fmt.Sprintf("%s-%d", base, i)
	}
}

// discard removes the folder if this run made it and nothing is in it.
func (o *outDir) discard() {
	if o != nil && o.created {
		_ = os.Remove(o.path)
	}
}

// size renders bytes for a person.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + units[i]
}
