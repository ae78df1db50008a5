package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// OneOf marks a struct of alternatives: a document gives exactly one of its
// keys, and choosing one clears the others. Its fields are pointers or slices.
type OneOf interface{ OneOf() }

func isOneOf(t reflect.Type) bool { return t.Implements(reflect.TypeFor[OneOf]()) }

// Check tests v, a struct or a pointer to one, against the range and enum tags
// of its fields. file names the document where a key was not given in any.
func Check(v any, file string, at Positions) error {
	return asError(check(reflect.Indirect(reflect.ValueOf(v)), file, "", at))
}

func check(v reflect.Value, file, key string, at Positions) *Error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return check(v.Elem(), file, key, at)
	case reflect.Slice:
		for i := range v.Len() {
			if err := check(v.Index(i), file, fmt.Sprintf("%s[%d]", key, i), at); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkFields(v, file, key, at)
	}
	return nil
}

func checkFields(v reflect.Value, file, key string, at Positions) *Error {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := keyOf(f)
		if name == "" {
			continue
		}
		full, value := join(key, name), v.FieldByIndex(f.Index)
		if msg := outside(f, value); msg != "" {
			return at.Errorf(file, full, "%s", msg)
		}
		if err := check(value, file, full, at); err != nil {
			return err
		}
	}
	return nil
}

// outside tells how a value breaks the tags of its field; "" if it does not.
func outside(f reflect.StructField, v reflect.Value) string {
	if enum := f.Tag.Get("enum"); enum != "" {
		allowed := strings.Split(enum, "|")
		if s := fmt.Sprint(v.Interface()); !slices.Contains(allowed, s) {
			return fmt.Sprintf("%q is not known; permitted: %s", s, strings.Join(allowed, ", "))
		}
	}
	low, high, ok := strings.Cut(f.Tag.Get("range"), "..")
	if !ok {
		return ""
	}
	if number(v) < bound(v.Type(), low) || number(v) > bound(v.Type(), high) {
		return fmt.Sprintf("%v is out of range; permitted: %s to %s", v.Interface(), low, high)
	}
	return ""
}

// bound reads one end of a range tag in the notation of the field's type. Tags
// are constants, so a bad one is a defect here.
func bound(t reflect.Type, s string) float64 {
	v := reflect.New(t)
	if u, ok := v.Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			panic(fmt.Sprintf("range tag %q of %s: %v", s, t, err))
		}
		return number(v.Elem())
	}
	var f float64
	if _, err := fmt.Sscan(s, &f); err != nil {
		panic(fmt.Sprintf("range tag %q of %s: %v", s, t, err))
	}
	return f
}

func number(v reflect.Value) float64 {
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	}
	return v.Float()
}

// keyOf returns the key of a field; "" for one that is not part of documents.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

// Keys lists the keys of a struct in the order of its fields.
func Keys(v any) []string { return keysOf(reflect.TypeOf(v)) }

// keysOf lists the keys of a struct in the order of its fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if name := keyOf(f); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// suggestion names the key that was probably meant, or else all of them.
func suggestion(got string, keys []string) string {
	if best := Nearest(got, keys); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	return "; permitted: " + strings.Join(keys, ", ")
}

// Nearest returns the key that was probably meant: the one with the fewest
// edits, two at most; "" where none is that near.
func Nearest(got string, keys []string) string {
	best, distance := "", 3
	for _, k := range keys {
		if n := edits(got, k); n < distance {
			best, distance = k, n
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
