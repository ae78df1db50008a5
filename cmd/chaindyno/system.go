package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

// system is what a run measures, together with where it keeps its data.
type system struct {
	sut.System
	process *sut.Process      // nil where the nodes are not ours
	submit  []string          // addresses of the nodes
	says    string            // what it is, in a few words
	sut     map[string]string // what a report says of it
	dir     string            // data and logs of our nodes
	release func()            // gives the scratch folder back
}

// start brings up what the scenario asks for: nodes of this binary, somebody
// else's, or nothing at all for a driver that is its own chain.
func start(ctx context.Context, s *scenario.Scenario, out *outDir, within bool) (*system, error) {
	if s.Chain == nil {
		return attach(ctx, s)
	}
	path, release, err := out.scratch()
	if err != nil {
		return nil, usage(err)
	}
	y := &system{dir: filepath.Join(path, "nodes"), release: release}
	if err := y.own(ctx, s, within); err != nil {
		release()
		return nil, err
	}
	nodes, err := y.Up(ctx)
	if err != nil {
		y.stop("")
		return nil, startError(err)
	}
	for _, n := range nodes {
		y.submit = append(y.submit, n.Address)
	}
	cfg, err := nodeConfig(s)
	if err == nil {
		err = awaitNetwork(ctx, nodes, seals(&cfg), client.Options{})
	}
	if err != nil {
		y.stop("")
		return nil, err
	}
	return y, nil
}

// own makes the nodes processes of the asked build, or goroutines of this one.
func (y *system) own(ctx context.Context, s *scenario.Scenario, within bool) error {
	if within && s.Chain.Up.Binary != "" {
		return usage(s.ErrorAt("chain.up.binary", "nodes inside this process are of this build; remove it, or --in-process"))
	}
	b, err := buildOf(ctx, s)
	if err != nil {
		return err
	}
	y.sut = map[string]string{}
	b.tell(y.sut)
	if within {
		y.System = &inProcess{scenario: s, dir: y.dir}
		y.says = count(s.Chain.Up.Nodes, "node") + " inside the generator's process"
		return nil
	}
	y.process = sut.NewProcess(sut.ProcessConfig{
		Binary: b.path, Nodes: s.Chain.Up.Nodes, Miners: s.Chain.Up.Miners, Node: s.Chain.Node, Dir: y.dir,
	})
	y.System = y.process
	y.says = count(s.Chain.Up.Nodes, "node") + " started by the run"
	if b.asked != "" {
		y.says += ", of " + b.asked
	}
	return nil
}

func attach(ctx context.Context, s *scenario.Scenario) (*system, error) {
	e := &sut.External{Addresses: s.Target.Submit}
	if _, err := e.Up(ctx); err != nil {
		return nil, usage(err)
	}
	y := &system{System: e, submit: s.Target.Submit, says: s.Target.Driver + " in this process"}
	if len(y.submit) > 0 {
		y.says = "at " + strings.Join(y.submit, ", ")
	}
	return y, nil
}

// startError passes on what a node refused: its exit code says whose fault it
// was.
func startError(err error) error {
	var e *sut.StartError
	if errors.As(err, &e) && e.Code == exitUsage {
		return usage(err)
	}
	return err
}

// told is what a report says of the system, beside what the driver tells.
func (y *system) told() map[string]string {
	all := map[string]string{"system": y.says}
	maps.Copy(all, y.sut)
	return all
}

// stop ends the nodes. Their data goes to keep, if that is a folder, and is
// removed otherwise.
func (y *system) stop(keep string) {
	if y.process != nil && keep != "" {
		y.process.Stop()
		_ = os.Rename(y.dir, filepath.Join(keep, "nodes"))
	}
	_ = y.Down(context.Background())
	if y.release != nil {
		y.release()
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
