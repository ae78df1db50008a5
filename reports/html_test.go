package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/net/html"

	"github.com/chaindyno/chaindyno/reports/result"
)

func htmlOf(t *testing.T, run *result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements calls do for each element of a page.
func elements(t *testing.T, page string, do func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			do(n)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func inner(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// The policy permits the very bytes between the tags, and nothing else.
func TestHTMLPolicy(t *testing.T) {
	page := htmlOf(t, sampleRun())
	var policy string
	var want []string
	elements(t, page, func(n *html.Node) {
		switch n.Data {
		case "meta":
			if attribute(n, "http-equiv") == "Content-Security-Policy" {
				policy = attribute(n, "content")
			}
		case "script", "style":
			sum := sha256.Sum256([]byte(inner(n)))
			want = append(want, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
	})
	if !strings.HasPrefix(policy, "default-src 'none'; ") || len(want) != 3 {
		t.Fatalf("policy %q, %d scripts and styles", policy, len(want))
	}
	for _, hash := range want {
		if !strings.Contains(policy, hash) {
			t.Errorf("%s is not in %s", hash, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy is too wide: %s", policy)
	}
}

// Nothing on the page could make a request, run by attribute or be styled past
// the policy, and every link stays on the page: of a harmless and of a hostile
// run, which have the same elements.
func TestHTMLAsksForNothing(t *testing.T) {
	hostile := hostileRun()
	tame := sampleRun()
	tame.Intervals, tame.Histograms = nil, tame.Histograms[:2]
	counts := map[bool]map[string]int{}
	for isHostile, run := range map[bool]*result.Run{false: tame, true: hostile} {
		counts[isHostile] = map[string]int{}
		ids := map[string]bool{}
		var links []string
		elements(t, htmlOf(t, run), func(n *html.Node) {
			counts[isHostile][n.Data]++
			for _, a := range n.Attr {
				switch {
				case a.Key == "style", strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "srcset", a.Key == "action":
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				case a.Key == "href" && n.Data == "a":
					links = append(links, a.Val)
				case a.Key == "href" && a.Val != "data:,":
					t.Errorf("%s refers to %q", n.Data, a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				}
			}
		})
		for _, l := range links {
			if !strings.HasPrefix(l, "#") || !ids[l[1:]] {
				t.Errorf("link to %q leads nowhere on the page", l)
			}
		}
	}
	for _, name := range []string{"script", "style", "img", "iframe", "svg", "section", "figure", "b", "a", "link", "meta"} {
		if counts[false][name] != counts[true][name] {
			t.Errorf("%d <%s> in a tame run, %d in a hostile one", counts[false][name], name, counts[true][name])
		}
	}
}

// The sections come in the order of the design, and every chart has one
// sentence on how to read it and its data.
func TestHTMLSections(t *testing.T) {
	var ids []string
	elements(t, htmlOf(t, sampleRun()), func(n *html.Node) {
		switch n.Data {
		case "section":
			ids = append(ids, attribute(n, "id"))
		case "figure":
			text := inner(n)
			if !strings.Contains(text, "How to read: ") {
				t.Errorf("%s does not say how to read it", attribute(n, "id"))
			}
			rows := 0
			for d := range n.Descendants() {
				if d.Type == html.ElementNode && d.Data == "td" {
					rows++
				}
			}
			if rows == 0 {
				t.Errorf("%s has no data", attribute(n, "id"))
			}
		}
	})
	want := strings.Fields("warnings slo validity counts throughput latency heat spectrum stages backlog blocks sealing errors behind resources workers faults disclosure method")
	if !slices.Equal(ids, want) {
		t.Errorf("sections %v, want %v", ids, want)
	}
}

// A section without data is not there at all.
func TestHTMLLeavesOut(t *testing.T) {
	page := htmlOf(t, &result.Run{})
	var ids []string
	elements(t, page, func(n *html.Node) {
		if n.Data == "section" {
			ids = append(ids, attribute(n, "id"))
		}
	})
	if want := []string{"counts", "disclosure", "method"}; !slices.Equal(ids, want) {
		t.Errorf("sections %v, want %v", ids, want)
	}
}

func TestHTMLSays(t *testing.T) {
	page := htmlOf(t, sampleRun())
	for _, want := range []string{
		"Asked 2,000/s, the generator could do 612,400/s, so this number is your chain&#39;s.",
		"✗ FAIL", "scheduled 70,012 = sent 70,000", "SLO: commit.p99 &lt; 1 s", "measured separately and their percentiles do not add up",
		"--set &#39;name=two words&#39;", "abandoned block", "trend: -3.2 a second", "0000-27-amd64"[5:],
	} {
		if !strings.Contains(page, want) {
			t.Errorf("missing %q", want)
		}
	}
}

// A stall that only the intended time shows is labelled as the gap it is.
func TestSpectrumGap(t *testing.T) {
	response, service := result.NewHistogram(), result.NewHistogram()
	for i := range 20_000 {
		wait := int64(0)
		if i%10 == 0 {
			wait = 1e9
		}
		mustRecord(t, response, 5e6+wait)
		mustRecord(t, service, 5e6)
	}
	f := new(figure)
	drawSpectrum(f, response, service)
	if !strings.Contains(string(f.SVG), "gap at p99: 1 s") {
		t.Errorf("no label in %s", f.SVG)
	}
}

func mustRecord(t *testing.T, h *hdr.Histogram, ns int64) {
	t.Helper()
	if err := h.RecordValue(ns); err != nil {
		t.Fatal(err)
	}
}

// The last instant of a run is counted to the second before it.
func TestRatesShortInterval(t *testing.T) {
	samples := []result.Sample{{TNs: 1e9, Offered: 100}, {TNs: 2e9, Offered: 200}, {TNs: 2e9 + 1000, Offered: 5}, {TNs: 4e9, Offered: 400}}
	x, y := rates(samples, func(s *result.Sample) uint64 { return s.Offered })
	if len(x) != 3 || y[0] != 100 || y[1] < 204 || y[1] > 205 || y[2] < 200 || y[2] > 200.1 {
		t.Errorf("got %v at %v", y, x)
	}
}

func TestTotals(t *testing.T) {
	two := []result.Sample{{TNs: 2, Worker: "a", Offered: 1, Pool: 7}, {TNs: 1, Worker: "a", Offered: 4}, {TNs: 2, Worker: "b", Offered: 2, Pool: 7}, {TNs: 2, Worker: "b", Kind: "x", Offered: 2}}
	got := totals(two)
	if len(got) != 2 || got[0].Offered != 4 || got[1].Offered != 3 || got[1].Pool != 7 {
		t.Errorf("two workers add up to %+v", got)
	}
	if got := totals(two[:2]); len(got) != 2 || got[0].Worker != "a" {
		t.Errorf("one worker gives %+v", got)
	}
	if got := totals(append(two, result.Sample{TNs: 9, Offered: 50})); len(got) != 1 || got[0].Offered != 50 {
		t.Errorf("totals that are there are not used: %+v", got)
	}
}

// longRun is an hour of blocks every 250 ms.
func longRun() *result.Run {
	run := sampleRun()
	rng := rand.New(rand.NewPCG(1, 1))
	one := run.Intervals[slices.IndexFunc(run.Intervals, func(i result.Interval) bool { return i.Stage == result.StageCommit })]
	run.Series, run.Blocks, run.Intervals = nil, nil, nil
	for s := range 3600 {
		one.StartNs = int64(s) * 1e9
		run.Intervals = append(run.Intervals, one)
		row := result.Sample{TNs: int64(s+1) * 1e9, Phase: "steady", Offered: 5000, Sent: 5000, Accepted: 4900, Included: rng.Uint64N(9000), InFlight: rng.Int64N(5000), Pool: -1}
		run.Series = append(run.Series, row)
		for _, w := range run.Workers {
			row.Worker = w.Name
			run.Series = append(run.Series, row)
		}
	}
	for b := range 14_400 {
		run.Blocks = append(run.Blocks, result.Block{Height: uint64(b), Txs: int(rng.Int32N(3000)), Used: 1 << 19, Limit: 1 << 20, SeenNs: int64(b) * 250e6, IntervalNs: int64(rng.ExpFloat64() * 250e6), SealNs: int64(rng.ExpFloat64() * 1e7), Hashes: 1, Status: "main"})
	}
	run.Run.SteadyToNs, run.Run.LoadEndNs, run.Run.DrainEndNs = 3600e9, 3600e9, 3600e9
	return run
}

func TestHTMLSize(t *testing.T) {
	if n := len(htmlOf(t, sampleRun())); n > 400<<10 {
		t.Errorf("half a minute makes %d bytes", n)
	}
	if n := len(htmlOf(t, longRun())); n > 1<<20 {
		t.Errorf("an hour makes %d bytes", n)
	}
}

// What a node or a scenario can blow up is cut down to the cap, and the page
// says what was left out.
func TestHTMLCap(t *testing.T) {
	run := sampleRun()
	long := strings.Repeat("x", 5000)
	for i := range 1000 {
		run.ErrorRows = append(run.ErrorRows, result.ErrorRow{Class: "rejected", Kind: fmt.Sprint(i, long), Sample: long})
		run.Faults = append(run.Faults, result.Fault{Kind: fmt.Sprint(i, long), Detail: long})
		run.Warnings = append(run.Warnings, fmt.Sprint(i, long))
		run.Environment.SUT[fmt.Sprint(i, long)] = long
	}
	page := htmlOf(t, run)
	if len(page) > maxHTML {
		t.Errorf("%d bytes", len(page))
	}
	if !strings.Contains(page, "more, in summary.json") {
		t.Error("the page does not say that warnings were left out")
	}
}

func TestBudgetsLeaveOutWorkersFirst(t *testing.T) {
	run := prepare(sampleRun())
	has := func(limits budget) bool {
		return slices.ContainsFunc(sections(newView(run, limits)), func(s section) bool {
			return slices.ContainsFunc(s.Blocks, func(b block) bool { return b.Figure != nil && b.Figure.ID == "fig-workers" })
		})
	}
	if !has(budgets[0]) || has(budgets[1]) || budgets[1].leftOut == "" {
		t.Error("the second budget must leave out the curves of single workers, and say so")
	}
}

func BenchmarkHTML(b *testing.B) {
	run := sampleRun()
	for b.Loop() {
		if err := HTML(new(bytes.Buffer), run); err != nil {
			b.Fatal(err)
		}
	}
}
