package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// access are how a verb is told what to show to a target, and what to
// expect of it.
type access struct {
	token               string
	ca, cert, key, name string
	allowRemote         bool
}

func (c *access) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.ca, "tls-ca", "", "certificate authority to trust, PEM file")
	f.StringVar(&c.cert, "tls-cert", "", "own certificate, PEM file")
	f.StringVar(&c.key, "tls-key", "", "own key, PEM file")
	f.StringVar(&c.name, "tls-name", "", "name that the target's certificate must carry, if it is not the target's host")
	f.StringVar(&c.token, "token-env", "", "environment variable that holds a bearer token")
	f.BoolVar(&c.allowRemote, "allow-remote", false, "permit a target off this machine in plain text, or of a network that is not known to be worthless")
}

// sets says the same in keys of a scenario.
func (c *access) sets() []string {
	var sets []string
	for _, k := range []struct{ key, value string }{
		{"tls.ca", c.ca}, {"tls.cert", c.cert}, {"tls.key", c.key}, {"tls.server_name", c.name}, {"token_env", c.token},
	} {
		if k.value != "" {
			sets = append(sets, "target."+k.key+"="+quote(k.value))
		}
	}
	return sets
}

// reach is how a verb is told of a target without a scenario.
type reach struct {
	access
	driver string
}

func (r *reach) flags(cmd *cobra.Command) {
	r.access.flags(cmd)
	cmd.Flags().StringVar(&r.driver, "driver", scenario.DriverReference, "kind of chain")
}

// scenario says the same as a scenario without a chain of its own.
func (r *reach) scenario(target string) (*scenario.Scenario, error) {
	sets := append([]string{"chain=null", "target.driver=" + quote(r.driver), "target.submit=[" + quote(target) + "]"}, r.sets()...)
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

// options are those of a connection to a node of the reference chain.
func (c *access) options() (client.Options, error) {
	secured, err := tlsx.Client{CA: c.ca, Cert: c.cert, Key: c.key, ServerName: c.name}.Config()
	if err != nil {
		return client.Options{}, usage(err)
	}
	o := client.Options{TLS: secured, AllowPlaintext: c.allowRemote}
	if c.token == "" {
		return o, nil
	}
	if secured == nil {
		return o, usagef("--token-env %s: a token is sent over TLS only; add --tls-ca", c.token)
	}
	if o.Token = os.Getenv(c.token); o.Token == "" {
		return o, usagef("--token-env %s: that environment variable is empty", c.token)
	}
	return o, nil
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
