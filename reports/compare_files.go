package reports

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

// The files of a comparison.
const (
	FileCompareCSV  = "compare.csv"
	FileCompareJSON = "compare.json"
	FileCompareHTML = "compare.html"
)

// WriteComparison writes compare.csv, compare.json and compare.html into dir,
// which is made if it is not there, each atomically. command is the line that
// makes them again.
func WriteComparison(dir string, c *compare.Comparison, command []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%s: the folder of the comparison cannot be made: %w", dir, err)
	}
	files := []struct {
		name string
		fill func(io.Writer) error
	}{
		{FileCompareCSV, func(w io.Writer) error { return writeCSV(w, compareColumns, c.Rows) }},
		{FileCompareJSON, func(w io.Writer) error { return writeJSON(w, newComparisonFile(c, command)) }},
		{FileCompareHTML, func(w io.Writer) error { return ComparisonHTML(w, c, command) }},
	}
	for _, f := range files {
		if _, err := writeFile(dir, f.name, f.fill); err != nil {
			return err
		}
	}
	syncDir(dir)
	return nil
}

// comparisonFile is compare.json.
type comparisonFile struct {
	SchemaVersion int               `json:"schema_version"`
	Verdict       compare.Verdict   `json:"verdict"`
	Sentence      string            `json:"sentence"`
	Alpha         float64           `json:"alpha"`
	Noise         float64           `json:"noise"`
	AARuns        []string          `json:"aa_runs"` // run IDs
	Seed          uint64            `json:"seed"`
	Command       []string          `json:"command"`
	Host          result.Host       `json:"host"` // of the first run of A
	Forced        []string          `json:"forced"`
	Differences   []compare.Setting `json:"differences"`
	Metrics       []compare.Row     `json:"metrics"`
	Runs          []comparedRun     `json:"runs"` // in the order in which they ran
	LeftOut       []comparedRun     `json:"left_out"`
	Warnings      []string          `json:"warnings"`
}

type comparedRun struct {
	Side    string         `json:"side"`
	At      int            `json:"at"` // index of the run's value in the metrics' values
	ID      string         `json:"id"`
	Dir     string         `json:"dir"`
	Start   time.Time      `json:"start"`
	Seed    uint64         `json:"seed"`
	Verdict result.Verdict `json:"verdict"`
}

func newComparisonFile(c *compare.Comparison, command []string) comparisonFile {
	f := comparisonFile{
		SchemaVersion: compare.SchemaVersion, Verdict: c.Verdict, Sentence: ComparisonSentence(c),
		Alpha: c.Options.Alpha, Noise: c.Options.Noise, Seed: c.Options.Seed, Host: c.A.Runs[0].Summary.Environment.Host,
		// No null where a list is empty.
		AARuns: []string{}, Command: append([]string{}, command...), Forced: append([]string{}, c.Forced...),
		Differences: append([]compare.Setting{}, c.Differences...), Metrics: c.Rows,
		Runs: []comparedRun{}, LeftOut: []comparedRun{}, Warnings: append([]string{}, c.Warnings...),
	}
	for _, r := range c.Options.AA {
		f.AARuns = append(f.AARuns, r.Summary.Run.ID)
	}
	for _, r := range inOrder(c) {
		f.Runs = append(f.Runs, newComparedRun(r.side, r.at, r.Run))
	}
	for _, s := range []*compare.Side{&c.A, &c.B} {
		for _, r := range s.LeftOut {
			f.LeftOut = append(f.LeftOut, newComparedRun(s.Name, -1, r))
		}
	}
	return f
}

func newComparedRun(side string, at int, r compare.Run) comparedRun {
	i := r.Summary.Run
	return comparedRun{Side: side, At: at, ID: i.ID, Dir: r.Dir, Start: i.Start, Seed: i.Seed, Verdict: r.Summary.Verdict}
}

// compareColumns are those of compare.csv, one row a metric. The values are
// those of single runs in the order in which they ran, with blanks between.
var compareColumns = []column[compare.Row]{
	rowText("metric", func(r *compare.Row) string { return r.Metric }),
	rowText("unit", func(r *compare.Row) string { return r.Unit }),
	rowText("direction", func(r *compare.Row) string { return r.Direction }),
	rowText("verdict", func(r *compare.Row) string { return string(r.Verdict) }),
	rowNumber("a_median", func(r *compare.Row) float64 { return r.A.Median }),
	rowNumber("a_low", func(r *compare.Row) float64 { return r.A.Low }),
	rowNumber("a_high", func(r *compare.Row) float64 { return r.A.High }),
	rowNumber("b_median", func(r *compare.Row) float64 { return r.B.Median }),
	rowNumber("b_low", func(r *compare.Row) float64 { return r.B.Low }),
	rowNumber("b_high", func(r *compare.Row) float64 { return r.B.High }),
	rowText("relative", func(r *compare.Row) string { return strconv.FormatBool(r.Relative) }),
	rowNumber("change", func(r *compare.Row) float64 { return r.Change }),
	rowNumber("change_low", func(r *compare.Row) float64 { return r.Low }),
	rowNumber("change_high", func(r *compare.Row) float64 { return r.High }),
	rowNumber("p", func(r *compare.Row) float64 { return r.P }),
	rowNumber("p_adjusted", func(r *compare.Row) float64 { return r.Adjusted }),
	rowNumber("noise", func(r *compare.Row) float64 { return r.Noise }),
	rowText("need", func(r *compare.Row) string { return strconv.Itoa(r.Need) }),
	rowText("a_values", func(r *compare.Row) string { return numbers(r.A.Values) }),
	rowText("b_values", func(r *compare.Row) string { return numbers(r.B.Values) }),
	rowText("note", func(r *compare.Row) string { return r.Note }),
}

func rowText(name string, of func(*compare.Row) string) column[compare.Row] {
	return column[compare.Row]{name: name, put: of}
}

// rowNumber leaves the cell empty where the metric was not compared.
func rowNumber(name string, of func(*compare.Row) float64) column[compare.Row] {
	return rowText(name, func(r *compare.Row) string {
		if !r.Compared() {
			return ""
		}
		return formatFloat(of(r))
	})
}

func numbers(values []float64) string {
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = formatFloat(v)
	}
	return strings.Join(text, " ")
}
