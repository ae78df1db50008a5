package reports

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/chaindyno/chaindyno/reports/result"
)

func tableOf(t *testing.T, run *result.Run, opts TableOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Table(&b, run, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTableSays(t *testing.T) {
	got := tableOf(t, sampleRun(), TableOptions{Dir: "out/x", Color: ColorNever})
	for _, want := range []string{
		"[✗ FAIL]  sample",
		"asked 2,000/s, the generator could do 612,400/s, so this number is your chain's\n",
		"scheduled 70,012 = sent 70,000 + dropped 12 + unsent 0: balances",
		"the cells add up to the 70,000 sent",
		"commit.p99      < 1 s",
		"rejected/missing_input          ·       26",
		"report out/x/report.html",
		"again  chaindyno run scenarios/sample.yaml --seed 42 --set 'name=two words'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Error("colours, though none were asked for")
	}
}

// The header is left as it is written.
func TestTableHeaderKept(t *testing.T) {
	got := tableOf(t, sampleRun(), TableOptions{Width: 120})
	if !regexp.MustCompile(`stage +from → to +p50 +p90 +p99 +p99\.9 +max +samples`).MatchString(got) {
		t.Errorf("no such header in:\n%s", got)
	}
}

// Lines keep to the width, but for words that can't be broken; a command line
// is left whole so that it can be copied.
func TestTableWidth(t *testing.T) {
	run := sampleRun()
	run.Run.Argv = nil
	for _, width := range []int{60, 80, 100, 120} {
		for line := range strings.Lines(tableOf(t, run, TableOptions{Dir: "out/x", Width: width, Color: ColorAlways})) {
			if w := visible(strings.TrimRight(line, "\n")); w > width {
				t.Errorf("width %d: %d columns: %q", width, w, line)
			}
		}
	}
}

// With colours or without, the words are the same.
func TestTableColorsAddNothing(t *testing.T) {
	plain := tableOf(t, sampleRun(), TableOptions{Color: ColorNever})
	coloured := tableOf(t, sampleRun(), TableOptions{Color: ColorAlways})
	coloured = strings.ReplaceAll(ansi.Strip(coloured), " ✗ FAIL ", "[✗ FAIL]")
	if plain != coloured {
		t.Error("stripped of its colours the output is another")
	}
}

func TestTableHostile(t *testing.T) {
	got := tableOf(t, hostileRun(), TableOptions{Dir: "out/x", Color: ColorNever})
	if strings.ContainsAny(got, "\x1b\a\x00\r\u202e") {
		t.Error("control characters of a node reach the terminal")
	}
}

func TestTableEmpty(t *testing.T) {
	if got := tableOf(t, &result.Run{}, TableOptions{}); !strings.Contains(got, "asked 0/s") {
		t.Errorf("got:\n%s", got)
	}
}

func TestWhose(t *testing.T) {
	with := func(change func(*result.Summary)) string {
		s := sampleRun().Summary
		s.Verdict = result.Pass
		change(&s)
		return Whose(&s)
	}
	tests := []struct{ got, want string }{
		{with(func(*result.Summary) {}), "asked 2,000/s, the generator could do 612,400/s, so this number is your chain's"},
		{with(func(s *result.Summary) { s.Environment.Calibration = nil }), "asked 2,000/s"},
		{with(func(s *result.Summary) { s.Verdict = result.Invalid }), "asked 2,000/s, the generator could do 612,400/s, but it was the limit here, so this number says nothing about your chain"},
		{with(func(s *result.Summary) { s.Run.Loop = "closed" }), "asked as much as the window let through (2,000/s), the generator could do 612,400/s, so this number is your chain's"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestNoColor(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	if ColorAuto.on(&bytes.Buffer{}) {
		t.Error("NO_COLOR is not honoured")
	}
	if !ColorAlways.on(&bytes.Buffer{}) {
		t.Error("asked for colours, got none")
	}
}
