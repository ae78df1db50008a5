package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Tree is a subtree that is kept as it was written, for somebody else to
// decode: nested maps, slices, strings, bools, int64, float64 and nil. Later
// documents are laid over it key by key.
type Tree map[string]any

// Defaulter is a struct behind a pointer that has defaults of its own: they
// are set when a document first mentions it.
type Defaulter interface{ SetDefaults() }

type decoder struct {
	file string
	at   Positions
	flat bool      // a --set: there is no line to point at
	from *Position // an Assign: where the value was given
}

func (d *decoder) errorf(n ast.Node, key, format string, args ...any) *Error {
	line, column := place(n)
	if d.from != nil {
		line, column = d.from.Line, d.from.Column
	}
	return &Error{File: d.file, Line: line, Column: column, Key: key, Msg: fmt.Sprintf(format, args...)}
}

func (d *decoder) note(n ast.Node, key string) {
	if d.at == nil || key == "" {
		return
	}
	p := Position{File: d.file}
	if d.from != nil {
		p = *d.from
	} else if !d.flat {
		p.Line, p.Column = place(n)
	}
	d.at[key] = p
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// value decodes n onto dst, which is settable.
func (d *decoder) value(n ast.Node, dst reflect.Value, key string) *Error {
	if err := d.plain(n, key); err != nil {
		return err
	}
	if dst.Kind() == reflect.Pointer {
		return d.pointer(n, dst, key)
	}
	if _, single := literal(n); single || strings.HasSuffix(key, "]") {
		d.note(n, key) // the value itself rather than its key
	}
	if n.Type() == ast.NullType && !(dst.Kind() == reflect.String && n.GetToken().Type == token.NullType) {
		return d.errorf(n, key, "has no value")
	}
	if dst.Addr().Type().Implements(textUnmarshaler) {
		return d.text(n, dst.Addr().Interface().(encoding.TextUnmarshaler), key)
	}
	switch dst.Kind() {
	case reflect.Struct:
		return d.structure(n, dst, key)
	case reflect.Slice:
		if dst.Type() == tableType {
			return d.table(n, dst, key)
		}
		return d.sequence(n, dst, key)
	case reflect.Map:
		return d.mapping(n, dst, key)
	}
	return d.scalar(n, dst, key)
}

// plain refuses what would make a document mean something other than it says.
func (d *decoder) plain(n ast.Node, key string) *Error {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType:
		return d.errorf(n, key, "anchors and aliases are not permitted")
	case ast.TagType:
		return d.errorf(n, key, "tags are not permitted")
	}
	return nil
}

func (d *decoder) pointer(n ast.Node, dst reflect.Value, key string) *Error {
	if n.Type() == ast.NullType {
		dst.SetZero()
		return nil
	}
	allocate(dst)
	return d.value(n, dst.Elem(), key)
}

func allocate(dst reflect.Value) {
	if !dst.IsNil() {
		return
	}
	dst.Set(reflect.New(dst.Type().Elem()))
	if def, ok := dst.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
}

func (d *decoder) text(n ast.Node, dst encoding.TextUnmarshaler, key string) *Error {
	s, ok := literal(n)
	if !ok {
		return d.errorf(n, key, "want a single value, got %s", describe(n))
	}
	if err := dst.UnmarshalText([]byte(s)); err != nil {
		return d.errorf(n, key, "%v", err)
	}
	return nil
}

// pair is one key and value of a mapping.
type pair struct {
	key   string
	at    ast.Node
	value ast.Node
}

func (d *decoder) pairs(n ast.Node, key string) ([]pair, *Error) {
	m, ok := n.(ast.MapNode)
	if !ok {
		return nil, d.errorf(n, key, "want a mapping, got %s", describe(n))
	}
	var all []pair
	for it := m.MapRange(); it.Next(); {
		k := it.Key()
		name, ok := literal(k)
		if !ok {
			return nil, d.errorf(k, key, "a key must be a plain word")
		}
		if slices.ContainsFunc(all, func(p pair) bool { return p.key == name }) {
			return nil, d.errorf(k, join(key, name), "is given twice")
		}
		all = append(all, pair{name, k, it.Value()})
	}
	return all, nil
}

func (d *decoder) structure(n ast.Node, dst reflect.Value, key string) *Error {
	pairs, err := d.pairs(n, key)
	if err != nil {
		return err
	}
	if isOneOf(dst.Type()) && len(pairs) != 1 {
		return d.errorf(n, key, "choose one of %s", strings.Join(keysOf(dst.Type()), ", "))
	}
	for _, p := range pairs {
		f, err := d.field(p.at, p.key, dst, key)
		if err != nil {
			return err
		}
		d.note(p.at, join(key, p.key))
		if err := d.value(p.value, f, join(key, p.key)); err != nil {
			return err
		}
	}
	return nil
}

// field finds the field of dst that a key names. In a struct of alternatives
// it clears the others.
func (d *decoder) field(at ast.Node, name string, dst reflect.Value, key string) (reflect.Value, *Error) {
	fields := reflect.VisibleFields(dst.Type())
	i := slices.IndexFunc(fields, func(f reflect.StructField) bool { return name != "" && keyOf(f) == name })
	if i < 0 {
		return reflect.Value{}, d.errorf(at, join(key, name), "unknown key%s", suggestion(name, keysOf(dst.Type())))
	}
	f := dst.FieldByIndex(fields[i].Index)
	if isOneOf(dst.Type()) {
		kept := reflect.New(f.Type()).Elem()
		kept.Set(f)
		dst.SetZero()
		f.Set(kept)
	}
	return f, nil
}

// path descends along the keys of a --set and decodes n there.
func (d *decoder) path(keys []string, n ast.Node, dst reflect.Value, key string) *Error {
	if len(keys) == 0 {
		return d.value(n, dst, key)
	}
	if dst.Kind() == reflect.Pointer {
		allocate(dst)
		dst = dst.Elem()
	}
	switch {
	case dst.Kind() == reflect.Map:
		return d.underMap(keys, n, dst, key)
	case dst.Type() == tableType:
		return d.underTable(keys, n, dst, key)
	case dst.Kind() != reflect.Struct || dst.Addr().Type().Implements(textUnmarshaler):
		return d.errorf(n, join(key, keys[0]), "unknown key: %s is a single value or a list", key)
	}
	f, err := d.field(n, keys[0], dst, key)
	if err != nil {
		return err
	}
	return d.path(keys[1:], n, f, join(key, keys[0]))
}

func (d *decoder) sequence(n ast.Node, dst reflect.Value, key string) *Error {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return d.errorf(n, key, "want a list, got %s", describe(n))
	}
	out := reflect.MakeSlice(dst.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		if err := d.value(item, out.Index(i), fmt.Sprintf("%s[%d]", key, i)); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *decoder) scalar(n ast.Node, dst reflect.Value, key string) *Error {
	s, ok := literal(n)
	if !ok {
		return d.errorf(n, key, "want %s, got %s", wanted(dst.Kind()), describe(n))
	}
	quoted := n.Type() == ast.StringType || n.Type() == ast.LiteralType
	bad := false
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(s)
	case reflect.Bool:
		bad = n.Type() != ast.BoolType
		dst.SetBool(s == "true")
	case reflect.Int, reflect.Int64:
		v, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
		bad = err != nil || quoted && !strings.Contains(s, "_")
		dst.SetInt(v)
	case reflect.Uint64, reflect.Uint32:
		v, err := strconv.ParseUint(strings.ReplaceAll(s, "_", ""), 10, dst.Type().Bits())
		bad = err != nil || quoted && !strings.Contains(s, "_")
		dst.SetUint(v)
	case reflect.Float64:
		v, err := strconv.ParseFloat(s, 64)
		bad = err != nil || quoted || v != v || v-v != 0
		dst.SetFloat(v)
	default:
		panic("strictyaml: no rule for " + dst.Type().String())
	}
	if bad {
		return d.errorf(n, key, "want %s, got %s", wanted(dst.Kind()), describe(n))
	}
	return nil
}

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64, reflect.Uint32:
		return "a whole number from 0"
	case reflect.Float64:
		return "a number"
	}
	return "a text"
}

// literal returns a scalar as it was written, without its quotes.
func literal(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		return n.GetToken().Value, true // for a text, null is a word like any other
	case *ast.MappingKeyNode:
		return literal(v.Value)
	case *ast.MappingNode:
		if len(v.Values) == 1 && v.Start.Value == ":" {
			return adjoined(v.Values[0])
		}
	case *ast.MappingValueNode:
		return adjoined(v)
	}
	return "", false
}

// adjoined returns "host:port" where the parser has made a mapping of it: it
// does so within braces, though a plain colon ends a key only before a blank
// (YAML 1.2, 7.3.3).
func adjoined(n *ast.MappingValueNode) (string, bool) {
	key, ok := plainWord(n.Key)
	if !ok {
		return "", false
	}
	value, ok := plainWord(n.Value)
	if !ok {
		return "", false
	}
	k, colon, v := n.Key.GetToken().Position, n.Start.Position, n.Value.GetToken().Position
	if k.Line != colon.Line || k.Line != v.Line || colon.Column != k.Column+utf8.RuneCountInString(key) || v.Column != colon.Column+1 {
		return "", false
	}
	return key + ":" + value, true
}

// plainWord returns a scalar that is written without quotes.
func plainWord(n ast.Node) (string, bool) {
	switch t := n.GetToken(); t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		return "", false
	}
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	s, _ := literal(n)
	return strconv.Quote(s)
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
