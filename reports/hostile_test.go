package reports

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chaindyno/chaindyno/reports/result"
)

// hostile is what a node that means harm would send as an error text, a
// version or a name.
const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{.}}`${1}`\x1b[2J\x1b]0;owned\a\r\n,=1+1\u202e\x00\xff</style></svg>]]>-->"

// hostileRun is the sample with that text in every string there is.
func hostileRun() *result.Run {
	run := sampleRun()
	run.Intervals = nil // many, and of no interest here
	run.Histograms = run.Histograms[:2]
	poison(reflect.ValueOf(run).Elem())
	config, _ := json.Marshal(map[string]string{"name": hostile, "</script>": "<b>"})
	run.Run.Config = config
	return run
}

// poison appends the hostile text to every string of a value, but for those
// that select what is shown at all.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Stage", "Phase", "Status", "Unit", "Op", "H":
				continue
			}
			if v.Field(i).CanSet() && v.Type() != timeType {
				poison(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == rawType {
			return
		}
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Map:
		for key, item := range v.Seq2() {
			copied := reflect.New(item.Type()).Elem()
			copied.Set(item)
			poison(copied)
			v.SetMapIndex(key, reflect.Value{})
			v.SetMapIndex(reflect.ValueOf(key.String()+hostile).Convert(key.Type()), copied)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem())
		}
	case reflect.String:
		if v.String() != "" { // an empty kind or worker stands for all
			v.SetString(v.String() + hostile)
		}
	}
}

// smallRun has one of everything, and little of it.
func smallRun() *result.Run {
	run := sampleRun()
	run.Series, run.Blocks, run.Intervals, run.Histograms = run.Series[:9], run.Blocks[:9], run.Intervals[:2], run.Histograms[:1]
	return run
}

func TestPrepareTwice(t *testing.T) {
	once := prepare(hostileRun())
	twice := prepare(once)
	if !reflect.DeepEqual(once, twice) {
		t.Error("preparing a prepared run changes it")
	}
}

func TestPrepareLeavesNothingUnclean(t *testing.T) {
	found := 0
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i).Name; f != "Histograms" && f != "Intervals" && v.Type() != timeType {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for key, item := range v.Seq2() {
				walk(key)
				walk(item)
			}
		case reflect.String:
			if strings.Contains(v.String(), "owned") {
				found++
			}
			if strings.ContainsAny(v.String(), "\x1b\x00\r\n\a\u202e") || !utf8.ValidString(v.String()) {
				t.Fatalf("unclean: %q", v.String())
			}
		}
	}
	walk(reflect.ValueOf(prepare(hostileRun())).Elem())
	if found < 100 {
		t.Errorf("hostile text in %d places only: the test does not reach the strings", found)
	}
}

func TestPrepareNumbers(t *testing.T) {
	run := smallRun()
	run.SLO[0].Observed = math.NaN()
	run.Throughput.High = math.Inf(1)
	run.Run.Config = json.RawMessage("{")
	p := prepare(run)
	if p.SLO[0].Observed != 0 || p.Throughput.High != 0 || string(p.Run.Config) != "null" {
		t.Errorf("got %v, %v, %s", p.SLO[0].Observed, p.Throughput.High, p.Run.Config)
	}
	said := strings.Join(p.Warnings, "\n")
	for _, want := range []string{"summary.slo[0].observed was not a finite number", "summary.throughput.high was not", "the configuration was not valid JSON"} {
		if !strings.Contains(said, want) {
			t.Errorf("no warning %q in:\n%s", want, said)
		}
	}
	if !math.IsNaN(run.SLO[0].Observed) {
		t.Error("prepare changed its argument")
	}
}
