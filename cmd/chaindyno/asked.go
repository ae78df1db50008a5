package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// asked is how a verb is told its scenario: a file, or none for the default
// one, with changes laid over it.
type asked struct {
	sets        []string
	targets     []string
	allowRemote bool
}

func (a *asked) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.sets, "set", nil, "change a key of the scenario: key=value, as often as needed")
	cmd.Flags().StringArrayVar(&a.targets, "target", nil, "load the node at host:port instead of starting one; repeat for several")
	cmd.Flags().BoolVar(&a.allowRemote, "allow-remote", false, "permit a target off this machine in plain text, or of a network that is not known to be worthless")
}

// scenario reads and checks everything that can be known beforehand.
func (a *asked) scenario(args []string) (*scenario.Scenario, error) {
	sets := a.sets
	if len(a.targets) > 0 {
		list := ""
		for _, t := range a.targets {
			list += fmt.Sprintf("%q, ", t)
		}
		sets = append([]string{"chain=null", "target.submit=[" + list + "]"}, sets...)
	}
	s, err := parse(args, sets)
	if err != nil {
		return nil, usage(err)
	}
	s.Target.AllowRemote = a.allowRemote
	if err := s.RequireDriver(driverNames()); err != nil {
		return nil, usage(err)
	}
	if _, err := s.Secrets(); err != nil {
		return nil, usage(err)
	}
	if s.Chain != nil {
		if _, err := nodeConfig(s); err != nil {
			return nil, usage(err)
		}
	}
	return s, nil
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
	for _, key := range []string{"name", "data", "listen", "admin"} {
		if _, ok := s.Chain.Node[key]; ok {
			return chain.Config{}, s.ErrorAt("chain.node."+key, "is chosen by the run; remove it")
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
