package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sut"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// throughK6 is what gets through k6 with batches of 100 over what gets through
// the Go generator with batches as large, both signing live, each against a
// fresh node with the settings of scenarios/peak.yaml. The two take turns.
func throughK6(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		own, err := b.load(ctx, "scenarios/peak.yaml", []string{"--calibrate=off"}, b.steady(), "load.sign=live", "load.batch.size=100")
		if err != nil {
			return 0, err
		}
		k6, err := b.k6Peak(ctx)
		if err != nil {
			return 0, err
		}
		return k6.Throughput.SucceededPerS / own.Throughput.SucceededPerS, nil
	})
}

// k6Peak runs batch.js against a node as peak.yaml starts one, and reads the
// folder that it leaves.
func (b *bench) k6Peak(ctx context.Context) (*result.Run, error) {
	data, err := os.ReadFile("scenarios/peak.yaml")
	if err != nil {
		return nil, err
	}
	sc, err := scenario.Parse(data, "scenarios/peak.yaml")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "k6-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	node := sut.NewProcess(sut.ProcessConfig{Binary: b.bin, Nodes: 1, Miners: 1, Node: sc.Chain.Node, Dir: filepath.Join(dir, "nodes")})
	defer func() { _ = node.Down(context.WithoutCancel(ctx)) }()
	nodes, err := node.Up(ctx)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "out")
	err = b.k6(ctx, nil, "run", "--quiet", "--out", "chaindyno="+out, "-e", "TARGET="+nodes[0].Address, "-e", "BATCH=100", "-e", "VUS=8",
		"-e", "IN_FLIGHT=120000", "-e", "WARMUP=5s", "-e", "LANES=40000", "-e", "DURATION="+(b.window+5*time.Second).String(), "scenarios/k6/batch.js")
	if err != nil {
		return nil, err
	}
	found, err := reports.FindRuns([]string{out})
	if err != nil {
		return nil, err
	}
	r, err := reports.ReadRun(found[0])
	if err == nil && r.Verdict != result.Pass {
		err = fmt.Errorf("k6: verdict %s: %v", r.Verdict, r.Reasons)
	}
	return r, err
}

// k6 runs the binary. watch, if it is not nil, is told the process.
func (b *bench) k6(ctx context.Context, watch func(pid int), args ...string) error {
	cmd := exec.CommandContext(ctx, b.k6Bin, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w; make k6 first", err)
	}
	if watch != nil {
		watch(cmd.Process.Pid)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("k6: %w: %s", err, lastLine(output.String()))
	}
	return nil
}

// k6Null is what k6 and the module do without a chain.
func k6Null(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		summary := filepath.Join(b.dir, "k6-null.json")
		err := b.k6(ctx, nil, "run", "--quiet", "--summary-export", summary, "-e", "DRIVER=null", "-e", "BATCH=100", "-e", "VUS=4",
			"-e", "IN_FLIGHT=200000", "-e", "DURATION="+b.window.String(), "scenarios/k6/batch.js")
		if err != nil {
			return 0, err
		}
		data, err := os.ReadFile(summary)
		if err != nil {
			return 0, err
		}
		var s struct {
			Metrics map[string]struct {
				Count float64 `json:"count"`
			} `json:"metrics"`
		}
		if err := json.Unmarshal(data, &s); err != nil {
			return 0, err
		}
		return s.Metrics["chain_tx_succeeded"].Count / b.window.Seconds(), nil
	})
}

// k6Memory is by how much k6's resident memory at minute 5 differs from that at
// minute 1, under 10,000 transactions a second without a chain.
func k6Memory(ctx context.Context, b *bench) ([]float64, error) {
	var early, late float64
	ctx, cancel := context.WithTimeout(ctx, 7*time.Minute)
	defer cancel()
	read := make(chan error, 1)
	err := b.k6(ctx, func(pid int) {
		go func() {
			var err1, err2 error
			early, err1 = residentAt(ctx, pid, time.Minute)
			late, err2 = residentAt(ctx, pid, 4*time.Minute)
			read <- errors.Join(err1, err2)
		}()
	}, "run", "--quiet", "-e", "DRIVER=null", "-e", "RATE=10000", "-e", "BATCH=100", "-e", "DURATION=5m10s", "scenarios/k6/soak.js")
	if err = errors.Join(err, <-read); err != nil {
		return nil, err
	}
	return []float64{100 * math.Abs(late/early-1)}, nil
}

// residentAt reads a process's resident memory after a wait, in bytes: the mean
// over ten seconds, so that one garbage collection does not decide.
func residentAt(ctx context.Context, pid int, wait time.Duration) (float64, error) {
	const readings = 10
	sum := 0.0
	timer := time.NewTimer(wait - readings*time.Second)
	defer timer.Stop()
	for range readings {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		fields := bytes.Fields(data)
		if len(fields) < 2 {
			return 0, fmt.Errorf("/proc/%d/statm: %q", pid, data)
		}
		pages, err := strconv.ParseFloat(string(fields[1]), 64)
		if err != nil {
			return 0, err
		}
		sum += pages * float64(os.Getpagesize())
		timer.Reset(time.Second)
	}
	return sum / readings, nil
}
