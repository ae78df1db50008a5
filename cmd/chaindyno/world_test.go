package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asBinary makes the test binary be chaindyno, so that tests have processes of
// the code that they were built from.
const asBinary = "CHAINDYNO_TEST_AS_BINARY"

func TestMain(m *testing.M) {
	if os.Getenv(asBinary) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is a command line that runs in a process of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asBinary+"=1")
	return cmd
}

// nodeProcess is a node in a process of its own.
type nodeProcess struct {
	cmd   *exec.Cmd
	line  string // the ready line
	ready readyLine
	log   *lockedBuilder
}

// spawnNode starts a node and waits until it is ready. It ends with the test.
func spawnNode(t *testing.T, env []string, args ...string) *nodeProcess {
	t.Helper()
	n := &nodeProcess{cmd: command(t, append([]string{"node"}, args...)...), log: &lockedBuilder{}}
	n.cmd.Env = append(n.cmd.Env, env...)
	n.cmd.Stderr = n.log
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
	})
	n.line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil || json.Unmarshal([]byte(n.line), &n.ready) != nil || !n.ready.Ready {
		t.Fatalf("not ready: %q, %v: %s", n.line, err, n.log)
	}
	return n
}

// metric reads one value off the node's metrics; 0 where there is none.
func metric(t *testing.T, text, name string) (value float64) {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if err := json.Unmarshal([]byte(strings.TrimSpace(rest)), &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}
