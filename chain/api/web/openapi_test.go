package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// described is an OpenAPI document, and the part of JSON Schema that it uses.
type described struct {
	t   *testing.T
	doc map[string]any
}

func describe(t *testing.T, s *site) *described {
	t.Helper()
	return &described{t, get[map[string]any](t, s, "/openapi.json")}
}

// at walks down the document; a missing step is a failure.
func (d *described) at(steps ...string) any {
	d.t.Helper()
	var v any = d.doc
	for _, s := range steps {
		m, ok := v.(map[string]any)
		if v = m[s]; !ok || v == nil {
			d.t.Fatalf("the document has no %s", strings.Join(steps, " > "))
		}
	}
	return v
}

// check returns what in v is not as the schema says; a key that the schema does
// not know is wrong, too.
func (d *described) check(where string, s, v any) []string {
	schema := s.(map[string]any)
	if link, ok := schema["$ref"].(string); ok {
		return d.check(where, d.at(strings.Split(strings.TrimPrefix(link, "#/"), "/")...), v)
	}
	if list, ok := schema["oneOf"].([]any); ok {
		var all []string
		fits := 0
		for _, one := range list {
			wrong := d.check(where, one, v)
			if all = append(all, wrong...); len(wrong) == 0 {
				fits++
			}
		}
		if fits == 1 {
			return nil
		}
		return append(all, fmt.Sprintf("%s: fits %d of oneOf", where, fits))
	}
	if c, ok := schema["const"]; ok && c != v {
		return []string{fmt.Sprintf("%s: %v is not %v", where, v, c)}
	}
	switch x := v.(type) {
	case map[string]any:
		return d.checkObject(where, schema, x)
	case []any:
		var wrong []string
		for i, e := range x {
			wrong = append(wrong, d.check(fmt.Sprintf("%s[%d]", where, i), schema["items"], e)...)
		}
		return append(wrong, ofType(where, schema, "array")...)
	case string:
		wrong := ofType(where, schema, "string")
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(x) {
			wrong = append(wrong, fmt.Sprintf("%s: %q does not match %s", where, x, p))
		}
		return wrong
	case float64:
		kind := "number"
		if schema["type"] == "integer" && x == float64(int64(x)) {
			kind = "integer"
		}
		wrong := ofType(where, schema, kind)
		if low, ok := schema["minimum"].(float64); ok && x < low {
			wrong = append(wrong, fmt.Sprintf("%s: %v is under %v", where, x, low))
		}
		if high, ok := schema["maximum"].(float64); ok && x > high {
			wrong = append(wrong, fmt.Sprintf("%s: %v is over %v", where, x, high))
		}
		return wrong
	case bool:
		return ofType(where, schema, "boolean")
	}
	return []string{where + ": null"}
}

func ofType(where string, schema map[string]any, kind string) []string {
	if schema["type"] != kind {
		return []string{fmt.Sprintf("%s: %s, want %v", where, kind, schema["type"])}
	}
	return nil
}

func (d *described) checkObject(where string, schema, v map[string]any) []string {
	wrong := ofType(where, schema, "object")
	if values, ok := schema["additionalProperties"]; ok {
		for k, e := range v {
			wrong = append(wrong, d.check(where+"."+k, values, e)...)
		}
		return wrong
	}
	fields, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, k := range required {
		if _, ok := v[k.(string)]; !ok {
			wrong = append(wrong, where+": "+k.(string)+" is missing")
		}
	}
	for k, e := range v {
		if fields[k] == nil {
			wrong = append(wrong, where+": "+k+" is not described")
			continue
		}
		wrong = append(wrong, d.check(where+"."+k, fields[k], e)...)
	}
	return wrong
}

// Real answers of every route are as the document says, and the document
// describes every route.
func TestAnswersAreAsDescribed(t *testing.T) {
	n := newNode()
	raw := n.transfer(3)
	n.extend(raw)
	tx, _, _ := ledger.ParseTx(raw, ledger.MaxTxBytes)
	n.pooled[ledger.Hash{9}] = true
	n.outputs = []ledger.Change{{Entry: ledger.Entry{Height: 1}}}
	n.peers = []Peer{{ID: "p", Address: "127.0.0.1:1", Height: 3, RTT: 5}}
	s := serve(t, n, nil)
	d := describe(t, s)
	id := tx.ID().String()
	samples := map[string][]string{ // by operationId: paths, or bodies of POST
		"submit":      {`{"payload":"00"}`, `{"payloads":["00","01"]}`},
		"transaction": {"/v1/transactions/" + id, "/v1/transactions/" + ledger.Hash{9}.String(), "/v1/transactions/" + n.best[0].block.Txs[0].ID().String()},
		"proof":       {"/v1/transactions/" + id + "/proof"},
		"tip":         {"/v1/tip"},
		"block":       {"/v1/blocks/0", "/v1/blocks/1?limit=1", "/v1/blocks/" + n.best[1].Hash.String()},
		"headers":     {"/v1/headers", "/v1/headers?from=7"},
		"outputs":     {"/v1/keys/" + id[:40] + "/outputs"},
		"info":        {"/v1/info"},
		"stats":       {"/v1/stats"},
		"peers":       {"/v1/peers"},
	}
	for _, rt := range s.routes {
		op := d.at("paths", rt.path, strings.ToLower(rt.method)).(map[string]any)
		if op["operationId"] != rt.name || len(samples[rt.name]) == 0 {
			t.Errorf("%s %s is described as %v, with %d samples", rt.method, rt.path, op["operationId"], len(samples[rt.name]))
		}
		schema := d.at("paths", rt.path, strings.ToLower(rt.method), "responses", "200", "content", "application/json", "schema")
		for _, sample := range samples[rt.name] {
			path, body := sample, ""
			if rt.method == http.MethodPost {
				path, body = rt.path, sample
				var sent any
				if err := json.Unmarshal([]byte(body), &sent); err != nil {
					t.Fatal(err)
				}
				for _, wrong := range d.check("body", d.at("paths", rt.path, "post", "requestBody", "content", "application/json", "schema"), sent) {
					t.Errorf("%s: %s", sample, wrong)
				}
			}
			code, b := s.ask(t, rt.method, path, "application/json", body)
			var v any
			if err := json.Unmarshal(b, &v); err != nil || code != http.StatusOK {
				t.Fatalf("%s: %d %s", sample, code, b)
			}
			for _, wrong := range d.check("answer", schema, v) {
				t.Errorf("%s: %s", sample, wrong)
			}
		}
	}
	code, b := s.ask(t, http.MethodGet, "/v1/blocks/x", "", "")
	var v any
	if err := json.Unmarshal(b, &v); err != nil || code != http.StatusBadRequest {
		t.Fatalf("%d %s", code, b)
	}
	for _, wrong := range d.check("error", d.at("paths", "/v1/tip", "get", "responses", "default", "content", "application/json", "schema"), v) {
		t.Error(wrong)
	}
}

// The check that the test above relies on finds what is wrong.
func TestCheckFinds(t *testing.T) {
	d := &described{t: t, doc: map[string]any{}}
	schema := map[string]any{
		"type": "object", "required": []any{"a"},
		"properties": map[string]any{"a": map[string]any{"type": "integer", "minimum": 0.0, "maximum": 9.0}, "b": map[string]any{"type": "string", "pattern": "^x$"}},
	}
	for text, wrong := range map[string]int{
		`{"a":1}`: 0, `{"a":1,"b":"x"}`: 0, `{}`: 1, `{"a":1,"c":1}`: 1, `{"a":"1"}`: 1, `{"a":1.5}`: 1, `{"a":-1}`: 1, `{"a":10}`: 1,
		`{"a":1,"b":"y"}`: 1, `[]`: 1, `{"a":null}`: 1, `{"a":true}`: 1,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := d.check("v", schema, v); len(got) != wrong {
			t.Errorf("%s: %q, want %d", text, got, wrong)
		}
	}
}

// What parameters permit is what the document says they permit.
func TestRangesAreAsDescribed(t *testing.T) {
	for _, rt := range routes() {
		for _, p := range rt.params {
			if p.in != "query" {
				continue
			}
			low, high := p.schema["minimum"].(uint64), p.schema["maximum"].(uint64)
			for v, want := range map[uint64]bool{low: true, high: true, high + 1: false, low - 1: false} {
				if _, ok := p.parse(fmt.Sprint(v)); ok != want {
					t.Errorf("%s %s: %d is permitted: %v", rt.path, p.name, v, ok)
				}
			}
			if v, ok := p.parse(fmt.Sprint(p.schema["default"])); !ok || v != p.def {
				t.Errorf("%s %s: default %v", rt.path, p.name, p.schema["default"])
			}
		}
	}
}

// Every event is described, and says its type.
func TestEventsAreDescribed(t *testing.T) {
	d := describe(t, serve(t, newNode(), nil))
	var names []string
	for _, one := range d.at("paths", "/ws", "get", "responses", "101", "x-messages", "oneOf").([]any) {
		names = append(names, strings.TrimPrefix(one.(map[string]any)["$ref"].(string), "#/components/schemas/"))
	}
	for _, e := range events() {
		name := reflect.TypeOf(e).Name()
		name = strings.ToUpper(name[:1]) + name[1:]
		kind := d.at("components", "schemas", name, "properties", "type", "const")
		if !slices.Contains(names, name) || strings.ToLower(strings.TrimSuffix(name, "Event")) != kind {
			t.Errorf("%s is described as %v", name, kind)
		}
	}
}
