package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/admin"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/internal/procs"
)

// nodeFlags maps the flags of the node verb to configuration keys.
var nodeFlags = []struct{ flag, key, usage string }{
	{"data", "data", "folder of blocks and output set"},
	{"listen", "listen", "gRPC address, host:port; port 0 picks a free one"},
	{"admin", "admin", "address of metrics, health and pprof; empty: off"},
	{"sync", "sync", "when blocks are on stable storage: always, block, interval or none"},
	{"threads", "miner.threads", "search threads; 0: make no blocks"},
	{"pace", "miner.pace", "mean wait before each search, such as 250ms"},
	{"log-level", "log_level", "debug, info, warn or error"},
}

func newNodeCmd() *cobra.Command {
	var file string
	var sets []string
	var insecure, withParent bool
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node of the reference chain",
		Long: "Run a node of the reference chain. Settings come from defaults, then the file, then environment variables\n" +
			chain.EnvPrefix + "<KEY>, then flags. One line of JSON on standard output says when the node is ready and where it listens.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadNodeConfig(file, os.Environ(), nodeOverrides(cmd.Flags(), insecure, sets))
			if err != nil {
				return &exitError{exitUsage, err}
			}
			ctx := cmd.Context()
			if withParent {
				var cancel context.CancelFunc
				ctx, cancel = procs.Watch(ctx, cmd.InOrStdin())
				defer cancel()
			}
			return runNode(ctx, cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file")
	f.StringArrayVar(&sets, "set", nil, "key=value of any setting; may be repeated")
	f.BoolVar(&insecure, "insecure", false, "permit addresses off loopback without TLS")
	f.BoolVar(&withParent, "exit-with-parent", false, "stop when standard input closes")
	defaults := chain.DefaultConfig()
	settings := defaults.Settings()
	settings["listen"], settings["admin"] = defaults.Listen, defaults.Admin
	for _, nf := range nodeFlags {
		f.String(nf.flag, settings[nf.key], nf.usage)
	}
	return cmd
}

// nodeOverrides turns the flags that were given into overrides.
func nodeOverrides(flags *pflag.FlagSet, insecure bool, sets []string) []chain.Override {
	var all []chain.Override
	for _, nf := range nodeFlags {
		if f := flags.Lookup(nf.flag); f.Changed {
			all = append(all, chain.Override{Origin: "--" + nf.flag, Key: nf.key, Value: f.Value.String()})
		}
	}
	if insecure {
		all = append(all, chain.Override{Origin: "--insecure", Key: "insecure", Value: "true"})
	}
	for _, s := range sets {
		key, value, _ := strings.Cut(s, "=")
		all = append(all, chain.Override{Origin: "--set " + s, Key: key, Value: value})
	}
	return all
}

// loadNodeConfig puts the sources together. A token on the command line would
// be there for everybody on the machine to read.
func loadNodeConfig(file string, environ []string, flags []chain.Override) (chain.Config, error) {
	name, yaml := "configuration", []byte(nil)
	if file != "" {
		var err error
		if yaml, err = os.ReadFile(file); err != nil {
			return chain.Config{}, err
		}
		name = file
	}
	env, err := chain.Environment(environ)
	if err != nil {
		return chain.Config{}, err
	}
	for _, f := range flags {
		if f.Key == "token" {
			return chain.Config{}, fmt.Errorf("--set token: other users can read the command line; permitted: the file, or %sTOKEN", chain.EnvPrefix)
		}
	}
	cfg, err := chain.LoadConfig(yaml, name, append(env, flags...))
	if err == nil && cfg.Data == "" {
		err = errors.New("data: no folder is named; give --data FOLDER, or data in the file")
	}
	return cfg, err
}

// readyLine is the one line that a node prints on standard output.
type readyLine struct {
	Ready   bool   `json:"ready"`
	Listen  string `json:"listen"`
	Admin   string `json:"admin"` // empty: off
	Network string `json:"network"`
	Genesis string `json:"genesis"`
	Pid     int    `json:"pid"`
}

// runNode runs a node until ctx ends. Addresses are bound before the data
// folder is touched, so that a busy port leaves nothing behind.
func runNode(ctx context.Context, cfg chain.Config, stdout, stderr io.Writer) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return &exitError{exitUsage, err}
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})).With("node", cfg.Name)
	api := &nodeAPI{cfg: cfg}
	servers, err := bindServers(cfg, api)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	metrics := newNodeMetrics(servers.metrics)
	node, err := chain.Open(cfg, chain.Options{Events: metrics.events(), Log: log})
	if err != nil {
		servers.close()
		return &exitError{exitUsage, err}
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	api.node = node
	metrics.read(api)

	line, err := json.Marshal(readyLine{
		Ready: true, Listen: servers.chain.Addr().String(), Admin: servers.adminAddr(),
		Network: node.Params().Name, Genesis: node.Params().GenesisHash().String(), Pid: os.Getpid(),
	})
	if err != nil {
		return err
	}
	return servers.run(ctx, log, node, func() error {
		_, err := fmt.Fprintf(stdout, "%s\n", line)
		return err
	})
}

// nodeServers are what a node offers to the outside.
type nodeServers struct {
	chain   *server.Server
	admin   *admin.Server // nil: off
	metrics *admin.Metrics
}

func bindServers(cfg chain.Config, api *nodeAPI) (*nodeServers, error) {
	sc := server.DefaultConfig()
	sc.Listen, sc.AllowPlaintext, sc.Token = cfg.Listen, cfg.Insecure, cfg.Token
	var err error
	if sc.TLS, err = cfg.TLS.Config(); err != nil {
		return nil, err
	}
	s := &nodeServers{metrics: admin.NewMetrics()}
	if s.chain, err = server.New(sc, api.pieces()); err != nil {
		return nil, err
	}
	if cfg.Admin == "" {
		return s, nil
	}
	s.admin, err = admin.New(admin.Config{Listen: cfg.Admin, AllowRemote: cfg.Insecure}, api.health(), s.metrics)
	if err != nil {
		return nil, errors.Join(err, s.chain.Close())
	}
	return s, nil
}

func (s *nodeServers) adminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr().String()
}

func (s *nodeServers) close() {
	_ = s.chain.Close()
	if s.admin != nil {
		_ = s.admin.Close()
	}
}

// run runs node and servers until ctx ends or one of them fails, and returns
// when all have ended.
func (s *nodeServers) run(ctx context.Context, log *slog.Logger, node *chain.Node, ready func() error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	start := func(run func(context.Context) error) {
		all.Go(func() {
			err := run(ctx)
			if errors.Is(err, grpc.ErrServerStopped) && ctx.Err() != nil {
				err = nil // stopped before it had begun to serve
			}
			if err != nil {
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
			stop(err)
		})
	}
	start(node.Run)
	start(s.chain.Run)
	if s.admin != nil {
		start(s.admin.Run)
	}
	if err := ready(); err != nil {
		stop(err)
	}
	<-ctx.Done()
	log.Info("stopping", "cause", context.Cause(ctx))
	all.Wait()
	return failed
}
