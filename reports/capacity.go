package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// capacityFiles lists the files of a search, in the order of writing. The
// manifest comes last.
var capacityFiles = []string{result.FileCapacity, result.FileTrials, result.FileHTML}

// WriteCapacity writes every file of a search into dir, which must be there:
// each one atomically, the manifest last. It sets c.Files and changes nothing
// else; it may be called again to replace the files.
func WriteCapacity(dir string, c *result.Capacity) error {
	c.SchemaVersion = result.CapacityVersion
	c.Files = append(append([]string(nil), capacityFiles...), result.FileManifest)
	if err := os.Remove(filepath.Join(dir, result.FileManifest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c = prepareCapacity(c)
	info := result.Info{ID: c.ID, Argv: c.Argv}
	m := &manifest{
		SchemaVersion: result.SchemaVersion, Run: c.ID, Again: Again(info), Argv: c.Argv, Version: c.Environment.Host.Version,
	}
	for _, name := range capacityFiles {
		entry, err := writeFile(dir, name, func(w io.Writer) error { return fillCapacity(w, name, c) })
		if err != nil {
			return err
		}
		m.set(entry)
	}
	return writeManifest(dir, m)
}

// prepareCapacity returns a copy that is safe to write and to show, as prepare
// does for a run.
func prepareCapacity(c *result.Capacity) *result.Capacity {
	k := &copier{}
	out := k.value(reflect.ValueOf(*c), "").Interface().(result.Capacity)
	out.Config = k.config(c.Config)
	return &out
}

func fillCapacity(w io.Writer, name string, c *result.Capacity) error {
	switch name {
	case result.FileCapacity:
		return writeJSON(w, c)
	case result.FileTrials:
		return writeCSV(w, trialColumns(), c.Trials)
	}
	return CapacityHTML(w, c)
}

// IsCapacity says whether a folder is that of a search rather than of a run.
func IsCapacity(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, result.FileCapacity))
	return err == nil
}

// ReadCapacity reads the folder of a search back. What the manifest lists (but
// for report.html, which is made from it) must be what was written; otherwise the
// error is one line that names the file and what is wrong with it. The folders of
// the trials are runs of their own: see ReadRun.
func ReadCapacity(dir string) (*result.Capacity, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{result.FileCapacity, result.FileTrials} {
		if err := m.check(dir, name); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(dir, result.FileCapacity)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := new(result.Capacity)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%s: %s", path, jsonError(data, err))
	}
	if c.SchemaVersion != result.CapacityVersion {
		return nil, fmt.Errorf("%s: schema_version %d is unknown; this version of chaindyno reads %d", path, c.SchemaVersion, result.CapacityVersion)
	}
	return c, nil
}

// trialColumns writes trials.csv.
func trialColumns() []column[result.Trial] {
	type T = result.Trial
	plain := func(name string, put func(*T) string) column[T] { return column[T]{name: name, put: put} }
	figure := func(name string, at func(*T) float64) column[T] {
		return plain(name, func(t *T) string { return strconv.FormatFloat(at(t), 'f', -1, 64) })
	}
	maybe := func(name string, at func(*T) *int64) column[T] {
		return plain(name, func(t *T) string {
			if v := at(t); v != nil {
				return strconv.FormatInt(*v, 10)
			}
			return ""
		})
	}
	return []column[T]{
		whole("n", func(t *T) *int { return &t.N }),
		text("purpose", func(t *T) *string { return &t.Purpose }),
		whole("attempt", func(t *T) *int { return &t.Attempt }),
		figure("asked_per_s", func(t *T) float64 { return t.AskedPerS }),
		whole("length_ns", func(t *T) *int64 { return &t.LengthNs }),
		plain("verdict", func(t *T) string { return string(t.Verdict) }),
		figure("offered_per_s", func(t *T) float64 { return t.OfferedPerS }),
		figure("succeeded_per_s", func(t *T) float64 { return t.Succeeded }),
		figure("success_share", func(t *T) float64 { return t.SuccessShare }),
		maybe("commit_p50_ns", func(t *T) *int64 { return t.CommitP50Ns }),
		maybe("commit_p99_ns", func(t *T) *int64 { return t.CommitP99Ns }),
		figure("error_share", func(t *T) float64 { return t.ErrorShare }),
		whole("dropped", func(t *T) *uint64 { return &t.Dropped }),
		figure("backlog_slope_per_s", func(t *T) float64 { return t.BacklogSlope }),
		whole("pooled", func(t *T) *uint64 { return &t.Pooled }),
		text("dir", func(t *T) *string { return &t.Dir }),
		text("reasons", func(t *T) *string { return new(strings.Join(t.Reasons, "; ")) }),
	}
}

// CapacityJSON writes a search as capacity.json has it.
func CapacityJSON(w io.Writer, c *result.Capacity) error { return writeJSON(w, prepareCapacity(c)) }
