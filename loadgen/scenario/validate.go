package scenario

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/schedule"
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	envForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func keyf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Validate checks everything that can be known without the target. Parse has
// called it.
func (s *Scenario) Validate() error {
	if !nameForm.MatchString(s.Name) {
		return s.ErrorAt("name", "%q is not a name; permitted: up to 64 letters, digits, dots, dashes and underscores", s.Name)
	}
	if err := strictyaml.Check(s, s.file, s.at); err != nil {
		return err
	}
	for _, check := range []func() error{
		s.validateTarget, s.validateSecrets, s.validateChain, s.validateSchedule, s.validateLoad, s.validateFaults,
		s.validateCapacity, s.validateSweep,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// RequireDriver checks that the driver is one of those known.
func (s *Scenario) RequireDriver(known []string) error {
	if slices.Contains(known, s.Target.Driver) {
		return nil
	}
	return s.ErrorAt("target.driver", "%q is not known; permitted: %s", s.Target.Driver, strings.Join(known, ", "))
}

func (s *Scenario) validateTarget() error {
	t := &s.Target
	switch inProcess := t.Driver == DriverNull; {
	case t.Driver == "":
		return s.ErrorAt("target.driver", "is empty")
	case inProcess && s.Chain != nil:
		return s.ErrorAt("chain", "the null driver needs no chain; remove it")
	case inProcess && len(t.Submit) > 0:
		return s.ErrorAt("target.submit", "the null driver has no address; remove it")
	case inProcess:
		return nil
	case s.Chain == nil && len(t.Submit) == 0:
		return s.ErrorAt("target.submit", "is absent: name the nodes to load, or add chain to start them")
	case s.Chain != nil && len(t.Submit) > 0:
		return s.ErrorAt("target.submit", "chain starts nodes of its own; remove one of the two")
	}
	for i, a := range t.Submit {
		if _, err := hostOf(a); err != nil {
			return s.ErrorAt(keyf("target.submit[%d]", i), "%v", err)
		}
	}
	return nil
}

// hostOf returns the host of an address, host:port or a URL. Credentials do
// not belong there: addresses are shown in reports.
func hostOf(address string) (string, error) {
	bad := fmt.Errorf("want host:port or a URL, got %q", address)
	hostPort := address
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("want host:port or a URL")
		}
		if u.User != nil {
			return "", fmt.Errorf("an address must not hold credentials; use auth")
		}
		if u.Port() == "" {
			return u.Hostname(), nil
		}
		hostPort = u.Host
	}
	if strings.Contains(hostPort, "@") {
		return "", fmt.Errorf("an address must not hold credentials; use auth")
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil || host == "" {
		return "", bad
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", bad
	}
	return host, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckNetwork refuses to load a network off loopback that is not known to be
// worthless, unless Target.AllowRemote is set.
func (s *Scenario) CheckNetwork(info driver.Info) error {
	if info.Dev || s.Target.AllowRemote {
		return nil
	}
	for i, a := range s.Target.Submit {
		if host, err := hostOf(a); err == nil && !loopback(host) {
			return s.ErrorAt(keyf("target.submit[%d]", i),
				"%s is not on this machine and network %q is not known to be worthless; add --allow-remote if you mean it", a, info.Network)
		}
	}
	return nil
}

func (s *Scenario) validateSecrets() error {
	t := s.Target
	for _, v := range [][2]string{
		{"target.token_env", t.TokenEnv}, {"target.auth.user_env", t.Auth.UserEnv}, {"target.auth.password_env", t.Auth.PasswordEnv},
	} {
		if v[1] != "" && !envForm.MatchString(v[1]) {
			// The value may be the secret itself, so it is not repeated.
			return s.ErrorAt(v[0], "want the name of an environment variable, not a secret")
		}
	}
	if (t.TLS.Cert == "") != (t.TLS.Key == "") {
		return s.ErrorAt("target.tls", "cert and key go together")
	}
	if t.TokenEnv != "" && t.TLS.CA == "" {
		return s.ErrorAt("target.token_env", "a token is sent over TLS only; add tls.ca")
	}
	if t.Driver == DriverReference && t.Auth != (Auth{}) {
		return s.ErrorAt("target.auth", "the reference driver knows no users; use token_env")
	}
	if t.Auth.PasswordEnv != "" && t.Auth.PasswordFile != "" {
		return s.ErrorAt("target.auth", "choose one of password_env, password_file")
	}
	return nil
}

func (s *Scenario) validateChain() error {
	if s.Chain != nil && s.Target.Driver != DriverReference {
		return s.ErrorAt("chain", "nodes of this binary speak to the reference driver only; start %s yourself and name it in target.submit", s.Target.Driver)
	}
	if c := s.Chain; c != nil && c.Up.Miners > c.Up.Nodes {
		return s.ErrorAt("chain.up.miners", "%d of %d nodes cannot make blocks; permitted: 1 to %d", c.Up.Miners, c.Up.Nodes, c.Up.Nodes)
	}
	return nil
}

func (s *Scenario) validateSchedule() error {
	sc := s.Load.Schedule
	if r := sc.Ramp; r != nil && r.From == 0 && r.To == 0 {
		return s.ErrorAt("load.schedule.ramp", "both rates are 0")
	}
	if sc.Steps != nil && len(sc.Steps) == 0 {
		return s.ErrorAt("load.schedule.steps", "is empty: give at least one {rate, for}")
	}
	if sc.Steps != nil && !slices.ContainsFunc(sc.Steps, func(st Step) bool { return st.Rate > 0 }) {
		return s.ErrorAt("load.schedule.steps", "every rate is 0")
	}
	for i, st := range sc.Steps {
		if st.For == 0 {
			return s.ErrorAt(keyf("load.schedule.steps[%d].for", i), "0s is out of range; permitted: 100ms to 168h")
		}
	}
	if err := s.validateTrace(); err != nil {
		return err
	}
	if s.Length() > schedule.MaxLength {
		return s.ErrorAt("load.schedule", "lasts %v; permitted: up to %v", s.Length(), schedule.MaxLength)
	}
	if sc.Constant == nil && sc.Ramp == nil && sc.Steps == nil && sc.Poisson == nil && sc.Trace == nil && sc.Closed == nil {
		return s.ErrorAt("load.schedule", emptySchedule)
	}
	return nil
}

func (s *Scenario) validateLoad() error {
	l := &s.Load
	if l.Lanes > 0 && int(l.Lanes) < l.Connections {
		return s.ErrorAt("load.lanes", "%d lanes cannot be shared by %d connections; permitted: from %d", l.Lanes, l.Connections, l.Connections)
	}
	if o := l.Options; o.InvalidSignatures+o.DoubleSpends > 1 {
		return s.ErrorAt("load.options", "invalid_signatures and double_spends add up to %v; permitted: up to 1", o.InvalidSignatures+o.DoubleSpends)
	}
	total := 0.0
	for i, m := range l.Mix {
		if m.Kind != "transfer" {
			return s.ErrorAt(keyf("load.mix[%d].kind", i), "%q is not known; permitted: transfer", m.Kind)
		}
		total += m.Share
	}
	if total != 100 {
		return s.ErrorAt("load.mix", "shares add up to %v; they must add up to 100", total)
	}
	return nil
}
