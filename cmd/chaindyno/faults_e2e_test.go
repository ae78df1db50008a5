//go:build e2e && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// insideEnv says that the test runs inside the network that it has made, and
// names it.
const insideEnv = "CHAINDYNO_E2E_NETWORK"

const (
	farNodes = 4
	healing  = 20 * time.Second // the nodes must be at one block again within so long of the end of a fault
	fault    = 10 * time.Second
	patience = 2 * time.Minute // in which they must be so in any case
)

// TestReliability15Faults has four nodes in network namespaces of their own,
// with TLS between them, under load: one is killed and started again, one
// stands still, one is cut off. Needs root and ip(8).
func TestReliability15Faults(t *testing.T) {
	if prefix := os.Getenv(insideEnv); prefix != "" {
		faultsInside(t, prefix)
		return
	}
	if _, err := exec.LookPath("ip"); err != nil || os.Getuid() != 0 {
		t.Skip("cutting a node off takes root and the command ip, for network namespaces")
	}
	prefix := fmt.Sprintf("cd%d", os.Getpid())
	layNetwork(t, prefix)
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", prefix+"hub", os.Args[0], "-test.run=^TestReliability15Faults$", "-test.v", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), insideEnv+"="+prefix)
	out, err := cmd.CombinedOutput()
	t.Logf("inside:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

// ip runs ip(8).
func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// layNetwork makes a namespace with a bridge, in which the generator runs, and
// one for each node, with a cable to the bridge.
func layNetwork(t *testing.T, prefix string) {
	t.Helper()
	hub := prefix + "hub"
	t.Cleanup(func() {
		for _, ns := range append(farSpaces(prefix), hub) {
			_ = exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	if out, err := exec.Command("ip", "netns", "add", hub).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	in := func(ns string, args ...string) { ip(t, append([]string{"-n", ns}, args...)...) }
	in(hub, "link", "set", "lo", "up")
	in(hub, "link", "add", "bridge", "type", "bridge")
	in(hub, "addr", "add", farAddress(farNodes)+"/24", "dev", "bridge")
	in(hub, "link", "set", "bridge", "up")
	for i, ns := range farSpaces(prefix) {
		cable := fmt.Sprintf("cable%d", i)
		ip(t, "netns", "add", ns)
		in(hub, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", ns)
		in(hub, "link", "set", cable, "master", "bridge", "up")
		in(ns, "link", "set", "lo", "up")
		in(ns, "addr", "add", farAddress(i)+"/24", "dev", "eth0")
		in(ns, "link", "set", "eth0", "up")
	}
}

func farSpaces(prefix string) []string {
	list := make([]string, farNodes)
	for i := range list {
		list[i] = fmt.Sprintf("%sn%d", prefix, i)
	}
	return list
}

func farAddress(i int) string { return fmt.Sprintf("10.77.15.%d", i+1) }

// farNode is a node in a namespace of its own.
type farNode struct {
	name, space, config string
	address             string
	cmd                 *exec.Cmd
	client              *client.Client
}

// farNetwork is all of them.
type farNetwork struct {
	nodes []*farNode
	ca    string
}

func newFarNetwork(t *testing.T, prefix string) *farNetwork {
	t.Helper()
	dir := t.TempDir()
	requests := make([]tlsx.Request, farNodes)
	for i := range requests {
		requests[i] = tlsx.Request{Name: fmt.Sprintf("node-%d", i), Hosts: []string{farAddress(i)}}
	}
	files, err := tlsx.Make(filepath.Join(dir, "certs"), requests...)
	if err != nil {
		t.Fatal(err)
	}
	f := &farNetwork{ca: files[0].Cert}
	secured, err := tlsx.Client{CA: f.ca}.Config()
	if err != nil {
		t.Fatal(err)
	}
	for i, space := range farSpaces(prefix) {
		own := files[i+1]
		n := &farNode{name: requests[i].Name, space: space, config: filepath.Join(dir, requests[i].Name+".yaml"), address: farAddress(i) + ":7700"}
		threads := 0
		if i < 2 {
			threads = 1
		}
		seeds := []string{}
		for k := range farNodes {
			if k != i {
				seeds = append(seeds, farAddress(k)+":7702")
			}
		}
		text, err := json.Marshal(map[string]any{
			"name": n.name, "data": filepath.Join(dir, n.name), "listen": n.address, "admin": "", "http": "", "heap_floor_mb": 64,
			"tls":   map[string]any{"cert": own.Cert, "key": own.Key},
			"peers": map[string]any{"listen": farAddress(i) + ":7702", "seeds": seeds, "tls": map[string]any{"cert": own.Cert, "key": own.Key, "ca": f.ca}},
			"miner": map[string]any{"threads": threads, "pace": "1s", "seed": i},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n.config, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if n.client, err = client.Dial(n.address, client.Options{TLS: secured, Timeout: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
		f.nodes = append(f.nodes, n)
		n.start(t)
	}
	t.Cleanup(func() {
		for _, n := range f.nodes {
			n.kill()
			_ = n.client.Close()
		}
	})
	return f
}

// start starts a life of the node and waits until it is ready.
func (n *farNode) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command("ip", "netns", "exec", n.space, binary(t), "node", "--config", n.config)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log bytes.Buffer
	n.cmd.Stderr = &log
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ready readyLine
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &ready) != nil || !ready.Ready {
		n.kill()
		t.Fatalf("%s is not ready: %s %s", n.name, line, log.String())
	}
}

func (n *farNode) kill() {
	_ = n.cmd.Process.Kill() // ip has become the node
	_ = n.cmd.Wait()
}

// agree waits until all nodes are at one block, past that height, and have
// the same outputs, and returns the height and how long the one block took.
func (f *farNetwork) agree(t *testing.T, past uint32) (height uint32, took time.Duration) {
	t.Helper()
	begin := time.Now()
	f.same(t, past, func(ctx context.Context, c *client.Client) (client.SetDigest, error) {
		tip, _, err := c.Tip(ctx)
		return client.SetDigest{Tip: tip}, err
	})
	took = time.Since(begin).Round(10 * time.Millisecond)
	height = f.same(t, past, func(ctx context.Context, c *client.Client) (client.SetDigest, error) { return c.SetDigest(ctx) })
	t.Logf("at one block after %v, with one digest at %d", took, height)
	return height, took
}

// heals does something to a node and undoes it, and wants all nodes at one
// block within the time for healing. A machine that stood still itself gets two
// more tries.
func (f *farNetwork) heals(t *testing.T, what string, past uint32, harm, mend func()) uint32 {
	t.Helper()
	for range 3 {
		t.Log(what)
		harm()
		mend()
		height, took := f.agree(t, past)
		if took <= healing {
			return height
		}
		past = height
	}
	t.Errorf("%s: not at one block within %v, three times", what, healing)
	return past
}

// same asks all nodes at once, until their answers are the same and past a
// height, which it returns.
func (f *farNetwork) same(t *testing.T, past uint32, ask func(context.Context, *client.Client) (client.SetDigest, error)) uint32 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		sets, problem := f.round(ctx, ask)
		if problem == "" && sets[0].Tip.Height > past {
			return sets[0].Tip.Height
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("not the same, and past block %d, within %v: %s", past, patience, problem)
		}
	}
}

// round asks all nodes at once, and says how they differ.
func (f *farNetwork) round(ctx context.Context, ask func(context.Context, *client.Client) (client.SetDigest, error)) (sets []client.SetDigest, problem string) {
	sets = make([]client.SetDigest, len(f.nodes))
	errs := make(chan error, len(f.nodes))
	for i, n := range f.nodes {
		go func() {
			var err error
			sets[i], err = ask(ctx, n.client)
			errs <- err
		}()
	}
	for range f.nodes {
		if err := <-errs; err != nil {
			problem = err.Error()
		}
	}
	for i, s := range sets {
		if problem == "" && (s.Tip != sets[0].Tip || s.Digest != sets[0].Digest) {
			problem = fmt.Sprintf("node-0 is at %v with %s, node-%d at %v with %s", sets[0].Tip, sets[0].Digest, i, s.Tip, s.Digest)
		}
	}
	return sets, problem
}

// pass waits as long as a fault lasts.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// faultsInside is the test, in the namespace of the generator.
func faultsInside(t *testing.T, prefix string) {
	f := newFarNetwork(t, prefix)
	height, _ := f.agree(t, 0)
	out := t.TempDir()
	cmd, log := started(t, "steady", "run", f.scenario(t), "--out", out, "--calibrate", "off", "--allow-remote")
	var rest bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&rest, log)
	}()

	height = f.heals(t, "node-1 is killed", height, func() {
		f.nodes[1].kill()
		pass(t, time.Second)
	}, func() { f.nodes[1].start(t) })
	height = f.heals(t, "node-2 stands still", height, func() {
		tell(t, f.nodes[2], syscall.SIGSTOP)
		pass(t, fault)
	}, func() { tell(t, f.nodes[2], syscall.SIGCONT) })
	f.heals(t, "node-3 is cut off", height, func() {
		ip(t, "link", "set", "cable3", "down")
		pass(t, fault)
	}, func() { ip(t, "link", "set", "cable3", "up") })

	<-read
	_ = cmd.Wait()
	s := summary(t, only(t, out, rest.String()))
	checkBooks(t, s, rest.String())
	if !s.Audit.OK || len(s.Audit.Checks) == 0 {
		t.Errorf("audit %+v", s.Audit)
	}
	for _, c := range s.Audit.Checks {
		t.Logf("%s: %s", c.Name, c.Detail)
	}
	t.Logf("%s: %v, %+v", s.Verdict, s.Counts.Fates, s.Counts.Rejected)
	if n := s.Counts.Fates["succeeded"]; 2*n < s.Counts.Sent {
		t.Errorf("only %d of %d succeeded", n, s.Counts.Sent)
	}
}

func tell(t *testing.T, n *farNode, s os.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// scenario writes a load on all nodes that lasts longer than the faults.
func (f *farNetwork) scenario(t *testing.T) string {
	t.Helper()
	submit := make([]string, len(f.nodes))
	for i, n := range f.nodes {
		submit[i] = n.address
	}
	text, err := json.Marshal(map[string]any{
		"version": 1, "name": "faults", "audit": "full",
		"target": map[string]any{"driver": "reference", "submit": submit, "tls": map[string]any{"ca": f.ca}},
		"load": map[string]any{
			"schedule": map[string]any{"constant": map[string]any{"rate": "400/s", "for": "60s"}},
			"warmup":   "2s", "drain": "60s", "sign": "live", "lanes": 2000, "connections": 4, "confirmations": 6,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
