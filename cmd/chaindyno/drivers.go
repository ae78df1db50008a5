package main

import (
	"github.com/chaindyno/chaindyno/loadgen/connect"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// dial makes the scenario's driver.
func dial(s *scenario.Scenario, submit []string) (driver.Driver, error) {
	d, err := connect.Driver(s, submit)
	return d, usage(err)
}

// usage makes an error end the program with exitUsage.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}
