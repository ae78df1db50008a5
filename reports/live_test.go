package reports

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/chaindyno/chaindyno/reports/result"
)

func reading(phase string, at time.Duration) Progress {
	return Progress{
		Name: "peak", Target: "refchain at 127.0.0.1:7400", Phase: phase, Elapsed: at, Total: 35 * time.Second,
		AskedPerS: 5000, AchievedPerS: 4998.4, CommittedPerS: 4850, Offered: []float64{5000, 5000, 4998}, Committed: []float64{4000, 0, 9700},
		CommitP50: 186 * time.Millisecond, CommitP99: 812 * time.Millisecond, InFlight: 1203, Pool: 1100, Blocks: 48, Height: 1318, Reorgs: 1, Rejected: 3,
		SLO: []result.Check{{Name: "commit.p99", Op: "<", Limit: 1e9, Observed: 8.12e8, Unit: "ns", Known: true, OK: true}},
	}
}

// Lines come at a change of phase, then every ten seconds, and at the end;
// warnings come at once and only once.
func TestLiveLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		updates := make(chan Progress)
		done := make(chan error)
		go func() { done <- Live(t.Context(), &b, nil, nil, updates) }()
		for second := range 25 {
			p := reading("steady", time.Duration(second)*time.Second)
			if second == 0 {
				p.Phase = "warmup"
			}
			if second > 12 {
				p.Warnings = []string{"steal of 3 %"}
			}
			updates <- p
			time.Sleep(time.Second) // the bubble's clock
		}
		close(updates)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		want := []string{
			"level=info run=peak phase=warmup t=0s ",
			"level=info run=peak phase=steady t=1s ",
			"level=info run=peak phase=steady t=9s ",
			`level=warn msg="steal of 3 %"`,
			"level=info run=peak phase=steady t=19s ",
			"level=info run=peak phase=steady t=24s ",
		}
		if len(lines) != len(want) {
			t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), b.String())
		}
		for i := range want {
			if !strings.HasPrefix(lines[i], want[i]) {
				t.Errorf("line %d is %q, want it to begin %q", i, lines[i], want[i])
			}
		}
		if want := "asked=5000 sent=4998 committed=4850 p50=186ms p99=812ms inflight=1203 pool=1100 blocks=48 height=1318 reorgs=1 dropped=0 rejected=3 unknown=0 slo.commit.p99=ok"; !strings.HasSuffix(lines[2], want) {
			t.Errorf("line is %q, want it to end %q", lines[2], want)
		}
	})
}

func TestLiveLinesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var b bytes.Buffer
		updates := make(chan Progress)
		done := make(chan error)
		go func() { done <- Live(ctx, &b, nil, nil, updates) }()
		updates <- reading("steady", time.Second)
		updates <- reading("steady", 2*time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "t=2s") {
			t.Errorf("the last reading is missing:\n%s", b.String())
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLiveLinesBroken(t *testing.T) {
	updates := make(chan Progress, 1)
	updates <- reading("steady", time.Second)
	if err := Live(t.Context(), broken{}, nil, nil, updates); err == nil {
		t.Error("a broken pipe is no error")
	}
}

func TestLiveSigning(t *testing.T) {
	var b bytes.Buffer
	l := &liner{w: &b, warned: map[string]bool{}}
	l.take(Progress{Name: "a b", Phase: "sign", Done: 5, Of: 10})
	if got, want := b.String(), "level=info run=\"a b\" phase=sign t=0s done=5 of=10\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A run among others says where it stands.
func TestLiveAmong(t *testing.T) {
	p := reading("steady", time.Second)
	p.Among = "run 7 of 40, threads=2, 12 min left\n"
	var b bytes.Buffer
	l := &liner{w: &b, warned: map[string]bool{}}
	l.take(p)
	if want := `t=1s among="run 7 of 40, threads=2, 12 min left " asked=5000`; !strings.Contains(b.String(), want) {
		t.Errorf("got %q, want %q in it", b.String(), want)
	}
	drawn := liveModel{p: p, width: 80}.draw()
	if lines := strings.Split(drawn, "\n"); !strings.HasPrefix(lines[1], "run 7 of 40, threads=2, 12 min left") {
		t.Errorf("not on the second line:\n%s", drawn)
	}
}

func drawn(t *testing.T, p Progress, width int) string {
	t.Helper()
	m, _ := liveModel{width: width}.Update(progressMsg(p))
	return m.(liveModel).draw()
}

func TestLiveDraws(t *testing.T) {
	got := drawn(t, reading("steady", 12*time.Second), 100)
	for _, want := range []string{
		"peak  refchain at 127.0.0.1:7400", "steady", " 34 %  12s of 35s", "asked 5,000/s", "4,850/s", "812 ms", "1,203  in flight, 1,100 in the pool",
		"height 1,318, 1 reorganisation", "rejected 3, unknown 0, dropped 0", "✓ commit.p99 < 1 s  so far 812 ms", "Ctrl-C ends the run early",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%s", want, got)
		}
	}
}

func TestLiveWidth(t *testing.T) {
	p := reading("steady", 12*time.Second)
	p.Offered, p.Committed = make([]float64, 500), make([]float64, 500)
	p.Warnings = []string{strings.Repeat("long ", 50), hostile, "c", "d", "e", "f"}
	p.Workers = make([]WorkerProgress, 20)
	for _, width := range []int{60, 80, 120} {
		for line := range strings.Lines(drawn(t, p, width)) {
			if w := visible(strings.TrimRight(line, "\n")); w > width {
				t.Errorf("width %d: %d columns: %q", width, w, line)
			}
		}
	}
	if got := drawn(t, p, 80); strings.ContainsAny(got, "\x1b\a\r\u202e") || !strings.Contains(got, "2 earlier warnings") || !strings.Contains(got, "… and 12 more") {
		t.Errorf("got:\n%q", got)
	}
}

func TestSparkline(t *testing.T) {
	tests := []struct {
		values []float64
		n      int
		want   string
	}{
		{nil, 3, "   "},
		{[]float64{0, 1, 4, 8}, 4, " ▁▄█"},
		{[]float64{8, 0.001}, 3, "█▁ "},
		{[]float64{1, 2, 8, 99}, 2, "██"},
	}
	for _, tt := range tests {
		if got := sparkline(tt.values, 8, tt.n); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.values, got, tt.want)
		}
	}
}

// Ctrl-C asks for an end once and keeps showing; the second gives the terminal
// back.
func TestLiveInterrupt(t *testing.T) {
	stops := 0
	press := tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	var m tea.Model = liveModel{width: 80, stop: func() { stops++ }}
	m, _ = m.Update(progressMsg(reading("steady", time.Second)))
	m, cmd := m.Update(press)
	if stops != 1 || cmd != nil || !strings.Contains(m.(liveModel).draw(), "stopping: ") {
		t.Errorf("after one: %d stops, command %v", stops, cmd != nil)
	}
	m, cmd = m.Update(press)
	if stops != 1 || cmd == nil || m.View().Content != "" {
		t.Errorf("after two: %d stops, view %q", stops, m.View().Content)
	}
}
