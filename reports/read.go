package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/chaindyno/chaindyno/reports/result"
)

// ReadRun reads the folder of a run back. Every file that it lists (but for
// report.html, which is made from the others, and transactions.csv.zst, which
// ReadRaw checks) must be there and be what was written; otherwise the error
// is one line that names the file and what is wrong with it.
func ReadRun(dir string) (*result.Run, error) {
	summary, err := ReadSummary(dir)
	if err != nil {
		return nil, err
	}
	run := &result.Run{Summary: *summary}
	err = readFile(dir, result.FileSeries, func(r io.Reader) (err error) {
		run.Series, err = readCSV(r, seriesColumns)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = readFile(dir, result.FileBlocks, func(r io.Reader) (err error) {
		run.Blocks, err = readCSV(r, blockColumns)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = readFile(dir, result.FileErrors, func(r io.Reader) (err error) {
		run.ErrorRows, err = readCSV(r, errorColumns)
		return err
	})
	if err != nil {
		return nil, err
	}
	return run, readFile(dir, result.FileLog, func(r io.Reader) (err error) {
		run.Intervals, run.Histograms, err = readLog(r)
		return err
	})
}

// ReadSummary reads the summary of a run and checks the folder as ReadRun does,
// without reading the rest.
func ReadSummary(dir string) (*result.Summary, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range written {
		if _, listed := m.find(name); name == result.FileHTML || name == result.FileFairness && !listed {
			continue // the second one came later, and is made from the summary
		}
		if err := m.check(dir, name); err != nil {
			return nil, err
		}
	}
	s := new(result.Summary)
	return s, readSummary(dir, s)
}

func readFile(dir, name string, read func(io.Reader) error) error {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readSummary(dir string, s *result.Summary) error {
	path := filepath.Join(dir, result.FileSummary)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return fmt.Errorf("%s: %s", path, jsonError(data, err))
	}
	if err := checkVersion(s.SchemaVersion); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
