package chart

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The stretched coordinates: whole numbers, fine enough for a wide screen at
// tenfold zoom and short enough for a small file.
const (
	unitsX = 10000 // across
	unitsY = 10    // per pixel, down
)

// Plot is a chart under construction. Set the fields first, then draw; what is
// drawn later lies above.
type Plot struct {
	X, Y           Scale
	XTicks, YTicks []Tick
	XLabel, YLabel string
	Height         int    // of the plot itself, pixels
	Title          string // for readers who can't see the chart
	Time           bool   // x is time, in seconds, and shared with other charts
	under          strings.Builder
	inner          strings.Builder
	over           strings.Builder
}

// Span shades from x0 to x1 over the whole height, behind the curves. A label
// stands at its top.
func (p *Plot) Span(class string, x0, x1 float64, label string) {
	a, b := clip(p.X.At(x0)), clip(p.X.At(x1))
	if b <= a {
		// An instant: a line.
		fmt.Fprintf(&p.under, `<line class="%s at" data-a="%s" x1="%s" x2="%s" y1="0" y2="%d"/>`,
			class, share(a), percent(a), percent(a), p.Height)
	} else {
		fmt.Fprintf(&p.under, `<rect class="%s" data-a="%s" data-b="%s" x="%s" y="0" width="%s" height="%d"/>`,
			class, share(a), share(b), percent(a), percent(b-a), p.Height)
	}
	switch {
	case label == "":
	case a > 0.9: // would run out of the chart
		p.mark(&p.over, class+"-label", min(x1, p.X.Max), 12, -4, "end", label)
	default:
		p.mark(&p.over, class+"-label", x0, 12, 4, "start", label)
	}
}

// Line draws a curve.
func (p *Plot) Line(class string, s Series) {
	if s.Low != nil {
		p.Band(class+"b", s.X, s.Low, s.High)
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, p.path(s.X, s.Y))
}

// Band fills between two curves.
func (p *Plot) Band(class string, x, low, high []float64) {
	var d strings.Builder
	for i := 0; i < len(x); {
		if math.IsNaN(low[i]) || math.IsNaN(high[i]) {
			i++
			continue
		}
		from := i
		for i < len(x) && !math.IsNaN(low[i]) && !math.IsNaN(high[i]) {
			i++
		}
		d.WriteString(p.path(x[from:i], high[from:i]))
		for k := i - 1; k >= from; k-- {
			d.WriteString(" " + p.point(x[k], low[k]))
		}
		d.WriteByte('Z')
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, d.String())
}

// Steps draws a curve that keeps each value until the next x.
func (p *Plot) Steps(class string, x, y []float64) {
	var xs, ys []float64
	for i := range x {
		if i > 0 {
			xs, ys = append(xs, x[i]), append(ys, y[i-1])
		}
		xs, ys = append(xs, x[i]), append(ys, y[i])
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, p.path(xs, ys))
}

// Bars draws columns from the bottom of the scale, each from x0 to x1.
func (p *Plot) Bars(class string, x0, x1, y []float64) {
	var d strings.Builder
	bottom := p.Height * unitsY
	for i := range x0 {
		a, b, top := p.px(x0[i]), p.px(x1[i]), p.py(y[i])
		if top < bottom {
			fmt.Fprintf(&d, "M%d %dV%dH%dV%dZ", a, bottom, top, b, bottom)
		}
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, d.String())
}

// Dots draws points: strokes without length, which the style sheet gives a
// width and round or square ends, and which therefore do not stretch.
func (p *Plot) Dots(class string, x, y []float64) {
	var d strings.Builder
	for i := range x {
		if visible(p.X.At(x[i])) && visible(p.Y.At(y[i])) {
			fmt.Fprintf(&d, "M%sh0", p.point(x[i], y[i]))
		}
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, d.String())
}

// Cell is one rectangle of a heat map.
type Cell struct{ X0, X1, Y0, Y1 float64 }

// Cells fills rectangles in one colour.
func (p *Plot) Cells(class string, cells []Cell) {
	var d strings.Builder
	for _, c := range cells {
		a, b := p.px(c.X0), p.px(c.X1)
		bottom, top := p.py(c.Y0), p.py(c.Y1)
		fmt.Fprintf(&d, "M%d %dH%dV%dH%dZ", a, top, b, bottom, a)
	}
	fmt.Fprintf(&p.inner, `<path class="%s" d="%s"/>`, class, d.String())
}

// Level draws a horizontal line with a label above its right end.
func (p *Plot) Level(class string, y float64, label string) {
	at := p.Y.At(y)
	if !visible(at) {
		return
	}
	top := float64(p.Height) * (1 - at)
	fmt.Fprintf(&p.over, `<line class="%s" x1="0" x2="100%%" y1="%s" y2="%s"/>`, class, num(top), num(top))
	if label != "" {
		fmt.Fprintf(&p.over, `<text class="%s-label" x="100%%" y="%s" text-anchor="end">%s</text>`, class, num(top-5), html.EscapeString(label))
	}
}

// Vertical draws a straight line from y0 to y1 at x.
func (p *Plot) Vertical(class string, x, y0, y1 float64) {
	a := p.X.At(x)
	if !visible(a) {
		return
	}
	top := func(y float64) string { return num(float64(p.Height) * (1 - clip(p.Y.At(y)))) }
	fmt.Fprintf(&p.over, `<line class="%s" data-a="%s" x1="%s" x2="%s" y1="%s" y2="%s"/>`,
		class, share(a), percent(a), percent(a), top(y0), top(y1))
}

// Text writes at a point, dx and dy pixels off. anchor is start, middle or end.
func (p *Plot) Text(class string, x, y float64, dx, dy int, anchor, text string) {
	at := p.Y.At(y)
	if !visible(at) {
		return
	}
	p.mark(&p.over, class, x, float64(p.Height)*(1-at)+float64(dy), dx, anchor, text)
}

func (p *Plot) mark(b *strings.Builder, class string, x, top float64, dx int, anchor, text string) {
	a := p.X.At(x)
	if !visible(a) {
		return
	}
	fmt.Fprintf(b, `<text class="%s" data-a="%s" x="%s" y="%s" dx="%d" text-anchor="%s">%s</text>`,
		class, share(a), percent(a), num(top), dx, anchor, html.EscapeString(text))
}

// SVG returns the chart.
func (p *Plot) SVG() template.HTML {
	var b strings.Builder
	kind := ""
	if p.Time {
		kind = ` data-time=""`
	}
	log := ""
	if p.X.Log {
		log = ` data-log=""`
	}
	fmt.Fprintf(&b, `<svg class="chart" role="img" width="100%%" height="%d" data-h="%d" data-x0="%s" data-x1="%s"%s%s>`,
		p.Height+bottom, p.Height, float(p.X.Min), float(p.X.Max), kind, log)
	fmt.Fprintf(&b, `<title>%s</title><g class="under">%s</g>`, html.EscapeString(p.Title), p.under.String())
	p.yAxis(&b)
	p.xAxis(&b)
	fmt.Fprintf(&b, `<svg class="plot" width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">%s</svg>`,
		p.Height, unitsX, p.Height*unitsY, p.inner.String())
	fmt.Fprintf(&b, `<g class="over">%s</g></svg>`, p.over.String())
	return template.HTML(b.String()) // every text in it was escaped above
}

// bottom is the room for the ticks and the label of x, pixels.
const bottom = 38

func (p *Plot) yAxis(b *strings.Builder) {
	b.WriteString(`<g class="grid">`)
	for _, t := range p.YTicks {
		at := p.Y.At(t.At)
		if !visible(at) {
			continue
		}
		top := num(float64(p.Height) * (1 - at))
		class := ""
		if t.Label == "" {
			class = ` class="minor"`
		}
		fmt.Fprintf(b, `<line%s x1="0" x2="100%%" y1="%s" y2="%s"/>`, class, top, top)
		if t.Label != "" {
			fmt.Fprintf(b, `<text class="tick" x="-8" y="%s" dy="4" text-anchor="end">%s</text>`, top, html.EscapeString(t.Label))
		}
	}
	b.WriteString(`</g>`)
	if p.YLabel != "" {
		fmt.Fprintf(b, `<text class="axis" x="-52" y="-10">%s</text>`, html.EscapeString(p.YLabel))
	}
}

func (p *Plot) xAxis(b *strings.Builder) {
	fmt.Fprintf(b, `<line class="base" x1="0" x2="100%%" y1="%d" y2="%d"/><g class="xticks">`, p.Height, p.Height)
	for _, t := range p.XTicks {
		at := p.X.At(t.At)
		if !visible(at) {
			continue
		}
		fmt.Fprintf(b, `<line x1="%s" x2="%s" y1="%d" y2="%d"/>`, percent(at), percent(at), p.Height, p.Height+4)
		if t.Label != "" {
			fmt.Fprintf(b, `<text class="tick" x="%s" y="%d" text-anchor="middle">%s</text>`, percent(at), p.Height+17, html.EscapeString(t.Label))
		}
	}
	b.WriteString(`</g>`)
	if p.XLabel != "" {
		fmt.Fprintf(b, `<text class="axis" x="50%%" y="%d" text-anchor="middle">%s</text>`, p.Height+34, html.EscapeString(p.XLabel))
	}
}

// path joins points; after the first, line commands are implied.
func (p *Plot) path(x, y []float64) string {
	var d strings.Builder
	pen := false
	for i := range x {
		if math.IsNaN(p.X.At(x[i])) || math.IsNaN(p.Y.At(y[i])) {
			pen = false
			continue
		}
		if pen {
			d.WriteByte(' ')
		} else {
			d.WriteByte('M')
		}
		d.WriteString(p.point(x[i], y[i]))
		pen = true
	}
	return d.String()
}

func (p *Plot) point(x, y float64) string {
	return strconv.Itoa(p.px(x)) + " " + strconv.Itoa(p.py(y))
}

func (p *Plot) px(v float64) int { return int(math.Round(unitsX * wide(p.X.At(v)))) }

func (p *Plot) py(v float64) int {
	return int(math.Round(float64(p.Height*unitsY) * (1 - wide(p.Y.At(v)))))
}

// wide keeps what lies outside the chart from becoming an absurd number.
func wide(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return min(max(f, -1), 2)
}

func clip(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return min(max(f, 0), 1)
}

func visible(f float64) bool { return f >= -1e-9 && f <= 1+1e-9 }

func percent(f float64) string { return float(math.Round(f*100000)/1000) + "%" }
func share(f float64) string   { return float(math.Round(f*100000) / 100000) }
func num(v float64) string     { return float(math.Round(v*10) / 10) }
func float(v float64) string   { return strconv.FormatFloat(v, 'f', -1, 64) }
