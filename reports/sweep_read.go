package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
)

// IsSweep says whether a folder is that of a sweep.
func IsSweep(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, result.FileSweep))
	return err == nil
}

// WriteSweepPlan seals the plan of a sweep and writes it into its folder.
func WriteSweepPlan(dir string, s *result.Sweep) error {
	s.Seal()
	_, err := writeFile(dir, result.FileSweep, func(w io.Writer) error { return writeJSON(w, s) })
	syncDir(dir)
	return err
}

// ReadSweepPlan reads the plan of a sweep. The error is one line that names the
// file and what is wrong with it.
func ReadSweepPlan(dir string) (*result.Sweep, error) {
	path := filepath.Join(dir, result.FileSweep)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%s: no such folder", dir)
		}
		return nil, fmt.Errorf("%s: missing, so this is not the folder of a sweep", path)
	} else if err != nil {
		return nil, err
	}
	s := new(result.Sweep)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %s", path, jsonError(data, err))
	}
	if s.SchemaVersion != result.SweepVersion {
		return nil, fmt.Errorf("%s: schema_version %d is unknown; this version of chaindyno reads %d", path, s.SchemaVersion, result.SweepVersion)
	}
	if !s.Sealed() {
		return nil, fmt.Errorf("%s: edited since it was written: its digest is not that of the plan", path)
	}
	if problem := s.Check(); problem != "" {
		return nil, fmt.Errorf("%s: %s", path, problem)
	}
	return s, nil
}

// LookAtRun tells whether there is a whole run at a place of a sweep's order:
// nil and no error where there is none, or one that was not written to its end
// or was interrupted. An error says that what is there is not what was written,
// or belongs to another plan.
func LookAtRun(dir string, s *result.Sweep, place, attempt int) (run *matrix.Run, there bool, err error) {
	folder := s.Folder(place, attempt)
	path := filepath.Join(dir, folder)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	if _, err := os.Stat(filepath.Join(path, result.FileManifest)); errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	summary, err := ReadSummary(path)
	if err != nil {
		return nil, true, err
	}
	var config bytes.Buffer
	if err := json.Compact(&config, summary.Run.Config); err != nil || result.ConfigSum(config.Bytes()) != s.Points[s.Order[place]].Config {
		return nil, true, fmt.Errorf("%s: this run was not made for this place of the sweep (%s): its scenario is another", path, s.Label(s.Order[place]))
	}
	if summary.Verdict == result.Interrupted {
		return nil, true, nil
	}
	return &matrix.Run{Place: place, Attempt: attempt, Folder: folder, Summary: summary}, true, nil
}

// Sweep is a sweep as its folder has it, and what it says.
type Sweep struct {
	*result.Sweep
	Runs   []matrix.Run // in their order
	Matrix *matrix.Matrix
	Says   []string // the verdict, in sentences
	Doubts []string // what must be known beside it
}

// ReadSweep reads a sweep from its folder: the plan, and the summary of each
// run that was finished, whose files must be what was written.
func ReadSweep(dir string) (*Sweep, error) {
	plan, err := ReadSweepPlan(dir)
	if err != nil {
		return nil, err
	}
	var runs []matrix.Run
	for place := range plan.Order {
		last := -1
		for attempt := 1; attempt <= plan.Attempts; attempt++ {
			run, _, err := LookAtRun(dir, plan, place, attempt)
			if err != nil {
				return nil, err
			}
			if run == nil {
				break
			}
			runs = append(runs, *run)
			last = len(runs) - 1
		}
		if last >= 0 {
			runs[last].Last = true
		}
	}
	return newSweep(plan, runs), nil
}

// newSweep works out what the runs of a plan say.
func newSweep(plan *result.Sweep, runs []matrix.Run) *Sweep {
	s := &Sweep{Sweep: plan, Runs: runs}
	s.clean()
	s.Matrix = matrix.Judge(&s.SweepPlan, s.Runs)
	s.Doubts = s.Matrix.Doubts(s.Sweep, s.Runs)
	s.Says = sweepSays(s.Matrix, &s.SweepPlan, s.Runs)
	return s
}

// AuditFailed tells whether the chain broke its promises in any run.
func (s *Sweep) AuditFailed() bool {
	return slices.ContainsFunc(s.Matrix.Points, func(p matrix.Point) bool { return p.Audit > 0 })
}

// Unmeasured tells whether there is a point without a valid run.
func (s *Sweep) Unmeasured() bool {
	return slices.ContainsFunc(s.Matrix.Points, func(p matrix.Point) bool { return p.Runs() == 0 })
}

// clean makes every text of the plan fit to be shown, once its digest has been
// checked: the folder may come from anybody.
func (s *Sweep) clean() {
	k := &copier{}
	shown := k.value(reflect.ValueOf(*s.Sweep), "").Interface().(result.Sweep)
	shown.Config = k.config(s.Sweep.Config)
	s.Sweep = &shown
	for i := range s.Runs {
		run := prepare(&result.Run{Summary: *s.Runs[i].Summary})
		s.Runs[i].Summary = &run.Summary
	}
}
