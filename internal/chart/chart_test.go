package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func labels(ticks []Tick) []string {
	var out []string
	for _, t := range ticks {
		out = append(out, t.Label)
	}
	return out
}

func plain(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func TestTicks(t *testing.T) {
	tests := []struct {
		name string
		got  []Tick
		want string
	}{
		{"linear", Linear(Scale{Min: 0, Max: 20000}, 5, plain), "0 5000 10000 15000 20000"},
		{"linear small", Linear(Scale{Min: 0, Max: 0.7}, 5, plain), "0 0.2 0.4 0.6"},
		{"linear empty", Linear(Scale{Min: 3, Max: 3}, 5, plain), ""},
		{"linear endless", Linear(Scale{Min: 0, Max: math.Inf(1)}, 5, plain), ""},
		{"decades short", Decades(Scale{Min: 40, Max: 600, Log: true}, plain), "50 100 200 500"},
		{"decades long", Decades(Scale{Min: 1, Max: 1e5, Log: true}, plain), "1 10 100 1000 10000 100000"},
		{"decades middling", Decades(Scale{Min: 1, Max: 1000, Log: true}, plain), "1   10   100   1000"},
		{"decades wrong", Decades(Scale{Min: 0, Max: 10, Log: true}, plain), ""},
		{"times", Times(Scale{Min: 0, Max: 39}, 8), "0 s,5 s,10 s,15 s,20 s,25 s,30 s,35 s"},
		{"times minutes", Times(Scale{Min: 0, Max: 600}, 8), "0:00,2:00,4:00,6:00,8:00,10:00"},
		{"times hours", Times(Scale{Min: 0, Max: 10800}, 8), "0:00:00,0:30:00,1:00:00,1:30:00,2:00:00,2:30:00,3:00:00"},
	}
	for _, tt := range tests {
		sep := " "
		if strings.Contains(tt.want, ",") {
			sep = ","
		}
		if got := strings.Join(labels(tt.got), sep); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTicksStayInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scale{Min: rapid.Float64Range(-1e6, 1e6).Draw(t, "min")}
		s.Max = s.Min + rapid.Float64Range(1e-3, 1e9).Draw(t, "length")
		n := rapid.IntRange(1, 12).Draw(t, "n")
		ticks := Linear(s, n, plain)
		if len(ticks) > n+1 {
			t.Fatalf("%d ticks, asked for about %d", len(ticks), n)
		}
		for _, k := range ticks {
			if at := s.At(k.At); !visible(at) {
				t.Fatalf("tick %v lies at %v", k.At, at)
			}
		}
		if top := NiceMax(math.Abs(s.Max), n); top < math.Abs(s.Max)*(1-1e-9) || top > math.Abs(s.Max)*3+1 && n > 2 {
			t.Fatalf("NiceMax(%v, %d) = %v", math.Abs(s.Max), n, top)
		}
	})
}

func TestScale(t *testing.T) {
	tests := []struct {
		s       Scale
		v, want float64
	}{
		{Scale{Min: 0, Max: 10}, 5, 0.5},
		{Scale{Min: 1, Max: 100, Log: true}, 10, 0.5},
		{Scale{Min: 5, Max: 5}, 7, 0.5},
	}
	for _, tt := range tests {
		if got := tt.s.At(tt.v); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%+v at %v: got %v, want %v", tt.s, tt.v, got, tt.want)
		}
	}
	if got := (Scale{Min: 1, Max: 100, Log: true}).At(0); !math.IsNaN(got) {
		t.Errorf("log of 0 lies at %v", got)
	}
}

func TestThin(t *testing.T) {
	x := []float64{0, 1, 2, 3, 4}
	y := []float64{1, 3, 100, math.NaN(), 5}
	s := Thin(x, y, 3)
	want := Series{X: []float64{0.5, 2.5, 4}, Y: []float64{2, 100, 5}, Low: []float64{1, 100, 5}, High: []float64{3, 100, 5}}
	if !slices.Equal(s.X, want.X) || !slices.Equal(s.Y, want.Y) || !slices.Equal(s.Low, want.Low) || !slices.Equal(s.High, want.High) {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if s := Thin(x, y, 5); s.Low != nil || len(s.X) != 5 {
		t.Errorf("a short curve was thinned: %+v", s)
	}
	if s := Thin([]float64{1, 2}, []float64{math.NaN(), math.NaN()}, 1); !math.IsNaN(s.Y[0]) || !math.IsNaN(s.Low[0]) {
		t.Errorf("gaps became %+v", s)
	}
}

// No spike is lost, however much is thinned.
func TestThinKeepsExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 1, 500).Draw(t, "y")
		n := rapid.IntRange(1, 100).Draw(t, "n")
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(i)
		}
		s := Thin(x, y, n)
		if len(s.X) > n && len(y) > n {
			t.Fatalf("%d points of %d", len(s.X), n)
		}
		if s.Low == nil {
			return
		}
		if slices.Min(s.Low) != slices.Min(y) || slices.Max(s.High) != slices.Max(y) {
			t.Fatal("an extreme was lost")
		}
	})
}

func sample() *Plot {
	p := &Plot{X: Scale{Min: 0, Max: 10}, Y: Scale{Min: 0, Max: 100}, Height: 200, Title: `<script>"t"`, XLabel: "x<", YLabel: "y&", Time: true}
	p.XTicks, p.YTicks = Times(p.X, 5), Linear(p.Y, 4, plain)
	p.Span("warmup", 0, 2, "<b>")
	p.Span("fault", 5, 5, "at once")
	p.Line("c", Series{X: []float64{0, 5, 10}, Y: []float64{0, math.NaN(), 100}})
	p.Line("d", Thin([]float64{0, 1, 2, 3}, []float64{1, 2, 3, 4}, 2))
	p.Dots("dots", []float64{1, 99}, []float64{50, 50})
	p.Bars("bar", []float64{0}, []float64{1}, []float64{50})
	p.Cells("cell", []Cell{{0, 1, 0, 50}})
	p.Steps("s", []float64{0, 1}, []float64{10, 20})
	p.Level("limit", 50, `"limit"`)
	p.Level("limit", 5000, "outside")
	p.Vertical("gap", 3, 10, 20)
	p.Text("t", 3, 30, 1, 1, "start", "a&b")
	return p
}

// The chart is well-formed and holds no text as markup.
func TestSVGWellFormed(t *testing.T) {
	svg := string(sample().SVG())
	d := xml.NewDecoder(strings.NewReader(svg))
	elements := map[string]int{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		}
	}
	if elements["script"]+elements["b"] > 0 {
		t.Errorf("markup got through: %v", elements)
	}
	if elements["path"] != 7 || elements["svg"] != 2 {
		t.Errorf("elements %v, want 7 paths in 2 svg", elements)
	}
	for _, want := range []string{"&lt;b&gt;", "a&amp;b", `d="M0 2000M10000 0"`, `d="M1000 1000h0"`, `d="M0 2000V1000H1000V2000Z"`, `d="M0 1800 1000 1800 1000 1600"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("missing %s in %s", want, svg)
		}
	}
	if strings.Contains(svg, "outside") {
		t.Error("a level beyond the scale is drawn")
	}
}

// Whatever is drawn, no number in it is absurd.
func TestNoAbsurdNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(math.Inf(-1)), rapid.Just(0.0))
		xs, ys := rapid.SliceOfN(number, 4, 4).Draw(t, "x"), rapid.SliceOfN(number, 4, 4).Draw(t, "y")
		p := &Plot{X: Scale{Min: 1, Max: 10, Log: rapid.Bool().Draw(t, "log")}, Y: Scale{Min: 0, Max: 1}, Height: 100}
		p.Line("a", Series{X: xs, Y: ys, Low: ys, High: ys})
		p.Dots("b", xs, ys)
		p.Bars("c", xs, ys, ys)
		p.Span("d", xs[0], xs[1], "l")
		p.Level("e", ys[0], "l")
		p.Vertical("f", xs[0], ys[0], ys[1])
		p.Text("g", xs[0], ys[0], 0, 0, "end", "l")
		svg := string(p.SVG())
		for _, bad := range []string{"NaN", "Inf", "e+", "-9223372036854775808"} {
			if strings.Contains(svg, bad) {
				t.Fatalf("%s in %s", bad, svg)
			}
		}
	})
}
