package web

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
)

// schema is a JSON Schema, of which OpenAPI 3.1 uses draft 2020-12.
type schema map[string]any

var hashSchema = schema{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}

// document answers with the description of the API.
func (s *Server) document(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(s.openapi)))
	_, _ = w.Write(s.openapi) // the caller has gone: nobody to tell
}

// openAPI writes the document from the table of routes and the shapes that it
// names, so that it says what is served.
func openAPI(list []route) ([]byte, error) {
	d := describer{shapes: map[string]schema{}}
	paths := map[string]schema{}
	for _, rt := range list {
		if paths[rt.path] == nil {
			paths[rt.path] = schema{}
		}
		paths[rt.path][strings.ToLower(rt.method)] = d.operation(rt)
	}
	paths["/ws"] = schema{"get": d.socketOperation()}
	doc := schema{
		"openapi": "3.1.0",
		"info": schema{
			"title": "chaindyno node", "version": buildinfo.Read().Short(), "license": schema{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "A node of chaindyno's reference chain. Hashes are hexadecimal, last byte first; other bytes are hexadecimal in their order. " +
				"Integers may take 64 bits. Durations are nanoseconds.",
		},
		"servers":  []schema{{"url": "/"}},
		"security": []schema{{}, {"token": []string{}}},
		"paths":    paths,
		"components": schema{
			"schemas":         d.shapes,
			"securitySchemes": schema{"token": schema{"type": "http", "scheme": "bearer", "description": "where the node has a token"}},
		},
	}
	if d.err != nil {
		return nil, d.err
	}
	return json.MarshalIndent(doc, "", "  ")
}

// describer collects the shapes that operations mention.
type describer struct {
	shapes map[string]schema
	err    error
}

func (d *describer) operation(rt route) schema {
	op := schema{"operationId": rt.name, "summary": rt.doc, "responses": d.responses(rt)}
	var params []schema
	for _, p := range rt.params {
		params = append(params, schema{
			"name": p.name, "in": p.in, "required": p.def == nil,
			"description": p.doc + "; permitted: " + p.permitted, "schema": p.schema,
		})
	}
	if params != nil {
		op["parameters"] = params
	}
	if rt.body != nil {
		content := schema{}
		for _, m := range rt.body {
			content[m.name] = schema{"schema": schema{}}
			if m.value != nil {
				content[m.name] = schema{"schema": d.of(reflect.TypeOf(m.value))}
			}
		}
		op["requestBody"] = schema{"required": true, "content": content,
			"description": fmt.Sprintf("at most %d bytes of JSON, or %d of bytes", jsonBodyMax, messageBytes)}
	}
	return op
}

func (d *describer) responses(rt route) schema {
	var shapes []schema
	for _, v := range rt.reply {
		shapes = append(shapes, d.of(reflect.TypeOf(v)))
	}
	shape := shapes[0]
	if len(shapes) > 1 {
		shape = schema{"oneOf": shapes}
	}
	return schema{
		"200":     schema{"description": "the answer", "content": schema{jsonType: schema{"schema": shape}}},
		"default": schema{"description": "an error", "content": schema{jsonType: schema{"schema": d.of(reflect.TypeFor[errorBody]())}}},
	}
}

func (d *describer) socketOperation() schema {
	var shapes []schema
	for _, v := range events() {
		shapes = append(shapes, d.of(reflect.TypeOf(v)))
	}
	return schema{
		"operationId": "events",
		"summary":     "A WebSocket with what happens on the node: messages of JSON, of the types Hello, BlockEvent and so on.",
		"parameters": []schema{
			{"name": "from", "in": "query", "required": false, "description": "the block to go on after, height:hash; may be repeated, the newest first",
				"schema": schema{"type": "string", "pattern": "^[0-9]{1,10}:[0-9a-fA-F]{64}$"}},
			{"name": "last", "in": "query", "required": false, "description": "without from: so many blocks up to the tip first",
				"schema": schema{"type": "integer", "minimum": 0, "maximum": lastMost, "default": 0}},
		},
		"responses": schema{
			"101":     schema{"description": "events follow", "x-messages": schema{"oneOf": shapes}},
			"default": schema{"description": "an error", "content": schema{jsonType: schema{"schema": d.of(reflect.TypeFor[errorBody]())}}},
		},
	}
}

// of returns the schema of a Go type. Structs become shapes of their own.
func (d *describer) of(t reflect.Type) schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return d.of(t.Elem())
	case t == reflect.TypeFor[hash]():
		return schema{"type": "string", "pattern": "^[0-9a-f]{64}$"}
	case t == reflect.TypeFor[raw]():
		return schema{"type": "string", "pattern": "^([0-9a-f]{2})*$"}
	case t == reflect.TypeFor[packed]():
		return schema{"type": "array", "items": d.of(reflect.TypeFor[raw]()), "maxItems": packedMost}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		d.err = fmt.Errorf("openapi: %s has no schema", t)
		return schema{}
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Int, reflect.Int64:
		return schema{"type": "integer"}
	case reflect.Uint32:
		return schema{"type": "integer", "minimum": 0, "maximum": uint32(1<<32 - 1)}
	case reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Slice:
		return schema{"type": "array", "items": d.of(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": d.of(t.Elem())}
	case reflect.Struct:
		return d.shape(t)
	}
	d.err = fmt.Errorf("openapi: %s has no schema", t)
	return schema{}
}

// shape describes a struct once and returns a reference to it.
func (d *describer) shape(t reflect.Type) schema {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	link := schema{"$ref": "#/components/schemas/" + name}
	if d.shapes[name] != nil {
		return link
	}
	fields, required := schema{}, []string{}
	d.shapes[name] = schema{} // it may mention itself
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := d.of(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		if value := f.Tag.Get("const"); value != "" {
			s["const"] = value
		}
		fields[key] = s
		if !strings.Contains(options, "omitempty") {
			required = append(required, key)
		}
	}
	d.shapes[name] = schema{"type": "object", "properties": fields, "required": required}
	return link
}
