package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

func TestPlan(t *testing.T) {
	s, err := scenario.Parse([]byte(`name: m
chain: {}
slo: ["commit.p99 < 2s"]
sweep: {axes: {miner.threads: [1, 2], ingest.batch_size: [1, 64], load.batch.size: [8]}, repeats: 3, seed: 7}`), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	p, err := Plan(s, func(s *scenario.Scenario) (about, most time.Duration, err error) {
		asked = append(asked, string(s.JSON()))
		return time.Second, time.Minute, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if problem := p.Check(); problem != "" || len(asked) != 4 || len(p.Order) != 12 || p.Dependent || p.Seed != 7 {
		t.Errorf("%s: %+v", problem, p)
	}
	var labels []string
	for i := range p.Points {
		labels = append(labels, p.Label(i))
	}
	want := []string{
		"threads=1 batch_size=1 size=8", "threads=1 batch_size=64 size=8", "threads=2 batch_size=1 size=8", "threads=2 batch_size=64 size=8",
	}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Error(diff)
	}
	if about, most := Total(&p); about != 12*time.Second || most != 12*time.Minute {
		t.Errorf("%v, %v", about, most)
	}
	if got := p.Folder(0, 1); got[:4] != "001-" || p.Folder(0, 2) != got+"-2" {
		t.Errorf("folder %s", got)
	}
	if p.SLO[0].Name != "commit.p99" || p.SLO[0].Limit != 2e9 || p.SLO[0].Unit != "ns" {
		t.Errorf("%+v", p.SLO)
	}
	stop := errors.New("no")
	if _, err := Plan(s, func(*scenario.Scenario) (about, most time.Duration, err error) { return 0, 0, stop }); !errors.Is(err, stop) {
		t.Errorf("a point that cannot be run is %v", err)
	}
}

func TestShortNames(t *testing.T) {
	for _, c := range []struct{ keys, want []string }{
		{[]string{"chain.node.miner.threads"}, []string{"threads"}},
		{[]string{"load.batch.size", "a.size", "sync"}, []string{"batch.size", "a.size", "sync"}},
		{[]string{"x.size", "size"}, []string{"x.size", "size"}},
	} {
		var axes []scenario.Axis
		for _, k := range c.keys {
			axes = append(axes, scenario.Axis{Key: k})
		}
		if got := shortNames(axes); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.keys, got)
		}
	}
}

// TestOrder: each round has every point once, the order follows the seed alone,
// and rounds differ from each other.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points, repeats := rapid.IntRange(1, 40).Draw(t, "points"), rapid.IntRange(1, 10).Draw(t, "repeats")
		seed := rapid.Uint64().Draw(t, "seed")
		order := Order(points, repeats, seed)
		for r := range repeats {
			round := slices.Sorted(slices.Values(order[r*points : (r+1)*points]))
			for i, p := range round {
				if p != i {
					t.Fatalf("round %d is %v", r, round)
				}
			}
		}
		if !slices.Equal(order, Order(points, repeats, seed)) {
			t.Fatal("another order for the same seed")
		}
	})
	if a, b := Order(20, 2, 1), Order(20, 2, 2); slices.Equal(a, b) || slices.Equal(a[:20], a[20:]) {
		t.Error("the order is not random")
	}
}

// shelf is a folder in memory. Runs end as script says; the one after which
// there are stop measurements in this session is interrupted, or killed
// half-way.
type shelf struct {
	script   map[Slot]result.Verdict
	whole    map[Slot]result.Verdict
	half     map[Slot]bool
	measured map[Slot]int
	left     int // measurements until the interrupt
	killed   bool
	cancel   context.CancelFunc
}

func (f *shelf) Look(s Slot) (Found, result.Verdict, error) {
	if v, ok := f.whole[s]; ok {
		return Whole, v, nil
	}
	if f.half[s] {
		return Half, "", nil
	}
	return Nothing, "", nil
}

func (f *shelf) Clear(s Slot) error {
	if !f.half[s] {
		return fmt.Errorf("%v is not half", s)
	}
	delete(f.half, s)
	return nil
}

func (f *shelf) Measure(_ context.Context, s Slot) (result.Verdict, error) {
	if _, there := f.whole[s]; there || f.half[s] {
		return "", fmt.Errorf("%v is there already", s)
	}
	if f.left--; f.left < 0 {
		f.half[s] = true
		f.cancel()
		if f.killed {
			return "", errors.New("killed")
		}
		return result.Interrupted, nil
	}
	f.measured[s]++
	f.whole[s] = result.Pass
	if v, ok := f.script[s]; ok {
		f.whole[s] = v
	}
	return f.whole[s], nil
}

// session works on the shelf until it is done or broken off.
func (f *shelf) session(p *result.SweepPlan, runs int, killed bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.left, f.killed, f.cancel = runs, killed, cancel
	return Run(ctx, p, f)
}

func newShelf(script map[Slot]result.Verdict) *shelf {
	return &shelf{script: script, whole: map[Slot]result.Verdict{}, half: map[Slot]bool{}, measured: map[Slot]int{}}
}

// TestResume breaks sweeps off wherever it may be, and wants them to end with
// the very runs of one that was not, each made once.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points, repeats := rapid.IntRange(1, 5).Draw(t, "points"), rapid.IntRange(1, 4).Draw(t, "repeats")
		p := &result.SweepPlan{Points: make([]result.SweepPoint, points), Repeats: repeats, Order: Order(points, repeats, 1), Attempts: AttemptsMax}
		script := map[Slot]result.Verdict{}
		verdict := rapid.SampledFrom([]result.Verdict{result.Pass, result.Fail, result.Invalid, result.Invalid})
		for place, point := range p.Order {
			for attempt := 1; attempt <= AttemptsMax; attempt++ {
				script[Slot{place, point, attempt}] = verdict.Draw(t, "verdict")
			}
		}
		straight := newShelf(script)
		if err := straight.session(p, 1000, false); err != nil {
			t.Fatal(err)
		}
		if n, err := Missing(p, straight); n != 0 || err != nil {
			t.Fatalf("%d are missing from a whole sweep, %v", n, err)
		}
		broken := newShelf(script)
		if n, err := Missing(p, broken); n != points*repeats || err != nil {
			t.Fatalf("%d are missing from an empty sweep of %d, %v", n, points*repeats, err)
		}
		for sessions := 0; ; sessions++ {
			killed := rapid.Bool().Draw(t, "killed")
			err := broken.session(p, rapid.IntRange(0, 4).Draw(t, "runs"), killed)
			if err == nil {
				break
			}
			if !killed && !errors.Is(err, ErrInterrupted) {
				t.Fatalf("an interrupt is %v", err)
			}
			if sessions > 200 {
				broken.left = 1000 // rapid may draw no runs for ever
				if err := broken.session(p, 1000, false); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		if diff := cmp.Diff(straight.whole, broken.whole); diff != "" {
			t.Fatalf("other runs than without the interrupts: %s", diff)
		}
		for s, n := range broken.measured {
			if n != 1 {
				t.Fatalf("%v was made %d times", s, n)
			}
		}
	})
}

// TestInvalidIsRepeated up to the bound, and not for ever at a hopeless point.
func TestInvalidIsRepeated(t *testing.T) {
	p := &result.SweepPlan{Points: make([]result.SweepPoint, 2), Repeats: 2, Order: []int{0, 1, 1, 0}, Attempts: 3}
	f := newShelf(map[Slot]result.Verdict{
		{0, 0, 1}: result.Invalid, {0, 0, 2}: result.Fail, // a failed run is a result
		{1, 1, 1}: result.Invalid, {1, 1, 2}: result.Invalid, {1, 1, 3}: result.Invalid,
		{2, 1, 1}: result.Invalid, // and that is that
		{3, 0, 1}: result.Invalid,
	})
	if err := f.session(p, 100, false); err != nil {
		t.Fatal(err)
	}
	want := map[Slot]result.Verdict{
		{0, 0, 1}: result.Invalid, {0, 0, 2}: result.Fail,
		{1, 1, 1}: result.Invalid, {1, 1, 2}: result.Invalid, {1, 1, 3}: result.Invalid,
		{2, 1, 1}: result.Invalid, {3, 0, 1}: result.Invalid, {3, 0, 2}: result.Pass,
	}
	if diff := cmp.Diff(want, f.whole); diff != "" {
		t.Error(diff)
	}
}

// TestErrorsEndTheSweep: what is there cannot be trusted, or a run could not be
// made.
func TestErrorsEndTheSweep(t *testing.T) {
	p := &result.SweepPlan{Points: make([]result.SweepPoint, 1), Repeats: 2, Order: []int{0, 0}, Attempts: 3}
	f := newShelf(nil)
	if err := f.session(p, 1, true); err == nil || errors.Is(err, ErrInterrupted) || len(f.whole) != 1 {
		t.Errorf("%v, %v", err, f.whole)
	}
	edited := errors.New("edited")
	if err := Run(t.Context(), p, spoiled{f, edited}); !errors.Is(err, edited) {
		t.Errorf("got %v", err)
	}
	if _, err := Missing(p, spoiled{f, edited}); !errors.Is(err, edited) {
		t.Errorf("got %v", err)
	}
}

type spoiled struct {
	*shelf
	err error
}

func (s spoiled) Look(Slot) (Found, result.Verdict, error) { return Nothing, "", s.err }

func TestLeft(t *testing.T) {
	p := &result.SweepPlan{Points: []result.SweepPoint{{AboutNs: 10e9}, {AboutNs: 20e9}}, Order: []int{0, 1, 1, 0}}
	if got := Left(p, 2, 0, 0); got != 30*time.Second {
		t.Errorf("before the first run: %v", got)
	}
	if got := Left(p, 2, 30*time.Second, 45*time.Second); got != 45*time.Second {
		t.Errorf("runs that take half as long again: %v", got)
	}
}
