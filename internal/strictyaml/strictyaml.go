// Package strictyaml decodes YAML onto Go values and tells of every mistake
// in one line: file, line, column, key, and what is permitted.
//
// Keys are the names of `json` tags. Unknown and repeated keys, values of the
// wrong type, anchors, tags and second documents are errors. What the document
// does not mention keeps the value that it had, so defaults are given by
// filling the destination beforehand, and several documents may be laid over
// each other. Further tags, kept by Check:
//
//	range:"1..256"   smallest and largest value, in the field's own notation
//	enum:"off|full"  the values permitted
package strictyaml

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// sizeMax and depthMax bound what is parsed: configurations are small.
const (
	sizeMax  = 1 << 20
	depthMax = 64
)

// Error is one mistake in a document.
type Error struct {
	File         string // or what stands for it, such as "--set key=value"
	Line, Column int    // from 1; 0 = not known
	Key          string // dotted path; "" = the document as a whole
	Msg          string // what is wrong, and what is permitted
}

// Error is one line, whatever the document's keys are made of.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	return strings.Map(printable, b.String())
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

// Position says where a key's value was given.
type Position struct {
	File         string
	Line, Column int
}

// Positions maps dotted keys to where they were given last. Keys that no
// document mentions are absent.
type Positions map[string]Position

// Errorf returns an Error for a key, placed where the key, or else the
// nearest key around it, was given; failing that in file.
func (p Positions) Errorf(file, key, format string, args ...any) *Error {
	e := &Error{File: file, Key: key, Msg: fmt.Sprintf(format, args...)}
	for k := key; k != ""; k = parent(k) {
		if pos, ok := p[k]; ok {
			e.File, e.Line, e.Column = pos.File, pos.Line, pos.Column
			return e
		}
	}
	return e
}

func parent(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// Decode lays the document over dst, a pointer to a struct, and notes where
// each key was given. The error is an *Error. dst is in no useful state after
// an error.
func Decode(data []byte, file string, dst any, at Positions) error {
	root, err := parse(data, file)
	if err != nil || root == nil {
		return err
	}
	d := decoder{file: file, at: at}
	return asError(d.value(root, reflect.ValueOf(dst).Elem(), ""))
}

// Set lays one "key=value" over dst; the value is YAML.
func Set(assignment string, dst any, at Positions) error {
	file := "--set " + strings.ToValidUTF8(assignment, "\uFFFD")
	if err := text(assignment, file); err != nil {
		return withoutPlace(err)
	}
	key, value, ok := strings.Cut(assignment, "=")
	if !ok || key == "" {
		return &Error{File: file, Msg: "want key=value"}
	}
	root, err := parse([]byte(value), file)
	if err != nil {
		return withoutPlace(err)
	}
	if root == nil {
		return &Error{File: file, Key: key, Msg: "has no value"}
	}
	d := decoder{file: file, at: at, flat: true}
	return withoutPlace(asError(d.path(strings.Split(key, "."), root, reflect.ValueOf(dst).Elem(), "")))
}

// Assign lays one value of a Tree or Table over dst, as Set does with text.
// from is where the value was given, which errors and at then tell.
func Assign(key string, value any, dst any, at Positions, from Position) error {
	text, err := json.Marshal(value)
	if err != nil {
		return &Error{File: from.File, Line: from.Line, Column: from.Column, Key: key, Msg: err.Error()}
	}
	root, err := parse(text, from.File) // JSON is YAML
	if err != nil {
		return err
	}
	d := decoder{file: from.File, at: at, from: &from}
	return asError(d.path(strings.Split(key, "."), root, reflect.ValueOf(dst).Elem(), ""))
}

// asError keeps a nil *Error from becoming a non-nil error.
func asError(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}

// withoutPlace drops line and column, which mean nothing within one argument.
func withoutPlace(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Line, e.Column = 0, 0
	}
	return err
}

// text refuses what is not UTF-8, as YAML must be: it would not come out of JSON
// as it went in.
func text(s, file string) error {
	valid := strings.ToValidUTF8(s, "")
	if len(valid) == len(s) {
		return nil
	}
	at := 0
	for at < len(valid) && s[at] == valid[at] {
		at++
	}
	before := s[:at]
	return &Error{File: file, Line: 1 + strings.Count(before, "\n"), Column: at - strings.LastIndex(before, "\n"), Msg: "is not UTF-8 text"}
}

// parse returns the document's root, nil for an empty one.
func parse(data []byte, file string) (root ast.Node, err error) {
	if len(data) > sizeMax {
		return nil, &Error{File: file, Msg: fmt.Sprintf("is %d bytes long; permitted are up to %d", len(data), sizeMax)}
	}
	if err := text(string(data), file); err != nil {
		return nil, err
	}
	if deep(data) {
		return nil, &Error{File: file, Msg: fmt.Sprintf("is nested more than %d deep", depthMax)}
	}
	defer func() {
		// The parser is not ours, and some broken input makes it panic.
		if r := recover(); r != nil {
			root, err = nil, &Error{File: file, Msg: "is not YAML"}
		}
	}()
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntax(err, file)
	}
	var bodies []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil, nil
	case 1:
		return bodies[0], nil
	}
	line, column := place(bodies[1])
	return nil, &Error{File: file, Line: line, Column: column, Msg: "starts a second document; one is permitted"}
}

// deep tells whether brackets or sequence dashes nest past depthMax anywhere,
// by a count that errs on the strict side.
func deep(data []byte) bool {
	brackets, dashes := 0, 0
	for i, c := range data {
		switch c {
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '\n':
			dashes = 0
		case '-', '?', ':':
			if i+1 < len(data) && data[i+1] == ' ' {
				dashes++
			}
		}
		if brackets > depthMax || dashes > depthMax {
			return true
		}
	}
	return false
}

// syntax turns the parser's many lines into one.
func syntax(err error, file string) *Error {
	e := &Error{File: file, Msg: "is not YAML"}
	var y yaml.Error
	if errors.As(err, &y) {
		e.Msg = strings.Join(strings.Fields(y.GetMessage()), " ")
		if t := y.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// place is where a node begins: a mapping without braces at its first key.
func place(n ast.Node) (line, column int) {
	switch v := n.(type) {
	case *ast.MappingNode:
		if len(v.Values) > 0 && v.Start.Value != "{" {
			return place(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(v.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}
