package lint

import (
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/chaindyno/chaindyno"

// rule says what the packages matched by of may import of ours. Patterns are
// those of path.Match on the path within the module, "/..." meaning anything
// below. The first rule that matches a package decides.
type rule struct {
	of  []string
	may []string
}

// matrix is the table of ARCHITECTURE.md. internal/ may be imported by anyone
// and is checked apart.
var matrix = []rule{
	{of: list("chain/ledger")},
	{of: list("chain/pow"), may: list("chain/ledger")},
	{of: list("chain/tree chain/miner"), may: list("chain/ledger chain/pow")},
	{of: list("chain/ingest chain/pool chain/state chain/store chain/store/tier"), may: list("chain/ledger")},
	{of: list("chain/api/chainpb")},
	{of: list("chain/api chain/api/..."), may: list("chain/api/chainpb chain/ledger")},
	{of: list("chain/p2p/kad chain/p2p/roster")},
	{of: list("chain/p2p"), may: list("chain/api/chainpb chain/ledger chain/p2p/kad chain/p2p/roster")},
	{of: list("chain"), may: list("chain/ledger chain/pow chain/tree chain/ingest chain/pool chain/miner chain/state chain/store chain/store/tier")},

	{of: list("loadgen/driver loadgen/schedule reports/result")},
	{of: list("loadgen/driver/null loadgen/driver/drivertest loadgen/inflight"), may: list("loadgen/driver")},
	{of: list("loadgen/driver/refchain"), may: list("loadgen/driver chain/ledger chain/tree chain/api/client")},
	{
		of:  list("loadgen/record loadgen/verdict loadgen/audit"),
		may: list("loadgen/driver loadgen/inflight reports/result reports/stats"),
	},
	{of: list("loadgen/calibrate"), may: list("chain/ledger chain/pow loadgen loadgen/scenario loadgen/driver/null reports/result")},
	{of: list("loadgen/cluster/client"), may: list("loadgen/cluster/clusterpb reports/result")},
	{of: list("loadgen/cluster/clusterpb")},
	{of: list("loadgen/cluster"), may: list("loadgen loadgen/cluster/clusterpb")},
	{
		of: list("loadgen loadgen/scenario loadgen/sut loadgen/search loadgen/sweep"),
		may: list("loadgen/driver loadgen/schedule loadgen/inflight loadgen/record loadgen/verdict loadgen/audit " +
			"loadgen/scenario loadgen/sut reports/result reports/stats"),
	},

	{of: list("reports/stats"), may: list("reports/result")},
	{of: list("reports/compare reports/matrix"), may: list("reports/result reports/stats")},
	{of: list("reports"), may: list("reports/result reports/stats reports/compare reports/matrix")},

	{
		of: list("xk6-chain xk6-chain/..."),
		may: list("xk6-chain/... loadgen/driver loadgen/driver/refchain loadgen/driver/null loadgen/inflight " +
			"loadgen/record loadgen/verdict loadgen/audit reports loadgen/cluster/client"),
	},
	{of: list("cmd/chaindyno cmd/bench"), may: list("...")},
	{of: list("internal/...")},
}

// testsMayImport are the additions for test files: a test may stand up what
// its package is used with. Nobody's test reaches for a command.
func testsMayImport(imported string) bool { return !strings.HasPrefix(imported, "cmd/") }

func list(s string) []string { return strings.Fields(s) }

func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(pkg, prefix+"/")
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

func anyMatches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func ruleOf(pkg string) (rule, bool) {
	i := slices.IndexFunc(matrix, func(r rule) bool { return anyMatches(r.of, pkg) })
	if i < 0 {
		return rule{}, false
	}
	return matrix[i], true
}

// TestImports keeps the import matrix.
func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		r, ok := ruleOf(f.pkg)
		if !ok {
			t.Errorf("%s: package %s has no row in the import matrix", f.path, f.pkg)
			continue
		}
		for _, imported := range f.ours() {
			if forbidden(f, r, imported) {
				t.Errorf("%s: %s may not import %s (see the matrix in ARCHITECTURE.md)", f.path, f.pkg, imported)
			}
		}
	}
}

func forbidden(f file, r rule, imported string) bool {
	if imported == f.pkg || strings.HasPrefix(imported, "internal/") {
		return false
	}
	if f.test && testsMayImport(imported) {
		return false
	}
	return !anyMatches(r.may, imported)
}

// TestMatrixRefuses shows that the matrix can fail: each line is an import
// that the design forbids.
func TestMatrixRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"chain/ledger", "chain/pow"},
		{"chain/pool", "chain/ingest"},
		{"chain/state", "chain/store"},
		{"chain", "chain/api/server"},
		{"chain", "chain/p2p"},
		{"chain/p2p/roster", "chain/p2p/kad"},
		{"chain/api/server", "chain"},
		{"loadgen/driver", "reports/result"},
		{"loadgen", "chain/ledger"},
		{"loadgen/scenario", "loadgen/driver/refchain"},
		{"loadgen/driver/refchain", "chain"},
		{"reports", "loadgen"},
		{"reports/result", "reports/stats"},
		{"internal/tlsx", "chain/ledger"},
	} {
		r, ok := ruleOf(c[0])
		if !ok {
			t.Errorf("%s has no row", c[0])
			continue
		}
		if !forbidden(file{pkg: c[0]}, r, c[1]) {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
}

// pure packages hold rules over values: no goroutine, no clock, no I/O.
var pure = list("chain/ledger chain/tree chain/p2p/roster loadgen/schedule loadgen/driver reports/result reports/stats reports/compare reports/matrix")

// impure are what a pure package may not reach for.
var (
	impureImports = list("net net/http os os/exec io/ioutil log log/slog syscall")
	impureCalls   = list("time.Now time.Since time.Until time.Sleep time.After time.NewTimer time.NewTicker time.Tick")
)

// TestPurity checks that the pure packages are.
func TestPurity(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || !slices.Contains(pure, f.pkg) {
			continue
		}
		for _, imported := range f.imports() {
			if slices.Contains(impureImports, imported) {
				t.Errorf("%s: %s is pure and may not import %s", f.path, f.pkg, imported)
			}
		}
		for _, call := range f.impurities() {
			t.Errorf("%s: %s is pure and may not use %s", call.at, f.pkg, call.what)
		}
	}
}

// standardOnly packages import the standard library and what is named here.
var standardOnly = map[string][]string{
	"loadgen/driver":   nil,
	"loadgen/schedule": nil,
	"reports/result":   {"github.com/HdrHistogram/hdrhistogram-go"},
}

// TestLeaves checks that the packages everything hangs on hang on nothing.
func TestLeaves(t *testing.T) {
	for _, f := range goFiles(t) {
		allowed, ok := standardOnly[f.pkg]
		if !ok || f.test {
			continue
		}
		for _, imported := range f.imports() {
			host, _, _ := strings.Cut(imported, "/")
			if strings.Contains(host, ".") && !slices.Contains(allowed, imported) {
				t.Errorf("%s: %s is a leaf and may not import %s", f.path, f.pkg, imported)
			}
		}
	}
}
