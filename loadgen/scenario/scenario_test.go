package scenario

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

func mustParse(t *testing.T, text string, sets ...string) *Scenario {
	t.Helper()
	s, err := Parse([]byte(text), "f.yaml", sets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same compares what scenarios say, wherever they come from.
func same(t *testing.T, want, got *Scenario) {
	t.Helper()
	if diff := cmp.Diff(string(want.JSON()), string(got.JSON())); diff != "" {
		t.Error(diff)
	}
}

func TestCommentedIsDefault(t *testing.T) {
	s, err := Parse(Commented(), "init.yaml")
	if err != nil {
		t.Fatal(err)
	}
	same(t, Default(), s)
}

func TestDefaultIsValid(t *testing.T) {
	s, err := ParseSets()
	if err != nil {
		t.Fatal(err)
	}
	same(t, Default(), s)
}

// TestCommentedNamesEveryKey keeps the commented file complete.
func TestCommentedNamesEveryKey(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(map[string]any)
	walk = func(node map[string]any) {
		properties, _ := node["properties"].(map[string]any)
		for key, below := range properties {
			if !regexp.MustCompile(`\b` + key + `:`).Match(commented) {
				t.Errorf("commented.yaml does not mention %s", key)
			}
			walk(below.(map[string]any))
		}
		if items, ok := node["items"].(map[string]any); ok {
			walk(items)
		}
	}
	walk(schema)
}

var update = flag.Bool("update", false, "write docs/scenario.schema.json")

func TestPublishedSchema(t *testing.T) {
	const file = "../../docs/scenario.schema.json"
	if *update {
		if err := os.WriteFile(file, JSONSchema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, JSONSchema()) {
		t.Error("docs/scenario.schema.json is not current: run go generate ./loadgen/scenario")
	}
}

func TestJSONRoundTrip(t *testing.T) {
	s := mustParse(t, "load: {schedule: {steps: [{rate: 10/s, for: 1s}]}, lanes: 5000, options: {key_skew: 1.1, double_spends: 5%}}\nchain: {node: {a: [1, 2.5, x]}}")
	again, err := Parse(s.JSON(), "again")
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, again)
}

func TestFileWithoutChainHasNone(t *testing.T) {
	s := mustParse(t, "target: {submit: [127.0.0.1:9610]}")
	if s.Chain != nil || len(s.SLO) != 0 || s.Load.Schedule.Constant.Rate != 5000 {
		t.Errorf("%s", s.JSON())
	}
}

func TestShippedScenarios(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(data, f)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != strings.TrimSuffix(filepath.Base(f), ".yaml") {
			t.Errorf("%s is named %s", f, s.Name)
		}
	}
}

func TestBadInput(t *testing.T) {
	const there = "target: {submit: [127.0.0.1:1]}\n"
	for _, c := range []struct{ text, want string }{
		{there + "load: {schedule: {constant: {rate: 0/s}}}", `f.yaml:2:36: load.schedule.constant.rate: 0/s is out of range; permitted: 0.001/s to 10000000/s`},
		{there + "load: {schedule: {constant: {rate: 5000/x}}}", `f.yaml:2:36: load.schedule.constant.rate: want a rate such as 5000/s or 300/m, got "5000/x"`},
		{there + "load: {schedule: {constant: {rate: -5}}}", `f.yaml:2:36: load.schedule.constant.rate: -5/s is out of range; permitted: 0.001/s to 10000000/s`},
		{there + "load:\n  warmup: 5x", `f.yaml:3:11: load.warmup: want a duration such as 250ms, 5s or 1m30s, got "5x"`},
		{there + "load:\n  drain: 0s", `f.yaml:3:10: load.drain: 0s is out of range; permitted: 1s to 1h`},
		{there + "load: {conections: 4}", `f.yaml:2:8: load.conections: unknown key; did you mean connections?`},
		{there + "load: {schedule: {}}", `f.yaml:2:18: load.schedule: choose one of constant, ramp, steps, poisson, trace, closed`},
		{there + "load: {schedule: {constant: {rate: 1/s}, closed: {in_flight: 4}}}", `f.yaml:2:18: load.schedule: choose one of constant, ramp, steps, poisson, trace, closed`},
		{there + "load: {schedule: {ramp: {from: 0/s, to: 0/s}}}", `f.yaml:2:19: load.schedule.ramp: both rates are 0`},
		{there + "load: {schedule: {steps: [{rate: 0/s, for: 1s}]}}", `f.yaml:2:19: load.schedule.steps: every rate is 0`},
		{there + "load: {schedule: {steps: [{rate: 1/s}]}}", `f.yaml:2:27: load.schedule.steps[0].for: 0s is out of range; permitted: 100ms to 168h`},
		{there + "load: {schedule: {steps: []}}", `f.yaml:2:19: load.schedule.steps: is empty: give at least one {rate, for}`},
		{there + "load: {batch: {size: 0}}", `f.yaml:2:22: load.batch.size: 0 is out of range; permitted: 1 to 65536`},
		{there + "load: {lanes: 0}", `f.yaml:2:15: load.lanes: want auto or a number from 1 to 16777216, got "0"`},
		{there + "load: {lanes: 3}", `f.yaml:2:15: load.lanes: 3 lanes cannot be shared by 4 connections; permitted: from 4`},
		{there + "load: {sign: later}", `f.yaml:2:14: load.sign: "later" is not known; permitted: before, live`},
		{there + "load: {confirmations: 0}", `f.yaml:2:23: load.confirmations: 0 is out of range; permitted: 1 to 1000`},
		{there + "load: {mix: [{kind: swap, share: 100}]}", `f.yaml:2:21: load.mix[0].kind: "swap" is not known; permitted: transfer`},
		{there + "load: {mix: [{kind: transfer, share: 90}]}", `f.yaml:2:8: load.mix: shares add up to 90; they must add up to 100`},
		{there + "load: {options: {inputs: 0}}", `f.yaml:2:26: load.options.inputs: 0 is out of range; permitted: 1 to 500`},
		{there + "load: {options: {invalid_signatures: 60%, double_spends: 0.5}}", `f.yaml:2:8: load.options: invalid_signatures and double_spends add up to 1.1; permitted: up to 1`},
		{there + "load: {options: {key_skew: steep}}", `f.yaml:2:28: load.options.key_skew: want uniform or the exponent of Zipf's law such as 1.1, got "steep"`},
		{there + `slo: ["commit.p98 < 2s"]`, `f.yaml:2:7: slo[0]: metric "commit.p98" is not known; permitted: a stage and a figure such as commit.p99, or dropped, error_share, evicted, lost, pooled, rejected, reorgs, throughput, unknown`},
		{there + `slo: ["commit.p99 < 2"]`, `f.yaml:2:7: slo[0]: want a duration as limit, such as 2s, got "2"`},
		{there + `slo: ["commit.p99 = 2s"]`, `f.yaml:2:7: slo[0]: comparison "=" is not known; permitted: < <= > >= ==`},
		{there + `slo: ["lost == some"]`, `f.yaml:2:7: slo[0]: want a whole number as limit, got "some"`},
		{there + `slo: ["commit.p99"]`, `f.yaml:2:7: slo[0]: want metric, comparison and limit, such as "commit.p99 < 2s", got "commit.p99"`},
		{there + `slo: ["error_share < 200%"]`, `f.yaml:2:7: slo[0]: want a share as limit, 0 to 1 or such as 0.1%, got "200%"`},
		{there + `slo: ["throughput >= fast"]`, `f.yaml:2:7: slo[0]: want a rate as limit, such as 4900/s, got "fast"`},
		{there + "audit: some", `f.yaml:2:8: audit: "some" is not known; permitted: off, headers, counts, full`},
		{there + "name: a/b", `f.yaml:2:7: name: "a/b" is not a name; permitted: up to 64 letters, digits, dots, dashes and underscores`},
		{there + "version: 2", `f.yaml:2:10: version: 2 is out of range; permitted: 1 to 1`},
		{there + "faults: [{at: 1s, do: kill}]", `f.yaml:2:1: faults: only nodes that the run starts itself can be hurt; add chain`},
		{"chain: {}\nfaults: [{at: 1s, do: kill, node: 1}]", `f.yaml:2:35: faults[0].node: 1 is out of range; permitted: 0 to 0`},
		{"chain: {}\nfaults: [{at: 35s, do: kill}]", `f.yaml:2:15: faults[0].at: 35s is after the load has ended; permitted: less than 35s`},
		{"chain: {up: {nodes: 17}}", `f.yaml:1:21: chain.up.nodes: 17 is out of range; permitted: 1 to 16`},
		{"chain: {}\ntarget: {driver: bitcoin}", `f.yaml:1:1: chain: nodes of this binary speak to the reference driver only; start bitcoin yourself and name it in target.submit`},
		{"target: {submit: [127.0.0.1:1], auth: {user_env: U}}", `f.yaml:1:33: target.auth: the reference driver knows no users; use token_env`},
		{"chain: {}\ntarget: {submit: [127.0.0.1:1]}", `f.yaml:2:10: target.submit: chain starts nodes of its own; remove one of the two`},
		{"name: x", `f.yaml: target.submit: is absent: name the nodes to load, or add chain to start them`},
		{"target: {submit: [nowhere]}", `f.yaml:1:19: target.submit[0]: want host:port or a URL, got "nowhere"`},
		{"target: {submit: [127.0.0.1:99999]}", `f.yaml:1:19: target.submit[0]: want host:port or a URL, got "127.0.0.1:99999"`},
		{"target: {submit: ['http://me:pass@127.0.0.1:1']}", `f.yaml:1:19: target.submit[0]: an address must not hold credentials; use auth`},
		{"target: {driver: 'null', submit: [127.0.0.1:1]}", `f.yaml:1:26: target.submit: the null driver has no address; remove it`},
		{"target: {driver: null}\nchain: {}", `f.yaml:2:1: chain: the null driver needs no chain; remove it`},
		{"target: {driver: , submit: [127.0.0.1:1]}", `f.yaml:1:17: target.driver: has no value`},
		{"target:\n  driver:\n  submit: [127.0.0.1:1]", `f.yaml:2:10: target.driver: has no value`},
		{"target: {driver: '', submit: [127.0.0.1:1]}", `f.yaml:1:18: target.driver: is empty`},
		{"target: {submit: [127.0.0.1:1], token_env: 'abc def'}", `f.yaml:1:44: target.token_env: want the name of an environment variable, not a secret`},
		{"target: {submit: [127.0.0.1:1], token_env: TOKEN}", `f.yaml:1:44: target.token_env: a token is sent over TLS only; add tls.ca`},
		{"target: {submit: [127.0.0.1:1], tls: {cert: a}}", `f.yaml:1:33: target.tls: cert and key go together`},
	} {
		_, err := Parse([]byte(c.text), "f.yaml")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestSets(t *testing.T) {
	s, err := ParseSets("load.schedule.closed.in_flight=64", "load.batch.size=8", "chain.node.miner.pace=1s", `slo=["lost == 0"]`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Load.Schedule.Constant != nil || s.Load.Schedule.Closed.InFlight != 64 || s.Load.Batch.Size != 8 || len(s.SLO) != 1 {
		t.Errorf("%s", s.JSON())
	}
	if !strings.Contains(string(s.JSON()), `"miner":{"pace":"1s","threads":1}`) {
		t.Errorf("%s", s.JSON())
	}
	for set, want := range map[string]string{
		"load.schedule.constant.rate=0": "--set load.schedule.constant.rate=0: load.schedule.constant.rate: 0/s is out of range; permitted: 0.001/s to 10000000/s",
		"load.bach.size=0":              "--set load.bach.size=0: load.bach: unknown key; did you mean batch?",
	} {
		if _, err := ParseSets(set); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestRequireDriver(t *testing.T) {
	s := mustParse(t, "target: {driver: bitcon, submit: [127.0.0.1:1]}")
	err := s.RequireDriver([]string{"reference", "null"})
	if want := `f.yaml:1:18: target.driver: "bitcon" is not known; permitted: reference, null`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := s.RequireDriver([]string{"bitcon"}); err != nil {
		t.Error(err)
	}
}

func TestCheckNetwork(t *testing.T) {
	for _, c := range []struct {
		address    string
		dev, allow bool
		ok         bool
	}{
		{"127.0.0.1:1", false, false, true},
		{"localhost:1", false, false, true},
		{"[::1]:1", false, false, true},
		{"http://127.0.0.9:1", false, false, true},
		{"10.0.0.1:1", false, false, false},
		{"http://example.org", false, false, false},
		{"localhost.example.org:1", false, false, false},
		{"10.0.0.1:1", true, false, true},
		{"10.0.0.1:1", false, true, true},
	} {
		s := mustParse(t, "target: {submit: ['"+c.address+"']}")
		s.Target.AllowRemote = c.allow
		err := s.CheckNetwork(driver.Info{Dev: c.dev, Network: "main"})
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && !strings.HasSuffix(err.Error(), `is not on this machine and network "main" is not known to be worthless; add --allow-remote if you mean it`) {
			t.Error(err)
		}
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		text   string
		count  uint64
		length time.Duration
		first  float64 // rate at 0
	}{
		{"constant: {rate: 100/s, for: 10s}", 1200, 12 * time.Second, 100},
		{"ramp: {from: 100/s, to: 300/s, for: 10s}", 2200, 12 * time.Second, 100},
		{"steps: [{rate: 50/s, for: 10s}, {rate: 0, for: 1s}, {rate: 100/s, for: 1s}]", 700, 14 * time.Second, 50},
	} {
		s := mustParse(t, "chain: {}\nload: {warmup: 2s, schedule: {"+c.text+"}}")
		sc, err := s.BuildSchedule()
		if err != nil {
			t.Fatal(err)
		}
		if sc.Count() != c.count || sc.Length() != c.length || s.Length() != c.length || sc.Rate(0) != c.first || s.ExpectedTxs() != c.count {
			t.Errorf("%s: %d arrivals in %v at %v", c.text, sc.Count(), sc.Length(), sc.Rate(0))
		}
	}
	s := mustParse(t, "chain: {}\nload: {warmup: 2s, schedule: {closed: {in_flight: 10, for: 3s, expect: 100/s}}}")
	if sc, err := s.BuildSchedule(); sc != nil || err != nil || s.ExpectedTxs() != 500 || s.Loop() != "closed" {
		t.Errorf("%v, %v, %d", sc, err, s.ExpectedTxs())
	}
	poisson := func(seed string) time.Duration {
		s := mustParse(t, "chain: {}\nload: {seed: "+seed+", schedule: {poisson: {rate: 100/s, for: 3s}}}")
		sc, err := s.BuildSchedule()
		if err != nil {
			t.Fatal(err)
		}
		return sc.At(100)
	}
	first, again, other := poisson("1"), poisson("1"), poisson("2")
	if first != again || first == other {
		t.Error("Poisson arrivals do not follow the seed")
	}
}

func TestObjectives(t *testing.T) {
	for text, want := range map[string]Objective{
		"commit.p99 < 2s":       {"commit.p99", "<", 2e9, "ns", "commit.p99 < 2s"},
		"error_share<0.1%":      {"error_share", "<", 0.001, "share", "error_share < 0.1%"},
		"lost==0":               {"lost", "==", 0, "count", "lost == 0"},
		" throughput >= 4900/s": {"throughput", ">=", 4900, "tx/s", "throughput >= 4900/s"},
		"node_seal.max <= 1m":   {"node_seal.max", "<=", 6e10, "ns", "node_seal.max <= 1m"},
	} {
		got, err := ParseObjective(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(Commented()), "load.seed=1")
	f.Add("target: {driver: 'null'}\nslo: [lost==0]", "load.schedule.steps=[{rate: 5/s, for: 1s}]")
	f.Add(matrix, "sweep.axes.audit=[off, full]")
	f.Fuzz(func(t *testing.T, text, set string) {
		s, err := Parse([]byte(text), "f", set)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		again, err := Parse(s.JSON(), "again")
		if err != nil {
			t.Fatalf("%v\n%s", err, s.JSON())
		}
		if !bytes.Equal(s.JSON(), again.JSON()) || !reflect.DeepEqual(s.Load, again.Load) {
			t.Errorf("%s became %s", s.JSON(), again.JSON())
		}
	})
}
