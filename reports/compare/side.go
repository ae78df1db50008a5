package compare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Run is one replicate: a whole run on a chain of its own.
type Run struct {
	Dir     string          // its folder, as the user named it
	Summary *result.Summary // not changed
	Commit  *hdr.Histogram  // commit latency over the steady window; nil: none
}

// Side is one set of runs, in the order in which they ran.
type Side struct {
	Name  string // "A" or "B"
	Label string // what was asked for, such as "out/a-*" or "baseline main"
	Runs  []Run
	// LeftOut are runs that do not count, because they were interrupted or are
	// not valid.
	LeftOut []Run
}

// NewSide orders the runs by their start.
func NewSide(name, label string, runs []Run) Side {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return start(a).Compare(start(b)) })
	return Side{Name: name, Label: label, Runs: runs}
}

func start(r Run) time.Time { return r.Summary.Run.Start }

// end is when the last fate was known.
func end(r Run) time.Time {
	return start(r).Add(time.Duration(max(r.Summary.Run.DrainEndNs, r.Summary.Run.LoadEndNs)))
}

// counts tells whether the run is a replicate.
func counts(r Run) bool {
	return r.Summary.Verdict == result.Pass || r.Summary.Verdict == result.Fail
}

// sieve refuses runs that are no replicates, or leaves them out where that was
// asked for.
func (s *Side) sieve(leaveOut bool) error {
	s.Runs = slices.Clone(s.Runs)
	for _, r := range s.Runs {
		if counts(r) || leaveOut {
			continue
		}
		why := ""
		if len(r.Summary.Reasons) > 0 {
			why = " (" + r.Summary.Reasons[0] + ")"
		}
		return fmt.Errorf("%s is %s and no replicate%s; take it off the list, or leave such runs out with --leave-out", r.Dir, verdictOf(r), why)
	}
	s.LeftOut = slices.DeleteFunc(slices.Clone(s.Runs), counts)
	s.Runs = slices.DeleteFunc(s.Runs, func(r Run) bool { return !counts(r) })
	switch {
	case len(s.Runs) == 0 && len(s.LeftOut) > 0:
		return fmt.Errorf("%s: all %d runs are interrupted or not valid, so nothing is left to compare", s.Name, len(s.LeftOut))
	case len(s.Runs) == 0:
		return fmt.Errorf("%s: no runs to compare", s.Name)
	}
	return nil
}

func verdictOf(r Run) string {
	if r.Summary.Verdict == "" {
		return "without a verdict"
	}
	return string(r.Summary.Verdict)
}

// checkOnce refuses a run that is given twice: it would count as two.
func checkOnce(runs []Run) error {
	seen := map[string]string{}
	for _, r := range runs {
		id := r.Summary.Run.ID
		if other, ok := seen[id]; ok {
			return fmt.Errorf("%s and %s are the same run (%s), which counts once", other, r.Dir, id)
		}
		seen[id] = r.Dir
	}
	return nil
}

// hostFields are the parts of a host that must be equal, with their names in
// summary.json.
var hostFields = []struct {
	name  string
	value func(result.Host) string
}{
	{"cpu", func(h result.Host) string { return h.CPU }},
	{"cores", func(h result.Host) string { return fmt.Sprint(h.Cores) }},
	{"memory_bytes", func(h result.Host) string { return fmt.Sprint(h.MemoryBytes) }},
	{"os", func(h result.Host) string { return h.OS }},
	{"arch", func(h result.Host) string { return h.Arch }},
	{"kernel", func(h result.Host) string { return h.Kernel }},
	{"go_version", func(h result.Host) string { return h.GoVersion }},
	{"virtual", func(h result.Host) string { return fmt.Sprint(h.Virtual) }},
	{"sha_extensions", func(h result.Host) string { return fmt.Sprint(h.SHAExtensions) }},
	{"version", func(h result.Host) string { return h.Version }}, // last: where it comes first, the machine is the same
}

// hostDifferences compares every run with the first, one sentence for each
// field that differs.
func hostDifferences(runs []Run) []string {
	var out []string
	for _, f := range hostFields {
		want := f.value(runs[0].Summary.Environment.Host)
		for _, r := range runs[1:] {
			if got := f.value(r.Summary.Environment.Host); got != want {
				out = append(out, fmt.Sprintf("host.%s is %q in %s, but %q in %s", f.name, want, runs[0].Dir, got, r.Dir))
				break
			}
		}
	}
	return out
}

// Setting is something that tells the sides apart. Its values are joined with
// " | " where one side has several.
type Setting struct {
	Group string `json:"group"` // system, load or scenario
	Key   string `json:"key"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// The groups of settings, in the order of reports.
const (
	GroupSystem   = "system"
	GroupLoad     = "load"
	GroupScenario = "scenario"
)

var groups = []string{GroupSystem, GroupLoad, GroupScenario}

// settings are what a run was made of: the configuration, and what the system
// said of itself. The seed is left out, as replicates may have one each.
func settings(s *result.Summary) (map[string]string, error) {
	out := map[string]string{"driver": s.Environment.Driver, "network": s.Environment.Network, "client": s.Environment.Client}
	for k, v := range s.Environment.SUT {
		out["sut."+k] = v
	}
	if len(s.Run.Config) > 0 {
		var config any
		in := json.NewDecoder(bytes.NewReader(s.Run.Config))
		in.UseNumber() // as it was written
		if err := in.Decode(&config); err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		flatten(out, "config", config)
	}
	delete(out, "config.load.seed")
	delete(out, "config.sweep.seed")
	return out, nil
}

// flatten writes nested values as dotted keys.
func flatten(out map[string]string, at string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for k, item := range v {
			flatten(out, at+"."+k, item)
		}
	case []any:
		if len(v) == 0 {
			return
		}
		text, err := json.Marshal(v)
		if err == nil { // came from JSON
			out[at] = string(text)
		}
	case string:
		out[at] = v
	default:
		out[at] = fmt.Sprint(v)
	}
}

// absentValue stands for a setting that a run does not have.
const absentValue = "–"

// sideSettings are the values of each key over the runs of a side, and the
// first key of the configuration that the runs do not agree on.
func sideSettings(runs []Run) (values map[string][]string, mixed string, err error) {
	all := make([]map[string]string, len(runs))
	values = map[string][]string{}
	for i, r := range runs {
		if all[i], err = settings(r.Summary); err != nil {
			return nil, "", fmt.Errorf("%s: %w", r.Dir, err)
		}
		for k := range all[i] {
			values[k] = nil
		}
	}
	for k := range values {
		for _, one := range all {
			v, ok := one[k]
			if !ok {
				v = absentValue
			}
			values[k] = append(values[k], v)
		}
		slices.Sort(values[k])
		values[k] = slices.Compact(values[k])
		if len(values[k]) > 1 && configured(k) && (mixed == "" || k < mixed) {
			mixed = k
		}
	}
	return values, mixed, nil
}

// configured says whether replicates must agree on a key. What a system says
// of itself may vary (an address, a port), and a name is only a name.
func configured(key string) bool {
	return strings.HasPrefix(key, "config.") && key != "config.name"
}

// differences lists the settings in which the sides differ, those of the
// system first.
func differences(a, b map[string][]string) []Setting {
	var out []Setting
	seen := map[[3]string]bool{}
	keys := map[string]bool{}
	for _, side := range []map[string][]string{a, b} {
		for k := range side {
			keys[k] = true
		}
	}
	for k := range keys {
		s := Setting{Group: groupOf(k), Key: keyOf(k), A: joined(a[k]), B: joined(b[k])}
		if s.A != s.B {
			out = append(out, s)
			seen[[3]string{s.Key, s.A, s.B}] = true
		}
	}
	// What the node says of itself and what the scenario asked of it is one
	// thing where it is the same.
	out = slices.DeleteFunc(out, func(s Setting) bool {
		bare, ok := strings.CutPrefix(s.Key, "chain.node.")
		return ok && seen[[3]string{bare, s.A, s.B}]
	})
	slices.SortFunc(out, func(x, y Setting) int {
		return cmp.Or(cmp.Compare(slices.Index(groups, x.Group), slices.Index(groups, y.Group)), cmp.Compare(x.Key, y.Key))
	})
	return out
}

func joined(values []string) string {
	if len(values) == 0 {
		return absentValue
	}
	return strings.Join(values, " | ")
}

func groupOf(key string) string {
	switch {
	case strings.HasPrefix(key, "config.load."):
		return GroupLoad
	case strings.HasPrefix(key, "config.chain."), strings.HasPrefix(key, "config.target."), !strings.HasPrefix(key, "config."):
		return GroupSystem
	}
	return GroupScenario
}

func keyOf(key string) string {
	for _, prefix := range []string{"config.", "sut."} {
		if bare, ok := strings.CutPrefix(key, prefix); ok {
			return bare
		}
	}
	return key
}
