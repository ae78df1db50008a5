package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
	"github.com/chaindyno/chaindyno/loadgen/driver/refchain"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// connect makes a driver for a scenario's target, whose nodes are at submit.
// It does no I/O.
type connect func(s *scenario.Scenario, submit []string, secrets scenario.Secrets) (driver.Driver, error)

// drivers are the kinds of chain that this binary can load. A new one is one
// more line.
func drivers() map[string]connect {
	return map[string]connect{
		scenario.DriverReference: connectReference,
		scenario.DriverNull: func(s *scenario.Scenario, _ []string, _ scenario.Secrets) (driver.Driver, error) {
			return null.FromOptions(s.Target.Options)
		},
	}
}

func connectReference(s *scenario.Scenario, submit []string, secrets scenario.Secrets) (driver.Driver, error) {
	t := s.Target
	secured, err := tlsx.Client{CA: t.TLS.CA, Cert: t.TLS.Cert, Key: t.TLS.Key, ServerName: t.TLS.Name}.Config()
	if err != nil {
		return nil, err
	}
	return refchain.New(refchain.Config{Targets: submit, TLS: secured, Token: secrets.Token, AllowPlaintext: t.AllowRemote})
}

func driverNames() []string { return slices.Sorted(maps.Keys(drivers())) }

// dial makes the scenario's driver.
func dial(s *scenario.Scenario, submit []string) (driver.Driver, error) {
	if err := s.RequireDriver(driverNames()); err != nil {
		return nil, usage(err)
	}
	secrets, err := s.Secrets()
	if err != nil {
		return nil, usage(err)
	}
	d, err := drivers()[s.Target.Driver](s, submit, secrets)
	if err != nil {
		return nil, usagef("%s", secrets.Redact(fmt.Sprintf("target: %v", err)))
	}
	return d, nil
}

// usage makes an error end the program with exitUsage.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}
