package reports

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Color says whether to colour terminal output.
type Color int

// The choices. Auto colours a terminal, unless NO_COLOR is set to anything
// (https://no-color.org) or TERM is dumb.
const (
	ColorAuto Color = iota
	ColorNever
	ColorAlways
)

// on decides for a writer.
func (c Color) on(w io.Writer) bool {
	if c != ColorAuto {
		return c == ColorAlways
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// isTerminal tells whether a reader or writer is one.
func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	return ok && f != nil && term.IsTerminal(int(f.Fd()))
}

// The bounds of a width: below the lower one tables do not fit whatever is
// left out, and beyond the upper one lines are hard to follow.
const (
	narrowest    = 60
	widest       = 120
	defaultWidth = 100
)

// widthOf returns the columns to use on a writer.
func widthOf(w io.Writer, asked int) int {
	if asked == 0 {
		asked = defaultWidth
		if f, ok := w.(*os.File); ok {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
				asked = columns
			}
		}
	}
	return min(max(asked, narrowest), widest)
}

// style colours text, or leaves it as it is. The colours are the terminal's
// own sixteen, so that its theme sees to the contrast.
type style bool

func (s style) code(code, text string) string {
	if !s || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(t string) string   { return s.code("1", t) }
func (s style) dim(t string) string    { return s.code("2", t) }
func (s style) green(t string) string  { return s.code("32", t) }
func (s style) red(t string) string    { return s.code("31", t) }
func (s style) yellow(t string) string { return s.code("33", t) }
func (s style) cyan(t string) string   { return s.code("36", t) }

// badge is text on a coloured ground.
func (s style) badge(code, t string) string {
	if !s {
		return "[" + t + "]"
	}
	return s.code("1;7;"+code, " "+t+" ")
}

// glyphs stand beside colours, never colours alone.
var glyphs = map[result.Verdict]string{
	result.Pass: "✓", result.Fail: "✗", result.Invalid: "!", result.Interrupted: "■",
}

func (s style) verdict(v result.Verdict) string {
	code := map[result.Verdict]string{result.Pass: "32", result.Fail: "31"}[v]
	if code == "" {
		code = "33"
	}
	glyph := glyphs[v]
	if glyph == "" {
		glyph = "?"
	}
	return s.badge(code, glyph+" "+cut(string(v), 20))
}

// mark is the glyph of a check.
func (s style) mark(ok bool) string {
	if ok {
		return s.green("✓")
	}
	return s.red("✗")
}

// wrap breaks text at spaces into lines of at most width columns; the second
// and later ones begin with indent, which is not counted. A word that is longer
// stays whole.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		w := runewidth.StringWidth(word)
		switch {
		case column == 0:
		case column+1+w > width:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
	return b.String()
}

// printer writes lines and keeps the first error.
type printer struct {
	w     io.Writer
	width int
	style
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// title begins a section.
func (p *printer) title(name, note string) {
	p.printf("\n%s", p.bold(name))
	if note != "" {
		p.printf("  %s", p.dim(wrap(note, p.width-runewidth.StringWidth(name)-2, "  ")))
	}
	p.printf("\n")
}

// item writes a wrapped line behind a bullet.
func (p *printer) item(bullet, text string) {
	p.printf("  %s %s\n", bullet, wrap(text, p.width-4, "    "))
}

// visible is the width of text without its colours.
func visible(s string) int { return ansi.StringWidth(s) }
