package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
)

// sampleSweep is a made-up matrix of verifiers x batch sizes, in which both
// settings matter; change may alter the plan and the runs before they are
// judged.
func sampleSweep(repeats int, change func(*result.Sweep, []matrix.Run)) *Sweep {
	plan := &result.Sweep{SweepPlan: result.SweepPlan{
		ID: "sweep-1", Name: "threads-batch", Start: sampleStart, Argv: []string{"chaindyno", "sweep", "m.yaml"}, RunArgv: []string{"chaindyno", "run", "m.yaml"},
		File: "m.yaml", Config: json.RawMessage(`{"name": "threads-batch"}`), Metric: matrix.Throughput, Repeats: repeats, Seed: 42, Attempts: 3, Calibrate: "once",
		SLO: []result.Check{{Name: "commit.p99", Op: "<", Limit: 2e9, Unit: "ns"}},
		Axes: []result.SweepAxis{
			{Key: "chain.node.ingest.verifiers", Name: "verifiers", Values: []string{"1", "2", "4"}},
			{Key: "chain.node.ingest.batch_size", Name: "batch_size", Values: []string{"1", "64", "1024"}},
		},
		Host:   result.Host{CPU: "made up", Cores: 4, PhysicalCores: 2, Version: "v1", GoVersion: "go1"},
		Builds: []result.SweepBuild{{Version: "v1", SHA256: strings.Repeat("ab", 32)}},
	}}
	for a := range 3 {
		for b := range 3 {
			plan.Points = append(plan.Points, result.SweepPoint{Values: []int{a, b}})
		}
	}
	plan.Sessions = []result.SweepSession{{
		Start: sampleStart, End: sampleStart.Add(time.Hour), Calibration: &result.Calibration{VerifyBefore: 90_000, VerifyAfter: 91_000, GeneratorCeiling: 800_000},
	}}
	draw := rand.New(rand.NewPCG(5, 5))
	var runs []matrix.Run
	for range repeats {
		for _, point := range draw.Perm(len(plan.Points)) {
			plan.Order = append(plan.Order, point)
			v := plan.Points[point].Values
			n := []float64{1, 2, 4}[v[0]]
			x := 12_000 * n / (1 + 0.15*(n-1)) * (1 + 0.2*float64(v[1])) * (1 + 0.01*draw.NormFloat64())
			runs = append(runs, sampleSweepRun(plan, len(plan.Order)-1, x, 3e12/x*(1+0.5*float64(v[1]))))
		}
	}
	if change != nil {
		change(plan, runs)
	}
	return newSweep(plan, runs)
}

func sampleSweepRun(plan *result.Sweep, place int, perS, p99 float64) matrix.Run {
	p50, p999, high := int64(p99/3), int64(p99*1.2), int64(p99)
	return matrix.Run{Place: place, Attempt: 1, Last: true, Folder: plan.Folder(place, 1), Summary: &result.Summary{
		SchemaVersion: result.SchemaVersion, Verdict: result.Pass, Run: result.Info{ID: fmt.Sprint("run-", place), Loop: "closed", Start: sampleStart},
		Throughput: result.Throughput{OfferedPerS: perS, SucceededPerS: perS, WholePerS: perS * 0.9},
		Latency:    []result.Latency{{Stage: result.StageCommit, P50Ns: &p50, P99Ns: &high, P999Ns: &p999}},
		Chain:      result.Chain{Blocks: 100, IntervalMeanNs: 250e6, HashesPerS: 5e6},
		Audit:      result.Audit{Level: "counts", OK: true}, Counts: result.Counts{Sent: 100},
		Matrix: []result.Cell{{Answer: "accepted", Fate: result.FateSucceeded, Expect: "none", Count: 100}},
	}}
}

func sweepPage(t *testing.T, s *Sweep) string {
	t.Helper()
	var b bytes.Buffer
	if err := SweepHTML(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSweepSays checks the verdict in sentences, each case a way a sweep can
// come out.
func TestSweepSays(t *testing.T) {
	for name, c := range map[string]struct {
		repeats int
		change  func(*result.Sweep, []matrix.Run)
		want    []string
	}{
		"told": {7, nil, []string{
			"Throughput is highest at verifiers=4 batch_size=1024: 46,", "/s [4", "(median of 7 runs, 95 % interval).",
			"It is told from every other point; next is verifiers=4 batch_size=64 (-1", "], p = 0.0",
			"From verifiers=1 to 4, throughput grows 2.7", "times, an efficiency of 69", "(batch_size=1024)", "Every run met all objectives.",
		}},
		"few": {2, nil, []string{"With 2 runs at a point no test can tell it from all others: 7 are needed (36 comparisons at 5 %)."}},
		"one": {1, nil, []string{"(one run, too few for an interval)."}},
		"untold": {7, func(s *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Throughput.SucceededPerS = 10_000 + float64(i*7919%100)
				if s.Order[i] == 0 {
					runs[i].Throughput.SucceededPerS = 5_000
				}
			}
		}, []string{"It cannot be told from ", "; 4 more; it is told from the other 1."}},
		"kept up": {7, func(_ *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Run.Loop, runs[i].Throughput.SucceededPerS, runs[i].Throughput.OfferedPerS = "open", 4_990, 5_000
			}
		}, []string{
			"Every point delivered what was asked of it (5,000/s), so throughput is the load's and tells no point from another.",
			"Commit p99 is lowest at verifiers=4 batch_size=1: ",
		}},
		"block time": {6, func(s *result.Sweep, runs []matrix.Run) {
			s.Metric = matrix.BlockTime
			for i := range runs {
				runs[i].Chain.IntervalMeanNs = int64(1e13 / runs[i].Throughput.SucceededPerS)
			}
		}, []string{"Mean block time is shortest at verifiers=4 batch_size=1024: 2", " ms [", "the rate of blocks grows 2.7"}},
		"failed": {6, func(s *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				if s.Points[s.Order[i]].Values[0] == 2 {
					runs[i].Verdict = result.Fail
				}
			}
		}, []string{"All objectives were met in every run at 6 of 9 points only; the best of those is verifiers=2 batch_size=1024: "}},
		"none": {1, func(_ *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Verdict = result.Invalid
			}
		}, []string{"No point has a valid run, so there is nothing to say about the chain."}},
	} {
		says := strings.Join(sampleSweep(c.repeats, c.change).Says, "\n")
		for _, want := range c.want {
			if !strings.Contains(says, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, says)
			}
		}
	}
}

func TestSweepTable(t *testing.T) {
	for _, width := range []int{60, 100, 120} {
		for _, repeats := range []int{1, 6} {
			var b bytes.Buffer
			s := sampleSweep(repeats, nil)
			if err := SweepTable(&b, s, TableOptions{Width: width, Dir: "out/x", Color: ColorNever}); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			for _, want := range []string{"threads-batch", "★", "verifiers", "batch_size", "Scaling over verifiers", "at batch_size=1024", "out/x/report.html"} {
				if !strings.Contains(text, want) {
					t.Errorf("width %d: %q is not in\n%s", width, want, text)
				}
			}
			for line := range strings.Lines(text) {
				if visible(strings.TrimRight(line, "\n")) > max(width, 100) {
					t.Errorf("width %d: too long: %s", width, line)
				}
			}
		}
	}
}

// TestSweepCSV has a row for each run, with the values of its point.
func TestSweepCSV(t *testing.T) {
	s := sampleSweep(2, func(plan *result.Sweep, runs []matrix.Run) {
		plan.Axes[0].Values[0] = "=1+1"
		runs[0].Latency = nil
	})
	var b bytes.Buffer
	if err := fillSweep(&b, result.FileSweepRuns, s); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+len(s.Runs) || !strings.HasPrefix(strings.Join(rows[0], ","), "run,attempt,counts,verifiers,batch_size,verdict,offered_per_s,succeeded_per_s,") {
		t.Fatalf("%d rows, %v", len(rows), rows[0])
	}
	at := func(name string) int { return slices.Index(rows[0], name) }
	for i, row := range rows[1:] {
		values := s.Matrix.Points[s.Order[i]].Values
		if row[0] != fmt.Sprint(i+1) || row[4] != values[1] || strings.TrimPrefix(row[3], "'") != values[0] || row[at("folder")] != s.Runs[i].Folder {
			t.Errorf("row %d is %v", i+1, row)
		}
		if strings.HasPrefix(row[3], "=") {
			t.Error("a formula")
		}
	}
	if rows[1][at("commit_p99_ns")] != "" || rows[2][at("commit_p99_ns")] == "" {
		t.Error("what was not observed is not empty")
	}
}

func TestSweepJSON(t *testing.T) {
	var b bytes.Buffer
	if err := SweepJSON(&b, sampleSweep(7, nil)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		SchemaVersion int `json:"schema_version"`
		Says          []string
		Best          int
		Points        []struct {
			Label   string
			Metrics map[string]struct {
				Median, Low, High float64
				Values            []float64
			}
			Against *struct {
				Told bool `json:"told_apart"`
			} `json:"against_best"`
		}
		Scaling []struct {
			Law *struct{ Name string }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.SchemaVersion != 1 || len(got.Says) < 3 || got.Points[got.Best].Label != "verifiers=4 batch_size=1024" || len(got.Points[0].Metrics["throughput"].Values) != 7 ||
		!got.Points[0].Against.Told || got.Points[got.Best].Against != nil || got.Scaling[0].Law == nil {
		t.Errorf("%s", b.String())
	}
}

// TestSweepHTML wants the charts of the design, each with its data, and links
// that lead somewhere.
func TestSweepHTML(t *testing.T) {
	page := sweepPage(t, sampleSweep(6, nil))
	ids, rows := map[string]bool{}, map[string]int{}
	var links []string
	elements(t, page, func(n *html.Node) {
		for _, a := range n.Attr {
			if a.Key == "id" {
				ids[a.Val] = true
			}
			if a.Key == "href" && n.Data == "a" {
				links = append(links, strings.TrimPrefix(a.Val, "#"))
			}
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" {
				t.Errorf("%s has %s", n.Data, a.Key)
			}
		}
		if n.Data == "figure" {
			for d := range n.Descendants() {
				if d.Data == "tr" {
					rows[attribute(n, "id")]++
				}
			}
		}
	})
	for _, id := range []string{
		"points", "scaling", "axes", "matrix", "front", "order", "runs", "disclosure", "method",
		"fig-scaling-1", "fig-efficiency-1", "fig-axis-2-throughput", "fig-axis-2-commit-p99", "fig-matrix-throughput", "fig-matrix-commit-p99", "fig-front", "fig-order",
	} {
		if !ids[id] {
			t.Errorf("there is no %s", id)
		}
	}
	for id, want := range map[string]int{"fig-scaling-1": 1 + 18, "fig-efficiency-1": 1 + 3, "fig-axis-2-throughput": 1 + 54, "fig-matrix-throughput": 1 + 9, "fig-front": 1 + 54, "fig-order": 1 + 54} {
		if rows[id] != want {
			t.Errorf("%s has %d rows of data, want %d", id, rows[id], want)
		}
	}
	for _, l := range links {
		if !ids[l] {
			t.Errorf("a link leads to %s, which is not there", l)
		}
	}
	for _, want := range []string{"Amdahl&#39;s law (chosen)", "each thread like the first", "2 physical cores", "SLO: commit.p99 &lt; 2 s", "Throughput is highest at verifiers=4 batch_size=1024"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if absurd(page) {
		t.Error("an absurd number")
	}
}

// TestScalingFigureStaysInScale: a quantity that falls with threads makes laws
// with a pole below the fewest of them, which must not stretch the chart.
func TestScalingFigureStaysInScale(t *testing.T) {
	s := sampleSweep(6, func(plan *result.Sweep, runs []matrix.Run) {
		for i := range runs {
			runs[i].Throughput.SucceededPerS = 30_000 / []float64{1, 2.2, 6}[plan.Points[plan.Order[i]].Values[0]]
		}
	})
	if law := s.Matrix.Scaling[0].Law; law == nil || law.Sigma <= 1 {
		t.Fatalf("the law has no pole: %+v", law)
	}
	v := &sweepView{Sweep: s, m: s.Matrix, metric: matrix.MetricNamed(s.Metric)}
	for _, tick := range strings.Split(string(v.scalingFigure(&s.Matrix.Scaling[0]).SVG), "class=\"tick\"")[1:] {
		label := tick[strings.Index(tick, ">")+1 : strings.Index(tick, "<")]
		if strings.Count(label, ",") > 1 {
			t.Errorf("a tick at %s for rates up to 30,000", label)
		}
	}
}

// absurd tells whether a page shows what is no number; the script may speak of
// it.
func absurd(page string) bool {
	shown, _, _ := strings.Cut(page, "<script>")
	return strings.Contains(shown, "NaN") || strings.Contains(shown, "Inf")
}

// TestSweepHTMLOfLittle: no run, one run, words for values, one axis, no p99.
func TestSweepHTMLOfLittle(t *testing.T) {
	for name, c := range map[string]func(*result.Sweep, []matrix.Run){
		"words": func(s *result.Sweep, _ []matrix.Run) {
			s.Axes[0].Key, s.Axes[0].Values = "chain.node.sync", []string{"none", "block", "always"}
		},
		"one axis": func(s *result.Sweep, runs []matrix.Run) {
			s.Axes = s.Axes[:1]
			for i := range s.Points {
				s.Points[i].Values = s.Points[i].Values[:1]
			}
		},
		"no latency": func(_ *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Latency = nil
			}
		},
		"nothing": func(_ *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Throughput, runs[i].Latency, runs[i].Chain = result.Throughput{}, nil, result.Chain{}
			}
		},
		"invalid": func(_ *result.Sweep, runs []matrix.Run) {
			for i := range runs {
				runs[i].Verdict = result.Invalid
			}
		},
		"no host": func(s *result.Sweep, _ []matrix.Run) { s.Host, s.Sessions, s.Builds = result.Host{}, nil, nil },
	} {
		for _, repeats := range []int{1, 3} {
			page := sweepPage(t, sampleSweep(repeats, c))
			if !strings.Contains(page, "</html>") || absurd(page) {
				t.Errorf("%s: the page is broken", name)
			}
		}
	}
	empty := sampleSweep(1, nil)
	if page := sweepPage(t, newSweep(empty.Sweep, nil)); !strings.Contains(page, "No point has a valid run") {
		t.Error("a sweep without runs says something")
	}
}

// TestSweepHTMLHostile puts hostile text into every string of plan and runs:
// the page has the elements of a harmless one, and the terminal's text no
// escape.
func TestSweepHTMLHostile(t *testing.T) {
	count := func(s *Sweep) map[string]int {
		counts := map[string]int{}
		elements(t, sweepPage(t, s), func(n *html.Node) { counts[n.Data]++ })
		return counts
	}
	warned := func(runs []matrix.Run) {
		for i := range runs {
			runs[i].Warnings = []string{"w"}
			runs[i].SLO = []result.Check{{Name: "x"}}
		}
	}
	tame := sampleSweep(2, func(_ *result.Sweep, runs []matrix.Run) { warned(runs) })
	nasty := sampleSweep(2, func(plan *result.Sweep, runs []matrix.Run) {
		warned(runs)
		metric := plan.Metric
		keys := []string{plan.Axes[0].Key, plan.Axes[1].Key}
		numbers := [][]string{slices.Clone(plan.Axes[0].Values), slices.Clone(plan.Axes[1].Values)}
		poison(reflect.ValueOf(plan).Elem())
		plan.Metric = metric
		for a := range plan.Axes { // they decide what is drawn
			plan.Axes[a].Key, plan.Axes[a].Values = keys[a], numbers[a]
		}
		plan.SLO[0].Name = "commit.p99"
		for i := range runs {
			verdict := runs[i].Verdict
			poison(reflect.ValueOf(runs[i].Summary).Elem())
			runs[i].Verdict = verdict
		}
	})
	a, b := count(tame), count(nasty)
	for name, n := range b {
		if a[name] != n {
			t.Errorf("%d elements %s, %d on a harmless page", n, name, a[name])
		}
	}
	var text bytes.Buffer
	if err := SweepTable(&text, nasty, TableOptions{Color: ColorNever}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text.String(), "\x1b\x00\a\u202e") {
		t.Error("an escape gets through to the terminal")
	}
	if !strings.Contains(text.String(), "owned") {
		t.Error("the hostile text does not reach the table")
	}
}

// TestSweepFolder writes a sweep, reads it back, and breaks it in every way.
func TestSweepFolder(t *testing.T) {
	dir := t.TempDir()
	run := smallRun()
	run.Verdict = result.Pass
	sum := result.ConfigSum([]byte(`{"a":1}`))
	run.Run.Config = json.RawMessage(`{ "a": 1 }`)
	plan := &result.Sweep{SweepPlan: result.SweepPlan{
		Name: "m", Start: sampleStart, Config: json.RawMessage(`{"a": 1}`), Metric: matrix.Throughput, Axes: []result.SweepAxis{{Key: "k", Name: "k", Values: []string{"1"}, Sets: []string{"k=1"}}},
		Points: []result.SweepPoint{{Values: []int{0}, Config: sum}}, Repeats: 3, Order: []int{0, 0, 0}, Attempts: 3, SLO: []result.Check{}, RunArgv: []string{}, Argv: []string{}, Builds: []result.SweepBuild{},
	}}
	if err := WriteSweepPlan(dir, plan); err != nil {
		t.Fatal(err)
	}
	write := func(place, attempt int, verdict result.Verdict) string {
		t.Helper()
		run.Verdict = verdict
		path := filepath.Join(dir, plan.Folder(place, attempt))
		if err := WriteRun(path, run); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(0, 1, result.Invalid)
	write(0, 2, result.Fail)
	write(1, 1, result.Interrupted)
	s, err := ReadSweep(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Runs) != 2 || s.Runs[0].Last || !s.Runs[1].Replicate() || s.Matrix.Made != 1 || s.Unmeasured() || s.AuditFailed() || !IsSweep(dir) || IsSweep(t.TempDir()) {
		t.Errorf("%d runs, %+v", len(s.Runs), s.Matrix)
	}
	if err := WriteSweep(dir, s); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSweep(dir)
	if err != nil || !reflect.DeepEqual(s.Says, again.Says) {
		t.Errorf("%v, %v", err, again)
	}
	path := write(2, 1, result.Pass)
	for want, spoil := range map[string]func() error{
		"truncated": func() error { return os.Truncate(filepath.Join(path, result.FileSummary), 10) },
		"missing":   func() error { return os.Remove(filepath.Join(path, result.FileBlocks)) },
		"edited": func() error {
			return os.WriteFile(filepath.Join(path, result.FileErrors), bytes.Repeat([]byte("x"), 1<<16), 0o644)
		},
	} {
		write(2, 1, result.Pass)
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSweep(dir); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", want, err)
		}
	}
	if err := os.Remove(filepath.Join(path, result.FileManifest)); err != nil {
		t.Fatal(err)
	}
	if found, there, err := LookAtRun(dir, plan, 2, 1); found != nil || !there || err != nil {
		t.Errorf("a half-written run is %v, %v, %v", found, there, err)
	}
}
