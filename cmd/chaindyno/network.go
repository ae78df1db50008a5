package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/scrape"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

const (
	// networkWithin is how long nodes may take to become one network.
	networkWithin = 30 * time.Second
	networkEvery  = 100 * time.Millisecond
)

// seals says whether nodes with these settings make blocks by themselves.
func seals(cfg *chain.Config) bool { return cfg.Miner.Threads > 0 && !cfg.Miner.OnDemand }

// awaitNetwork waits until several nodes are one network: all at the same
// block, which is not the genesis, so that they have heard of each other. Where
// no block will come by itself, each has to be connected to another one.
func awaitNetwork(ctx context.Context, nodes []sut.Node, sealing bool, o client.Options) error {
	if len(nodes) < 2 {
		return nil
	}
	o.Timeout = time.Second
	var clients []*client.Client
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	for _, n := range nodes {
		c, err := client.Dial(n.Address, o)
		if err != nil {
			return err
		}
		clients = append(clients, c)
	}
	limited, cancel := context.WithTimeout(ctx, networkWithin)
	defer cancel()
	every := time.NewTicker(networkEvery)
	defer every.Stop()
	for {
		tips, err := tipsOf(limited, clients)
		if err == nil {
			err = apart(nodes, tips, sealing)
		}
		if err == nil && !sealing {
			err = alone(limited, nodes)
		}
		if err == nil {
			return nil
		}
		select {
		case <-every.C:
		case <-limited.Done():
			return errors.Join(fmt.Errorf("the nodes were not one network within %v: %w", networkWithin, err), ctx.Err())
		}
	}
}

// tipsOf asks all at once: blocks may come faster than answers one by one.
func tipsOf(ctx context.Context, clients []*client.Client) ([]client.Ref, error) {
	tips, errs := make([]client.Ref, len(clients)), make([]error, len(clients))
	var asking sync.WaitGroup
	for i, c := range clients {
		asking.Go(func() { tips[i], _, errs[i] = c.Tip(ctx) })
	}
	asking.Wait()
	return tips, errors.Join(errs...)
}

// peersOf is how many peers a node is connected to, as its metrics say.
func peersOf(s scrape.Sample) float64 {
	return s.Sum("chaindyno_peers_outbound") + s.Sum("chaindyno_peers_inbound")
}

// alone says which node has no peer. A node without an admin port can't be
// asked.
func alone(ctx context.Context, nodes []sut.Node) error {
	for _, n := range nodes {
		if n.Admin == "" {
			continue
		}
		sample, err := scrape.Read(ctx, n.Admin)
		if err != nil {
			return err
		}
		if peersOf(sample) == 0 {
			return fmt.Errorf("%s is connected to no other node", n.Name)
		}
	}
	return nil
}

// apart says how nodes differ, and where a first block is due, who has none.
func apart(nodes []sut.Node, tips []client.Ref, sealing bool) error {
	for i, tip := range tips {
		switch {
		case tip.Height == 0 && sealing:
			return fmt.Errorf("%s has no block yet", nodes[i].Name)
		case tip != tips[0]:
			return fmt.Errorf("%s is at block %d (%s), %s at %d (%s)", nodes[0].Name, tips[0].Height, tips[0].Hash, nodes[i].Name, tip.Height, tip.Hash)
		}
	}
	return nil
}
