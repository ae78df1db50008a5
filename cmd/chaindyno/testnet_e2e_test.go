//go:build e2e && unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

// TestE2ETestnetScenario is scenarios/testnet.yaml with a shorter load.
func TestE2ETestnetScenario(t *testing.T) {
	_, s, _, output := measured(t, "testnet", "--set", "load.schedule.constant={rate: 500/s, for: 10s}", "--set", "load.warmup=2s")
	if !s.Audit.OK || !strings.Contains(output, "4 with one tip") {
		t.Errorf("audit %+v\n%s", s.Audit, output)
	}
	if len(s.Resources) != 5 {
		t.Errorf("%d processes in the report", len(s.Resources))
	}
}

// TestE2ETestnet runs the verb with TLS, kills one of its nodes and has another
// one stand still while all are loaded.
func TestE2ETestnet(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(binary(t), "testnet", "--json", "--tls", "--base-port", "0", "--dir", dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var nodes []sut.Node
	if err != nil || json.Unmarshal(line, &nodes) != nil || len(nodes) != 4 {
		t.Fatalf("not up: %q, %v", line, err)
	}
	ca := filepath.Join(dir, "certs", "ca.pem")
	args := []string{
		"run", scenarioFile(t, "testnet"), "--out", t.TempDir(), "--calibrate", "off", "--tls-ca", ca,
		"--set", "load.schedule.constant={rate: 300/s, for: 20s}", "--set", "load.warmup=1s", "--set", "load.sign=live",
	}
	for _, n := range nodes {
		args = append(args, "--target", n.Address)
	}
	load, log := started(t, "steady", args...)
	done := make(chan string)
	go func() {
		var all strings.Builder
		_, _ = log.WriteTo(&all)
		done <- all.String()
	}()
	if err := syscall.Kill(nodes[1].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(nodes[2].PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	secured, err := tlsx.Client{CA: ca}.Config()
	if err != nil {
		t.Fatal(err)
	}
	reach := client.Options{TLS: secured, Timeout: time.Second}
	revived(t, nodes[1].Address, reach)
	if err := syscall.Kill(nodes[2].PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	output := <-done
	_ = load.Wait()
	s := summary(t, only(t, args[3], output))
	checkBooks(t, s, output)
	if !s.Audit.OK || len(s.Audit.Checks) == 0 {
		t.Errorf("audit %+v\n%s", s.Audit, output)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the folder was not kept: %v", err)
	}
	for _, n := range nodes {
		if answers(t.Context(), n.Address, reach) {
			t.Errorf("%s is still there", n.Name)
		}
	}
}

// revived waits until a node answers again.
func revived(t *testing.T, address string, o client.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !answers(ctx, address, o) {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("nobody answers at %s", address)
		}
	}
}

func answers(ctx context.Context, address string, o client.Options) bool {
	c, err := client.Dial(address, o)
	if err != nil {
		return false
	}
	defer c.Close()
	_, _, err = c.Tip(ctx)
	return err == nil
}
