package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// load runs a scenario with the real binary, generator and node as separate
// processes, and reads its run folder. Only a run that passed counts; one that
// was INVALID says nothing, and is made once more.
func (b *bench) load(ctx context.Context, file string, flags []string, sets ...string) (*result.Run, error) {
	r, err := b.try(ctx, file, flags, sets...)
	if errors.Is(err, errInvalid) {
		return b.try(ctx, file, flags, sets...)
	}
	return r, err
}

var errInvalid = errors.New("the generator was the limit")

func (b *bench) try(ctx context.Context, file string, flags []string, sets ...string) (*result.Run, error) {
	r, err := b.run(ctx, file, flags, sets...)
	if err != nil {
		return nil, err
	}
	switch reasons := strings.Join(r.Reasons, "; "); r.Verdict {
	case result.Pass:
		return r, nil
	case result.Invalid:
		return nil, fmt.Errorf("%s: %w: %s", file, errInvalid, reasons)
	default:
		return nil, fmt.Errorf("%s: verdict %s: %s", file, r.Verdict, reasons)
	}
}

// run returns what a run has measured, whatever its verdict.
func (b *bench) run(ctx context.Context, file string, flags []string, sets ...string) (*result.Run, error) {
	out, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	args := append([]string{"run", file, "--out", out}, flags...)
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	cmd := exec.CommandContext(ctx, b.bin, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	failed := cmd.Run()
	folders, _ := filepath.Glob(filepath.Join(out, "*", "summary.json"))
	if len(folders) != 1 {
		return nil, fmt.Errorf("%s: %v: %s", strings.Join(args, " "), failed, lastLine(output.String()))
	}
	return reports.ReadRun(filepath.Dir(folders[0]))
}

// pairs runs a scenario in two ways and returns the throughput of the first
// over that of the second, once for each pair. The two take turns in going
// first, so that a drift of the machine favours neither.
func (b *bench) pairs(ctx context.Context, file string, first, second []string) ([]float64, error) {
	round := 0
	return b.each(func() (float64, error) {
		ways, rates := [2][]string{first, second}, [2]float64{}
		for i := range ways {
			way := (i + round) % 2
			r, err := b.load(ctx, file, []string{"--calibrate=off"}, ways[way]...)
			if err != nil {
				return 0, err
			}
			rates[way] = r.Throughput.SucceededPerS
		}
		round++
		return rates[0] / rates[1], nil
	})
}

// each measures once for each round.
func (b *bench) each(measure func() (float64, error)) ([]float64, error) {
	var values []float64
	for range b.rounds {
		v, err := measure()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
