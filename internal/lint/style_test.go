package lint

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	functionLinesMax = 70
	fileLinesMax     = 600
)

// longFunctions and longFiles are the exceptions, each with its reason.
var (
	longFunctions = map[string]string{}
	longFiles     = map[string]string{}
)

// TestLengths keeps functions and files short enough to be read in one go.
func TestLengths(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || f.generated {
			continue
		}
		if f.lines > fileLinesMax && longFiles[f.path] == "" {
			t.Errorf("%s: %d lines; past %d a file needs a reason in longFiles", f.path, f.lines, fileLinesMax)
		}
		f.funcs(func(fn *ast.FuncDecl) {
			lines := f.fset.Position(fn.Body.Rbrace).Line - f.fset.Position(fn.Body.Lbrace).Line - 1
			if lines > functionLinesMax && longFunctions[f.path+" "+fn.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines; past %d a function needs a reason in longFunctions",
					f.at(fn), fn.Name.Name, lines, functionLinesMax)
			}
		})
	}
}

// TestExceptionsExist removes exceptions that nothing needs any more.
func TestExceptionsExist(t *testing.T) {
	for name := range longFiles {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("longFiles names %s, which does not exist", name)
		}
	}
	for key := range longFunctions {
		name, _, _ := strings.Cut(key, " ")
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("longFunctions names %s, which does not exist", name)
		}
	}
}

// TestNoInit forbids init functions: wiring is done by hand, where it can be
// read. k6 extensions register themselves in one, which is k6's rule.
func TestNoInit(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.generated || f.path == "xk6-chain/register.go" {
			continue
		}
		f.funcs(func(fn *ast.FuncDecl) {
			if fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init function", f.at(fn))
			}
		})
	}
}

// TestNoSleep forbids sleeping in tests: wait for the event, or use
// testing/synctest, where sleeping takes no time.
func TestNoSleep(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.test || slices.Contains(f.imports(), "testing/synctest") {
			continue
		}
		for _, s := range f.calls([]string{"time.Sleep"}) {
			t.Errorf("%s: %s in a test; wait for the event instead", s.at, s.what)
		}
	}
}

// TestPackageComments wants one package comment for each package.
func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.generated || f.ast.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

// unfinished are words that mark work left undone. They are put together here
// so that this file does not hold them.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|not ` + `implemented|unimplemented` + `\(`)

var textFiles = list(".go .md .yaml .yml .sh .proto .css .js .html")

// TestNothingUnfinished looks for such words in every text file.
func TestNothingUnfinished(t *testing.T) {
	generated := map[string]bool{}
	for _, f := range goFiles(t) {
		generated[f.path] = f.generated
	}
	err := walk(func(p string) error {
		if generated[p] || !slices.Contains(textFiles, path.Ext(p)) && p != "Makefile" {
			return nil
		}
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p)))
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(src), "\n") {
			if m := unfinished.FindString(line); m != "" {
				t.Errorf("%s:%d: %q", p, i+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
