// Package connect makes the driver that a scenario's target asks for. It is the
// list of the chains that every front end can load.
package connect

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
	"github.com/chaindyno/chaindyno/loadgen/driver/refchain"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// factory makes a driver for a scenario's target, whose nodes are at submit. It
// does no I/O.
type factory func(s *scenario.Scenario, submit []string, secrets scenario.Secrets) (driver.Driver, error)

// factories are the kinds of chain that can be loaded. A new one is one more
// line.
func factories() map[string]factory {
	return map[string]factory{
		scenario.DriverReference: reference,
		scenario.DriverNull: func(s *scenario.Scenario, _ []string, _ scenario.Secrets) (driver.Driver, error) {
			return null.FromOptions(s.Target.Options)
		},
	}
}

func reference(s *scenario.Scenario, submit []string, secrets scenario.Secrets) (driver.Driver, error) {
	t := s.Target
	secured, err := tlsx.Client{CA: t.TLS.CA, Cert: t.TLS.Cert, Key: t.TLS.Key, ServerName: t.TLS.Name}.Config()
	if err != nil {
		return nil, err
	}
	return refchain.New(refchain.Config{Targets: submit, TLS: secured, Token: secrets.Token, AllowPlaintext: t.AllowRemote})
}

// Names are the drivers that there are.
func Names() []string { return slices.Sorted(maps.Keys(factories())) }

// Driver makes the scenario's driver, for nodes at submit. It does no I/O. Every
// error is the user's to mend, and holds no secret.
func Driver(s *scenario.Scenario, submit []string) (driver.Driver, error) {
	if err := s.RequireDriver(Names()); err != nil {
		return nil, err
	}
	secrets, err := s.Secrets()
	if err != nil {
		return nil, err
	}
	d, err := factories()[s.Target.Driver](s, submit, secrets)
	if err != nil {
		return nil, errors.New(secrets.Redact(fmt.Sprintf("target: %v", err)))
	}
	return d, nil
}
