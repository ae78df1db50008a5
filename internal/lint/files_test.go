package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// file is one parsed Go file of the project, generated ones included.
type file struct {
	path      string // within the module, slashes
	pkg       string // its package's path within the module
	test      bool
	generated bool
	lines     int
	ast       *ast.File
	fset      *token.FileSet
}

// finding is something a file does, and where.
type finding struct{ at, what string }

// root is the module's folder, as seen from this package's tests.
const root = "../.."

// skipped folders hold no sources of ours.
var skipped = list(".git bin out testdata node_modules")

var parseAll = sync.OnceValues(func() ([]file, error) {
	var files []file
	err := walk(func(path string) error {
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parse(path)
		files = append(files, f)
		return err
	})
	return files, err
})

// goFiles returns every Go file of the project, parsed once.
func goFiles(t *testing.T) []file {
	t.Helper()
	files, err := parseAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found %d Go files only: is the walk looking at the right folder?", len(files))
	}
	return files
}

// walk calls do for each file of the project, with its slashed path.
func walk(do func(path string) error) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != root && slices.Contains(skipped, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return do(filepath.ToSlash(rel))
	})
}

func parse(path string) (file, error) {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		return file{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	return file{
		path: path, pkg: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go"),
		generated: ast.IsGenerated(tree), lines: strings.Count(string(src), "\n"), ast: tree, fset: fset,
	}, nil
}

// imports returns the import paths of the file.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// ours returns the imports of our own packages, within the module; "." stands
// for the module's root package.
func (f file) ours() []string {
	var paths []string
	for _, p := range f.imports() {
		if p == module {
			paths = append(paths, ".")
		} else if rest, ok := strings.CutPrefix(p, module+"/"); ok {
			paths = append(paths, rest)
		}
	}
	return paths
}

// funcs calls do for every function with a body.
func (f file) funcs(do func(fn *ast.FuncDecl)) {
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			do(fn)
		}
	}
}

func (f file) at(n ast.Node) string {
	p := f.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", f.path, p.Line)
}

// calls returns the uses of package-level names such as time.Sleep.
func (f file) calls(names []string) []finding {
	var found []finding
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(names, x.Name+"."+sel.Sel.Name) {
			found = append(found, finding{f.at(n), x.Name + "." + sel.Sel.Name})
		}
		return true
	})
	return found
}

// impurities returns clocks read and goroutines started.
func (f file) impurities() []finding {
	found := f.calls(impureCalls)
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, finding{f.at(g), "a goroutine"})
		}
		return true
	})
	return found
}
