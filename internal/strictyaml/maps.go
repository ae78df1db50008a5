package strictyaml

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var treeType = reflect.TypeFor[Tree]()

// mapping decodes the two maps there are: a Tree, and one of strings, in which
// nested keys are joined by dots.
func (d *decoder) mapping(n ast.Node, dst reflect.Value, key string) *Error {
	if dst.IsNil() {
		dst.Set(reflect.MakeMap(dst.Type()))
	}
	if dst.Type() == treeType {
		return d.tree(n, dst.Interface().(Tree), key)
	}
	return d.strings(n, dst, "", key)
}

func (d *decoder) tree(n ast.Node, into Tree, key string) *Error {
	pairs, err := d.pairs(n, key)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		full := join(key, p.key)
		d.note(p.at, full)
		if err := d.leaf(p.value, into, p.key, full); err != nil {
			return err
		}
	}
	return nil
}

// leaf stores one value of a tree under name, going on below where it is a
// mapping.
func (d *decoder) leaf(n ast.Node, into Tree, name, key string) *Error {
	if _, ok := n.(ast.MapNode); ok {
		below, ok := into[name].(Tree)
		if !ok {
			below = Tree{}
			into[name] = below
		}
		return d.tree(n, below, key)
	}
	v, err := d.any(n, key)
	if err != nil {
		return err
	}
	into[name] = v
	return nil
}

func (d *decoder) any(n ast.Node, key string) (any, *Error) {
	if err := d.plain(n, key); err != nil {
		return nil, err
	}
	switch v := n.(type) {
	case ast.MapNode:
		t := Tree{}
		return t, d.tree(n, t, key)
	case *ast.SequenceNode:
		list := make([]any, len(v.Values))
		for i, item := range v.Values {
			var err *Error
			if list[i], err = d.any(item, key+"["+strconv.Itoa(i)+"]"); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *ast.NullNode:
		return nil, nil
	}
	s, ok := literal(n)
	if !ok {
		return nil, d.errorf(n, key, "want a value, got %s", describe(n))
	}
	return typed(n, s), nil
}

// typed gives a scalar the type that YAML says it has.
func typed(n ast.Node, s string) any {
	switch n.Type() {
	case ast.BoolType:
		return s == "true"
	case ast.IntegerType:
		if v, err := strconv.ParseInt(s, 0, 64); err == nil {
			return v
		}
	case ast.FloatType:
		if v, err := strconv.ParseFloat(s, 64); err == nil && v-v == 0 {
			return v
		}
	}
	return s
}

func (d *decoder) strings(n ast.Node, dst reflect.Value, prefix, key string) *Error {
	pairs, err := d.pairs(n, key)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		full := join(key, p.key)
		d.note(p.at, full)
		if _, ok := p.value.(ast.MapNode); ok {
			if err := d.strings(p.value, dst, join(prefix, p.key), full); err != nil {
				return err
			}
			continue
		}
		if err := d.put(p.value, dst, join(prefix, p.key), full); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) put(n ast.Node, dst reflect.Value, name, key string) *Error {
	s, ok := literal(n)
	if !ok {
		return d.errorf(n, key, "want a single value, got %s", describe(n))
	}
	dst.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(s))
	return nil
}

// underMap decodes a --set that goes into a map.
func (d *decoder) underMap(keys []string, n ast.Node, dst reflect.Value, key string) *Error {
	if dst.IsNil() {
		dst.Set(reflect.MakeMap(dst.Type()))
	}
	full := join(key, strings.Join(keys, "."))
	d.note(n, full)
	if dst.Type() != treeType {
		return d.put(n, dst, strings.Join(keys, "."), full)
	}
	into := dst.Interface().(Tree)
	for _, k := range keys[:len(keys)-1] {
		below, ok := into[k].(Tree)
		if !ok {
			below = Tree{}
			into[k] = below
		}
		into = below
	}
	return d.leaf(n, into, keys[len(keys)-1], full)
}

// Table is a mapping whose order counts, kept as it was written. A key within
// a mapping is joined to those around it by dots, so that no value is a
// mapping itself; the items of a list may be.
type Table []Entry

// Entry is one key of a Table. Value is what a Tree would hold.
type Entry struct {
	Key   string
	Value any
}

var tableType = reflect.TypeFor[Table]()

// MarshalJSON writes an object in the table's order.
func (t Table) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range t {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(e.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.Value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// table decodes a mapping in the order of its keys. As with a list, what the
// table held before is gone.
func (d *decoder) table(n ast.Node, dst reflect.Value, key string) *Error {
	var t Table
	if err := d.entries(n, &t, "", key); err != nil {
		return err
	}
	dst.Set(reflect.ValueOf(t))
	return nil
}

func (d *decoder) entries(n ast.Node, t *Table, prefix, key string) *Error {
	pairs, err := d.pairs(n, key)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		full := join(key, p.key)
		d.note(p.at, full)
		if _, ok := p.value.(ast.MapNode); ok {
			if err := d.entries(p.value, t, join(prefix, p.key), full); err != nil {
				return err
			}
			continue
		}
		if t.find(join(prefix, p.key)) >= 0 {
			return d.errorf(p.at, full, "is given twice")
		}
		if err := d.entry(p.value, t, join(prefix, p.key), full); err != nil {
			return err
		}
	}
	return nil
}

// entry sets one key, and notes where each item of a list was given.
func (d *decoder) entry(n ast.Node, t *Table, name, key string) *Error {
	v, err := d.any(n, key)
	if err != nil {
		return err
	}
	if seq, ok := n.(*ast.SequenceNode); ok {
		for i, item := range seq.Values {
			d.note(item, key+"["+strconv.Itoa(i)+"]")
		}
	}
	if i := t.find(name); i >= 0 {
		(*t)[i].Value = v
		return nil
	}
	*t = append(*t, Entry{Key: name, Value: v})
	return nil
}

func (t *Table) find(name string) int {
	return slices.IndexFunc(*t, func(e Entry) bool { return e.Key == name })
}

// underTable decodes a --set of one key of a table.
func (d *decoder) underTable(keys []string, n ast.Node, dst reflect.Value, key string) *Error {
	full := join(key, strings.Join(keys, "."))
	if _, ok := n.(ast.MapNode); ok {
		return d.errorf(n, full, "want a value or a list, got a mapping")
	}
	d.note(n, full)
	return d.entry(n, dst.Addr().Interface().(*Table), strings.Join(keys, "."), full)
}

// JSON returns the tree as a document; an empty one as {}.
func (t Tree) JSON() ([]byte, error) {
	if t == nil {
		t = Tree{}
	}
	return json.Marshal(t)
}
