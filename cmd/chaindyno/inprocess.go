package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

// inProcess runs nodes as goroutines of this process. CPU, memory and garbage
// collection of nodes and generator are mixed then, so that it is for tests
// and debuggers, and labelled in reports.
type inProcess struct {
	scenario *scenario.Scenario
	dir      string
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Up starts the nodes and waits until each is ready.
func (p *inProcess) Up(ctx context.Context) ([]sut.Node, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	var nodes []sut.Node
	for i := range p.scenario.Chain.Up.Nodes {
		n, err := p.start(ctx, life, i, nodes)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// config is that of one node. The first one is the seed of the others.
func (p *inProcess) config(i int, before []sut.Node) (chain.Config, error) {
	cfg, err := nodeConfig(p.scenario)
	cfg.Name = fmt.Sprintf("node-%d", i)
	cfg.Data = filepath.Join(p.dir, cfg.Name, "data")
	cfg.Listen, cfg.Admin, cfg.HTTP = "127.0.0.1:0", "", ""
	up := p.scenario.Chain.Up
	if up.Nodes == 1 {
		return cfg, err
	}
	cfg.Peers.Listen = "127.0.0.1:0"
	if len(before) > 0 {
		cfg.Peers.Seeds = []string{before[0].Peers}
	}
	if cfg.Miner.Seed += uint64(i); i >= up.Miners {
		cfg.Miner.Threads = 0
	}
	return cfg, err
}

func (p *inProcess) start(ctx, life context.Context, i int, before []sut.Node) (sut.Node, error) {
	cfg, err := p.config(i, before)
	if err != nil {
		return sut.Node{}, err
	}
	name := cfg.Name
	if err := os.MkdirAll(cfg.Data, 0o755); err != nil {
		return sut.Node{}, err
	}
	log, err := os.Create(filepath.Join(p.dir, name, "log"))
	if err != nil {
		return sut.Node{}, err
	}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	p.running.Go(func() {
		err := runNode(life, cfg, in, log)
		_ = in.CloseWithError(io.EOF)
		_ = log.Close()
		ended <- err
	})
	lines := make(chan readyLine, 1)
	p.running.Go(func() {
		var r readyLine
		if s := bufio.NewScanner(out); s.Scan() && json.Unmarshal(s.Bytes(), &r) == nil {
			lines <- r
		}
		_, _ = io.Copy(io.Discard, out)
	})
	select {
	case r := <-lines:
		return sut.Node{Name: name, Address: r.Listen, Peers: r.Peers, Network: r.Network, Genesis: r.Genesis}, nil
	case err := <-ended:
		return sut.Node{}, fmt.Errorf("%s did not start: %w", name, err)
	case <-ctx.Done():
		return sut.Node{}, ctx.Err()
	}
}

// errInProcess says why such nodes are left in peace.
var errInProcess = errors.New("nodes inside the generator's process can be neither reset nor hurt; run without --in-process")

// Reset is an error.
func (*inProcess) Reset(context.Context) error { return errInProcess }

// Inject is an error.
func (*inProcess) Inject(context.Context, scenario.Fault) error { return errInProcess }

// Down stops the nodes and removes their folder.
func (p *inProcess) Down(context.Context) error {
	p.stop()
	p.running.Wait()
	return os.RemoveAll(p.dir)
}
