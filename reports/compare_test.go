package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/perf/benchfmt"

	"github.com/chaindyno/chaindyno/reports/compare"
	"github.com/chaindyno/chaindyno/reports/result"
)

func rendered(t *testing.T, c *compare.Comparison, write func(io.Writer, *compare.Comparison) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func comparisonTable(w io.Writer, c *compare.Comparison) error {
	return ComparisonTable(w, c, TableOptions{Width: 100, Color: ColorNever})
}

func comparisonHTML(w io.Writer, c *compare.Comparison) error {
	return ComparisonHTML(w, c, []string{"chaindyno", "compare", "out/a b", "--with", "out/c"})
}

func TestComparisonTable(t *testing.T) {
	c := sampleComparison(t)
	got := rendered(t, c, comparisonTable)
	for _, want := range []string{
		"[✗ WORSE]  B against A", "B is worse than A on 5 of 8 metrics: committed " + changeText(&c.Rows[0]), "A: out/a-*, 10 runs",
		"system  ingest.batch_size  1024             64", "✗  committed", changeInterval(&c.Rows[0]), "< 0.0001", "~  node disk per tx",
		"p < 0.05, and the change of medians exceeds 2 % (error share: 0.1 points)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for i, line := range strings.Split(got, "\n") {
		if visible(line) > 100 {
			t.Errorf("line %d is %d wide: %s", i+1, visible(line), line)
		}
	}
	// What differs comes before what came of it.
	if strings.Index(got, "What differs") > strings.Index(got, "Metrics") {
		t.Error("the settings come after the metrics")
	}
}

var notNumber = regexp.MustCompile(`NaN|[+-]Inf\b`)

// The other outcomes have words too.
func TestComparisonOutcomes(t *testing.T) {
	tests := map[string]struct {
		n    int
		slow float64
		do   func(a, b *compare.Side)
		want string
	}{
		"same":   {7, 1, nil, "[✓ NO WORSE]"},
		"none":   {7, 1, nil, "No difference between A and B was shown on any of 8 metrics."},
		"few":    {3, 1.5, nil, "Undecided: with 3 and 3 runs no difference could be told from chance over 8 metrics; it takes at least 6 a side."},
		"need":   {3, 1.5, nil, "need ≥ 6 runs"},
		"better": {7, 0.8, nil, "B is better than A on 5 of 8 metrics: committed +"},
		"both": {7, 1.3, func(a, b *compare.Side) {
			for _, r := range b.Runs {
				r.Summary.Resources[1].DiskPerTx = 100
			}
		}, "and better on 1 (node disk per tx -67"},
		"unmeasured": {7, 1, func(a, b *compare.Side) { a.Runs[2].Summary.Resources = nil }, "not compared"},
		"why":        {7, 1, func(a, b *compare.Side) { a.Runs[2].Summary.Resources = nil }, "node disk per tx: not measured in 1 of 7 runs of A"},
		"A/A": {7, 1, func(a, b *compare.Side) {
			for _, s := range []*compare.Side{a, b} {
				for _, r := range s.Runs {
					r.Summary.Run.Config, r.Summary.Environment.SUT, r.Summary.Environment.Client = nil, nil, ""
				}
			}
		}, nothingDiffers},
		"warning": {7, 1, func(a, b *compare.Side) { b.Runs[0].Summary.Verdict = result.Fail }, "! 1 of 7 runs of B FAIL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := sampleSides(tt.n, tt.slow)
			if tt.do != nil {
				tt.do(&a, &b)
			}
			c := compareSides(t, a, b, compare.DefaultOptions())
			// Lines are broken at blanks.
			got := strings.Join(strings.Fields(rendered(t, c, comparisonTable)), " ")
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q is missing in\n%s", tt.want, got)
			}
			for _, write := range []func(io.Writer, *compare.Comparison) error{comparisonHTML, ComparisonMarkdown, ComparisonBenchstat} {
				text, _, _ := strings.Cut(rendered(t, c, write), "<script>")
				if bad := notNumber.FindString(text); bad != "" {
					t.Errorf("%s is written", bad)
				}
			}
		})
	}
}

func TestComparisonFiles(t *testing.T) {
	c := sampleComparison(t)
	dir := filepath.Join(t.TempDir(), "new")
	if err := WriteComparison(dir, c, []string{"chaindyno", "compare"}); err != nil {
		t.Fatal(err)
	}
	var file comparisonFile
	data, err := os.ReadFile(filepath.Join(dir, FileCompareJSON))
	if err != nil {
		t.Fatal(err)
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.SchemaVersion != compare.SchemaVersion || file.Verdict != compare.IsWorse || len(file.Metrics) != 8 || len(file.Runs) != 20 || len(file.Differences) != 2 {
		t.Errorf("%+v", file)
	}
	for _, null := range []string{`: null`, `:null`} {
		if bytes.Contains(data, []byte(null)) {
			t.Errorf("%s in %s", null, FileCompareJSON)
		}
	}
	// Interleaved runs stay so, and each points at its value.
	for i, r := range file.Runs {
		if want := []string{"A", "B"}[i%2]; r.Side != want || r.At != i/2 {
			t.Errorf("run %d is %+v", i, r)
		}
	}
	f, err := os.Open(filepath.Join(dir, FileCompareCSV))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 9 || rows[0][0] != "metric" || rows[1][0] != "throughput" || len(strings.Fields(rows[1][18])) != 10 {
		t.Errorf("%v %v", rows, err)
	}
	if page, err := os.ReadFile(filepath.Join(dir, FileCompareHTML)); err != nil || !bytes.HasPrefix(page, []byte("<!doctype html>")) {
		t.Errorf("%.40s %v", page, err)
	}
	if err := WriteComparison(filepath.Join(dir, FileCompareCSV), c, nil); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("into a file: %v", err)
	}
}

// The one who wrote the format reads it back: every run of either side, with
// its side, its values, and which way is good.
func TestComparisonBenchstat(t *testing.T) {
	c := sampleComparison(t)
	in := benchfmt.NewReader(strings.NewReader(rendered(t, c, ComparisonBenchstat)), "compare")
	seen := map[string]int{}
	for in.Scan() {
		r, ok := in.Result().(*benchfmt.Result)
		if !ok {
			if _, meta := in.Result().(*benchfmt.UnitMetadata); meta {
				continue
			}
			t.Fatalf("%T: %v", in.Result(), in.Result())
		}
		side := r.GetConfig("side")
		row, values := &c.Rows[0], c.Rows[0].A.Values
		if side == "B" {
			values = row.B.Values
		}
		if v, ok := r.Value("tx/s"); !ok || v != values[seen[side]] || string(r.Name) != "Sample" || len(r.Values) != 8 {
			t.Errorf("%s: line %d of %s", side, seen[side], r.Name)
		}
		if v, ok := r.Value("commit-p99-sec"); !ok || v < 0.5 || v > 1 {
			t.Errorf("commit p99 %v s", v)
		}
		seen[side]++
	}
	if err := in.Err(); err != nil || seen["A"] != 10 || seen["B"] != 10 {
		t.Errorf("%v %v", seen, err)
	}
	for unit, better := range map[string]int{"tx/s": 1, "commit-p99-sec": -1, "error-share": -1, "disk-per-tx-B": -1} {
		if got := in.Units().GetBetter(unit); got != better {
			t.Errorf("%s: better is %d, want %d", unit, got, better)
		}
	}
}

// Text from runs stays text, whoever reads the file.
func TestComparisonHostile(t *testing.T) {
	c := hostileComparison(t)
	for name, write := range map[string]func(io.Writer, *compare.Comparison) error{"table": comparisonTable, "markdown": ComparisonMarkdown, "benchstat": ComparisonBenchstat} {
		text := rendered(t, c, write)
		for _, bad := range []string{"\x1b", "\a", "\u202e", "\x00", "\xff", "\r"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q", name, bad)
			}
		}
	}
	text := rendered(t, c, ComparisonMarkdown)
	for _, bad := range []string{"<script", "<img", "![", "]("} {
		if strings.Contains(text, bad) {
			t.Errorf("markdown has %s", bad)
		}
	}
	// Each line of a table has the cells of its header.
	cells := 0
	for line := range strings.Lines(text) {
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		switch {
		case n == 0:
			cells = 0
		case cells == 0:
			cells = n
		case n != cells:
			t.Errorf("%d cells in a table of %d: %s", n, cells, line)
		}
	}
	in := benchfmt.NewReader(strings.NewReader(rendered(t, c, ComparisonBenchstat)), "compare")
	runs := 0
	for in.Scan() {
		switch r := in.Result().(type) {
		case *benchfmt.Result:
			runs++
		case *benchfmt.SyntaxError:
			t.Error(r)
		}
	}
	if runs != 12 {
		t.Errorf("%d runs, want 12", runs)
	}
}

func TestMarkdownText(t *testing.T) {
	for in, want := range map[string]string{
		"a|b":                   `a\|b`,
		"@team see #12":         `&#64;team see \#12`,
		"https://x.example/y":   "https&#58;//x.example/y",
		"<b>&amp;":              "&lt;b&gt;&amp;amp;",
		"**x** _y_ `z`\n[l](u)": "\\*\\*x\\*\\* \\_y\\_ \\`z\\` \\[l\\]\\(u\\)",
	} {
		if got := markdownText(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// The page has the policy, elements and order that every report has, of a tame
// comparison and of a hostile one.
func TestComparisonHTML(t *testing.T) {
	allowed := map[string]bool{}
	for i, c := range []*compare.Comparison{sampleComparison(t), hostileComparison(t)} {
		var sections []string
		figures, tables := 0, 0
		elements(t, rendered(t, c, comparisonHTML), func(n *html.Node) {
			if i == 0 {
				allowed[n.Data] = true
			} else if !allowed[n.Data] && n.Data != "h4" {
				t.Errorf("the hostile page has a %s", n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && a.Val != "data:," && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				}
			}
			switch {
			case n.Data == "section":
				sections = append(sections, attribute(n, "id"))
			case n.Data == "figure":
				figures++
			case n.Data == "details" && attribute(n, "class") == "data":
				tables++
			}
		})
		got := strings.TrimPrefix(strings.Join(sections, " "), "warnings ")
		if got != "differs changes spectra order dots metrics runs method" {
			t.Errorf("sections %s", got)
		}
		if figures != 12 || tables != figures {
			t.Errorf("%d figures, %d data tables", figures, tables)
		}
	}
}

// A comparison of many runs stays a small file.
func TestComparisonHTMLSize(t *testing.T) {
	a, b := sampleSides(2, 1)
	for _, s := range []*compare.Side{&a, &b} {
		for i := range 150 {
			r := s.Runs[i%2]
			summary := *r.Summary
			summary.Run.ID = fmt.Sprintf("%s-%d", s.Name, i)
			s.Runs = append(s.Runs, compare.Run{Dir: r.Dir, Summary: &summary, Commit: r.Commit})
		}
	}
	if n := len(rendered(t, compareSides(t, a, b, compare.DefaultOptions()), comparisonHTML)); n > 1<<20 {
		t.Errorf("%d bytes for 152 runs a side", n)
	}
}

func TestSignedPercent(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.1: "+10.0", -0.0999: "-10.0", 0.004: "+0.40", 0.00001: "0", -0.00001: "0", 12: "+1200.0", 0.00995: "+1.0", -0.0099: "-0.99",
	} {
		if got := signedPercent(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestPText(t *testing.T) {
	for p, want := range map[float64]string{1: "1", 0.99951: "1", 0.5: "0.5", 0.0431: "0.0431", 0.00217: "0.00217", 0.000123: "0.000123", 0.00001: "< 0.0001", 0: "< 0.0001"} {
		if got := pText(p); got != want {
			t.Errorf("%v is written %s, want %s", p, got, want)
		}
	}
}

// A change far beyond the rest is drawn at the edge, and nothing outside.
func TestForestEdge(t *testing.T) {
	a, b := sampleSides(7, 1)
	for _, r := range b.Runs {
		*r.Summary.Latency[1].P99Ns *= 100
	}
	c := compareSides(t, a, b, compare.DefaultOptions())
	text := rendered(t, c, comparisonHTML)
	if !strings.Contains(text, "beyond the edge: +") {
		t.Error("not said to be beyond the edge")
	}
	s := around([]float64{math.NaN(), 5, 5})
	if !(s.Min < 5 && s.Max > 5) || around(nil) != around([]float64{0, 0}) {
		t.Errorf("scale %+v", s)
	}
}
