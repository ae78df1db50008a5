package chain

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

// EnvPrefix starts the names of environment variables that set a node's
// configuration: the key in capitals, with "_" for ".".
const EnvPrefix = "CHAINDYNO_NODE_"

// Override is one value that is laid over the file.
type Override struct {
	Origin string // names it in errors: "--pace", "CHAINDYNO_NODE_MINER_PACE"
	Key    string // "miner.pace"
	Value  string // as YAML writes it; texts as they are, lists of them separated by commas
}

// ParseConfig lays a YAML document over the defaults and validates the result.
// An error is a *strictyaml.Error: one line with file, line, column, key and
// what is permitted. name stands for the file.
func ParseConfig(yaml []byte, name string) (Config, error) { return LoadConfig(yaml, name, nil) }

// LoadConfig lays a YAML document over the defaults, then the overrides in
// their order, and validates the result.
func LoadConfig(yaml []byte, name string, overrides []Override) (Config, error) {
	c, at := DefaultConfig(), strictyaml.Positions{}
	if err := strictyaml.Decode(yaml, name, &c, at); err != nil {
		return Config{}, err
	}
	for _, o := range overrides {
		if err := o.apply(&c, at); err != nil {
			return Config{}, err
		}
	}
	if _, given := at["miner.pace_min"]; !given {
		c.Miner.PaceMin = min(c.Miner.PaceMin, c.Miner.Pace/10)
	}
	if err := c.validate(name, at); err != nil {
		return Config{}, err
	}
	return c, nil
}

// apply sets one value. Errors name the origin and never the value of a
// secret, which a text cannot be wrong about.
func (o Override) apply(c *Config, at strictyaml.Positions) error {
	value := o.Value
	for _, l := range leaves(c) {
		switch {
		case l.key != o.Key:
		case l.isText():
			value = strconv.Quote(value)
		case l.isList() && !strings.HasPrefix(value, "["):
			value = quotedList(value)
		}
	}
	local := strictyaml.Positions{}
	err := strictyaml.Set(o.Key+"="+value, c, local)
	var e *strictyaml.Error
	if errors.As(err, &e) {
		e.File = o.Origin
		return e
	}
	for key, p := range local {
		p.File = o.Origin
		at[key] = p
	}
	return err
}

// Environment returns the overrides among environ (os.Environ). A variable
// with the prefix that names no key is an error.
func Environment(environ []string) ([]Override, error) {
	known := map[string]string{}
	var names []string
	for _, l := range leaves(&Config{}) {
		name := EnvPrefix + strings.ToUpper(strings.ReplaceAll(l.key, ".", "_"))
		known[name] = l.key
		names = append(names, name)
	}
	var overrides []Override
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		key, ok := known[name]
		if !ok {
			// There are too many to list them all.
			example := cmp.Or(strictyaml.Nearest(name, names), EnvPrefix+"PEERS_LISTEN")
			return nil, fmt.Errorf("environment variable %s is not known; permitted: %s and a key of the configuration, such as %s", name, EnvPrefix, example)
		}
		overrides = append(overrides, Override{Origin: name, Key: key, Value: value})
	}
	return overrides, nil
}

// leaf is one single value of a configuration.
type leaf struct {
	key   string // dotted
	value reflect.Value
}

func (l leaf) isText() bool { return l.value.Kind() == reflect.String }

func (l leaf) isList() bool { return l.value.Kind() == reflect.Slice }

// quotedList turns texts that are separated by commas into a list of YAML's.
func quotedList(texts string) string {
	var quoted []string
	for text := range strings.SplitSeq(texts, ",") {
		if text = strings.TrimSpace(text); text != "" {
			quoted = append(quoted, strconv.Quote(text))
		}
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// leaves lists all values of c in the order of its fields.
func leaves(c *Config) []leaf { return leavesOf("", reflect.ValueOf(c).Elem()) }

func leavesOf(prefix string, v reflect.Value) (all []leaf) {
	for i, f := range reflect.VisibleFields(v.Type()) {
		key := prefix + f.Tag.Get("json")
		if field := v.Field(i); field.Kind() == reflect.Struct {
			all = append(all, leavesOf(key+".", field)...)
		} else {
			all = append(all, leaf{key, field})
		}
	}
	return all
}
