package reports

import (
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// grid is a table of text without frames: a header, a rule, rows.
type grid struct {
	header []string
	rows   [][]string
	left   int // columns aligned to the left; the rest are numbers
	// may lists columns that a narrow terminal can do without, the least
	// needed first.
	may []string
}

// width is how wide the grid prints: a margin, and each column with a blank on
// either side.
func (g *grid) width() int {
	total := 1
	for i := range g.header {
		w := visible(g.header[i])
		for _, row := range g.rows {
			w = max(w, visible(row[i]))
		}
		total += w + 2
	}
	return total
}

// fit drops columns until the grid is not wider than width, or none may go.
func (g *grid) fit(width int) {
	for _, name := range g.may {
		if g.width() <= width {
			return
		}
		g.drop(name)
	}
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// drop takes a column out, for narrow terminals.
func (g *grid) drop(name string) {
	for i, h := range g.header {
		if h != name {
			continue
		}
		g.header = append(g.header[:i:i], g.header[i+1:]...)
		for r, row := range g.rows {
			g.rows[r] = append(row[:i:i], row[i+1:]...)
		}
		if i < g.left {
			g.left--
		}
		return
	}
}

// gridRule draws one thin line under the header.
var gridRule = tw.NewSymbolCustom("rule").WithRow("─").WithColumn(" ").WithCenter("─").
	WithMidLeft("─").WithMidRight("─").WithHeaderLeft("─").WithHeaderMid("─").WithHeaderRight("─")

// grid prints a table.
func (p *printer) grid(g *grid) {
	if p.err != nil || len(g.rows) == 0 {
		return
	}
	g.fit(p.width)
	align := make([]tw.Align, len(g.header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < g.left {
			align[i] = tw.AlignLeft
		}
	}
	var b strings.Builder
	t := tablewriter.NewTable(&b,
		// Left to itself, the header prints p99_ms as P 99 MS.
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: gridRule,
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.On, ShowFooter: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
			},
		})),
	)
	t.Header(g.header)
	for _, row := range g.rows {
		if p.err = t.Append(row); p.err != nil {
			return
		}
	}
	if p.err = t.Render(); p.err != nil {
		return
	}
	for line := range strings.Lines(b.String()) {
		p.printf(" %s\n", strings.TrimRight(line, " \n"))
	}
}
