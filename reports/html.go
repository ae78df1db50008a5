package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/chaindyno/chaindyno/reports/result"
)

//go:embed assets/report.html.tmpl
var pageTemplate string

//go:embed assets/chart.css
var chartCSS string

//go:embed assets/report.css
var pageCSS string

//go:embed assets/report.js
var pageScript string

var pageTmpl = template.Must(template.New("report").Parse(pageTemplate))

// page is what the template shows. All text in it is escaped by the template;
// the only exceptions are the files above and the charts, which escape theirs.
type page struct {
	CSP      string
	ChartCSS template.CSS
	PageCSS  template.CSS
	Script   template.JS
	Version  string
	ID       string
	Name     string
	Identity string
	Whose    string
	Verdict  verdictView
	Reasons  []string
	Warnings []string
	Tiles    []tile
	Sections []section
	Left     string // what was left out for size, as a sentence
}

type verdictView struct{ Text, Glyph, Class string }

// maxHTML caps the file, bytes. Beyond it, detail is left out in the order of
// budgets.
const maxHTML = 5 << 20

// budget bounds the detail of a report.
type budget struct {
	points     int  // of a curve
	rows       int  // of a data table
	perWorker  bool // series of single workers
	leftOut    string
	configSize int // bytes of the configuration shown
}

var budgets = []budget{
	{points: 900, rows: 600, perWorker: true, configSize: 64 << 10},
	{points: 900, rows: 600, configSize: 64 << 10, leftOut: "To keep this file small, the curves of single workers are left out; timeseries.csv has them."},
	{points: 400, rows: 200, configSize: 8 << 10, leftOut: "To keep this file small, the curves of single workers are left out and the others thinned; timeseries.csv has them all."},
}

// HTML writes the run report: one file that makes no request to anywhere,
// reads well without scripts, and is at most 5 MiB. Its errors are those of w.
func HTML(w io.Writer, run *result.Run) error {
	r := prepare(run)
	var b bytes.Buffer
	for _, limits := range budgets {
		b.Reset()
		if err := pageTmpl.Execute(&b, newPage(r, limits)); err != nil {
			return fmt.Errorf("%s: %w", result.FileHTML, err)
		}
		if b.Len() <= maxHTML {
			break
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func newPage(r *result.Run, limits budget) page {
	glyph := glyphs[r.Verdict]
	if glyph == "" {
		glyph = "?"
	}
	p := page{
		CSP: contentPolicy(), ChartCSS: template.CSS(chartCSS), PageCSS: template.CSS(pageCSS), Script: template.JS(pageScript),
		Version: r.Environment.Host.Version, ID: r.Run.ID, Name: r.Run.Name, Identity: identity(r), Whose: sentence(Whose(&r.Summary)),
		Verdict: verdictView{Text: cut(string(r.Verdict), 20), Glyph: glyph, Class: verdictClass(r.Verdict)},
		Reasons: atMost(r.Reasons, 50), Warnings: atMost(r.Warnings, 100), Tiles: tiles(r), Left: limits.leftOut,
	}
	p.Sections = sections(newView(r, limits))
	return p
}

// verdictClass is a class of the style sheet and never text from a file.
func verdictClass(v result.Verdict) string {
	if v == result.Pass || v == result.Fail {
		return string(v)
	}
	return "other"
}

func atMost(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	more := fmt.Sprintf("… and %s more, in %s", formatCount(len(lines)-n), result.FileSummary)
	return append(append([]string(nil), lines[:n]...), more)
}

// contentPolicy permits the very script and style sheets of this file, and
// nothing else: no request, no frame, no form, no other script.
func contentPolicy() string {
	return fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s' '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		cspHash(pageScript), cspHash(chartCSS), cspHash(pageCSS))
}

func cspHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// sections lists the sections in the order of the report, each where the run
// has data for it.
func sections(v *view) []section {
	var out []section
	for _, build := range []func(*view) section{
		sloSection, validitySection, countsSection, throughputSection, latencySection, heatSection, spectrumSection,
		stagesSection, backlogSection, blocksSection, sealingSection, errorsSection, resourcesSection, workersSection,
		faultsSection, disclosureSection, methodSection,
	} {
		if s := build(v); len(s.Blocks) > 0 {
			out = append(out, s)
		}
	}
	return out
}
