package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

// TestTestnetView looks at a node that is there and at one that is not.
func TestTestnetView(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--pace", "1ms"))
	var out strings.Builder
	nodes := []sut.Node{
		{Name: "node-0", Address: n.ready.Listen, Admin: n.ready.Admin},
		{Name: "node-1", Address: "127.0.0.1:1", Admin: "127.0.0.1:1"},
	}
	v, err := newTestnetView(&out, nodes, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	ctx, cancel := context.WithCancel(t.Context())
	err = v.run(ctx, func(context.Context) ([]string, error) {
		if strings.Count(out.String(), "\n") > 3 {
			cancel()
		}
		return []string{"node-1 ended by itself"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"node-1 ended by itself\n", "; peers 0 -; pool 0 -; 1 of 2 answer, all at one block\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	rows := v.rows()
	if len(rows) != 3 || rows[1][0] != "node-0" || len(rows[1]) != len(rows[0]) || rows[2][1] != "does not answer" {
		t.Errorf("%v", rows)
	}
	v.draws = true
	out.Reset()
	for range 2 {
		if err := v.show(nil); err != nil {
			t.Fatal(err)
		}
	}
	if again := "\x1b[5A\x1b[J"; strings.Count(out.String(), again) != 1 || strings.Count(out.String(), "\n") != 10 {
		t.Errorf("drawn twice: %q", &out)
	}
}

// TestInProcessNetwork measures a network within this process. One node mines:
// where the race detector makes everything slow, two would leave each other's
// blocks behind, and the audit would rightly refuse so few confirmations.
func TestInProcessNetwork(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := call(t, "run", "--out", out, "--calibrate", "off", "--in-process", "--set", "name=few",
		"--set", "chain.up={nodes: 3, miners: 1}", "--set", "chain.node.miner.pace=400ms",
		"--set", "chain.node.network={dev_outputs: 512, bits: 0x207fffff}", "--set", "chain.node.min_free_mb=0",
		"--set", "load.schedule={constant: {rate: 200/s, for: 1s}}", "--set", "load.warmup=200ms", "--set", "load.lanes=400", "--set", "load.confirmations=3", "--set", "slo=[]")
	dirs, _ := filepath.Glob(filepath.Join(out, "few-*"))
	if len(dirs) != 1 {
		t.Fatalf("code %d, folders %v\n%s%s", code, dirs, stdout, stderr)
	}
	s := summary(t, dirs[0])
	if !s.Audit.OK || !s.Counts.Balanced || !strings.Contains(stdout, "3 with one tip") {
		t.Errorf("audit %+v\n%s", s.Audit, stdout)
	}
	if left, _ := os.ReadDir(out); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Mistakes are told of in the words of the verb's own flags.
func TestTestnetMistakes(t *testing.T) {
	for want, args := range map[string][]string{
		"--nodes 0: 0 is out of range; permitted: 1 to 16":                     {"--nodes", "0"},
		"--miners 5: 5 of 4 nodes cannot make blocks; permitted: 1 to 4":       {"--miners", "5"},
		"--interval -1s: permitted: 1ms to 1h0m0s":                             {"--interval", "-1s"},
		"--for -1s: permitted: 0, which is until interrupted, and more":        {"--for", "-1s"},
		"--set foo=bar: foo: unknown key; did you mean pool?":                  {"--set", "foo=bar"},
		"--set miner.threads=x: miner.threads: want a whole number, got \"x\"": {"--set", "miner.threads=x"},
		"--set listen=127.0.0.1:1: listen: is chosen by the run; remove it":    {"--set", "listen=127.0.0.1:1"},
		"--base-port 65530: permitted for 4 nodes: 0 to 65495":                 {"--base-port", "65530"},
		"unknown command \"x\" for \"chaindyno testnet\"":                      {"x"},
	} {
		code, stdout, stderr := call(t, append([]string{"testnet"}, args...)...)
		if code != exitUsage || stdout != "" || stderr != "chaindyno: "+want+"\n" {
			t.Errorf("%v: exit code %d, %q %q", args, code, stdout, stderr)
		}
	}
}

// Nodes that make blocks only when asked to are a network once they are
// connected: nobody waits for a first block. A signal that comes twice, as that
// of timeout(1) does, ends them in order all the same, and nothing is left.
func TestTestnetOnDemand(t *testing.T) {
	cmd := command(t, "testnet", "--json", "--nodes", "2", "--miners", "1", "--base-port", "0",
		"--set", "miner.on_demand=true", "--set", "network.dev_outputs=64", "--set", "min_free_mb=0")
	tmp := t.TempDir()
	cmd.Env, cmd.Stderr = append(cmd.Env, "TMPDIR="+tmp), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var nodes []sut.Node
	if err != nil || json.Unmarshal(line, &nodes) != nil || len(nodes) != 2 {
		t.Fatalf("not up: %q, %v", line, err)
	}
	if err := alone(t.Context(), nodes); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A node that nobody is connected to is no network, and one without a block is
// none where blocks are due.
func TestAwaitNetworkSaysWhatIsMissing(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--threads", "0"))
	nodes := []sut.Node{{Name: "node-0", Admin: n.ready.Admin}, {Name: "node-1"}}
	if err := alone(t.Context(), nodes); err == nil || err.Error() != "node-0 is connected to no other node" {
		t.Errorf("%v", err)
	}
	tips := make([]client.Ref, 2)
	if err := apart(nodes, tips, false); err != nil {
		t.Errorf("at the genesis: %v", err)
	}
	if err := apart(nodes, tips, true); err == nil || err.Error() != "node-0 has no block yet" {
		t.Errorf("%v", err)
	}
	if tips[1].Height = 1; apart(nodes, tips, false) == nil {
		t.Error("two different blocks are one")
	}
}
