package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// reach is how a verb is told of a target without a scenario.
type reach struct {
	driver, token string
	ca, cert, key string
	allowRemote   bool
}

func (r *reach) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.driver, "driver", scenario.DriverReference, "kind of chain")
	f.StringVar(&r.ca, "tls-ca", "", "certificate authority to trust, PEM file")
	f.StringVar(&r.cert, "tls-cert", "", "own certificate, PEM file")
	f.StringVar(&r.key, "tls-key", "", "own key, PEM file")
	f.StringVar(&r.token, "token-env", "", "environment variable that holds a bearer token")
	f.BoolVar(&r.allowRemote, "allow-remote", false, "permit a target off this machine in plain text, or of a network that is not known to be worthless")
}

// scenario says the same as a scenario without a chain of its own.
func (r *reach) scenario(target string) (*scenario.Scenario, error) {
	sets := []string{"chain=null", "target.driver=" + quote(r.driver), "target.submit=[" + quote(target) + "]"}
	for key, v := range map[string]string{"tls.ca": r.ca, "tls.cert": r.cert, "tls.key": r.key, "token_env": r.token} {
		if v != "" {
			sets = append(sets, "target."+key+"="+quote(v))
		}
	}
	s, err := scenario.ParseSets(sets...)
	if err != nil {
		return nil, usagef("target %s: %v", target, err)
	}
	s.Target.AllowRemote = r.allowRemote
	return s, nil
}

func (r *reach) dial(target string) (*scenario.Scenario, driver.Driver, error) {
	s, err := r.scenario(target)
	if err != nil {
		return nil, nil, err
	}
	d, err := dial(s, s.Target.Submit)
	return s, d, err
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// duration renders nanoseconds with three significant digits.
func duration(ns int64) string {
	d := time.Duration(ns)
	for unit := time.Nanosecond; unit <= time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}
