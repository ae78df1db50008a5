package result

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func planned() *Sweep {
	s := &Sweep{SweepPlan: SweepPlan{
		Name: "m", Start: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Config: json.RawMessage(`{"slo": ["commit.p99 < 2s"]}`), RunArgv: []string{"a=<b>"},
		Axes:   []SweepAxis{{Key: "chain.up.binary", Name: "binary", Values: []string{"./old/x y", `""`}}, {Key: "k", Name: "threads", Values: []string{"1"}}},
		Points: []SweepPoint{{Values: []int{0, 0}}, {Values: []int{1, 0}}}, Repeats: 2, Order: []int{0, 1, 1, 0}, Attempts: 3,
	}}
	s.Seal()
	return s
}

func TestSweepNames(t *testing.T) {
	s := planned()
	for place, want := range map[int]string{0: "001-binary=._old_x,y,threads=1", 1: "002-binary=__,threads=1"} {
		if got := s.Folder(place, 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	s.Axes[0].Values[0] = "../" + strings.Repeat("x", 300) + "/\x00"
	if got := s.Folder(3, 3); len(got) > 100 || strings.ContainsAny(got, "/\x00") || !strings.HasPrefix(got, "004-binary=.._xxx") || !strings.HasSuffix(got, "-3") {
		t.Errorf("got %s", got)
	}
	s.Order = make([]int, 2000)
	if got := s.Folder(0, 1); !strings.HasPrefix(got, "0001-") {
		t.Errorf("got %s", got)
	}
}

// TestSweepSeal: what was written reads back sealed, sessions may be added, and
// no part of the plan may change.
func TestSweepSeal(t *testing.T) {
	s := planned()
	s.Sessions = append(s.Sessions, SweepSession{From: 3})
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	read := func(old, other string) *Sweep {
		changed := strings.Replace(string(text), old, other, 1)
		again := new(Sweep)
		if err := json.Unmarshal([]byte(changed), again); err != nil {
			t.Fatal(err)
		}
		return again
	}
	if !read("", "").Sealed() {
		t.Error("what was written is not what was sealed")
	}
	for old, other := range map[string]string{`"repeats": 2`: `"repeats": 3`, `commit.p99 \u003c 2s`: `commit.p99 \u003c 3s`, `"name": "m"`: `"name": "n"`} {
		if !strings.Contains(string(text), old) {
			t.Fatalf("%s is not in %s", old, text)
		}
		if read(old, other).Sealed() {
			t.Errorf("nobody sees that %s became %s", old, other)
		}
	}
}

func TestSweepCheck(t *testing.T) {
	if problem := planned().Check(); problem != "" {
		t.Error(problem)
	}
	for want, change := range map[string]func(*Sweep){
		"point 1 has 1 values for 2 axes":                func(s *Sweep) { s.Points[1].Values = []int{0} },
		"point 0 has no value of axis threads":           func(s *Sweep) { s.Points[0].Values[1] = 1 },
		"there is no point 2":                            func(s *Sweep) { s.Order[3] = 2 },
		"3 runs in order are not 2 points, 2 times each": func(s *Sweep) { s.Order = s.Order[:3] },
		"4 runs in order are not 2 points, 2 times each": func(s *Sweep) { s.Attempts = 0 },
	} {
		s := planned()
		change(s)
		if got := s.Check(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
