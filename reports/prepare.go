package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// prepare returns a copy of the run that is safe to write and to show: text
// from outside cleaned, no NaN or infinity (JSON has none), no nil slice or
// map in the summary, the configuration valid JSON. What had to be changed is
// said in the warnings. Preparing twice changes nothing more, which is what
// makes a report from files equal to one from memory.
//
// Histograms and the bytes of intervals are shared with the original.
func prepare(run *result.Run) *result.Run {
	c := &copier{}
	out := &result.Run{Histograms: slices.Clone(run.Histograms), Intervals: slices.Clone(run.Intervals)}
	for i := range out.Histograms {
		h := &out.Histograms[i]
		h.Stage, h.Kind = Clean(h.Stage), Clean(h.Kind)
	}
	for i := range out.Intervals {
		out.Intervals[i].Stage = Clean(out.Intervals[i].Stage)
	}
	out.Summary = c.value(reflect.ValueOf(run.Summary), "").Interface().(result.Summary)
	out.SchemaVersion = result.SchemaVersion
	out.Run.Config = c.config(run.Run.Config)
	out.Warnings = append(out.Warnings, c.warnings...)
	out.Series = slices.Clone(run.Series)
	for i := range out.Series {
		s := &out.Series[i]
		s.Phase, s.Worker, s.Kind = Clean(s.Phase), Clean(s.Worker), Clean(s.Kind)
	}
	out.Blocks = slices.Clone(run.Blocks)
	for i := range out.Blocks {
		b := &out.Blocks[i]
		b.Hash, b.Status = Clean(b.Hash), Clean(b.Status)
	}
	out.ErrorRows = slices.Clone(run.ErrorRows)
	for i := range out.ErrorRows {
		e := &out.ErrorRows[i]
		e.Class, e.Kind, e.TxKind, e.Sample = Clean(e.Class), Clean(e.Kind), Clean(e.TxKind), Clean(e.Sample)
	}
	return out
}

// copier deep-copies values of the result schema, which holds structs, slices,
// maps, strings, numbers and pointers to numbers only.
type copier struct{ warnings []string }

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

func (c *copier) value(v reflect.Value, path string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == timeType, v.Type() == rawType:
		return v
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(c.value(v.Field(i), path+"."+fieldName(v.Type().Field(i))))
		}
	case v.Kind() == reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(c.value(v.Index(i), fmt.Sprintf("%s[%d]", path, i)))
		}
	case v.Kind() == reflect.Map:
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, item := range v.Seq2() {
			out.SetMapIndex(c.value(key, path), c.value(item, path+"."+Clean(key.String())))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(c.value(v.Elem(), path))
	case v.Kind() == reflect.String:
		out.SetString(Clean(v.String()))
	case v.Kind() == reflect.Float64:
		out.SetFloat(c.float(v.Float(), path))
	default:
		return v
	}
	return out
}

func fieldName(f reflect.StructField) string {
	name, _, _ := bytes.Cut([]byte(f.Tag.Get("json")), []byte(","))
	return string(name)
}

func (c *copier) float(v float64, path string) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		c.warnings = append(c.warnings, fmt.Sprintf("summary%s was not a finite number and is shown as 0", path))
		return 0
	}
	return v
}

// config brings the configuration into one form, whatever its white space.
func (c *copier) config(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	if err := json.Compact(&b, raw); err != nil {
		c.warnings = append(c.warnings, "the configuration was not valid JSON and is left out: "+Clean(err.Error()))
		return json.RawMessage("null")
	}
	return b.Bytes()
}
