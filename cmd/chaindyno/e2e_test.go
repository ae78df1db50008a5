//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chaindyno/chaindyno/reports/result"
)

// These tests see nothing but the real binary, its files and its exit code.
// make e2e builds it and names it in CHAINDYNO_BIN.

func binary(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("CHAINDYNO_BIN")
	if bin == "" {
		t.Fatal("CHAINDYNO_BIN is not set: use make e2e")
	}
	return bin
}

// scenarioFile returns a shipped scenario.
func scenarioFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../scenarios", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs the binary to its end.
func run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var all bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), all.String()
}

// measured runs a scenario and returns what it left.
func measured(t *testing.T, name string, more ...string) (code int, s result.Summary, dir, output string) {
	t.Helper()
	out := t.TempDir()
	code, output = run(t, append([]string{"run", scenarioFile(t, name), "--out", out, "--calibrate", "off"}, more...)...)
	dir = only(t, out, output)
	s = summary(t, dir)
	checkBooks(t, s, output)
	return code, s, dir, output
}

// attempts is how often a run is measured again because the machine was too
// busy for it, which the program says itself with INVALID.
const attempts = 4

// untimed are objectives that no machine is too slow for: how long something
// takes is measured, and not tested.
const untimed = `slo=["error_share < 0.001", "lost == 0"]`

// passed measures until the run is valid, and wants it to pass. Where the
// machine has always been too busy, it skips the test: the books were checked
// each time, and more than that a measurement that is not valid does not say.
func passed(t *testing.T, name string, more ...string) (s result.Summary, dir string) {
	t.Helper()
	for range attempts {
		code, s, dir, output := measured(t, name, more...)
		if s.Verdict != result.Invalid || code != exitInvalid {
			wantVerdict(t, code, s, output, result.Pass)
			return s, dir
		}
		if lost := s.Counts.Fates[result.FateLost]; lost != 0 || !s.Audit.OK {
			t.Errorf("%d lost, audit %+v\n%s", lost, s.Audit, output)
		}
		t.Logf("measured again: %v", s.Reasons)
	}
	t.Skipf("this machine was too busy %d times", attempts)
	return s, dir
}

// only returns the one folder of a run, and sees that nothing else was left.
func only(t *testing.T, out, output string) string {
	t.Helper()
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries in the output folder, %v\n%s", len(entries), err, output)
	}
	return filepath.Join(out, entries[0].Name())
}

// checkBooks checks what must hold for every run, whatever its verdict.
func checkBooks(t *testing.T, s result.Summary, output string) {
	t.Helper()
	c := s.Counts
	if c.Scheduled != c.Sent+c.DroppedOverload+c.DroppedLate+c.DroppedStarved+c.Unsent && s.Run.Loop == "open" {
		t.Errorf("scheduled does not add up: %+v", c)
	}
	var cells, fates uint64
	for _, cell := range s.Matrix {
		cells += cell.Count
	}
	for _, n := range c.Fates {
		fates += n
	}
	if !c.Balanced || cells != c.Sent || fates != c.Sent {
		t.Errorf("matrix %d, fates %d, sent %d, balanced %v\n%s", cells, fates, c.Sent, c.Balanced, output)
	}
}

func wantVerdict(t *testing.T, code int, s result.Summary, output string, want ...result.Verdict) {
	t.Helper()
	for _, v := range want {
		if s.Verdict == v && code == codeOf(v) {
			return
		}
	}
	t.Errorf("exit code %d, verdict %s %q, want %v\n%s", code, s.Verdict, s.Reasons, want, output)
}

// TestE2EDefault is make run with a shorter load.
func TestE2EDefault(t *testing.T) {
	s, dir := passed(t, "transfer", "--set", untimed, "--set", "load.schedule.constant.for=10s", "--set", "load.warmup=2s")
	if n := s.Counts.Fates[result.FateSucceeded]; n != 60_000 || s.Counts.Scheduled != 60_000 {
		t.Errorf("%d of %d succeeded", n, s.Counts.Scheduled)
	}
	for _, f := range s.Files {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	if code, output := run(t, "report", dir, "--from-raw"); code != exitPass {
		t.Errorf("transactions and histograms differ:\n%s", output)
	}
}

// daemon is a node in a process of its own.
type daemon struct {
	cmd   *exec.Cmd
	ready readyLine
}

func launchNode(t *testing.T, args ...string) *daemon {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"node", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--http", "127.0.0.1:0"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &daemon{cmd: cmd}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &d.ready) != nil || !d.ready.Ready {
		_ = cmd.Wait()
		t.Fatalf("not ready: %s %s", line, log.String())
	}
	return d
}

// TestE2ETarget loads a node that is there already, and looks at it.
func TestE2ETarget(t *testing.T) {
	n := launchNode(t, "--data", t.TempDir(), "--pace", "100ms")
	passed(t, "smoke", "--set", untimed, "--target", n.ready.Listen)
	code, output := run(t, "probe", n.ready.Listen)
	if code != exitPass || !strings.Contains(output, "in block") || !strings.Contains(output, "node_seal") {
		t.Errorf("probe: %d\n%s", code, output)
	}
	code, output = run(t, "watch", n.ready.Listen, "--for", "1s")
	if code != exitPass || !strings.Contains(output, "blocks/s") {
		t.Errorf("watch: %d\n%s", code, output)
	}
	// What an earlier run has spent is no obstacle.
	passed(t, "smoke", "--set", untimed, "--target", n.ready.Listen)
}

// TestE2EOverload asks for far more than there is to be had: the run ends by
// itself and says whose fault it was.
func TestE2EOverload(t *testing.T) {
	code, s, _, output := measured(t, "overload", "--set", "load.schedule.constant.for=8s", "--set", "load.warmup=1s", "--set", "load.drain=20s")
	wantVerdict(t, code, s, output, result.Fail, result.Invalid)
	if len(s.Reasons) == 0 {
		t.Error("no reason is given")
	}
	if lost := s.Counts.Fates[result.FateLost]; lost != 0 || !s.Audit.OK {
		t.Errorf("%d lost, audit %+v", lost, s.Audit)
	}
	for _, r := range s.Resources {
		if r.RSSMaxBytes > 3<<30 {
			t.Errorf("%s took %s", r.Process, size(r.RSSMaxBytes))
		}
	}
}

// TestE2EMixed sends wrong transactions, of which exactly those are refused,
// each under its own kind.
func TestE2EMixed(t *testing.T) {
	s, _ := passed(t, "mixed", "--set", `slo=["error_share < 0.001", "rejected == 0", "lost == 0"]`, "--set", "load.schedule.poisson.for=8s", "--set", "load.warmup=1s")
	want := map[string]uint64{}
	for _, cell := range s.Matrix {
		switch cell.Kind {
		case "invalid_signature":
			want["signature"] += cell.Count
		case "double_spend":
			want["double_spend"] += cell.Count
		}
	}
	if len(s.Counts.Rejected) != 2 || want["signature"] == 0 || want["double_spend"] == 0 ||
		s.Counts.Rejected["signature"] != want["signature"] || s.Counts.Rejected["double_spend"] != want["double_spend"] {
		t.Errorf("rejected %v, sent to be rejected %v", s.Counts.Rejected, want)
	}
}

// TestE2EStall holds response time against service time.
func TestE2EStall(t *testing.T) {
	s, _ := passed(t, "stall", "--set", "load.schedule.constant.for=20s", "--set", "load.warmup=0s")
	p99 := map[string]int64{}
	for _, l := range s.Latency {
		if l.Kind == "" && l.P99Ns != nil {
			p99[l.Stage] = *l.P99Ns
		}
	}
	// One second in ten, so the last hundredth of all waits 0.9 s or more.
	if p := p99[result.StageCommit]; p < 800e6 || p > 1300e6 {
		t.Errorf("commit p99 is %s, the truth is about 0.9 s", duration(p))
	}
	if p := p99[result.StageCommitService]; p > p99[result.StageCommit]/2 {
		t.Errorf("commit_service p99 is %s beside commit's %s", duration(p), duration(p99[result.StageCommit]))
	}
}

// TestE2EKill kills the node under load.
func TestE2EKill(t *testing.T) {
	_, s, _, output := measured(t, "kill", "--set", "load.schedule.constant.for=12s", "--set", "faults=[{at: 6s, node: 0, do: kill, for: 500ms}]")
	if !s.Audit.OK || len(s.Audit.Checks) == 0 {
		t.Errorf("audit %+v\n%s", s.Audit, output)
	}
	for _, c := range s.Matrix {
		if strings.HasPrefix(c.Answer, "unknown/") && (c.Fate == result.FatePooled || c.Fate == result.FateLost) {
			t.Errorf("%d unknown answers were not resolved: %s", c.Count, c.Fate)
		}
	}
	if !slices.ContainsFunc(s.Audit.Checks, func(c result.AuditCheck) bool { return c.Name == "durable blocks" }) {
		t.Errorf("no check of durable blocks: %+v", s.Audit.Checks)
	}
	if len(s.Faults) != 1 || s.Faults[0].UntilNs <= s.Faults[0].AtNs {
		t.Errorf("faults %+v", s.Faults)
	}
	if s.Counts.Fates[result.FateSucceeded] < 5000 {
		t.Errorf("only %d of %d succeeded", s.Counts.Fates[result.FateSucceeded], s.Counts.Sent)
	}
}

// TestE2EInterrupt presses Ctrl-C in the middle of the load.
func TestE2EInterrupt(t *testing.T) {
	out := t.TempDir()
	cmd, log := started(t, "steady", "run", scenarioFile(t, "smoke"), "--out", out, "--calibrate", "off", "--set", "load.schedule.constant.for=60s", "--set", "load.warmup=0s")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(log)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, rest)
	}
	s := summary(t, only(t, out, string(rest)))
	checkBooks(t, s, string(rest))
	if s.Counts.Unsent == 0 {
		t.Errorf("%+v", s.Counts)
	}
}

// started starts the binary and returns when its log tells of a phase.
func started(t *testing.T, phase string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	log := bufio.NewReader(stderr)
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			t.Fatalf("it ended before the phase %s: %v", phase, err)
		}
		if strings.Contains(line, "phase="+phase) {
			return cmd, log
		}
	}
}

// TestE2EKilledRunLeavesNoNode kills the run itself: its node has to go too.
func TestE2EKilledRunLeavesNoNode(t *testing.T) {
	out := t.TempDir()
	cmd, _ := started(t, "steady", "run", scenarioFile(t, "smoke"), "--out", out, "--calibrate", "off", "--set", "load.schedule.constant.for=60s", "--set", "load.warmup=0s")
	locks, _ := filepath.Glob(filepath.Join(out, scratchPrefix+"*", "nodes", "node-0", "data", "*", "LOCK"))
	if len(locks) == 0 {
		t.Fatal("the node has no locked folder")
	}
	f, err := os.OpenFile(locks[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &whole); err == nil {
		t.Fatal("the node does not hold its lock")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The system lets the lock go when the node ends; this waits for it.
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &whole); err != nil {
		t.Error(err)
	}
}

// TestE2EMistakes wants one line and exit code 2.
func TestE2EMistakes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	data := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"node", "--data", data, "--listen", l.Addr().String()}, "address already in use"},
		{[]string{"run", "--target", "127.0.0.1:1"}, "connection refused"},
		{[]string{"run", "--set", "chain.node.network.dev_seed=7", "--set", "chain.node.network.dev_outputs=10"}, "lanes"},
	} {
		code, output := run(t, c.args...)
		if code != exitUsage || strings.Count(output, "\n") != 1 || !strings.Contains(output, c.want) {
			t.Errorf("%v: %d\n%s", c.args, code, output)
		}
	}
	if entries, _ := os.ReadDir(data); len(entries) != 0 {
		t.Errorf("a node that could not listen left %v", entries)
	}
}
