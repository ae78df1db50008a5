package strictyaml

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// percent is a number with a notation of its own.
type percent int

func (p *percent) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(b), "%"))
	*p = percent(n)
	if err != nil || !strings.HasSuffix(string(b), "%") {
		return fmt.Errorf("want a percentage such as 5%%, got %q", b)
	}
	return nil
}

func (p percent) String() string { return fmt.Sprintf("%d%%", int(p)) }

type constant struct {
	Rate int `json:"rate" range:"1..100"`
	For  int `json:"for"`
}

func (c *constant) SetDefaults() { c.For = 30 }

type shape struct {
	Constant *constant `json:"constant"`
	Steps    []step    `json:"steps"`
}

func (shape) OneOf() {}

type step struct {
	Rate int `json:"rate" range:"1..100"`
}

type doc struct {
	Name    string            `json:"name"`
	Level   string            `json:"level" enum:"off|full"`
	On      bool              `json:"on"`
	Seed    uint64            `json:"seed"`
	Ratio   float64           `json:"ratio" range:"0..1"`
	Share   percent           `json:"share" range:"0%..50%" doc:"of all"`
	Inner   *constant         `json:"inner"`
	Shape   shape             `json:"shape"`
	List    []string          `json:"list"`
	Options map[string]string `json:"options"`
	Tree    Tree              `json:"tree"`
	Table   Table             `json:"table"`
	hidden  int
}

func defaults() *doc {
	return &doc{Level: "off", Seed: 42, Shape: shape{Constant: &constant{Rate: 5, For: 9}}, hidden: 1}
}

func load(text string, sets ...string) (*doc, error) {
	d, at := defaults(), Positions{}
	if err := Decode([]byte(text), "f.yaml", d, at); err != nil {
		return nil, err
	}
	for _, s := range sets {
		if err := Set(s, d, at); err != nil {
			return nil, err
		}
	}
	return d, Check(d, "f.yaml", at)
}

func TestDecode(t *testing.T) {
	d, err := load(`
# comment
name: "a b"
on: true
seed: 65_536
ratio: 0.25
share: 5%
inner: {rate: 7}
shape: {constant: {rate: 50}}
list: [a, "b"]
options: {plain: 1s, seal: {every: 2s}}
tree: {miner: {threads: 2, pace: 250ms, list: [1, {a: b}]}, sync: none, empty: null}
`, "tree.miner.pace=1s", "tree.new.key=5", "options.seal.every=3s", "inner.for=8", "list=[c]")
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Name, want.On, want.Seed, want.Ratio, want.Share = "a b", true, 65536, 0.25, 5
	want.Inner = &constant{Rate: 7, For: 8}
	want.Shape.Constant.Rate = 50
	want.List = []string{"c"}
	want.Options = map[string]string{"plain": "1s", "seal.every": "3s"}
	want.Tree = Tree{
		"miner": Tree{"threads": int64(2), "pace": "1s", "list": []any{int64(1), Tree{"a": "b"}}},
		"sync":  "none", "empty": nil, "new": Tree{"key": int64(5)},
	}
	if diff := cmp.Diff(want, d, cmp.AllowUnexported(doc{})); diff != "" {
		t.Error(diff)
	}
}

func TestChoiceReplacesChoice(t *testing.T) {
	d, err := load(`shape: {steps: [{rate: 1}, {rate: 2}]}`)
	if err != nil || d.Shape.Constant != nil || len(d.Shape.Steps) != 2 {
		t.Errorf("%+v, %v", d.Shape, err)
	}
	d, err = load(`shape: {steps: [{rate: 1}]}`, "shape.constant.rate=3")
	if err != nil || d.Shape.Steps != nil || *d.Shape.Constant != (constant{3, 30}) {
		t.Errorf("%+v, %v", d.Shape, err)
	}
}

func TestPointerToNothing(t *testing.T) {
	d, err := load("inner: {rate: 5}", "inner=null")
	if err != nil || d.Inner != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestAddressesInBraces(t *testing.T) {
	for _, text := range []string{
		"{list: [localhost:80, '[::1]:80', http://h:1/p]}",
		"{name: x, list: [localhost:80, \"[::1]:80\", http://h:1/p]}",
		"list: [localhost:80, '[::1]:80', http://h:1/p]",
		"list:\n- localhost:80\n- '[::1]:80'\n- http://h:1/p",
	} {
		d, err := load(text)
		if err != nil || strings.Join(d.List, " ") != "localhost:80 [::1]:80 http://h:1/p" {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
	if _, err := load("{list: [{a: b}]}"); err == nil {
		t.Error("a mapping was taken for an address")
	}
	if _, err := load("{list: [a: b]}"); err == nil {
		t.Error("a pair was taken for an address")
	}
}

func TestNullIsAWord(t *testing.T) {
	d, err := load("name: null")
	if err != nil || d.Name != "null" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestEmptyDocumentIsDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n"} {
		d, err := load(text)
		if err != nil || d.Seed != 42 {
			t.Errorf("%q: %+v, %v", text, d, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: x\non: \xff", "f.yaml:2:5: is not UTF-8 text"},
		{"nmae: x", "f.yaml:1:1: nmae: unknown key; did you mean name?"},
		{"a: 1\nzzzzzz: x", "f.yaml:1:1: a: unknown key; did you mean on?"},
		{"\n  zzzzzz: x", "f.yaml:2:3: zzzzzz: unknown key; permitted: name, level, on, seed, ratio, share, inner, shape, list, options, tree, table"},
		{"hidden: 3", "f.yaml:1:1: hidden: unknown key; permitted: name, level, on, seed, ratio, share, inner, shape, list, options, tree, table"},
		{"name: x\nname: y", `f.yaml:2:1: mapping key "name" already defined at [1:1]`},
		{"on: yes", `f.yaml:1:5: on: want true or false, got "yes"`},
		{"seed: -1", `f.yaml:1:7: seed: want a whole number from 0, got "-1"`},
		{"seed: \"5\"", `f.yaml:1:7: seed: want a whole number from 0, got "5"`},
		{"seed: 99999999999999999999", `f.yaml:1:7: seed: want a whole number from 0, got "99999999999999999999"`},
		{"seed: [1]", `f.yaml:1:7: seed: want a whole number from 0, got a list`},
		{"ratio: .nan", `f.yaml:1:8: ratio: want a number, got ".nan"`},
		{"ratio: 1.5", `f.yaml:1:8: ratio: 1.5 is out of range; permitted: 0 to 1`},
		{"share: 5", `f.yaml:1:8: share: want a percentage such as 5%, got "5"`},
		{"share: {a: b}", `f.yaml:1:8: share: want a single value, got a mapping`},
		{"share: 51%", `f.yaml:1:8: share: 51% is out of range; permitted: 0% to 50%`},
		{"level: some", `f.yaml:1:8: level: "some" is not known; permitted: off, full`},
		{"inner: 5", `f.yaml:1:8: inner: want a mapping, got "5"`},
		{"inner:\n  rate: 0", `f.yaml:2:9: inner.rate: 0 is out of range; permitted: 1 to 100`},
		{"inner:\n  rate:", `f.yaml:2:9: inner.rate: has no value`},
		{"shape: {}", `f.yaml:1:8: shape: choose one of constant, steps`},
		{"shape: {constant: {rate: 1}, steps: []}", `f.yaml:1:8: shape: choose one of constant, steps`},
		{"shape:\n  steps:\n  - rate: 1\n  - rate: 500", `f.yaml:4:11: shape.steps[1].rate: 500 is out of range; permitted: 1 to 100`},
		{"share: null", `f.yaml:1:8: share: has no value`},
		{"list: a", `f.yaml:1:7: list: want a list, got "a"`},
		{"name: &a x", `f.yaml:1:7: name: anchors and aliases are not permitted`},
		{"name: !!str x", `f.yaml:1:7: name: tags are not permitted`},
		{"options: {a: [1]}", `f.yaml:1:14: options.a: want a single value, got a list`},
		{"name: a\n---\nname: b", `f.yaml:3:1: starts a second document; one is permitted`},
		{"name: [a", `f.yaml:1:7: sequence end token ']' not found`},
		{"- a", `f.yaml:1:1: want a mapping, got a list`},
		{"name: " + strings.Repeat("[", 100), `f.yaml: is nested more than 64 deep`},
		{strings.Repeat("#", 1<<20+1), `f.yaml: is 1048577 bytes long; permitted are up to 1048576`},
	} {
		_, err := load(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%.60q:\n got %v\nwant %s", c.text, err, c.want)
		}
		if e := (*Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("%.60q: a %T", c.text, err)
		}
	}
}

func TestSetErrors(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"seed", "--set seed: want key=value"},
		{"=5", "--set =5: want key=value"},
		{"seed=", "--set seed=: seed: has no value"},
		{"sed=5", "--set sed=5: sed: unknown key; did you mean seed?"},
		{"seed=x", `--set seed=x: seed: want a whole number from 0, got "x"`},
		{"seed.x=1", `--set seed.x=1: seed.x: unknown key: seed is a single value or a list`},
		{"inner.rate=0", `--set inner.rate=0: inner.rate: 0 is out of range; permitted: 1 to 100`},
		{"table.a={b: 1}", `--set table.a={b: 1}: table.a: want a value or a list, got a mapping`},
		{"name=[", `--set name=[: sequence end token ']' not found`},
	} {
		_, err := load("", c.set)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.set, err, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	d, err := load("table:\n  z.y: [1, a, {b: 2.5}]\n  c: {d: [true], a: null}\n", "table.c.d=[false]", "table.n.m=1")
	if err != nil {
		t.Fatal(err)
	}
	want := Table{{"z.y", []any{int64(1), "a", Tree{"b": 2.5}}}, {"c.d", []any{false}}, {"c.a", nil}}
	d2, err := load(`table: {old: 1}`, `table={x: 5s}`)
	if err != nil || !cmp.Equal(d2.Table, Table{{"x", "5s"}}) {
		t.Errorf("a whole table was not replaced: %v, %v", d2, err)
	}
	want = append(want, Entry{"n.m", int64(1)})
	if diff := cmp.Diff(want, d.Table); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(d.Table)
	if err != nil || string(text) != `{"z.y":[1,"a",{"b":2.5}],"c.d":[false],"c.a":null,"n.m":1}` {
		t.Errorf("%s, %v", text, err)
	}
	for text, want := range map[string]string{
		"table: [1]":                 `f.yaml:1:8: table: want a mapping, got a list`,
		"table: {a.b: 1, a: {b: 2}}": `f.yaml:1:21: table.a.b: is given twice`,
		"table: {a: [&x 1]}":         `f.yaml:1:13: table.a[0]: anchors and aliases are not permitted`,
	} {
		if _, err := load(text); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestAssign lays values over a document and wants errors, at once or later,
// to point at where each value was given.
func TestAssign(t *testing.T) {
	text, at := "seed: 1\ntable: {share: [5%, 90%], tree.a.b: [x, 2], inner.rate: [7, seven]}", Positions{}
	d := defaults()
	if err := Decode([]byte(text), "f.yaml", d, at); err != nil {
		t.Fatal(err)
	}
	lay := func(entry, item int) error {
		e := d.Table[entry]
		from := at[fmt.Sprintf("table.%s[%d]", e.Key, item)]
		return Assign(e.Key, e.Value.([]any)[item], d, at, from)
	}
	if err := errors.Join(lay(0, 0), lay(1, 1), lay(2, 0)); err != nil {
		t.Fatal(err)
	}
	if d.Share != 5 || d.Tree["a"].(Tree)["b"] != int64(2) || d.Inner.Rate != 7 || d.Inner.For != 30 {
		t.Errorf("%+v", d)
	}
	if err := Check(d, "f.yaml", at); err != nil {
		t.Error(err)
	}
	if err := lay(0, 1); err != nil {
		t.Fatal(err)
	}
	if err := Check(d, "f.yaml", at); err == nil || err.Error() != `f.yaml:2:21: share: 90% is out of range; permitted: 0% to 50%` {
		t.Errorf("got %v", err)
	}
	if err := lay(2, 1); err == nil || err.Error() != `f.yaml:2:61: inner.rate: want a whole number, got "seven"` {
		t.Errorf("got %v", err)
	}
	if err := Assign("sed", int64(1), d, at, Position{"f.yaml", 9, 9}); err == nil || err.Error() != `f.yaml:9:9: sed: unknown key; did you mean seed?` {
		t.Errorf("got %v", err)
	}
}

func TestErrorsPointAtNearestKey(t *testing.T) {
	at := Positions{"a": {"f", 3, 4}, "a.b[2]": {"f", 5, 6}}
	for key, want := range map[string]string{
		"a.b[2].c": "f:5:6: a.b[2].c: m",
		"a.x":      "f:3:4: a.x: m",
		"z":        "g: z: m",
	} {
		if got := at.Errorf("g", key, "m").Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSchema(t *testing.T) {
	out, err := Schema(defaults(), "https://example.org/doc", "doc")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		AdditionalProperties bool
		Properties           map[string]map[string]any
	}
	s.AdditionalProperties = true
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	if s.AdditionalProperties || s.Properties["level"]["default"] != "off" || s.Properties["share"]["description"] != "of all" ||
		s.Properties["ratio"]["maximum"] != 1.0 || s.Properties["shape"]["maxProperties"] != 1.0 || s.Properties["hidden"] != nil {
		t.Errorf("%s", out)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("name: x\ninner: {rate: 5}\ntree: {a: [1, {b: c}]}", "shape.steps=[{rate: 4}]")
	f.Add("shape:\n  constant: {rate: 1}\n", "tree.a.b=null")
	f.Add("? a\n: b\n", "list=[a, b]")
	f.Add("a: &x [*x]", "options.a=|\n  b")
	f.Add("table: {a: [1, {b: c}], b: {c: 2}}", "table.a=[x]")
	f.Fuzz(func(t *testing.T, text, set string) {
		if _, err := load(text, set); err != nil {
			e := (*Error)(nil)
			if !errors.As(err, &e) || strings.ContainsAny(err.Error(), "\n\r\t") {
				t.Errorf("%q: not one of our errors: %v", text, err)
			}
		}
	})
}
