package scenario

import (
	"strings"
	"testing"
	"time"
)

func TestCapacityDefaults(t *testing.T) {
	s := mustParse(t, `slo: ["commit.p99 < 1s"]`, "target.driver=null")
	if s.Capacity != nil {
		t.Error("a plain scenario has a search")
	}
	if err := s.ForCapacity(); err != nil {
		t.Fatal(err)
	}
	given := mustParse(t, "slo: [\"commit.p99 < 1s\"]\ncapacity: {}", "target.driver=null")
	same(t, given, s)
	changed := mustParse(t, `slo: ["commit.p99 < 1s"]`, "target.driver=null", "capacity.start=300/m", "capacity.precision=2%")
	if c := changed.Capacity; c.Start != 5 || c.Precision != 0.02 || c.Confirm != 5 || c.Trial.Full.Std() != 30*time.Second {
		t.Errorf("%+v", changed.Capacity)
	}
}

func TestCapacityErrors(t *testing.T) {
	const slo = "target: {driver: 'null'}\nslo: [\"commit.p99 < 1s\"]\n"
	for text, want := range map[string]string{
		slo + "capacity: {stat: 1/s}":                                                                     "f.yaml:3:12: capacity.stat: unknown key; did you mean start?",
		slo + "capacity: {start: 0/s}":                                                                    "f.yaml:3:19: capacity.start: 0/s is out of range; permitted: 0.1/s to 10000000/s",
		slo + "capacity: {precision: 0.1%}":                                                               "f.yaml:3:23: capacity.precision: 0.001 is out of range; permitted: 1% to 50%",
		slo + "capacity: {confirm: 0}":                                                                    "f.yaml:3:21: capacity.confirm: 0 is out of range; permitted: 1 to 50",
		slo + "capacity: {trial: {short: 20s}}":                                                           "f.yaml:3:12: capacity.trial: short 20s, long 15s and full 30s must not get shorter",
		slo + "capacity: {}\nload: {schedule: {closed: {}}}":                                              "f.yaml:4:8: load.schedule: a search for capacity asks for one rate at a time; permitted: constant, poisson",
		"target: {driver: 'null'}\ncapacity: {}":                                                          `slo: a search for capacity needs a latency to hold it to, such as "commit.p99 < 2s"`,
		"target: {driver: 'null'}\ncapacity: {}\nslo: [lost == 0]":                                        `f.yaml:3:1: slo: a search for capacity needs a latency to hold it to`,
		slo + "capacity: {}\nchain: {}":                                                                   "f.yaml:4:1: chain: the null driver needs no chain; remove it",
		"target: {driver: 'null'}\ncapacity: {}\nslo: [commit.p99 < 1s, throughput >= 5/s]":               "f.yaml:3:24: slo[1]: throughput is what a search for capacity looks for",
		"chain: {}\ncapacity: {}\nslo: [commit.p99 < 1s]\nfaults: [{at: 1s, node: 0, do: kill, for: 1s}]": "f.yaml:4:1: faults: a search for capacity needs a system that nobody hurts",
	} {
		if _, err := Parse([]byte(text), "f.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestAt: a trial differs from the scenario in rate and length, and is a plain
// scenario that can be run again.
func TestAt(t *testing.T) {
	for _, kind := range []string{"constant", "poisson"} {
		s := mustParse(t, "slo: [\"commit.p99 < 1s\"]\ncapacity: {}\nload: {schedule: {"+kind+": {rate: 5/s, for: 1s}}}", "target.driver=null")
		before := string(s.JSON())
		trial := s.At(22620, 15*time.Second)
		if string(s.JSON()) != before {
			t.Error("the scenario was changed")
		}
		again := mustParse(t, `slo: ["commit.p99 < 1s"]`, "target.driver=null", trial.Assignment())
		same(t, again, trial)
		if n := trial.ExpectedTxs(); kind == "constant" && n != 20*22620 {
			t.Errorf("%d arrivals in 5 s of warm-up and 15 s", n)
		}
		if err := trial.Validate(); err != nil {
			t.Error(err)
		}
	}
}
