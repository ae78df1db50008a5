package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chaindyno/chaindyno/reports/result"
)

// written lists the files that WriteRun makes, in the order of writing. The
// manifest comes last: a folder without one was not written to its end.
var written = []string{
	result.FileSummary, result.FileSeries, result.FilePercentiles, result.FileBlocks, result.FileErrors,
	result.FileWorkers, result.FileFairness, result.FileFaults, result.FileLog, result.FileHTML,
}

// WriteRun writes every file of a run into dir, which is made if it is not
// there: each one atomically, the manifest last. A transactions.csv.zst that
// stands in the folder already is listed with the others. WriteRun sets
// run.Files and changes nothing else of the run; it may be called again to
// replace the files.
func WriteRun(dir string, run *result.Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%s: the folder of the run cannot be made: %w", dir, err)
	}
	raw, err := sumFile(dir, result.FileTransactions)
	hasRaw := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	run.Files = append([]string(nil), written...)
	if hasRaw {
		run.Files = append(run.Files, result.FileTransactions)
	}
	run.Files = append(run.Files, result.FileManifest)
	p := prepare(run)
	// An old manifest would vouch for files that are being replaced.
	if err := os.Remove(filepath.Join(dir, result.FileManifest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var entries []fileEntry
	for _, name := range written {
		entry, err := writeFile(dir, name, func(w io.Writer) error { return fillFile(w, name, p) })
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if hasRaw {
		entries = append(entries, raw)
	}
	return writeManifest(dir, newManifest(&p.Summary, entries))
}

func fillFile(w io.Writer, name string, run *result.Run) error {
	switch name {
	case result.FileSummary:
		return writeJSON(w, &run.Summary)
	case result.FileSeries:
		return writeCSV(w, seriesColumns, run.Series)
	case result.FilePercentiles:
		return writeCSV(w, percentileColumns, Percentiles(run.Histograms))
	case result.FileBlocks:
		return writeCSV(w, blockColumns, run.Blocks)
	case result.FileErrors:
		return writeCSV(w, errorColumns, run.ErrorRows)
	case result.FileWorkers:
		return writeCSV(w, workerColumns(), run.Workers)
	case result.FileFairness:
		return writeCSV(w, fairnessColumns, run.Fairness.Connections)
	case result.FileFaults:
		return writeCSV(w, faultColumns, run.Faults)
	case result.FileLog:
		return writeLog(w, run)
	case result.FileHTML:
		return HTML(w, run)
	}
	return fmt.Errorf("no such file of a run: %s", name)
}

// writeJSON leaves <, > and & as they are, or the configuration would read
// back differently from how it went in.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// RewriteHTML renders report.html anew from a run that was read from dir, and
// brings the manifest up to date.
func RewriteHTML(dir string, run *result.Run) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	entry, err := writeFile(dir, result.FileHTML, func(w io.Writer) error { return HTML(w, run) })
	if err != nil {
		return err
	}
	m.set(entry)
	return writeManifest(dir, m)
}
