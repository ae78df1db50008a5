//go:build e2e

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/sut"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// binary is a built program that an environment variable names.
func binary(t *testing.T, variable, otherwise string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = otherwise
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%s: %v; make build k6 first", variable, err)
	}
	return path
}

func k6Binary(t *testing.T) string { return binary(t, "K6_BIN", "../../../bin/k6") }
func chaindynoBinary(t *testing.T) string {
	return binary(t, "CHAINDYNO_BIN", "../../../bin/chaindyno")
}

// script is one of the project's own.
func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../../scenarios/k6", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// node starts a node in a process of its own.
func node(t *testing.T) (string, *sut.Process) {
	t.Helper()
	p := sut.NewProcess(sut.ProcessConfig{
		Binary: chaindynoBinary(t), Nodes: 1, Miners: 1, Dir: t.TempDir(),
		Node: strictyaml.Tree{"miner": strictyaml.Tree{"threads": int64(1), "pace": "100ms"}, "sync": "interval"},
	})
	t.Cleanup(func() { _ = p.Down(context.Background()) })
	nodes, err := p.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return nodes[0].Address, p
}

// k6 runs the binary and returns what it said and its exit code.
func k6(t *testing.T, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, k6Binary(t), args...)
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("k6 %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.js")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// only is the one run folder in a folder.
func only(t *testing.T, dir string) (string, *result.Run) {
	t.Helper()
	dirs, err := reports.FindRuns([]string{dir})
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v, %v", dirs, err)
	}
	r, err := reports.ReadRun(dirs[0])
	if err != nil {
		t.Fatal(err)
	}
	return dirs[0], r
}

// TestSmoke: thresholds that hold end with 0, one that can't ends with 99.
func TestSmoke(t *testing.T) {
	addr, _ := node(t)
	if out, code := k6(t, "run", "-e", "TARGET="+addr, script(t, "smoke.js")); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := k6(t, "run", "-e", "TARGET="+addr, "-e", "P50=0.001", script(t, "smoke.js")); code != 99 || !strings.Contains(out, "chain_commit_p50") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestInspect: connecting dials nothing.
func TestInspect(t *testing.T) {
	for _, name := range []string{"smoke.js", "constant.js", "ramp.js", "spike.js", "soak.js", "mixed.js", "doublespend.js", "batch.js"} {
		if out, code := k6(t, "inspect", "-e", "TARGET=127.0.0.1:1", script(t, name)); code != 0 || !strings.Contains(out, "thresholds") {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
	}
}

// TestFolder: the output's folder is a run folder like any other, and its count
// of succeeded transactions is the chain's own.
func TestFolder(t *testing.T) {
	addr, _ := node(t)
	out := filepath.Join(t.TempDir(), "k6")
	said, code := k6(t, "run", "--out", "chaindyno="+out, "-e", "TARGET="+addr, "-e", "RATE=1000", "-e", "BATCH=50", "-e", "DURATION=5s", script(t, "constant.js"))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	dir, r := only(t, out)
	if !strings.HasPrefix(filepath.Base(dir), "constant-") || r.Run.Loop != "k6" || r.Verdict != result.Pass || !r.Audit.OK {
		t.Errorf("%s: loop %q, %s %q, %+v", dir, r.Run.Loop, r.Verdict, r.Reasons, r.Audit)
	}
	if r.Counts.Sent < 4900 || r.Counts.Fates[result.FateSucceeded] != r.Counts.Sent || !r.Counts.Balanced {
		t.Errorf("%+v", r.Counts)
	}
	if len(r.SLO) < 4 || r.SLO[0].Name == "" {
		t.Errorf("k6's thresholds are missing: %+v", r.SLO)
	}
	if got := transfers(t, addr); got != r.Counts.Fates[result.FateSucceeded] {
		t.Errorf("the chain holds %d, the report says %d", got, r.Counts.Fates[result.FateSucceeded])
	}
	for _, args := range [][]string{{"report", out}, {"report", dir, "--from-raw"}, {"report", dir, "--format", "html"}} {
		if said, err := exec.CommandContext(t.Context(), chaindynoBinary(t), args...).CombinedOutput(); err != nil {
			t.Errorf("chaindyno %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
	other := filepath.Join(t.TempDir(), "other")
	if said, code := k6(t, "run", "--out", "chaindyno="+other, "-e", "TARGET="+addr, "-e", "DURATION=2s", script(t, "constant.js")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	cmd := exec.CommandContext(t.Context(), chaindynoBinary(t), "compare", out, "--with", other)
	if said, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() > 3 || cmd.ProcessState.ExitCode() == 2 {
		t.Errorf("compare: exit code %d\n%s", cmd.ProcessState.ExitCode(), said)
	}
}

// transfers counts the transactions of the chain but for rewards, read back from
// a node by another driver.
func transfers(t *testing.T, addr string) (n uint64) {
	t.Helper()
	said, code := k6(t, "run", "-e", "TARGET="+addr, write(t, `
		import chain from 'k6/x/chain';
		const client = chain.connect({driver: 'reference', target: __ENV.TARGET});
		export default async function () {
			const tip = await client.tip();
			let n = 0;
			for (let h = 1; h <= tip.height; h++) n += (await client.block(h)).txs.length - 1;
			console.log('COUNTED ' + n + '.');
		}`))
	m := regexp.MustCompile(`COUNTED (\d+)\.`).FindStringSubmatch(said)
	if code != 0 || m == nil {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	n, _ = strconv.ParseUint(m[1], 10, 64)
	return n
}

// TestSegments: two instances share a node; their lanes do not meet, and their
// counts add up to the chain's.
func TestSegments(t *testing.T) {
	addr, _ := node(t)
	var wg sync.WaitGroup
	outs := [2]string{t.TempDir(), t.TempDir()}
	for i, segment := range []string{"0:1/2", "1/2:1"} {
		wg.Go(func() {
			said, code := k6(t, "run", "--out", "chaindyno="+outs[i], "--execution-segment", segment, "--execution-segment-sequence", "0,1/2,1",
				"-e", "TARGET="+addr, "-e", "RATE=1000", "-e", "BATCH=20", "-e", "DURATION=6s", script(t, "constant.js"))
			if code != 0 {
				t.Errorf("%s: exit code %d\n%s", segment, code, said)
			}
		})
	}
	wg.Wait()
	total := uint64(0)
	lanes := map[int]int{}
	for _, out := range outs {
		_, r := only(t, out)
		if len(r.Counts.Rejected) > 0 || r.Counts.Fates[result.FateSucceeded] != r.Counts.Sent {
			t.Errorf("%+v", r.Counts)
		}
		lanes[r.Workers[0].SegmentFrom] = r.Workers[0].SegmentTo
		total += r.Counts.Fates[result.FateSucceeded]
	}
	if lanes[0] != 10000 || lanes[10000] != 20000 {
		t.Errorf("lanes %v", lanes)
	}
	if got := transfers(t, addr); got != total || total < 5800 {
		t.Errorf("the chain holds %d, the reports add up to %d", got, total)
	}
}

// TestIterationStart: latency counts from the iteration's start, what a script
// does before it sends included.
func TestIterationStart(t *testing.T) {
	out := t.TempDir()
	said, code := k6(t, "run", "--out", "chaindyno="+out, write(t, `
		import chain from 'k6/x/chain';
		import { sleep } from 'k6';
		const client = chain.connect({driver: 'null'});
		export const options = {vus: 2, iterations: 20};
		export async function setup() { await client.waitReady(); } // or the first iterations are older than the run
		export default function () { sleep(0.3); client.submitBatch(10); }`))
	_, r := only(t, out)
	for _, l := range r.Latency {
		if l.Stage == result.StageCommit && (l.Count != 200 || l.MinNs < 300e6 || l.MinNs > 2e9) {
			t.Errorf("%+v\nexit code %d\n%s", l, code, said)
		}
	}
}

// TestDropped: iterations that k6 could not start are in the ledger of counts,
// as the transactions that they would have sent.
func TestDropped(t *testing.T) {
	out := t.TempDir()
	said, _ := k6(t, "run", "--out", "chaindyno="+out, "--summary-export", filepath.Join(out, "k6.json"), write(t, `
		import chain from 'k6/x/chain';
		import { sleep } from 'k6';
		const client = chain.connect({driver: 'null'});
		export const options = {scenarios: {s: {executor: 'constant-arrival-rate', rate: 20, duration: '3s', preAllocatedVUs: 2}}};
		export default function () { client.submitBatch(10); sleep(0.5); }`))
	var summary struct {
		Metrics map[string]struct {
			Count float64 `json:"count"`
		} `json:"metrics"`
	}
	data, err := os.ReadFile(filepath.Join(out, "k6.json"))
	if err == nil {
		err = json.Unmarshal(data, &summary)
	}
	dropped := uint64(summary.Metrics["dropped_iterations"].Count)
	if err != nil || dropped < 20 {
		t.Fatalf("%d iterations dropped, %v\n%s", dropped, err, said)
	}
	_, r := only(t, out)
	if r.Counts.DroppedOverload != 10*dropped || !r.Counts.Balanced || r.Verdict != result.Fail || !strings.Contains(fmt.Sprint(r.Warnings), "were dropped by k6") {
		t.Errorf("%d iterations dropped: %+v, %s, %q", dropped, r.Counts, r.Verdict, r.Warnings)
	}
}

// TestNodeDies: no VU hangs when the node is killed, and what was measured is
// still reported.
func TestNodeDies(t *testing.T) {
	addr, p := node(t)
	out := t.TempDir()
	timer := time.AfterFunc(5*time.Second, func() { p.Stop() })
	defer timer.Stop()
	begin := time.Now()
	said, _ := k6(t, "run", "--out", "chaindyno="+out, "-e", "TARGET="+addr, write(t, `
		import chain from 'k6/x/chain';
		const client = chain.connect({driver: 'reference', target: __ENV.TARGET, options: {lanes: 500, timeout: '1s', drain: '2s'}});
		export const options = {vus: 3, duration: '9s', gracefulStop: '3s'};
		export async function setup() { await client.waitReady(); }
		export default async function () {
			const b = client.submitBatch(20);
			await client.committed(b, {timeout: '2s'});
		}`))
	if took := time.Since(begin); took > 60*time.Second {
		t.Errorf("it took %v\n%s", took, said)
	}
	if !strings.Contains(said, "ChainError") || !strings.Contains(said, "script.js:") {
		t.Errorf("no error of the module at the script's line:\n%s", said)
	}
	if _, r := only(t, out); !r.Counts.Balanced || r.Counts.Fates[result.FateSucceeded] == 0 || r.Verdict == result.Pass {
		t.Errorf("%+v, %s", r.Counts, r.Verdict)
	}
}

// TestAbortOnFail: a threshold on the commit latency ends the test early.
func TestAbortOnFail(t *testing.T) {
	begin := time.Now()
	said, code := k6(t, "run", write(t, `
		import chain from 'k6/x/chain';
		const client = chain.connect({driver: 'null', options: {driver: {delay: '50ms'}}});
		export const options = {vus: 2, duration: '60s', thresholds: {chain_commit_p99: [{threshold: 'value<1', abortOnFail: true}]}};
		export default function () { client.submitBatch(100); }`))
	if took := time.Since(begin); code != 99 || took > 45*time.Second {
		t.Errorf("exit code %d after %v\n%s", code, took, said)
	}
}
