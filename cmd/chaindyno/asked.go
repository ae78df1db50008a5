package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// asked is how a verb is told its scenario: a file, or none for the default
// one, with changes laid over it.
type asked struct {
	access
	changes []string
	targets []string
	scale   string // of a trace's rates; "" = as the scenario says
}

func (a *asked) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.changes, "set", nil, "change a key of the scenario: key=value, as often as needed")
	cmd.Flags().StringVar(&a.scale, "scale", "", "multiply the rates of a replayed trace: short for --set load.schedule.trace.scale=X")
	cmd.Flags().StringArrayVar(&a.targets, "target", nil, "load the node at host:port instead of starting one; repeat for several")
	a.access.flags(cmd)
}

// argv is the command line that asks the same of the run verb, with a scenario
// that was changed further.
func (a *asked) argv(args []string, more ...string) []string {
	out := append([]string{"chaindyno", "run"}, args...)
	add := func(flag, value string) {
		if value != "" {
			out = append(out, flag, value)
		}
	}
	for _, t := range a.targets {
		add("--target", t)
	}
	add("--scale", a.scale)
	add("--tls-ca", a.ca)
	add("--tls-cert", a.cert)
	add("--tls-key", a.key)
	add("--tls-name", a.access.name)
	add("--token-env", a.token)
	if a.allowRemote {
		out = append(out, "--allow-remote")
	}
	for _, set := range slices.Concat(a.changes, more) {
		add("--set", set)
	}
	return out
}

// scenario reads and checks everything that can be known beforehand.
func (a *asked) scenario(args []string) (*scenario.Scenario, error) {
	shown := a.access.sets()
	sets := slices.Concat(shown, a.changes)
	if len(a.targets) > 0 {
		list := ""
		for _, t := range a.targets {
			list += fmt.Sprintf("%q, ", t)
		}
		sets = append([]string{"chain=null", "target.submit=[" + list + "]"}, sets...)
	}
	if a.scale != "" {
		sets = append(sets, "load.schedule.trace.scale="+a.scale)
	}
	s, err := parse(args, sets)
	if err != nil {
		return nil, usage(err)
	}
	s.Target.AllowRemote = a.allowRemote
	if s.Chain != nil && len(shown) > 0 {
		return nil, usagef("--tls-ca, --tls-cert, --tls-key, --tls-name and --token-env are for a target that is there already: add --target host:port")
	}
	if err := s.RequireDriver(driverNames()); err != nil {
		return nil, usage(err)
	}
	if _, err := s.Secrets(); err != nil {
		return nil, usage(err)
	}
	return s, checkNodes(s)
}

// checkNodes checks the settings of nodes, at every point of a sweep too.
func checkNodes(s *scenario.Scenario) error {
	if s.Chain == nil {
		return nil
	}
	cfg, err := nodeConfig(s)
	if err == nil && cfg.Miner.OnDemand {
		err = s.ErrorAt("chain.node.miner.on_demand", "a run asks for no block, so that none would be made; remove it")
	}
	if err != nil || s.Sweep == nil {
		return usage(err)
	}
	return usage(s.Choices(func(choice []int) error {
		p, err := s.Vary(choice)
		if err == nil {
			_, err = nodeConfig(p)
		}
		return err
	}))
}

func parse(args, sets []string) (*scenario.Scenario, error) {
	if len(args) == 0 {
		return scenario.ParseSets(sets...)
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	return scenario.Parse(data, args[0], sets...)
}

// nodeConfig checks the settings that a scenario gives its nodes, before any
// is started. Errors point into the scenario.
func nodeConfig(s *scenario.Scenario) (chain.Config, error) {
	text, err := s.Chain.Node.JSON()
	if err != nil {
		return chain.Config{}, err
	}
	for _, key := range []string{"name", "data", "listen", "admin", "http"} {
		if _, ok := s.Chain.Node[key]; ok {
			return chain.Config{}, s.ErrorAt("chain.node."+key, "is chosen by the run; remove it")
		}
	}
	cache, _ := s.Chain.Node["cache"].(strictyaml.Tree)
	redis, _ := cache["redis"].(string)
	for key, given := range map[string]bool{
		"token": s.Chain.Node["token"] != nil, "admin_token": s.Chain.Node["admin_token"] != nil, "cache.redis": chain.Secret("cache.redis", redis),
	} {
		if given {
			return chain.Config{}, s.ErrorAt("chain.node."+key, "holds a secret, which reports would repeat; nodes of a run are on loopback and need none")
		}
	}
	peers, _ := s.Chain.Node["peers"].(strictyaml.Tree)
	for _, key := range []string{"listen", "advertise", "seeds"} {
		if _, ok := peers[key]; ok {
			return chain.Config{}, s.ErrorAt("chain.node.peers."+key, "is chosen by the run; remove it")
		}
	}
	cfg, err := chain.ParseConfig(text, "node")
	var wrong *strictyaml.Error
	if errors.As(err, &wrong) {
		key := "chain.node"
		if wrong.Key != "" {
			key += "." + wrong.Key
		}
		return cfg, s.ErrorAt(key, "%s", wrong.Msg)
	}
	return cfg, err
}
