package strictyaml

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schemer is a type that describes its own notation in JSON Schema.
type Schemer interface{ Schema() map[string]any }

// Schema returns the JSON Schema (draft 2020-12) of what Decode accepts for
// v's type. Descriptions come from `doc` tags, defaults from v.
func Schema(v any, id, title string) ([]byte, error) {
	s := schemaOf(reflect.Indirect(reflect.ValueOf(v)))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = id
	s["title"] = title
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

func schemaOf(v reflect.Value) map[string]any {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = reflect.New(t.Elem())
			if def, ok := v.Interface().(Defaulter); ok {
				def.SetDefaults()
			}
		}
		return schemaOf(v.Elem())
	}
	if s, ok := v.Interface().(Schemer); ok {
		return s.Schema()
	}
	switch t.Kind() {
	case reflect.Struct:
		return schemaOfStruct(v)
	case reflect.Slice:
		if t == tableType {
			return map[string]any{"type": "object"}
		}
		return map[string]any{"type": "array", "items": schemaOf(reflect.New(t.Elem()).Elem())}
	case reflect.Map:
		return map[string]any{"type": "object"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}

func schemaOfStruct(v reflect.Value) map[string]any {
	properties := map[string]any{}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name := keyOf(f); name != "" {
			properties[name] = schemaOfField(f, v.FieldByIndex(f.Index))
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if isOneOf(v.Type()) {
		s["minProperties"], s["maxProperties"] = 1, 1
	}
	return s
}

func schemaOfField(f reflect.StructField, v reflect.Value) map[string]any {
	s := schemaOf(v)
	if doc := f.Tag.Get("doc"); doc != "" {
		s["description"] = doc
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		s["enum"] = strings.Split(enum, "|")
	}
	low, high, ranged := strings.Cut(f.Tag.Get("range"), "..")
	if ranged && (s["type"] == "integer" || s["type"] == "number") {
		s["minimum"], s["maximum"] = bound(v.Type(), low), bound(v.Type(), high)
	}
	if v.Kind() != reflect.Struct && v.Kind() != reflect.Pointer && !v.IsZero() {
		s["default"] = v.Interface()
	}
	return s
}
