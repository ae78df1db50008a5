package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// relayed runs the benchmark that has four nodes in one process, where it can
// see the moment at which each has a block.
func relayed(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkBlockRelay$", "-benchtime", "3x", "./chain/p2p")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
		return measured(string(out), "relay/cold")
	})
}

// measured finds the value of a unit in a benchmark's output.
func measured(output, unit string) (float64, error) {
	fields := strings.Fields(output)
	for i := 1; i < len(fields); i++ {
		if fields[i] == unit {
			return strconv.ParseFloat(fields[i-1], 64)
		}
	}
	return 0, fmt.Errorf("no %s in %q", unit, output)
}
