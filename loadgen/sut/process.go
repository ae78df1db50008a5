package sut

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// ProcessConfig describes nodes that are child processes. Binary and Dir are
// required.
type ProcessConfig struct {
	Binary string          // of the node
	Args   []string        // before --config; nil: "node"
	Nodes  int             // from 1; several are one network
	Miners int             // how many of them make blocks, the first ones; 0 = all
	Node   strictyaml.Tree // settings of every node; name, data and addresses are ours
	// Change, if it is set, has the last word on a node's settings.
	Change func(node int, settings strictyaml.Tree)
	Port   int           // of the first node's API, see portsEach; 0 = free ones are taken
	Dir    string        // for configuration, data and logs; it is created, and removed by Down
	Env    []string      // nil: this process's, without settings of nodes
	Ready  time.Duration // longest start of a node; 0 = 30 s
	Grace  time.Duration // longest orderly stop before it is killed; 0 = 15 s
}

// envPrefix starts environment variables that set a node up. They are kept
// from our nodes, which the scenario alone describes.
const envPrefix = "CHAINDYNO_NODE_"

// Process is a system of child processes of this binary. They never outlive
// this one.
type Process struct {
	cfg   ProcessConfig
	nodes []*node
	net   network
}

// NewProcess fills in the defaults; nothing is started and nothing is written.
func NewProcess(cfg ProcessConfig) *Process {
	if cfg.Args == nil {
		cfg.Args = []string{"node"}
	}
	if cfg.Env == nil {
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, envPrefix) {
				cfg.Env = append(cfg.Env, v)
			}
		}
	}
	if cfg.Ready == 0 {
		cfg.Ready = 30 * time.Second
	}
	if cfg.Grace == 0 {
		cfg.Grace = 15 * time.Second
	}
	p := &Process{cfg: cfg}
	for i := range cfg.Nodes {
		name := fmt.Sprintf("node-%d", i)
		p.nodes = append(p.nodes, &node{cfg: &p.cfg, net: &p.net, index: i, name: name, dir: filepath.Join(cfg.Dir, name)})
	}
	p.net.at = make([]string, cfg.Nodes)
	return p
}

// Up starts the nodes one after another: the first one is the seed of the
// others. It does not wait until they have found each other.
func (p *Process) Up(ctx context.Context) ([]Node, error) {
	up := make([]Node, len(p.nodes))
	for i, n := range p.nodes {
		var err error
		if up[i], err = n.start(ctx); err != nil {
			return nil, err
		}
	}
	return up, nil
}

// Reset stops the nodes, removes their data, and starts them where they were.
func (p *Process) Reset(ctx context.Context) error {
	p.Stop()
	for _, n := range p.nodes {
		if err := os.RemoveAll(n.data()); err != nil {
			return err
		}
	}
	_, err := p.Up(ctx)
	return err
}

// Stop stops the nodes and leaves their folder.
func (p *Process) Stop() { p.each(func(n *node) { n.stop() }) }

// Down stops the nodes and removes their folder.
func (p *Process) Down(context.Context) error {
	p.Stop()
	return os.RemoveAll(p.cfg.Dir)
}

func (p *Process) each(do func(*node)) {
	var wg sync.WaitGroup
	for _, n := range p.nodes {
		wg.Go(func() { do(n) })
	}
	wg.Wait()
}

// Inject kills, restarts or pauses a node.
func (p *Process) Inject(ctx context.Context, f scenario.Fault) error {
	if f.Node < 0 || f.Node >= len(p.nodes) {
		return fmt.Errorf("there is no node %d", f.Node)
	}
	n := p.nodes[f.Node]
	switch f.Do {
	case "kill":
		n.kill()
		return n.startAfter(ctx, f.For.Std())
	case "restart":
		n.stop()
		return n.startAfter(ctx, f.For.Std())
	case "pause":
		return n.pause(ctx, f.For.Std())
	}
	return fmt.Errorf("fault %q is not known", f.Do)
}

// Died describes, one line each, nodes that ended without having been asked
// to.
func (p *Process) Died() []string {
	var lines []string
	for _, n := range p.nodes {
		if line := n.death(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// Revive starts nodes again that ended without having been asked to, and says
// so, one line each.
func (p *Process) Revive(ctx context.Context) (lines []string, err error) {
	for _, n := range p.nodes {
		line := n.death()
		if line == "" {
			continue
		}
		n.ended()
		again, err := n.start(ctx)
		if err != nil {
			return append(lines, line), err
		}
		lines = append(lines, fmt.Sprintf("%s; started again as process %d", line, again.PID))
	}
	return lines, nil
}

// StartError says that a node did not come up. Its text is one line.
type StartError struct {
	Node string
	Code int    // exit code; -1 where it did not exit by itself
	Last string // last line that it wrote to its log
	err  error
}

func (e *StartError) Error() string {
	if e.Last == "" {
		return fmt.Sprintf("%s did not start: %v", e.Node, e.err)
	}
	return fmt.Sprintf("%s did not start: %s", e.Node, e.Last)
}

func (e *StartError) Unwrap() error { return e.err }

// errSilent is the error of a node that ended without being ready.
var errSilent = errors.New("it ended before it was ready")

// wait waits for d, or less where ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
