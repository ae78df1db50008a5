package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

func newTestnetCmd() *cobra.Command {
	var t testnet
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Run a network of nodes on this machine until interrupted",
		Long: "Run a network of nodes on this machine until interrupted: processes of this binary that find each other, relay\n" +
			"transactions and blocks, and agree on one chain. Blocks and logs are removed at the end unless --dir names a folder,\n" +
			"from which the same network goes on another time.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd) },
	}
	f := cmd.Flags()
	f.IntVar(&t.nodes, "nodes", 4, "how many nodes")
	f.IntVar(&t.miners, "miners", 2, "how many of them make blocks")
	f.DurationVar(&t.interval, "interval", 500*time.Millisecond, "mean time between blocks, of all miners together")
	f.StringVar(&t.dir, "dir", "", "folder of blocks and logs, which is kept; absent: a temporary one")
	f.IntVar(&t.port, "base-port", 7700, "port of the first node; the others are 10 apart; 0: free ones")
	f.StringArrayVar(&t.sets, "set", nil, "key=value of any setting of all nodes; may be repeated")
	f.DurationVar(&t.length, "for", 0, "how long; 0: until interrupted")
	f.BoolVar(&t.secure, "tls", false, "TLS everywhere but for the admin port, mutual between nodes, with certificates made for it in the folder")
	f.BoolVar(&t.json, "json", false, "print one line of JSON when the network is up, and nothing else")
	return cmd
}

// testnet is one network from the command line to its end.
type testnet struct {
	nodes, miners    int
	interval, length time.Duration
	dir              string
	port             int
	sets             []string
	json, secure     bool

	sealing bool // the nodes make blocks by themselves

	system *sut.Process
	up     []sut.Node
	certs  []tlsx.File // of the authority and each node; nil: no TLS
	reach  client.Options
}

// portMax is the highest port there is.
const portMax = 65535

func (t *testnet) run(cmd *cobra.Command) error {
	s, err := t.scenario()
	if err != nil {
		return usage(err)
	}
	if last := t.port + 10*t.nodes; t.port < 0 || t.port > 0 && last > portMax {
		return usagef("--base-port %d: permitted for %d nodes: 0 to %d", t.port, t.nodes, portMax-10*t.nodes)
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	kept := t.dir != ""
	if t.dir, err = t.folder(); err != nil {
		return usage(err)
	}
	t.system = sut.NewProcess(sut.ProcessConfig{
		Binary: binary, Nodes: s.Chain.Up.Nodes, Miners: s.Chain.Up.Miners, Node: s.Chain.Node, Change: t.change, Dir: t.dir, Port: t.port,
	})
	defer func() {
		if t.system.Stop(); !kept {
			_ = os.RemoveAll(t.dir)
		}
	}()
	if err := t.certify(); err != nil {
		return usage(err)
	}
	ctx := cmd.Context()
	if t.length > 0 {
		limited, cancel := context.WithTimeout(ctx, t.length)
		defer cancel()
		ctx = limited
	}
	err = t.live(ctx, cmd.OutOrStdout(), kept)
	if ctx.Err() != nil {
		return nil // ended as it was meant to
	}
	if err != nil && t.port > 0 && strings.Contains(err.Error(), "address already in use") {
		err = usagef("%w; --base-port chooses other ports, and 0 free ones", err)
	}
	return startError(err)
}

// scenario checks the settings as a run does.
func (t *testnet) scenario() (*scenario.Scenario, error) {
	switch {
	case t.interval < intervalLeast || t.interval > intervalMost:
		return nil, fmt.Errorf("--interval %v: permitted: %v to %v", t.interval, intervalLeast, intervalMost)
	case t.length < 0:
		return nil, fmt.Errorf("--for %v: permitted: 0, which is until interrupted, and more", t.length)
	}
	sets := []string{
		fmt.Sprintf("%s%d", setNodes, t.nodes), fmt.Sprintf("%s%d", setMiners, t.miners),
		fmt.Sprintf("chain.node.miner.pace=%v", t.interval*time.Duration(max(t.miners, 1))),
		fmt.Sprintf("chain.node.heap_floor_mb=%d", testnetHeapMB),
	}
	for _, set := range t.sets {
		sets = append(sets, setNode+set)
	}
	s, err := scenario.ParseSets(sets...)
	if err != nil {
		return nil, asTyped(err)
	}
	cfg, err := nodeConfig(s)
	t.sealing = seals(&cfg)
	return s, asTyped(err)
}

const (
	// testnetHeapMB is below what a node of a load test gets: several share the
	// machine here.
	testnetHeapMB = 64

	intervalLeast = time.Millisecond
	intervalMost  = time.Hour

	setNodes  = "chain.up.nodes="
	setMiners = "chain.up.miners="
	setNode   = "chain.node."
)

// asTyped tells of a mistake in the words of this verb's flags, which a
// scenario was made from.
func asTyped(err error) error {
	if err == nil {
		return nil
	}
	text := strings.NewReplacer("--set "+setNodes, "--nodes ", "--set "+setMiners, "--miners ",
		strings.TrimSuffix(setNodes, "=")+": ", "", strings.TrimSuffix(setMiners, "=")+": ", "", setNode, "").Replace(err.Error())
	return errors.New(text)
}

func (t *testnet) folder() (string, error) {
	if t.dir == "" {
		return os.MkdirTemp("", "chaindyno-testnet-")
	}
	abs, err := filepath.Abs(t.dir)
	if err != nil {
		return "", err
	}
	return abs, os.MkdirAll(abs, 0o755)
}

// certify makes certificates where they are wanted, or takes those that are in
// the folder from another time.
func (t *testnet) certify() (err error) {
	if !t.secure {
		return nil
	}
	requests := make([]tlsx.Request, t.nodes)
	for i := range requests {
		requests[i] = tlsx.Request{Name: fmt.Sprintf("node-%d", i), Hosts: []string{"127.0.0.1", "localhost"}}
	}
	if t.certs, err = tlsx.Make(filepath.Join(t.dir, "certs"), requests...); err != nil {
		return err
	}
	t.reach.TLS, err = tlsx.Client{CA: t.certs[0].Cert}.Config()
	return err
}

// change tells a node its certificate.
func (t *testnet) change(node int, settings strictyaml.Tree) {
	if t.certs == nil {
		return
	}
	own := t.certs[node+1]
	settings["tls"] = strictyaml.Tree{"cert": own.Cert, "key": own.Key}
	if peers, ok := settings["peers"].(strictyaml.Tree); ok {
		peers["tls"] = strictyaml.Tree{"cert": own.Cert, "key": own.Key, "ca": t.certs[0].Cert}
	}
}

// live starts the nodes and shows them until ctx ends.
func (t *testnet) live(ctx context.Context, w io.Writer, kept bool) (err error) {
	if !t.json {
		fmt.Fprintf(w, "starting %s, %d of them making blocks ...\n", count(t.nodes, "node"), t.miners)
	}
	if t.up, err = t.system.Up(ctx); err != nil {
		return err
	}
	if err := awaitNetwork(ctx, t.up, t.sealing, t.reach); err != nil {
		return err
	}
	if t.json {
		if err := json.NewEncoder(w).Encode(t.up); err != nil {
			return err
		}
		return keepAlive(ctx, t.system.Revive)
	}
	if err := t.introduce(w, kept); err != nil {
		return err
	}
	v, err := newTestnetView(w, t.up, t.reach)
	if err != nil {
		return err
	}
	defer v.close()
	return v.run(ctx, t.system.Revive)
}

// keepAlive has nodes revived that have ended, until ctx ends.
func keepAlive(ctx context.Context, revive func(context.Context) ([]string, error)) error {
	every := time.NewTicker(pulseEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			if _, err := revive(ctx); err != nil {
				return err
			}
		}
	}
}

// introduce prints where everything is.
func (t *testnet) introduce(w io.Writer, kept bool) error {
	where := t.dir + ", removed at the end; --dir keeps it"
	if kept {
		where = t.dir
	}
	fmt.Fprintf(w, "network %s, genesis %s\nfiles   %s\n\n", t.up[0].Network, t.up[0].Genesis, where)
	rows := [][]string{{"node", "pid", "gRPC", "explorer", "admin", "peers"}}
	var targets []string
	scheme, trust := "http", ""
	if t.certs != nil {
		scheme, trust = "https", " --tls-ca "+t.certs[0].Cert
	}
	for _, n := range t.up {
		explorer := "-"
		if n.HTTP != "" {
			explorer = scheme + "://" + n.HTTP
		}
		rows = append(rows, []string{n.Name, fmt.Sprint(n.PID), n.Address, explorer, n.Admin, n.Peers})
		targets = append(targets, "--target "+n.Address)
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
load it     %[5]s run --set load.schedule.constant.rate=1000/s --set load.confirmations=%[6]d %[1]s%[4]s
watch it    %[5]s watch %[2]s%[4]s
prove it    %[5]s proof TXID %[3]s%[4]s
hurt it     kill -9 PID, kill -STOP PID, kill -CONT PID
end it      Ctrl-C

`, strings.Join(targets, " "), t.up[0].Address, targets[0], trust, os.Args[0], t.confirmations())
	return err
}

// confirmations is how many blocks a load had better wait for: two miners now
// and then find a block each at one height.
func (t *testnet) confirmations() int {
	if t.miners == 1 {
		return 1
	}
	return 6
}
