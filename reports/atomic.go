package reports

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// fileEntry is one file of the manifest.
type fileEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// writeFile writes dir/name through a temporary file beside it, so that a
// reader sees the old content or the new one, never a part. The data is synced
// before the rename: a manifest must not outlive the files that it lists.
func writeFile(dir, name string, fill func(io.Writer) error) (entry fileEntry, err error) {
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return entry, fmt.Errorf("%s: cannot be written: %w", filepath.Join(dir, name), err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("%s: cannot be written: %w", filepath.Join(dir, name), err)
		}
	}()
	sum := &summer{hash: sha256.New()}
	buf := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<16)
	if err = fill(buf); err != nil {
		return entry, err
	}
	if err = buf.Flush(); err != nil {
		return entry, err
	}
	if err = f.Chmod(0o644); err != nil {
		return entry, err
	}
	if err = f.Sync(); err != nil {
		return entry, err
	}
	if err = f.Close(); err != nil {
		return entry, err
	}
	if err = os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return entry, err
	}
	return sum.entry(name), nil
}

// summer hashes and counts what passes.
type summer struct {
	hash  hash.Hash
	bytes int64
}

func (s *summer) Write(p []byte) (int, error) {
	s.bytes += int64(len(p))
	return s.hash.Write(p)
}

func (s *summer) entry(name string) fileEntry {
	return fileEntry{Name: name, Bytes: s.bytes, SHA256: hex.EncodeToString(s.hash.Sum(nil))}
}

// sumFile returns the manifest's entry for a file that exists already.
func sumFile(dir, name string) (fileEntry, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fileEntry{}, err
	}
	defer f.Close()
	sum := &summer{hash: sha256.New()}
	if _, err := io.Copy(sum, f); err != nil {
		return fileEntry{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return sum.entry(name), nil
}

// syncDir makes the renames in dir durable. Some file systems can't sync a
// folder, which is no reason to fail.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
