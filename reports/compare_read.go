package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// deepest is how many levels below a given folder runs are looked for.
const deepest = 3

// maxCompared bounds how many runs are read at once.
const maxCompared = 1000

// FindRuns returns the folders of runs among paths, each of which is the folder
// of a run or one that holds such folders, in the order of names. A path
// without any is an error.
func FindRuns(paths []string) ([]string, error) {
	var dirs []string
	for _, path := range paths {
		found, err := findRuns(path, deepest)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: there is no folder of a run in it", path)
		}
		dirs = append(dirs, found...)
	}
	if len(dirs) > maxCompared {
		return nil, fmt.Errorf("%d runs, permitted are %d", len(dirs), maxCompared)
	}
	return dirs, nil
}

// findRuns takes a folder with a file of a run in it for a run's, also where
// its manifest is missing: a run that was killed must not go unnoticed.
func findRuns(path string, levels int) ([]string, error) {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such folder", path)
	case err != nil:
		return nil, fmt.Errorf("%s: not a folder that can be read", path)
	}
	var below []string
	for _, e := range entries {
		switch {
		case e.Name() == result.FileManifest, e.Name() == result.FileSummary:
			return []string{path}, nil
		case e.IsDir() && !strings.HasPrefix(e.Name(), "."):
			below = append(below, filepath.Join(path, e.Name()))
		}
	}
	var dirs []string
	for _, dir := range below {
		if levels == 0 {
			break
		}
		found, err := findRuns(dir, levels-1)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, found...)
	}
	return dirs, nil
}

// ReadRuns reads what a comparison needs of run folders, after the checks of
// ReadRun.
func ReadRuns(dirs []string) ([]compare.Run, error) {
	runs := make([]compare.Run, len(dirs))
	for i, dir := range dirs {
		run, err := ReadRun(dir)
		if err != nil {
			return nil, err
		}
		run = prepare(run) // a file edited by hand and by machine may hold anything
		runs[i] = compare.Run{Dir: dir, Summary: &run.Summary, Commit: findHistogram(run.Histograms, result.StageCommit)}
	}
	return runs, nil
}
