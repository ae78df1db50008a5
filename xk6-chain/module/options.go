package module

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

// keys are the options of connect and the keys of a scenario that they stand
// for: what is permitted is the same.
var keys = map[string]string{
	"audit":             "audit",
	"confirmations":     "load.confirmations",
	"connections":       "load.connections",
	"doubleSpends":      "load.options.double_spends",
	"drain":             "load.drain",
	"inFlight":          "load.in_flight",
	"inputs":            "load.options.inputs",
	"invalidSignatures": "load.options.invalid_signatures",
	"keySkew":           "load.options.key_skew",
	"lanes":             "load.lanes",
	"name":              "name",
	"outputs":           "load.options.outputs",
	"scheme":            "load.options.scheme",
	"seed":              "load.seed",
	"slo":               "slo",
	"tokenEnv":          "target.token_env",
	"warmup":            "load.warmup",
}

// tlsKeys are those of options.tls.
var tlsKeys = map[string]string{"ca": "target.tls.ca", "cert": "target.tls.cert", "key": "target.tls.key", "serverName": "target.tls.server_name"}

const (
	optionTLS     = "tls"
	optionDriver  = "driver" // the driver's own settings
	optionTimeout = "timeout"
	optionRemote  = "allowRemote"
)

// connection is what connect was asked for.
type connection struct {
	scenario *scenario.Scenario
	target   string // as metrics are tagged
	timeout  time.Duration
}

// defaultTimeout is longer than a driver waits for an answer, so that an answer
// that does not come is told as such.
const defaultTimeout = 15 * time.Second

// parse reads the one argument of connect.
func parse(arg sobek.Value) (connection, error) {
	m, ok := object(arg)
	if !ok {
		return connection{}, usagef("connect: want one object, such as {driver: 'reference', target: '127.0.0.1:7700'}, got %s", describe(arg))
	}
	if err := known("connect", m, "driver", "target", "options"); err != nil {
		return connection{}, err
	}
	kind, ok := m["driver"].(string)
	if !ok {
		return connection{}, usagef("connect: driver: want a string, reference or null, got %s", describeAny(m["driver"]))
	}
	targets, err := targetsOf(m["target"])
	if err != nil {
		return connection{}, err
	}
	options, ok := m["options"].(map[string]any)
	if !ok && m["options"] != nil {
		return connection{}, usagef("connect: options: want an object, got %s", describeAny(m["options"]))
	}
	c := connection{timeout: defaultTimeout, target: strings.Join(targets, ",")}
	if len(targets) == 0 {
		c.target = kind
	}
	sets := []string{"chain=null", "slo=[]", "name=" + runs.DefaultName, "load.sign=live", "load.warmup=0s", "target.driver=" + quote(kind)}
	if len(targets) > 0 {
		sets = append(sets, "target.submit="+quote(targets))
	}
	more, err := c.options(options)
	if err != nil {
		return connection{}, err
	}
	if c.scenario, err = scenario.ParseSets(append(sets, more...)...); err != nil {
		return connection{}, usagef("connect: %s", inScript(err))
	}
	c.scenario.Target.AllowRemote, _ = options[optionRemote].(bool)
	c.scenario.Load.Schedule = scenario.Schedule{} // k6's
	return c, nil
}

// options turns options into keys of a scenario.
func (c *connection) options(options map[string]any) (sets []string, err error) {
	if err := known("connect: options", options, append(slices.Collect(maps.Keys(keys)), optionTLS, optionDriver, optionTimeout, optionRemote)...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		v := options[name]
		switch name {
		case optionTLS, optionDriver:
			part, err := nested(name, v)
			if err != nil {
				return nil, err
			}
			sets = append(sets, part...)
		case optionTimeout:
			if c.timeout, err = durationOf(v); err != nil {
				return nil, usagef("connect: options.timeout: %v", err)
			}
		case optionRemote:
			if _, ok := v.(bool); !ok {
				return nil, usagef("connect: options.allowRemote: want true or false, got %s", describeAny(v))
			}
		default:
			sets = append(sets, keys[name]+"="+quote(v))
		}
	}
	return sets, nil
}

// nested reads an option that is an object itself.
func nested(name string, v any) (sets []string, err error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, usagef("connect: options.%s: want an object, got %s", name, describeAny(v))
	}
	if name == optionDriver {
		text := map[string]string{}
		for k, x := range m {
			text[k] = fmt.Sprint(x)
		}
		return []string{"target.options=" + quote(text)}, nil
	}
	if err := known("connect: options."+name, m, slices.Collect(maps.Keys(tlsKeys))...); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		sets = append(sets, tlsKeys[k]+"="+quote(m[k]))
	}
	return sets, nil
}

// inScript says of a scenario's mistake which option it was.
func inScript(err error) string {
	var wrong *strictyaml.Error
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	for _, table := range []map[string]string{keys, tlsKeys} {
		for name, key := range table {
			if rest, ok := strings.CutPrefix(wrong.Key, key); ok && (rest == "" || rest[0] == '[' || rest[0] == '.') {
				return "options." + name + rest + ": " + wrong.Msg
			}
		}
	}
	return strings.TrimPrefix(wrong.Key, "target.") + ": " + wrong.Msg
}

func targetsOf(v any) ([]string, error) {
	switch t := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{t}, nil
	case []any:
		var all []string
		for _, x := range t {
			s, ok := x.(string)
			if !ok {
				return nil, usagef("connect: target: want strings, got %s", describeAny(x))
			}
			all = append(all, s)
		}
		return all, nil
	}
	return nil, usagef("connect: target: want host:port or several of them, got %s", describeAny(v))
}

// durationOf reads '30s', or a number of milliseconds.
func durationOf(v any) (time.Duration, error) {
	var d time.Duration
	switch t := v.(type) {
	case string:
		var err error
		if d, err = time.ParseDuration(t); err != nil {
			return 0, fmt.Errorf("want a duration such as '30s', got %q", t)
		}
	case int64:
		d = time.Duration(t) * time.Millisecond
	case float64:
		d = time.Duration(t * float64(time.Millisecond))
	default:
		return 0, fmt.Errorf("want a duration such as '30s' or a number of milliseconds, got %s", describeAny(v))
	}
	if d < time.Millisecond || d > time.Hour {
		return 0, fmt.Errorf("%v is out of range; permitted: 1ms to 1h", d)
	}
	return d, nil
}

// known refuses keys that mean nothing: a misspelt option must not go unnoticed.
func known(where string, m map[string]any, names ...string) error {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(names, k) {
			slices.Sort(names)
			return usagef("%s: %q is not known; permitted: %s", where, k, strings.Join(names, ", "))
		}
	}
	return nil
}

func object(v sobek.Value) (map[string]any, bool) {
	if absent(v) {
		return nil, false
	}
	m, ok := v.Export().(map[string]any)
	return m, ok
}

func absent(v sobek.Value) bool { return v == nil || sobek.IsUndefined(v) || sobek.IsNull(v) }

func describe(v sobek.Value) string {
	if v == nil {
		return "nothing"
	}
	return describeAny(v.Export())
}

// describeAny names a value of a script by its type, and short ones in full.
func describeAny(v any) string {
	switch t := v.(type) {
	case nil:
		return "nothing"
	case string:
		if len(t) > 40 {
			t = t[:40] + "..."
		}
		return fmt.Sprintf("%q", t)
	case bool, int64, float64:
		return fmt.Sprint(t)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "something else"
}

// quote renders a value as YAML of one line.
func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null" // functions and the like, which every key refuses
	}
	return string(b)
}
