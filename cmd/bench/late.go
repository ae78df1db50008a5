package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/loadgen/sut"
	"github.com/chaindyno/chaindyno/reports/result"
)

// lateTxs is how many transactions a late node has to catch up with.
const lateTxs = 1_000_000

// lateRate is how fast they are made, which is of no interest here: slow enough
// for a machine of two cores.
const lateRate = 12_500

// lateSync returns how many transactions a second a node takes in that joins
// when the chain has a million of them, over the machine's verification limit.
// The node that it fetches them from goes on making blocks meanwhile. One run:
// making the chain takes longer than the figure.
func lateSync(ctx context.Context, b *bench) ([]float64, error) {
	first, err := b.peer(ctx, "1s", "")
	if err != nil {
		return nil, err
	}
	defer first.stop()
	r, err := b.run(ctx, "scenarios/transfer.yaml", first.targets(), "load.warmup=0s", "slo=[]", "audit=off",
		fmt.Sprintf("load.schedule.constant={rate: %d/s, for: %ds}", lateRate, lateTxs/lateRate))
	if err != nil {
		return nil, err
	}
	txs := r.Counts.Fates[result.FateSucceeded]
	scheme, err := calibrate.Scheme("")
	if err != nil {
		return nil, err
	}
	machine, err := calibrate.Machine(ctx, calibrate.Quick, scheme)
	if err != nil {
		return nil, err
	}
	took, err := b.catchUp(ctx, first)
	if err != nil {
		return nil, err
	}
	return []float64{float64(txs) / took.Seconds() / machine.VerifyBefore}, nil
}

// catchUp starts a node and returns how long it takes to have all blocks that
// the first one had then.
func (b *bench) catchUp(ctx context.Context, first *network) (time.Duration, error) {
	stats, err := first.stats(ctx)
	if err != nil {
		return 0, err
	}
	goal := stats[0].Tip.Height
	begin := time.Now()
	late, err := b.peer(ctx, "", first.nodes[0].Peers)
	if err != nil {
		return 0, err
	}
	defer late.stop()
	c, err := client.Dial(late.nodes[0].Address, client.Options{})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	limited, cancel := context.WithTimeout(ctx, lateWithin)
	defer cancel()
	for {
		tip, _, err := c.Tip(limited)
		switch {
		case limited.Err() != nil:
			return 0, fmt.Errorf("at height %d of %d after %v", tip.Height, goal, lateWithin)
		case err != nil:
			return 0, err
		case tip.Height >= goal:
			return time.Since(begin), nil
		}
		if err := waitFor(limited, 10*time.Millisecond); err != nil {
			continue // it is told above
		}
	}
}

// lateWithin bounds the wait for the late node.
const lateWithin = 5 * time.Minute

// peer starts one node of a network: a miner with a pace, or one without that
// knows another node.
func (b *bench) peer(ctx context.Context, pace, seed string) (*network, error) {
	data, err := os.MkdirTemp(b.dir, "peer-")
	if err != nil {
		return nil, err
	}
	free := "127.0.0.1:0"
	args := []string{
		"node", "--exit-with-parent", "--data", data, "--listen", free, "--admin", free, "--http", "", "--sync", "interval", "--set", "peers.listen=" + free,
	}
	if pace != "" {
		args = append(args, "--pace", pace)
	}
	if seed != "" {
		args = append(args, "--threads", "0", "--set", "peers.seeds="+seed)
	}
	p, err := procs.Start(procs.Spec{Path: b.bin, Args: args})
	if err != nil {
		return nil, err
	}
	n := &network{process: p, nodes: make([]sut.Node, 1)}
	line, err := p.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &n.nodes[0])
	}
	if err == nil && n.nodes[0].Peers == "" {
		err = errors.New("it has no address for peers")
	}
	if err != nil {
		n.stop()
		return nil, fmt.Errorf("the node did not start: %w", err)
	}
	return n, nil
}
