package reports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/chaindyno/chaindyno/reports/result"
)

// A baseline is a folder of copies of run folders, so that it can be compared
// with, moved and read as any other, and outlives the runs. Only the
// transactions one by one, which no comparison needs and which are nearly all
// of a run's size, are left behind.

var baselineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// BaselineDir returns the folder of a baseline below root, which need not be
// there.
func BaselineDir(root, name string) (string, error) {
	if !baselineName.MatchString(name) {
		return "", fmt.Errorf("baseline %q: permitted are 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first", name)
	}
	return filepath.Join(root, name), nil
}

// SaveBaseline keeps copies of run folders as a baseline and returns its
// folder. It appears whole or not at all, and one that is there already is
// left alone.
func SaveBaseline(root, name string, dirs []string) (string, error) {
	to, err := BaselineDir(root, name)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(to); err == nil {
		return "", fmt.Errorf("%s is there already; remove that folder first to replace the baseline", to)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("%s: the baseline cannot be kept: %w", root, err)
	}
	part, err := os.MkdirTemp(root, "."+name+"-*")
	if err != nil {
		return "", fmt.Errorf("%s: the baseline cannot be kept: %w", root, err)
	}
	defer os.RemoveAll(part) // what is left of it after a failure
	for i, dir := range dirs {
		// A number first, because two runs can have one name.
		if err := copyRun(dir, filepath.Join(part, fmt.Sprintf("%03d-%s", i+1, filepath.Base(filepath.Clean(dir))))); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(part, to); err != nil {
		return "", fmt.Errorf("%s: the baseline cannot be kept: %w", to, err)
	}
	syncDir(root)
	return to, nil
}

// copyRun copies the files that a manifest lists, and the manifest.
func copyRun(from, to string) error {
	m, err := readManifest(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, name := range append(written[:len(written):len(written)], result.FileManifest) {
		if _, listed := m.find(name); !listed && name != result.FileManifest {
			continue
		}
		_, err := writeFile(to, name, func(w io.Writer) error {
			f, err := os.Open(filepath.Join(from, name))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) && name == result.FileHTML {
			continue // made from the others, and not checked when they are read
		}
		if err != nil {
			return err
		}
	}
	return nil
}
