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
	"github.com/chaindyno/chaindyno/chain/api/web"
	"github.com/chaindyno/chaindyno/chain/p2p"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// nodeFlags maps the flags of the node verb to configuration keys.
var nodeFlags = []struct{ flag, key, usage string }{
	{"data", "data", "folder of blocks and output set"},
	{"listen", "listen", "gRPC address, host:port; port 0 picks a free one"},
	{"admin", "admin", "address of metrics, health and pprof; empty: off"},
	{"http", "http", "address of the JSON API, WebSocket and explorer; empty: off"},
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
	settings["listen"], settings["admin"], settings["http"] = defaults.Listen, defaults.Admin, defaults.HTTP
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
		if chain.Secret(f.Key, f.Value) || f.Key == "cache.redis" && strings.Contains(f.Value, "@") { // a URL with a password
			return chain.Config{}, fmt.Errorf("--set %s: other users can read the command line; permitted: the file, or %s%s",
				f.Key, chain.EnvPrefix, strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_")))
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
	HTTP    string `json:"http"`  // empty: off
	Peers   string `json:"peers"` // empty: a node without peers
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
	defer procs.HeapFloor(uint64(cfg.HeapFloorMB) << 20)()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})).With("node", cfg.Name)
	api := &nodeAPI{cfg: cfg}
	servers, err := bindServers(cfg, api, log)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	metrics := newNodeMetrics(servers.metrics)
	events := metrics.events()
	if servers.peers != nil {
		events.Pool.Accepted = servers.peers.Accepted
	}
	node, err := chain.Open(cfg, chain.Options{Events: events, Log: log})
	if err != nil {
		servers.close()
		return &exitError{exitUsage, err}
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	api.node = node
	metrics.read(api)
	var id p2p.ID
	if servers.peers != nil {
		if id, err = p2p.LoadID(cfg.Data); err != nil {
			servers.close()
			return &exitError{exitUsage, err}
		}
		readPeers(servers.metrics, servers.peers)
	}

	line, err := json.Marshal(readyLine{
		Ready: true, Listen: servers.chain.Addr().String(), Admin: servers.adminAddr(), HTTP: servers.webAddr(), Peers: servers.peersAddr(),
		Network: node.Params().Name, Genesis: node.Params().GenesisHash().String(), Pid: os.Getpid(),
	})
	if err != nil {
		return err
	}
	return servers.run(ctx, log, node, id, func() error {
		_, err := fmt.Fprintf(stdout, "%s\n", line)
		return err
	})
}

// nodeServers are what a node offers to the outside.
type nodeServers struct {
	chain   *server.Server
	admin   *admin.Server // nil: off
	web     *web.Server   // nil: off
	peers   *p2p.Host     // nil: a node without peers
	metrics *admin.Metrics
	denied  func(n int, values ...string) // callers, by port and reason
	closed  func(n int, values ...string) // connections, by port
}

// events counts what the servers turn away.
func (s *nodeServers) events() server.Events {
	s.denied = s.metrics.Counter("denied_total", "Callers that were turned away before anything was done for them.", "port", "why")
	s.closed = s.metrics.Counter("connections_closed_total", "Connections that were ended because too much over them was of no use.", "port")
	called := s.metrics.Counter("calls_total", "Calls that were let in.", "method")
	return server.Events{
		Denied: func(why string) { s.denied(1, "listen", why) },
		Closed: func() { s.closed(1, "listen") },
		Called: func(method string) { called(1, method) },
	}
}

func bindServers(cfg chain.Config, api *nodeAPI, log *slog.Logger) (_ *nodeServers, err error) {
	sc := server.DefaultConfig()
	sc.Listen, sc.AllowPlaintext, sc.Token = cfg.Listen, cfg.Insecure, cfg.Token
	if sc.TLS, err = cfg.TLS.Config(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	s := &nodeServers{metrics: admin.NewMetrics()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	sc.Events = s.events()
	sc.ConnectionTxs = max(1, cfg.Ingest.Queue/2)
	// There are four addresses: an error says whose it is.
	if s.chain, err = server.New(sc, api.pieces()); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err = s.bindAdmin(cfg, api); err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if s.peers, err = bindPeers(&cfg, api, s, log); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	if err = s.bindWeb(cfg, sc.TLS); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	return s, nil
}

func (s *nodeServers) bindAdmin(cfg chain.Config, api *nodeAPI) (err error) {
	if cfg.Admin == "" {
		return nil
	}
	ac := admin.Config{Listen: cfg.Admin, AllowRemote: cfg.Insecure, Token: cfg.AdminToken, Denied: func() { s.denied(1, "admin", "token") }}
	if cfg.AdminSecured() {
		ac.TLS, err = tlsx.Server{Cert: cfg.TLS.Cert, Key: cfg.TLS.Key}.Config()
	}
	if err == nil {
		s.admin, err = admin.New(ac, api.health(), s.metrics)
	}
	return err
}

func (s *nodeServers) adminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr().String()
}

func (s *nodeServers) close() {
	if s.chain != nil {
		_ = s.chain.Close()
	}
	if s.admin != nil {
		_ = s.admin.Close()
	}
	if s.web != nil {
		_ = s.web.Close()
	}
	if s.peers != nil {
		_ = s.peers.Close()
	}
}

func (s *nodeServers) peersAddr() string {
	if s.peers == nil {
		return ""
	}
	return s.peers.Addr().String()
}

// run runs node and servers until ctx ends or one of them fails, and returns
// when all have ended.
func (s *nodeServers) run(ctx context.Context, log *slog.Logger, node *chain.Node, id p2p.ID, ready func() error) error {
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
	if s.web != nil {
		start(s.web.Run)
	}
	if s.peers != nil {
		start(func(ctx context.Context) error { return s.peers.Run(ctx, id) })
	}
	if err := ready(); err != nil {
		stop(err)
	}
	<-ctx.Done()
	log.Info("stopping", "cause", context.Cause(ctx))
	all.Wait()
	return failed
}
