package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

// Sweep is a matrix of runs: the scenario at every combination of the axes'
// values, several times each. `run` ignores it.
type Sweep struct {
	Axes    strictyaml.Table `json:"axes" doc:"keys of the scenario, or of chain.node without that prefix, and a list of values for each"`
	Repeats int              `json:"repeats" doc:"runs at each point, each on a fresh chain" range:"1..100"`
	Seed    uint64           `json:"seed" doc:"of the order of the runs"`
	Metric  string           `json:"metric" doc:"what points are ranked by, chosen beforehand" enum:"throughput|commit.p50|commit.p99|block_time|hashes"`
}

// SetDefaults fills in what a file need not say.
func (s *Sweep) SetDefaults() { *s = Sweep{Repeats: 5, Seed: 42, Metric: "throughput"} }

// Bounds of a sweep. Each point is checked before the first run.
const (
	sweepAxesMax   = 6
	sweepValuesMax = 64
	sweepPointsMax = 1024
)

// Axis is one key that a sweep varies.
type Axis struct {
	Key    string // in full: chain.node.miner.threads
	Name   string // as the file has it: miner.threads
	Values []any  // in the file's order, as a strictyaml.Tree would hold them
}

// Label writes a value as it stands in tables; no value has an empty one.
func Label(value any) string {
	if s, ok := value.(string); ok && s != "" {
		return s
	} else if ok {
		return `""`
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.ReplaceAll(string(text), `"`, "")
}

// plainText is what YAML cannot take for anything but a text, once it is no
// number.
var plainText = regexp.MustCompile(`^[A-Za-z0-9./][A-Za-z0-9._/-]*$`)

// Assignable writes a value as --set takes it: it reads back as the same value.
func Assignable(value any) string {
	s, isText := value.(string)
	if isText && plainText.MatchString(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			if _, err := strconv.ParseInt(s, 0, 64); err != nil {
				return s
			}
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic("scenario: " + err.Error()) // a tree holds what JSON can
	}
	return string(text)
}

// yamlWords are texts that YAML takes for something else.
var yamlWords = strings.Fields("true false yes no on off null y n .nan .inf")

// Axes returns the axes of the sweep; none where the scenario has no sweep.
func (s *Scenario) Axes() []Axis {
	if s.Sweep == nil {
		return nil
	}
	axes := make([]Axis, len(s.Sweep.Axes))
	for i, e := range s.Sweep.Axes {
		values, _ := e.Value.([]any)
		axes[i] = Axis{Key: fullKey(e.Key), Name: e.Key, Values: values}
	}
	return axes
}

// fullKey is the key of the scenario that an axis means.
func fullKey(name string) string {
	first, _, _ := strings.Cut(name, ".")
	if slices.Contains(strictyaml.Keys(Scenario{}), first) {
		return name
	}
	return nodeKeys + name
}

const nodeKeys = "chain.node."

// Vary returns the scenario of one point: choice has an index into the values of
// each axis. It has no sweep and no capacity search of its own. Errors point at the axis.
func (s *Scenario) Vary(choice []int) (*Scenario, error) {
	p := *s
	p.Sweep, p.Capacity = nil, nil
	point := base()
	if err := strictyaml.Decode(p.JSON(), s.file, point, nil); err != nil {
		return nil, err
	}
	point.file, point.at = s.file, maps.Clone(s.at)
	point.Target.AllowRemote = s.Target.AllowRemote
	axes := s.Axes()
	for i, a := range axes {
		given := fmt.Sprintf("sweep.axes.%s[%d]", a.Name, choice[i])
		from, ok := s.at[given]
		if !ok {
			from = strictyaml.Position{File: s.file}
		}
		if err := strictyaml.Assign(a.Key, a.Values[choice[i]], point, point.at, from); err != nil {
			return nil, err
		}
	}
	return point, s.told(point.Validate(), axes, choice)
}

// told adds the point to an error about a key that is no axis: it may come of
// the values of several.
func (s *Scenario) told(err error, axes []Axis, choice []int) error {
	var e *strictyaml.Error
	if !errors.As(err, &e) || slices.ContainsFunc(axes, func(a Axis) bool { return a.Key == e.Key }) {
		return err
	}
	parts := make([]string, len(axes))
	for i, a := range axes {
		parts[i] = a.Name + "=" + Label(a.Values[choice[i]])
	}
	told := *e
	told.Msg += " (with " + strings.Join(parts, " ") + ")"
	return &told
}

// Choices calls do with every combination of values, the last axis changing
// fastest, until it returns an error.
func (s *Scenario) Choices(do func(choice []int) error) error {
	axes := s.Axes()
	choice := make([]int, len(axes))
	for {
		if err := do(slices.Clone(choice)); err != nil {
			return err
		}
		i := len(axes) - 1
		for ; i >= 0; i-- {
			if choice[i]++; choice[i] < len(axes[i].Values) {
				break
			}
			choice[i] = 0
		}
		if i < 0 {
			return nil
		}
	}
}

// validateSweep checks the axes, and then the scenario of every point.
func (s *Scenario) validateSweep() error {
	if s.Sweep == nil {
		return nil
	}
	axes := s.Sweep.Axes
	if len(axes) == 0 {
		return s.ErrorAt("sweep.axes", "is empty: give at least one key with a list of values, such as {miner.threads: [1, 2]}")
	}
	if len(axes) > sweepAxesMax {
		return s.ErrorAt("sweep.axes", "%d axes are too many; permitted: 1 to %d", len(axes), sweepAxesMax)
	}
	points := 1
	for i, e := range axes {
		if err := s.validateAxis(axes[:i], e); err != nil {
			return err
		}
		points *= len(e.Value.([]any))
	}
	if points > sweepPointsMax {
		return s.ErrorAt("sweep.axes", "make %d points; permitted: up to %d", points, sweepPointsMax)
	}
	return s.Choices(func(choice []int) error {
		_, err := s.Vary(choice)
		return err
	})
}

// validateAxis checks one axis against those before it.
func (s *Scenario) validateAxis(before strictyaml.Table, e strictyaml.Entry) error {
	at, key := "sweep.axes."+e.Key, fullKey(e.Key)
	switch first, _, _ := strings.Cut(key, "."); {
	case slices.Contains([]string{"version", "name", "sweep", "capacity"}, first):
		return s.ErrorAt(at, "is the same for every run; choose another key")
	case first == "chain" && s.Chain == nil:
		return s.ErrorAt(at, "means %s, but this scenario starts no chain; add chain, or choose a key of target or load", key)
	}
	for _, b := range before {
		if other := fullKey(b.Key); other == key || strings.HasPrefix(other, key+".") || strings.HasPrefix(key, other+".") {
			return s.ErrorAt(at, "%s lies within the axis %s, or that one in it; remove one of the two", key, b.Key)
		}
	}
	values, ok := e.Value.([]any)
	if !ok || len(values) == 0 || len(values) > sweepValuesMax {
		return s.ErrorAt(at, "want a list of 1 to %d values, such as [1, 2]", sweepValuesMax)
	}
	seen := map[string]bool{}
	for i, v := range values {
		item, label := fmt.Sprintf("%s[%d]", at, i), Label(v)
		if v == nil {
			return s.ErrorAt(item, "has no value")
		}
		if seen[label] {
			return s.ErrorAt(item, "%s is given twice", label)
		}
		seen[label] = true
	}
	return nil
}
