package reports

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/chaindyno/chaindyno/internal/chart"
)

// The page is built from a few kinds of blocks, so that the template stays
// small and each section is Go that can be read by itself.

// tile is one figure of the verdict strip.
type tile struct{ Name, Value, Note, Class string }

// section is one numbered part of the report; without blocks it is left out.
type section struct {
	ID, Title, Short, Lead string
	Blocks                 []block
}

// block is one thing in a section. The fields that are set are shown in the
// order of the template.
type block struct {
	Columns  []block // side by side where there is room
	Heading  string
	Text     string
	Class    string // of Text
	Facts    []fact
	Table    *table
	Figure   *figure
	Fold     string // folds Table and Pre away under this line
	Pre      string
	Glossary []fact
}

type fact struct {
	Name, Value string
	Mono        bool
}

type table struct {
	Head []headCell
	Rows []row
	Note string
}

type headCell struct {
	Text   string
	Number bool
	Class  string // in a figure's data: of the curve with these values
}

type row struct {
	Class string
	Cells []cell
}

type cell struct {
	Text  string
	Class string
	Bar   template.HTML
}

// head makes a header; names that begin with # are of columns of numbers.
func head(names ...string) []headCell {
	cells := make([]headCell, len(names))
	for i, n := range names {
		cells[i] = headCell{Text: strings.TrimPrefix(n, "#"), Number: strings.HasPrefix(n, "#")}
	}
	return cells
}

func words(s string) cell  { return cell{Text: cut(s, 400)} }
func key(s string) cell    { return cell{Text: cut(s, 60), Class: "k"} }
func prose(s string) cell  { return cell{Text: cut(s, 1000), Class: "w"} }
func number(s string) cell { return cell{Text: s, Class: "n"} }

// mark is a glyph with a word, so that it says the same in black and white.
func mark(ok bool) cell {
	if ok {
		return cell{Text: "✓ PASS", Class: "ok"}
	}
	return cell{Text: "✗ FAIL", Class: "no"}
}

// withBar puts a bar of a share before the text.
func withBar(share float64, text string) cell {
	share = min(max(share, 0), 1)
	bar := fmt.Sprintf(`<svg class="bar" aria-hidden="true"><rect class="back" width="100%%" height="9" rx="2"/><rect class="fill" width="%.1f%%" height="9" rx="2"/></svg>`, 100*share)
	return cell{Text: text, Class: "k", Bar: template.HTML(bar)} // a number and nothing else was put in
}

// figure is a chart with its explanation and its data.
type figure struct {
	ID, Title, How string
	Legend         []legendItem
	Wide           bool // more room for the labels at the left
	SVG            template.HTML
	Head           []headCell
	Rows           [][]string
	Note           string // on the data
}

type legendItem struct {
	Class, Name string
	Swatch      template.HTML
}

// The kinds of swatch.
const (
	swatchLine = `<svg aria-hidden="true" class="plot"><path class="%s" d="M0 6H30"/></svg>`
	swatchDot  = `<svg aria-hidden="true" class="plot"><path class="%s" d="M15 6h0"/></svg>`
	swatchBar  = `<svg aria-hidden="true" class="plot"><path class="%s" d="M3 1H27V11H3Z"/></svg>`
	swatchArea = `<svg aria-hidden="true" class="chart"><rect class="%s" x="3" y="0" width="24" height="12"/></svg>`
)

// legend makes an entry; class is a constant of the style sheet.
func legend(kind, class, name string) legendItem {
	return legendItem{Class: class, Name: name, Swatch: template.HTML(fmt.Sprintf(kind, class))}
}

// data fills a figure's table from columns of equal length, thinned to at most
// n rows by averaging neighbours.
func (f *figure) data(n int, x []float64, columns ...dataColumn) {
	f.Head = nil
	var thinned []chart.Series
	for _, c := range columns {
		f.Head = append(f.Head, headCell{Text: c.name, Class: c.class})
		thinned = append(thinned, chart.Thin(x, c.values, n))
	}
	if len(thinned) == 0 {
		return
	}
	for i := range thinned[0].X {
		cells := make([]string, len(columns))
		for k, c := range columns {
			cells[k] = c.write(thinned[k].Y[i])
		}
		f.Rows = append(f.Rows, cells)
	}
	if len(x) > len(f.Rows) {
		f.Note = fmt.Sprintf("%s points averaged to %s rows; the files of the run have them all", formatCount(len(x)), formatCount(len(f.Rows)))
	}
}

// dataColumn is one column of a figure's data.
type dataColumn struct {
	name, class string
	values      []float64
	write       func(float64) string
}
