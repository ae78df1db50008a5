package compare

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

func compared(t *testing.T, a, b Side, o Options) *Comparison {
	t.Helper()
	c, err := Compare(a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func row(t *testing.T, c *Comparison, metric string) Row {
	t.Helper()
	for _, r := range c.Rows {
		if r.Metric == metric {
			return r
		}
	}
	t.Fatalf("no metric %s", metric)
	return Row{}
}

// An A/A comparison cries wolf in at most alpha of the cases, over all metrics
// together: with the noise threshold, and by the tests alone.
func TestAAFalsePositives(t *testing.T) {
	const comparisons = 200
	for name, noise := range map[string]float64{"as it is": 0.02, "without noise threshold": 0} {
		wolves := 0
		for seed := range uint64(comparisons) {
			a, b := newMaker(seed).sides(10, 1)
			c := comparedByTests(a, b, noise)
			for _, r := range c.Rows {
				if r.Verdict == TooFew || r.Verdict == Unmeasured {
					t.Fatalf("%s: %s is %s with 10 runs a side", name, r.Metric, r.Verdict)
				}
			}
			if differs(c) {
				wolves++
			}
		}
		t.Logf("%s: %d of %d A/A comparisons differ", name, wolves, comparisons)
		if wolves > comparisons*5/100 {
			t.Errorf("%s: %d of %d A/A comparisons differ, permitted are 5 %%", name, wolves, comparisons)
		}
	}
}

// comparedByTests is Compare without the bootstrap, which decides nothing.
func comparedByTests(a, b Side, noise float64) *Comparison {
	o := DefaultOptions()
	c := &Comparison{Options: o, A: a, B: b}
	limits := map[string]float64{}
	for _, m := range Metrics {
		x, _ := valuesOf(m, a.Runs)
		y, _ := valuesOf(m, b.Runs)
		r := Row{Metric: m.Name, Direction: m.Direction(), A: Sample{Values: x}, B: Sample{Values: y}}
		r.Change = stats.Median(y) - stats.Median(x)
		if !m.Absolute {
			r.Change /= stats.Median(x)
		}
		c.Rows = append(c.Rows, r)
		limits[m.Name] = noise
		if m.Absolute {
			limits[m.Name] = min(noise, shareNoise)
		}
	}
	c.judge(limits)
	return c
}

// The shortcut of the test above decides as Compare does.
func TestComparedByTests(t *testing.T) {
	for seed, speed := range map[uint64]float64{1: 1, 2: 0.97, 3: 0.9} {
		a, b := newMaker(seed).sides(10, speed)
		whole, short := compared(t, a, b, DefaultOptions()), comparedByTests(a, b, 0.02)
		for i, r := range whole.Rows {
			if s := short.Rows[i]; s.Verdict != r.Verdict || s.Adjusted != r.Adjusted || math.Abs(s.Change-r.Change) > 1e-12 {
				t.Errorf("seed %d: %s is %s %v, by the short way %s %v", seed, r.Metric, r.Verdict, r.Change, s.Verdict, s.Change)
			}
		}
	}
}

func differs(c *Comparison) bool {
	for _, r := range c.Rows {
		if r.Verdict == Better || r.Verdict == Worse {
			return true
		}
	}
	return false
}

// A tenth slower is found, with its size; and the other way round it is better.
func TestCompareFindsATenth(t *testing.T) {
	a, b := newMaker(3).sides(10, 0.9)
	c := compared(t, a, b, DefaultOptions())
	r := row(t, c, "throughput")
	if c.Verdict != IsWorse || r.Verdict != Worse || math.Abs(r.Change+0.1) > 0.03 || !(r.Low <= r.Change && r.Change <= r.High) || r.High > -0.02 {
		t.Errorf("verdict %s, throughput %+v", c.Verdict, r)
	}
	if r.Adjusted < r.P || r.Adjusted >= 0.05 {
		t.Errorf("p %v, adjusted %v", r.P, r.Adjusted)
	}
	if r := row(t, c, "disk_per_tx"); r.Verdict != Same {
		t.Errorf("disk did not change, but: %+v", r)
	}
	turned := compared(t, Side{Name: "A", Runs: b.Runs}, Side{Name: "B", Runs: a.Runs}, DefaultOptions())
	if r := row(t, turned, "throughput"); r.Verdict != Better || turned.Verdict != NoWorse {
		t.Errorf("turned round: %s, %+v", turned.Verdict, r)
	}
	// Lower is better for latency: what is slower has more of it.
	if r := row(t, c, "commit_p50"); r.Verdict != Worse || r.Change <= 0 {
		t.Errorf("commit p50: %+v", r)
	}
}

// What is significant but smaller than the noise threshold is no difference.
func TestCompareNoise(t *testing.T) {
	a, b := newMaker(3).sides(10, 0.9)
	o := DefaultOptions()
	o.Noise = 0.3
	c := compared(t, a, b, o)
	if r := row(t, c, "throughput"); r.Verdict != Same || r.Adjusted >= 0.05 || c.Verdict != NoWorse {
		t.Errorf("%s: %+v", c.Verdict, r)
	}
}

func TestCompareAANoise(t *testing.T) {
	m := newMaker(9)
	a, b := m.sides(10, 1)
	o := DefaultOptions()
	for range 20 {
		o.AA = append(o.AA, m.run(1))
	}
	c := compared(t, a, b, o)
	calm, wild := row(t, c, "disk_per_tx").Noise, row(t, c, "commit_p999").Noise
	if calm < leastNoise || calm > 0.005 || wild < 0.02 || wild > 0.3 {
		t.Errorf("noise of disk %v and of p99.9 %v", calm, wild)
	}
	if got := row(t, c, "error_share").Noise; got < leastNoise || got > 0.01 {
		t.Errorf("noise of the error share %v", got)
	}
	o.AA = o.AA[:5]
	refused(t, a, b, o, "at least 6 of them, there are 5")
	o.AA = append(o.AA, o.AA[0])
	refused(t, a, b, o, "the same run")
}

func TestCompareTooFew(t *testing.T) {
	for n, want := range map[int]Verdict{5: Undecided, 6: NoWorse, 1: Undecided} {
		a, b := newMaker(4).sides(n, 1)
		c := compared(t, a, b, DefaultOptions())
		if c.Verdict != want {
			t.Errorf("%d runs a side: %s, want %s", n, c.Verdict, want)
		}
		for _, r := range c.Rows {
			if (r.Verdict == TooFew) != (want == Undecided) || r.Verdict == TooFew && r.Need != 6 {
				t.Errorf("%d runs a side: %s is %s (%d)", n, r.Metric, r.Verdict, r.Need)
			}
		}
	}
	a, b := newMaker(4).sides(5, 1)
	o := DefaultOptions()
	o.Alpha = 0.01
	if r := compared(t, a, b, o).Rows[0]; r.Need != 7 {
		t.Errorf("alpha 0.01 needs %d runs a side, want 7", r.Need)
	}
}

// A metric that some run lacks is left out of the tests and of their number.
func TestCompareUnmeasured(t *testing.T) {
	a, b := newMaker(5).sides(5, 0.5)
	for i := range a.Runs {
		a.Runs[i].Summary.Resources = nil
	}
	b.Runs[2].Summary.Latency[0].P999Ns = nil
	c := compared(t, a, b, DefaultOptions())
	for metric, note := range map[string]string{
		"cpu_per_tx": "5 of 5 runs of A", "disk_per_tx": "5 of 5 runs of A", "commit_p999": "1 of 5 runs of B",
	} {
		if r := row(t, c, metric); r.Verdict != Unmeasured || !strings.Contains(r.Note, note) {
			t.Errorf("%s: %+v", metric, r)
		}
	}
	// Five metrics are left, for which five runs a side are enough.
	if r := row(t, c, "throughput"); r.Verdict != Worse {
		t.Errorf("throughput: %+v", r)
	}
}

// A share is compared as a difference, with a threshold of its own.
func TestCompareErrorShare(t *testing.T) {
	for wrong, want := range map[uint64]Verdict{90: Same, 2000: Worse} {
		a, b := newMaker(6).sides(10, 1)
		for _, r := range a.Runs {
			r.Summary.Matrix[0].Count = r.Summary.Counts.Sent
		}
		for _, r := range b.Runs {
			r.Summary.Matrix[0].Count = r.Summary.Counts.Sent - wrong
		}
		r := row(t, compared(t, a, b, DefaultOptions()), "error_share")
		if r.Verdict != want || r.Relative || math.Abs(r.Change-float64(wrong)/100_000) > 1e-9 || r.Adjusted >= 0.05 {
			t.Errorf("%d wrong: %+v", wrong, r)
		}
	}
}

// Where A is 0 there is no ratio, and the difference decides.
func TestCompareFromZero(t *testing.T) {
	a, b := newMaker(6).sides(10, 1)
	for _, r := range a.Runs {
		r.Summary.Throughput.SucceededPerS = 0
	}
	r := row(t, compared(t, a, b, DefaultOptions()), "throughput")
	if r.Verdict != Better || r.Relative || r.Change < 10_000 || r.Note == "" {
		t.Errorf("%+v", r)
	}
	if text, err := json.Marshal(r); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func refused(t *testing.T, a, b Side, o Options, want string) {
	t.Helper()
	_, err := Compare(a, b, o)
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want %q in one line", err, want)
	}
}

func TestCompareRefuses(t *testing.T) {
	type change func(a, b *Side, o *Options)
	tests := map[string]struct {
		do   change
		want string
	}{
		"host": {func(a, b *Side, o *Options) { b.Runs[1].Summary.Environment.Host.Kernel = "6.2" },
			`host.kernel is "6.1" in out/run-1, but "6.2" in out/run-4`},
		"cores": {func(a, b *Side, o *Options) { a.Runs[1].Summary.Environment.Host.Cores = 8 },
			`host.cores is "4" in out/run-1, but "8" in out/run-3`},
		"builds": {func(a, b *Side, o *Options) { b.Runs[0].Summary.Environment.Host.Version = "other" },
			"start both with one chaindyno (chain.up.binary); --force"},
		"invalid":     {func(a, b *Side, o *Options) { b.Runs[0].Summary.Verdict = result.Invalid }, "out/run-2 is INVALID and no replicate"},
		"interrupted": {func(a, b *Side, o *Options) { a.Runs[0].Summary.Verdict = result.Interrupted }, "out/run-1 is INTERRUPTED"},
		"no verdict":  {func(a, b *Side, o *Options) { a.Runs[0].Summary.Verdict = "" }, "out/run-1 is without a verdict"},
		"reason": {func(a, b *Side, o *Options) {
			b.Runs[0].Summary.Verdict, b.Runs[0].Summary.Reasons = result.Invalid, []string{"the pacer was late"}
		}, "no replicate (the pacer was late)"},
		"twice":      {func(a, b *Side, o *Options) { b.Runs[0] = a.Runs[0] }, "out/run-1 and out/run-1 are the same run (run-1)"},
		"twice in A": {func(a, b *Side, o *Options) { a.Runs[1].Summary.Run.ID = "run-1" }, "out/run-1 and out/run-3 are the same run"},
		"nothing":    {func(a, b *Side, o *Options) { b.Runs = nil }, "B: no runs to compare"},
		"nothing left": {func(a, b *Side, o *Options) {
			o.LeaveOut = true
			for _, r := range a.Runs {
				r.Summary.Verdict = result.Invalid
			}
		}, "A: all 2 runs are interrupted or not valid"},
		"mixed": {func(a, b *Side, o *Options) {
			b.Runs[1].Summary.Run.Config = json.RawMessage(`{"version":1,"name":"made","chain":{"node":{"ingest":{"batch_size":64}}},"load":{"rate":1000000}}`)
		}, "B mixes configurations: load.rate is \"1000\" and \"1000000\""},
		"config":      {func(a, b *Side, o *Options) { b.Runs[1].Summary.Run.Config = json.RawMessage(`{`) }, "out/run-4: configuration"},
		"alpha":       {func(a, b *Side, o *Options) { o.Alpha = 0.5 }, "alpha 0.5, permitted is above 0 and below 0.5"},
		"alpha NaN":   {func(a, b *Side, o *Options) { o.Alpha = math.NaN() }, "alpha NaN"},
		"noise":       {func(a, b *Side, o *Options) { o.Noise = 2 }, "noise 2, permitted is 0 to 1"},
		"A/A invalid": {func(a, b *Side, o *Options) { o.AA[0].Summary.Verdict = result.Invalid }, "tells nothing about noise"},
		"A/A host":    {func(a, b *Side, o *Options) { o.AA[3].Summary.Environment.Host.Arch = "arm64" }, "host.arch"},
		"A/A mixed": {func(a, b *Side, o *Options) {
			o.AA[3].Summary.Run.Config = json.RawMessage(`{"load":{"rate":5}}`)
		}, "the A/A runs mixes configurations"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMaker(1)
			a, b := m.sides(2, 1)
			o := DefaultOptions()
			if strings.HasPrefix(name, "A/A") {
				for range 6 {
					o.AA = append(o.AA, m.run(1))
				}
			}
			tt.do(&a, &b, &o)
			refused(t, a, b, o, tt.want)
		})
	}
}

// What is forced or left out is said.
func TestCompareForced(t *testing.T) {
	a, b := newMaker(1).sides(7, 1)
	b.Runs[1].Summary.Environment.Host.Kernel = "6.2"
	b.Runs[2].Summary.Verdict = result.Invalid
	a.Runs[3].Summary.Run.Config = json.RawMessage(`{"load":{"rate":5}}`)
	o := DefaultOptions()
	o.Force, o.LeaveOut = true, true
	c := compared(t, a, b, o)
	for _, want := range []string{`Compared by force: host.kernel`, "Compared by force: A mixes configurations", "Left out of B as INVALID: out/run-6."} {
		warned(t, c, want)
	}
	b.Runs[0].Summary.Verdict = result.Interrupted
	for i := range 4 {
		b.Runs[i+3].Summary.Verdict = result.Invalid
	}
	b.Runs = append(b.Runs, newMaker(2).run(1))
	b.Runs[7].Summary.Run.ID = "another"
	many := compared(t, a, b, o)
	warned(t, many, "Left out of B as INVALID: out/run-6, out/run-8, out/run-10 and 2 more.")
	warned(t, many, "Left out of B as INTERRUPTED: out/run-2.")
	if len(c.B.Runs) != 6 || len(c.B.LeftOut) != 1 || len(b.Runs) != 8 {
		t.Errorf("%d runs, %d left out, %d given", len(c.B.Runs), len(c.B.LeftOut), len(b.Runs))
	}
}

func warned(t *testing.T, c *Comparison, want string) {
	t.Helper()
	if !strings.Contains(strings.Join(c.Warnings, "\n"), want) {
		t.Errorf("warnings %q, want %q", c.Warnings, want)
	}
}

func TestCompareWarns(t *testing.T) {
	tests := map[string]struct {
		do   func(a, b *Side)
		want string
	}{
		"A first": {func(a, b *Side) {
			for _, r := range b.Runs {
				r.Summary.Run.Start = r.Summary.Run.Start.Add(time.Hour)
			}
		}, "All runs of A came before all runs of B"},
		"B first": {func(a, b *Side) {
			for _, r := range b.Runs {
				r.Summary.Run.Start = r.Summary.Run.Start.Add(-time.Hour)
			}
		}, "All runs of B came before all runs of A"},
		"at the same time": {func(a, b *Side) { a.Runs[0].Summary.Run.DrainEndNs = int64(2 * time.Minute) }, "out/run-1 and out/run-2 ran at the same time"},
		"load":             {func(a, b *Side) { setConfig(b, `{"load":{"rate":2000}}`); setConfig(a, `{"load":{"rate":1000}}`) }, "The load differs as well"},
		"fail":             {func(a, b *Side) { a.Runs[0].Summary.Verdict = result.Fail }, "1 of 3 runs of A FAIL"},
		"drift": {func(a, b *Side) {
			for _, r := range b.Runs {
				r.Summary.Environment.Calibration.VerifyBefore *= 0.8
				r.Summary.Environment.Calibration.VerifyAfter *= 0.8
			}
		}, "% fewer signatures a second beside the runs of B"},
		"external":   {func(a, b *Side) { setConfig(a, `{"target":{"submit":["127.0.0.1:1"]}}`) }, "In 3 of 3 runs of A the system was there before"},
		"in process": {func(a, b *Side) { a.Runs[1].Summary.Run.InProcess = true }, "1 of 3 runs of A node and generator shared one process"},
		"warnings":   {func(a, b *Side) { b.Runs[1].Summary.Warnings = []string{"steal"} }, "1 of 3 runs of B have warnings"},
	}
	for name, tt := range tests {
		a, b := newMaker(1).sides(3, 1)
		tt.do(&a, &b)
		t.Run(name, func(t *testing.T) {
			warned(t, compared(t, NewSide("A", "", a.Runs), NewSide("B", "", b.Runs), DefaultOptions()), tt.want)
		})
	}
	a, b := newMaker(1).sides(3, 1)
	if c := compared(t, a, b, DefaultOptions()); len(c.Warnings) > 0 {
		t.Errorf("nothing is wrong, but: %q", c.Warnings)
	}
}

func setConfig(s *Side, config string) {
	for _, r := range s.Runs {
		r.Summary.Run.Config = json.RawMessage(config)
	}
}

func TestDifferences(t *testing.T) {
	a, b := newMaker(1).sides(2, 1)
	setConfig(&b, `{"version":1,"name":"other","chain":{"node":{"ingest":{"batch_size":256}}},"load":{"seed":43,"rate":2000,"mix":[{"kind":"x"}]}}`)
	for i, r := range b.Runs {
		r.Summary.Environment.SUT["ingest.batch_size"] = "256"
		r.Summary.Environment.SUT["system"] = []string{"at :1", "at :2"}[i]
	}
	got := compared(t, a, b, DefaultOptions()).Differences
	want := []Setting{
		{GroupSystem, "ingest.batch_size", "64", "256"},
		{GroupSystem, "system", "1 node started by the run", "at :1 | at :2"},
		{GroupLoad, "load.mix", "–", `[{"kind":"x"}]`},
		{GroupLoad, "load.rate", "1000", "2000"},
		{GroupScenario, "name", "made", "other"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("difference %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	a, b = newMaker(1).sides(2, 1)
	if got := compared(t, a, b, DefaultOptions()).Differences; len(got) > 0 {
		t.Errorf("nothing differs, but: %+v", got)
	}
}

// The order in which runs are given makes no difference.
func TestCompareOrder(t *testing.T) {
	a, b := newMaker(8).sides(6, 0.95)
	turned := []Run{a.Runs[4], a.Runs[0], a.Runs[5], a.Runs[2], a.Runs[1], a.Runs[3]}
	x, y := compared(t, a, b, DefaultOptions()), compared(t, NewSide("A", "", turned), b, DefaultOptions())
	for i := range x.Rows {
		if p, q := x.Rows[i], y.Rows[i]; p.P != q.P || p.Low != q.Low || p.Verdict != q.Verdict {
			t.Errorf("%s: %+v and %+v", p.Metric, p, q)
		}
	}
}
