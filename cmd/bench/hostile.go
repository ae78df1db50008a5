package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/chaindyno/chaindyno/internal/hostile"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/reports/result"
)

// underAttack returns how an honest load's p99 of a stage with an attacker is
// measured over that without, once for each pair. The load and the attacker reach the same node,
// from processes of their own on one machine, whose cores they share: what the
// generator is late for that reason counts as waiting, too, and a verdict of
// INVALID does not matter. The attacker goes through its attacks, one second
// each, over one connection at a time. The two take turns in going first.
func underAttack(stage string) func(context.Context, *bench) ([]float64, error) {
	return func(ctx context.Context, b *bench) ([]float64, error) {
		round := 0
		return b.each(func() (float64, error) {
			var p99 [2]float64 // without, with
			for i := range p99 {
				way := (i + round) % 2
				var err error
				if p99[way], err = b.honest(ctx, stage, way == 1); err != nil {
					return 0, err
				}
			}
			round++
			return p99[1] / p99[0], nil
		})
	}
}

// honest loads a fresh node, and returns the p99 of a stage in nanoseconds.
func (b *bench) honest(ctx context.Context, stage string, attacked bool) (float64, error) {
	data, err := os.MkdirTemp(b.dir, "node-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(data)
	node, address, err := b.node(ctx, data)
	if err != nil {
		return 0, err
	}
	defer node.Stop(15 * time.Second)
	if attacked {
		attack, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); attackInTurn(attack, address) }()
		defer func() { stop(); <-ended }()
	}
	r, err := b.run(ctx, "scenarios/smoke.yaml", []string{"--calibrate=off", "--target", address},
		fmt.Sprintf("load.schedule.constant.for=%v", b.window))
	if err != nil {
		return 0, err
	}
	if lost := r.Counts.Fates[result.FateLost]; lost > 0 {
		return 0, fmt.Errorf("%d transactions of the honest caller were lost", lost)
	}
	for _, l := range r.Latency {
		if l.Stage == stage && l.Kind == "" && l.P99Ns != nil {
			return float64(*l.P99Ns), nil
		}
	}
	return 0, fmt.Errorf("no %s was recorded", stage)
}

// node starts a node as scenarios/smoke.yaml does.
func (b *bench) node(ctx context.Context, data string) (*procs.Child, string, error) {
	node, err := procs.Start(procs.Spec{Path: b.bin, Args: []string{
		"node", "--exit-with-parent", "--data", data, "--listen", "127.0.0.1:0", "--admin", "", "--set", "http=", "--sync", "interval", "--pace", "100ms",
	}})
	if err != nil {
		return nil, "", err
	}
	var ready struct{ Listen string }
	line, err := node.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &ready)
	}
	if err != nil {
		node.Kill()
		return nil, "", fmt.Errorf("the node did not start: %w", err)
	}
	return node, ready.Listen, nil
}

// attackInTurn goes through the attacks until ctx ends.
func attackInTurn(ctx context.Context, address string) {
	for ctx.Err() == nil {
		for _, a := range hostile.Attacks() {
			turn, cancel := context.WithTimeout(ctx, time.Second)
			a.Run(turn, address, new(hostile.Tally))
			cancel()
		}
	}
}
