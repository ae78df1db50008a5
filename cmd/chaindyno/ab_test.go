package main

import (
	"os"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// TestABFindsItsRuns: tools/ab.sh builds every binary that its scenario names,
// and looks for runs under the names that a sweep gives their folders.
func TestABFindsItsRuns(t *testing.T) {
	text, err := os.ReadFile("../../scenarios/ab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(text, "ab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../tools/ab.sh")
	if err != nil {
		t.Fatal(err)
	}
	axes := s.Axes()
	if len(axes) != 1 || len(axes[0].Values) != 3 || s.Sweep.Repeats < 10 {
		t.Fatalf("%+v, %d repeats", axes, s.Sweep.Repeats)
	}
	for _, v := range axes[0].Values {
		path := scenario.Label(v)
		name, ok := strings.CutPrefix(path, "bin/ab/")
		if !ok || !strings.Contains(string(script), " "+path+" ") && !strings.Contains(string(script), " "+path+"\n") {
			t.Errorf("%s is not built by the script", path)
		}
		p := result.SweepPlan{Axes: []result.SweepAxis{{Name: "binary", Values: []string{path}}}, Points: []result.SweepPoint{{Values: []int{0}}}, Order: []int{0}}
		if got := p.Folder(0, 1); !strings.HasSuffix(got, "-binary=bin_ab_"+name) {
			t.Errorf("the run is in %s", got)
		}
	}
	if !strings.Contains(string(script), "binary=bin_ab_$1") {
		t.Error("the script looks for other folders")
	}
}
