package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/internal/scrape"
	"github.com/chaindyno/chaindyno/loadgen/sut"
	"github.com/chaindyno/chaindyno/reports/result"
)

// network is a testnet that runs beside the bench.
type network struct {
	process *procs.Child
	nodes   []sut.Node
}

func (b *bench) testnet(ctx context.Context, flags ...string) (*network, error) {
	p, err := procs.Start(procs.Spec{Path: b.bin, Args: append([]string{"testnet", "--json", "--base-port", "0"}, flags...)})
	if err != nil {
		return nil, err
	}
	n := &network{process: p}
	line, err := p.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &n.nodes)
	}
	if err != nil {
		n.stop()
		return nil, fmt.Errorf("the testnet did not start: %w", err)
	}
	return n, nil
}

func (n *network) stop() { n.process.Stop(20 * time.Second) }

// targets are the flags that load all nodes.
func (n *network) targets() []string {
	flags := []string{"--calibrate=off"}
	for _, node := range n.nodes {
		flags = append(flags, "--target", node.Address)
	}
	return flags
}

// stats reads all nodes.
func (n *network) stats(ctx context.Context) ([]client.Stats, error) {
	list := make([]client.Stats, len(n.nodes))
	for i, node := range n.nodes {
		c, err := client.Dial(node.Address, client.Options{})
		if err != nil {
			return nil, err
		}
		list[i], err = c.Stats(ctx)
		_ = c.Close()
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// bodies returns how often the node that got most of them received the body of
// each transaction that got into the chain, from peers and clients together.
func bodies(ctx context.Context, b *bench) ([]float64, error) {
	return b.each(func() (float64, error) {
		net, err := b.testnet(ctx)
		if err != nil {
			return 0, err
		}
		defer net.stop()
		before, err := net.received(ctx)
		if err != nil {
			return 0, err
		}
		r, err := b.run(ctx, "scenarios/testnet.yaml", net.targets(), fmt.Sprintf("load.schedule.constant.for=%v", b.window), "slo=[]")
		if err != nil {
			return 0, err
		}
		after, err := net.received(ctx)
		if err != nil {
			return 0, err
		}
		txs := float64(r.Counts.Fates[result.FateSucceeded])
		if txs == 0 {
			return 0, errors.New("nothing got into the chain")
		}
		most := 0.0
		for i := range after {
			most = max(most, (after[i]-before[i])/txs)
		}
		return most, nil
	})
}

// received is how many bodies each node has received.
func (n *network) received(ctx context.Context) ([]float64, error) {
	list := make([]float64, len(n.nodes))
	for i, node := range n.nodes {
		s, err := scrape.Read(ctx, node.Admin)
		if err != nil {
			return nil, err
		}
		// What comes from peers is handed in like what comes from clients.
		duplicates := s[`chaindyno_peer_bodies_total{known="yes"}`]
		list[i] = s.Sum("chaindyno_transactions_received_total") + duplicates + s.Sum("chaindyno_peer_block_fetched_sum")
	}
	return list, nil
}

// idle returns how much of one core four nodes take that have nothing to do
// but to make a block every half second and tell each other, the search left
// out.
func idle(ctx context.Context, b *bench) ([]float64, error) {
	const settle, over = 10 * time.Second, 30 * time.Second
	return b.each(func() (float64, error) {
		net, err := b.testnet(ctx)
		if err != nil {
			return 0, err
		}
		defer net.stop()
		if err := waitFor(ctx, settle); err != nil {
			return 0, err
		}
		before, err := net.used(ctx)
		if err != nil {
			return 0, err
		}
		begin := time.Now()
		if err := waitFor(ctx, over); err != nil {
			return 0, err
		}
		after, err := net.used(ctx)
		return 100 * (after - before) / time.Since(begin).Seconds(), err
	})
}

// used is the CPU time of all nodes so far, in seconds, the search left out.
func (n *network) used(ctx context.Context) (sum float64, err error) {
	stats, err := n.stats(ctx)
	for _, s := range stats {
		sum += s.CPUSeconds
		for _, t := range s.Threads {
			sum -= t.Busy.Seconds()
		}
	}
	return sum, err
}

func waitFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
