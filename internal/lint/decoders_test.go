package lint

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// decoderName is what a function that reads bytes from a wire, a disk or a user
// is called.
var decoderName = regexp.MustCompile(`^(Parse|parse|Decode|decode|Unpack|unpack)`)

// notFuzzed are decoders without a fuzz target of their own, or packages of
// such, and why.
var notFuzzed = map[string]string{
	"chain/api/server.parseHash": "takes 32 bytes, or none",
	"chain/api/web.decode":       "hands a bounded body to encoding/json; the list of payloads that it fills is fuzzed",
	"chain/ingest..parse":        "copies what it hands to ledger.ParseTx, which is fuzzed",
	"internal/hostinfo":          "reads what the kernel writes",
	"loadgen.parseCard":          "reads memory that the same process has written",
}

// TestReliability09Decoders wants every decoder to be exercised by a fuzz target
// of its package, and lists them. tools/fuzz.sh runs the targets, which it finds
// by themselves.
func TestReliability09Decoders(t *testing.T) {
	packages := map[string]*decoders{}
	for _, f := range goFiles(t) {
		if !f.generated {
			packageOf(packages, f.pkg).read(f)
		}
	}
	found := 0
	for path, p := range packages {
		reached := p.reached()
		for _, name := range p.decode {
			found++
			target, ok := reached[name]
			excused := notFuzzed[path] != "" || notFuzzed[path+"."+name] != ""
			switch {
			case ok && excused:
				t.Errorf("%s.%s is fuzzed by %s: take it off the list of those that are not", path, name, target)
			case ok:
				t.Logf("%s.%s: %s", path, name, target)
			case !excused:
				t.Errorf("%s.%s takes bytes and no fuzz target of its package comes to it", path, name)
			}
		}
	}
	for name := range notFuzzed {
		path, fn, one := strings.Cut(name, ".")
		if p := packages[path]; p == nil || one && !slices.Contains(p.decode, fn) {
			t.Errorf("%s is on the list of those that are not fuzzed, and is no decoder", name)
		}
	}
	if found < 30 {
		t.Errorf("found %d decoders only: is the search looking for the right names?", found)
	}
}

// decoders are those of one package, and what its functions call. The name of a
// method begins with a dot.
type decoders struct {
	decode   []string
	targets  []string
	uses     map[string][]string // the names in the body of each function, tests included
	declared map[string]int      // functions of a name
}

func packageOf(all map[string]*decoders, path string) *decoders {
	if all[path] == nil {
		all[path] = &decoders{uses: map[string][]string{}, declared: map[string]int{}}
	}
	return all[path]
}

func (p *decoders) read(f file) {
	f.funcs(func(fn *ast.FuncDecl) {
		name := fn.Name.Name
		if fn.Recv != nil {
			name = "." + name
		}
		p.declared[name]++
		switch {
		case !f.test && decoderName.MatchString(fn.Name.Name) && takesBytes(fn):
			p.decode = append(p.decode, name)
		case f.test && strings.HasPrefix(name, "Fuzz"):
			p.targets = append(p.targets, name)
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				p.uses[name] = append(p.uses[name], "."+n.Sel.Name)
			case *ast.Ident:
				p.uses[name] = append(p.uses[name], n.Name)
			}
			return true
		})
	})
}

// takesBytes says whether a parameter is a []byte.
func takesBytes(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(f *ast.Field) bool {
		a, ok := f.Type.(*ast.ArrayType)
		if !ok || a.Len != nil {
			return false
		}
		id, ok := a.Elt.(*ast.Ident)
		return ok && id.Name == "byte"
	})
}

// reached returns the functions that fuzz targets come to, with one such target
// each. A method counts where it is the only one of its name in the package,
// since nothing tells here whose it is, or is a decoder itself.
func (p *decoders) reached() map[string]string {
	from := map[string]string{}
	for _, target := range p.targets {
		for rest := []string{target}; len(rest) > 0; rest = rest[1:] {
			name := rest[0]
			if _, seen := from[name]; seen || p.declared[name] == 0 {
				continue
			}
			from[name] = target
			if p.declared[name] == 1 {
				rest = append(rest, p.uses[name]...)
			}
		}
	}
	return from
}
