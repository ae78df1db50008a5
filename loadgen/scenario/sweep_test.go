package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

const matrix = `name: m
chain: {up: {nodes: 2}, node: {sync: block}}
load: {schedule: {constant: {rate: 100/s, for: 2s}}}
sweep:
  axes:
    miner.threads: [1, 2]
    load.schedule.constant.rate: [10/s, 20/s]
    load.batch: [{size: 1}, {size: 64, linger: 1ms}]
`

func TestSweepPoints(t *testing.T) {
	s := mustParse(t, matrix)
	if s.Sweep.Repeats != 5 || s.Sweep.Seed != 42 || s.Sweep.Metric != "throughput" {
		t.Errorf("defaults: %+v", s.Sweep)
	}
	var got []string
	err := s.Choices(func(choice []int) error {
		p, err := s.Vary(choice)
		if err != nil {
			return err
		}
		if p.Sweep != nil || p.Name != "m" || p.Chain.Up.Nodes != 2 || p.Chain.Node["sync"] != "block" {
			t.Errorf("the point is not the scenario with some keys changed: %s", p.JSON())
		}
		got = append(got, fmt.Sprint(p.Chain.Node["miner"].(strictyaml.Tree)["threads"], p.Load.Schedule.Constant.Rate, p.Load.Schedule.Constant.For, p.Load.Batch))
		return nil
	})
	want := []string{
		"1 10/s 2s {1 2ms}", "1 10/s 2s {64 1ms}", "1 20/s 2s {1 2ms}", "1 20/s 2s {64 1ms}",
		"2 10/s 2s {1 2ms}", "2 10/s 2s {64 1ms}", "2 20/s 2s {1 2ms}", "2 20/s 2s {64 1ms}",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if s.Chain.Node["miner"] != nil || s.Load.Schedule.Constant.Rate != 100 {
		t.Errorf("the scenario itself was changed: %s", s.JSON())
	}
	var keys []string
	for _, a := range s.Axes() {
		keys = append(keys, a.Key)
	}
	if want := []string{"chain.node.miner.threads", "load.schedule.constant.rate", "load.batch"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v", keys)
	}
	same(t, s, mustParse(t, string(s.JSON())))
	if other := mustParse(t, matrix, "sweep.axes.sync=[always, none]", "sweep.repeats=2"); len(other.Axes()) != 4 || other.Sweep.Repeats != 2 {
		t.Errorf("%s", other.JSON())
	}
	if other := mustParse(t, matrix, "sweep.axes={sync: [always]}"); len(other.Axes()) != 1 {
		t.Errorf("%s", other.JSON())
	}
}

func TestLabels(t *testing.T) {
	for want, v := range map[string]any{
		"250ms": "250ms", `""`: "", "1024": int64(1024), "0.5": 0.5, "true": true, "{a:[1,x]}": strictyaml.Tree{"a": []any{int64(1), "x"}}, "1000000": 1e6,
	} {
		if got := Label(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

// TestAssignable lays values over a scenario from the command line, and wants
// them back as they were.
func TestAssignable(t *testing.T) {
	for want, v := range map[string]any{
		"250ms": "250ms", "10/s": "10/s", `"true"`: "true", "true": true, `"1e3"`: "1e3", `"0x10"`: "0x10", "1000": int64(1000), "0.5": 0.5,
		"./old/bin": "./old/bin", `"a b: c"`: "a b: c", `""`: "", `"off"`: "off", `{"a":[1,"x"]}`: strictyaml.Tree{"a": []any{int64(1), "x"}}, `"a,b"`: "a,b", `"1_0"`: "1_0",
	} {
		got := Assignable(v)
		if got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
		s := mustParse(t, "chain: {}", "chain.node.x="+got)
		if diff := cmp.Diff(v, s.Chain.Node["x"]); diff != "" {
			t.Errorf("%s: %s", got, diff)
		}
	}
}

// TestBadSweeps wants one line that points at the axis, or at the value.
func TestBadSweeps(t *testing.T) {
	const there = "chain: {}\nsweep: {axes: "
	many := strings.Repeat("1, ", 65)
	for _, c := range []struct{ text, want string }{
		{"chain: {}\nsweep: {}", `f.yaml:2:1: sweep.axes: is empty: give at least one key with a list of values, such as {miner.threads: [1, 2]}`},
		{there + "[1]}", `f.yaml:2:15: sweep.axes: want a mapping, got a list`},
		{there + "{sync: none}}", `f.yaml:2:16: sweep.axes.sync: want a list of 1 to 64 values, such as [1, 2]`},
		{there + "{sync: []}}", `f.yaml:2:16: sweep.axes.sync: want a list of 1 to 64 values, such as [1, 2]`},
		{there + "{x: [" + many + "]}}", `f.yaml:2:16: sweep.axes.x: want a list of 1 to 64 values, such as [1, 2]`},
		{there + "{sync: [a, null]}}", `f.yaml:2:26: sweep.axes.sync[1]: has no value`},
		{there + "{sync: [a, b, a]}}", `f.yaml:2:29: sweep.axes.sync[2]: a is given twice`},
		{there + "{name: [a, b]}}", `f.yaml:2:16: sweep.axes.name: is the same for every run; choose another key`},
		{there + "{sweep.seed: [1]}}", `f.yaml:2:16: sweep.axes.sweep.seed: is the same for every run; choose another key`},
		{there + "{load.connections: [1], load: {connections: [2]}}}", `f.yaml:2:46: sweep.axes.load.connections: is given twice`},
		{there + "{sync: [a], chain.node.sync: [a]}}", `f.yaml:2:27: sweep.axes.chain.node.sync: chain.node.sync lies within the axis sync, or that one in it; remove one of the two`},
		{there + "{load.batch.size: [1], load.batch: [{size: 2}]}}", `f.yaml:2:38: sweep.axes.load.batch: load.batch lies within the axis load.batch.size, or that one in it; remove one of the two`},
		{there + "{load.conections: [1, 2]}}", `f.yaml:2:34: load.conections: unknown key; did you mean connections?`},
		{there + "{load.connections: [1, 400]}}", `f.yaml:2:38: load.connections: 400 is out of range; permitted: 1 to 256`},
		{there + "{load.connections: [one]}}", `f.yaml:2:35: load.connections: want a whole number, got "one"`},
		{there + "{load.connections: [1, 8], load.lanes: [9, 5]}}", `f.yaml:2:58: load.lanes: 5 lanes cannot be shared by 8 connections; permitted: from 8`},
		{"chain: {}\nload: {lanes: 7}\nsweep: {axes: {load.connections: [1, 8]}}", `f.yaml:2:15: load.lanes: 7 lanes cannot be shared by 8 connections; permitted: from 8 (with load.connections=8)`},
		{"target: {driver: 'null'}\nsweep: {axes: {miner.threads: [1]}}", `f.yaml:2:16: sweep.axes.miner.threads: means chain.node.miner.threads, but this scenario starts no chain; add chain, or choose a key of target or load`},
		{"chain: {}\nsweep: {axes: {sync: [a]}, repeats: 0}", `f.yaml:2:37: sweep.repeats: 0 is out of range; permitted: 1 to 100`},
		{"chain: {}\nsweep: {axes: {sync: [a]}, metric: speed}", `f.yaml:2:36: sweep.metric: "speed" is not known; permitted: throughput, commit.p50, commit.p99, block_time, hashes`},
		{there + "{a: [1], b: [1], c: [1], d: [1], e: [1], f: [1], g: [1]}}", `f.yaml:2:9: sweep.axes: 7 axes are too many; permitted: 1 to 6`},
	} {
		_, err := Parse([]byte(c.text), "f.yaml")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	values := make([]string, 33)
	for i := range values {
		values[i] = fmt.Sprint(i + 1)
	}
	list := "[" + strings.Join(values, ", ") + "]"
	if _, err := Parse([]byte(there+"{a: "+list+", b: "+list+"}}"), "f.yaml"); err == nil || err.Error() != `f.yaml:2:9: sweep.axes: make 1089 points; permitted: up to 1024` {
		t.Errorf("got %v", err)
	}
}
