package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

// The shell that every HTML report has: one file, no request to anywhere. A
// report fills a page with sections (see html_blocks.go) and hands a function
// that does so to writePage, which adds the policy, styles and script.

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
	Report   string // what it is: "run report", "comparison", ...
	Of       string // what it was written for: "run quick-20261122", ...
	Version  string // of chaindyno
	Name     string // the heading
	Identity string // the line below it
	Whose    string // the verdict in a sentence
	Verdict  verdictView
	Reasons  []string
	Warnings []string
	Tiles    []tile
	Sections []section
	Left     string // what was left out for size, as a sentence

	CSP      string // these are set by writePage
	ChartCSS template.CSS
	PageCSS  template.CSS
	Script   template.JS
}

// verdictView is the badge. Class is PASS (green), FAIL (red) or other.
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

// writePage writes what build makes of the first budget under which the file
// is at most 5 MiB, or else of the last.
func writePage(w io.Writer, build func(budget) page) error {
	var b bytes.Buffer
	for _, limits := range budgets {
		p := build(limits)
		p.CSP, p.ChartCSS, p.PageCSS, p.Script = contentPolicy(), template.CSS(chartCSS), template.CSS(pageCSS), template.JS(pageScript)
		b.Reset()
		if err := pageTmpl.Execute(&b, p); err != nil {
			return fmt.Errorf("%s: %w", p.Report, err)
		}
		if b.Len() <= maxHTML {
			break
		}
	}
	_, err := w.Write(b.Bytes())
	return err
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

// atMost keeps a list of sentences short; where is the file that has them all.
func atMost(lines []string, n int, where string) []string {
	if len(lines) <= n {
		return lines
	}
	more := fmt.Sprintf("… and %s more, in %s", formatCount(len(lines)-n), where)
	return append(append([]string(nil), lines[:n]...), more)
}
