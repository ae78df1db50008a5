package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// manifest is manifest.json: what the folder holds, and how to run it again.
type manifest struct {
	SchemaVersion int         `json:"schema_version"`
	Run           string      `json:"run"`
	Again         string      `json:"again"` // the command, quoted for a shell
	Argv          []string    `json:"argv"`
	Seed          uint64      `json:"seed"`
	Version       string      `json:"version"` // of chaindyno
	Files         []fileEntry `json:"files"`
}

func newManifest(s *result.Summary, files []fileEntry) *manifest {
	return &manifest{
		SchemaVersion: result.SchemaVersion, Run: s.Run.ID, Again: Again(s.Run), Argv: s.Run.Argv,
		Seed: s.Run.Seed, Version: s.Environment.Host.Version, Files: files,
	}
}

func (m *manifest) set(entry fileEntry) {
	for i := range m.Files {
		if m.Files[i].Name == entry.Name {
			m.Files[i] = entry
			return
		}
	}
	m.Files = append(m.Files, entry)
}

func (m *manifest) find(name string) (fileEntry, bool) {
	for _, e := range m.Files {
		if e.Name == name {
			return e, true
		}
	}
	return fileEntry{}, false
}

func writeManifest(dir string, m *manifest) error {
	_, err := writeFile(dir, result.FileManifest, func(w io.Writer) error { return writeJSON(w, m) })
	syncDir(dir)
	return err
}

func readManifest(dir string) (*manifest, error) {
	path := filepath.Join(dir, result.FileManifest)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%s: no such folder", dir)
		}
		return nil, fmt.Errorf("%s: missing, so this is not the folder of a run, or the run was killed before its files were written", path)
	}
	if err != nil {
		return nil, err
	}
	m := new(manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s: %s", path, jsonError(data, err))
	}
	if err := checkVersion(m.SchemaVersion); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func checkVersion(got int) error {
	if got != result.SchemaVersion {
		return fmt.Errorf("schema_version %d is unknown; this version of chaindyno reads %d", got, result.SchemaVersion)
	}
	return nil
}

// check compares a file with its entry.
func (m *manifest) check(dir, name string) error {
	path := filepath.Join(dir, name)
	want, ok := m.find(name)
	if !ok {
		return fmt.Errorf("%s: not listed in %s", path, result.FileManifest)
	}
	got, err := sumFile(dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: missing, though %s lists it", path, result.FileManifest)
	case err != nil:
		return err
	case got.Bytes < want.Bytes:
		return fmt.Errorf("%s: truncated: %d bytes of %d", path, got.Bytes, want.Bytes)
	case got != want:
		return fmt.Errorf("%s: edited since it was written: its SHA-256 is not the one in %s", path, result.FileManifest)
	}
	return nil
}

// jsonError puts a line number to an error of encoding/json.
func jsonError(data []byte, err error) string {
	offset := int64(len(data))
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	}
	line := 1 + strings.Count(string(data[:min(offset, int64(len(data)))]), "\n")
	return fmt.Sprintf("line %d: %v", line, err)
}

// Again returns the command that runs the measurement again, quoted for a
// POSIX shell.
func Again(info result.Info) string { return shellLine(info.Argv) }

// shellLine quotes words for a shell.
func shellLine(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = shellQuote(w)
	}
	return strings.Join(words, " ")
}

func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
