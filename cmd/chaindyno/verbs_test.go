package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// short is a run of a second against the null driver.
func short(out string, more ...string) []string {
	args := []string{
		"run", "--out", out, "--calibrate", "off", "--set", "chain=null", "--set", "target.driver=null", "--set", "name=short",
		"--set", "load.schedule={constant: {rate: 2000/s, for: 1s}}", "--set", "load.warmup=200ms", "--set", "load.lanes=500", "--set", "slo=[]",
	}
	return append(args, more...)
}

func TestRunWritesEverything(t *testing.T) {
	out := filepath.Join(t.TempDir(), "new", "out")
	code, stdout, stderr := call(t, short(out)...)
	dirs, _ := filepath.Glob(filepath.Join(out, "short-*"))
	if len(dirs) != 1 {
		t.Fatalf("code %d, folders %v\n%s", code, dirs, stderr)
	}
	for _, f := range []string{
		"summary.json", "timeseries.csv", "percentiles.csv", "blocks.csv", "transactions.csv.zst", "errors.csv", "workers.csv", "fairness.csv",
		"faults.csv", "latency.hlog", "report.html", "manifest.json",
	} {
		if info, err := os.Stat(filepath.Join(dirs[0], f)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	s := summary(t, dirs[0])
	// A busy machine may make the generator late; then the code must say so.
	if code != codeOf(s.Verdict) || !strings.Contains(stdout, string(s.Verdict)) {
		t.Errorf("code %d, verdict %s", code, s.Verdict)
	}
	if !s.Counts.Balanced || s.Counts.Scheduled != 2400 || s.Run.Config == nil {
		t.Errorf("%+v", s.Counts)
	}
	reportsAgain(t, dirs[0], s)
	left, _ := os.ReadDir(out)
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func summary(t *testing.T, dir string) result.Summary {
	t.Helper()
	var s result.Summary
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// reportsAgain renders the run from its files in every way there is.
func reportsAgain(t *testing.T, dir string, s result.Summary) {
	t.Helper()
	code, out, stderr := call(t, "report", dir)
	if code != exitPass || !strings.Contains(out, string(s.Verdict)) {
		t.Errorf("table: code %d, %s", code, stderr)
	}
	if code, out, stderr := call(t, "report", dir, "--from-raw"); code != exitPass || !strings.Contains(out, "commit ") {
		t.Errorf("from raw: code %d, %s%s", code, out, stderr)
	}
	var again result.Summary
	if code, out, stderr := call(t, "report", dir, "--format", "json"); code != exitPass || json.Unmarshal([]byte(out), &again) != nil || again.Run.ID != s.Run.ID {
		t.Errorf("json: code %d, %s", code, stderr)
	}
	if err := os.Remove(filepath.Join(dir, "report.html")); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call(t, "report", dir, "--format", "html"); code != exitPass {
		t.Errorf("html: code %d, %s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
		t.Error(err)
	}
	if code, _, _ := call(t, "report", dir, "--format", "pdf"); code != exitUsage {
		t.Errorf("an unknown format gives %d", code)
	}
}

// TestTamperedRawIsSeen changes the transactions, after which they no longer
// give the percentiles of the run.
func TestTamperedRawIsSeen(t *testing.T) {
	out := t.TempDir()
	call(t, short(out)...)
	dirs, _ := filepath.Glob(filepath.Join(out, "short-*"))
	if len(dirs) != 1 {
		t.Fatal(dirs)
	}
	if err := os.WriteFile(filepath.Join(dirs[0], "transactions.csv.zst"), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, "report", dirs[0], "--from-raw")
	if code != exitUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// TestBadInput wants one line, exit code 2, and nothing on the disk.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := func(name, text string) string {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	chain := file("chain.yaml", "chain:\n  node:\n    miner: {pase: 1s}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "nowhere.yaml"}, "open nowhere.yaml: no such file or directory"},
		{[]string{"run", chain}, "chain.yaml:3:13: chain.node.miner.pase: unknown key; did you mean pace?"},
		{[]string{"run", file("sync.yaml", "chain: {node: {sync: often}}")}, `sync.yaml:1:16: chain.node.sync: sync policy is "often", permitted are always, block, interval, none`},
		{[]string{"run", file("data.yaml", "chain: {node: {data: /x}}")}, "data.yaml:1:16: chain.node.data: is chosen by the run; remove it"},
		{[]string{"run", file("token.yaml", "chain: {node: {token: hush}}")}, "token.yaml:1:16: chain.node.token: holds a secret, which reports would repeat"},
		{[]string{"run", file("admin.yaml", "chain: {node: {admin_token: hush}}")}, "admin.yaml:1:16: chain.node.admin_token: holds a secret, which reports would repeat"},
		{[]string{"run", file("redis.yaml", "chain: {node: {cache: {redis: 'redis://:hush@h:1'}}}")}, "redis.yaml:1:24: chain.node.cache.redis: holds a secret, which reports would repeat"},
		{[]string{"run", "--set", "chain.node.miner.on_demand=true"}, "chain.node.miner.on_demand: a run asks for no block, so that none would be made; remove it"},
		{[]string{"run", "--tls-ca", "ca.pem"}, "--token-env are for a target that is there already: add --target host:port"},
		{[]string{"run", "--target", "127.0.0.1:1", "--token-env", "HOME"}, "target.token_env: a token is sent over TLS only; add tls.ca"},
		{[]string{"run", "--target", "127.0.0.1:1", "--tls-ca", "nowhere.pem", "--token-env", "NO_SUCH_TOKEN"}, "target.token_env: environment variable NO_SUCH_TOKEN is not set"},
		{[]string{"run", "--target", "127.0.0.1:1", "--tls-ca", "nowhere.pem"}, "TLS authorities: open nowhere.pem: no such file or directory"},
		{[]string{"run", file("peers.yaml", "chain: {node: {peers: {seeds: [a:1]}}}")}, "peers.yaml:1:24: chain.node.peers.seeds: is chosen by the run; remove it"},
		{[]string{"run", file("binary.yaml", "chain: {up: {binary: ./nowhere}}")}, "binary.yaml:1:22: chain.up.binary: ./nowhere is no chaindyno: no such file or directory"},
		{[]string{"run", "--set", "chain.up.binary=chain.yaml"}, "chain.up.binary: chain.yaml is no chaindyno: permission denied"},
		{[]string{"run", "--set", "chain.up.binary=/bin/true"}, "chain.up.binary: /bin/true is no chaindyno: asked for its version, it did not tell it"},
		{[]string{"run", "--set", "chain.up.binary=/bin/false"}, "chain.up.binary: /bin/false is no chaindyno: asked for its version, it ended with exit status 1"},
		{[]string{"run", "--set", "chain.up.binary=/bin/true", "--in-process"}, "chain.up.binary: nodes inside this process are of this build; remove it, or --in-process"},
		{[]string{"check", file("sweep.yaml", "chain: {}\nsweep: {axes: {miner.treads: [1, 2]}}")}, "sweep.yaml:2:31: chain.node.miner.treads: unknown key; did you mean threads?"},
		{[]string{"check", file("treads.yaml", "chain: {}\nsweep: {axes: {ingest.batch_size: [1, 99999]}}")}, "treads.yaml:2:39: chain.node.ingest.batch_size: 99999 is out of range; permitted: 1 to 16384"},
		{[]string{"run", "--set", "chain.up.miners=2"}, "--set chain.up.miners=2: chain.up.miners: 2 of 1 nodes cannot make blocks; permitted: 1 to 1"},
		{[]string{"testnet", "--nodes", "17"}, "--nodes 17: 17 is out of range; permitted: 1 to 16"},
		{[]string{"testnet", "--nodes", "2", "--miners", "3"}, "--miners 3: 3 of 2 nodes cannot make blocks"},
		{[]string{"testnet", "--set", "miner.pase=1s"}, "miner.pase: unknown key; did you mean pace?"},
		{[]string{"testnet", "--base-port", "65530"}, "--base-port 65530: permitted for 4 nodes: 0 to 65495"},
		{[]string{"run", "--set", "load.schedule.constant.rate=0"}, "--set load.schedule.constant.rate=0: load.schedule.constant.rate: 0/s is out of range; permitted: 0.001/s to 10000000/s"},
		{[]string{"run", "--set", "load.batch.size=9000"}, "--set load.batch.size=9000: load.batch.size: 9000 transactions are more than a message may carry; permitted: 1 to 8192"},
		{[]string{"run", "--set", "load.batch.size=200", "--set", "load.options.inputs=100", "--set", "load.options.outputs=100", "--set", "load.lanes=300"}, "--set load.batch.size=200: load.batch.size: 200 transactions are more than a message may carry; permitted: 1 to 126"},
		{[]string{"run", "--set", "load.lanes=100"}, "--set load.lanes=100: load.lanes: 100 lanes are too few: 5000 tx/s with up to 2.99s between blocks needs 234 lanes of 64 unconfirmed transactions"},
		{[]string{"run", "--set", "load.options.scheme=rsa"}, `--set load.options.scheme=rsa: load.options.scheme: signature scheme "rsa" is not known; permitted: ed25519, secp256k1`},
		{[]string{"run", "--target", "127.0.0.1:1"}, "node 127.0.0.1:1: cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused"},
		{[]string{"run", "--target", "nowhere"}, `--set target.submit=["nowhere", ]: target.submit[0]: want host:port or a URL, got "nowhere"`},
		{[]string{"run", "--set", "target.driver=bitcoin", "--target", "127.0.0.1:1"}, `--set target.driver=bitcoin: target.driver: "bitcoin" is not known; permitted: null, reference`},
		{[]string{"run", "--out", "chain.yaml"}, "output folder chain.yaml cannot be written: " + dir + "/chain.yaml is a file"},
		{[]string{"run", "--out", "/proc/out"}, "output folder /proc/out cannot be written: no such file or directory"},
		{[]string{"run", "--calibrate", "some"}, `--calibrate "some" is not known; permitted: standard, quick, off`},
		{[]string{"run", "--set", "load.schedule={constant: {rate: 20000/s, for: 168h}}"}, "output folder out: "},
		{[]string{"check", "--set", "load.drian=1s"}, "--set load.drian=1s: load.drian: unknown key; did you mean drain?"},
		{[]string{"probe", "127.0.0.1:1"}, "node 127.0.0.1:1: cannot be reached"},
		{[]string{"watch", "127.0.0.1:1"}, "node 127.0.0.1:1: cannot be reached"},
		{[]string{"probe"}, "0 arguments; permitted: chaindyno probe TARGET [flags]"},
		{[]string{"proof", "ff", "ff"}, "2 arguments; permitted: chaindyno proof TXID [flags]"},
		{[]string{"run", "a", "b"}, "2 arguments; permitted: chaindyno run [FILE] [flags]"},
		{[]string{"node", "--data", "d", "--set", "tls.cert=no.pem", "--set", "tls.key=no.key"}, "tls: TLS certificate: open no.pem: no such file or directory"},
		{[]string{"probe", "nowhere"}, `target nowhere: --set target.submit=["nowhere"]: target.submit[0]: want host:port or a URL, got "nowhere"`},
		{[]string{"report", "."}, "manifest.json: missing"},
		{[]string{"init", "chain.yaml"}, "chain.yaml exists; add --force to replace it"},
		{[]string{"init", "/proc/x.yaml"}, "open /proc/x.yaml: "},
	} {
		before := names(t)
		code, stdout, stderr := call(t, c.args...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v\n got %d %s%s\nwant %s", c.args, code, stdout, stderr, c.want)
		}
		if strings.Contains(stderr, "hush") {
			t.Errorf("a secret is told: %s", stderr)
		}
		if after := names(t); !slices.Equal(before, after) {
			t.Errorf("%v left %v", c.args, after)
		}
	}
}

func names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestUnwritableOutput(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root may write anywhere; .ci/run shows this as an ordinary user")
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, short(filepath.Join(dir, "out"))...)
	if code != exitUsage || !strings.Contains(stderr, "cannot be written: permission denied") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

func TestCheck(t *testing.T) {
	code, out, stderr := call(t, "check")
	if code != exitPass {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"transactions  175000 of 195 bytes, signed before the clock starts",
		"duration      35s: 5s warm-up, 30s steady; then at most 30s drain",
		"blocks        every 250ms, about 140; the longest wait is below 2.99s in 999 runs of 1,000",
		"lanes         20000; at least 234 are needed: 14929 unconfirmed at once over windows of 64",
		"objective     commit.p99 < 2s",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// TestInitRoundTrip writes the commented file, which plans as the default does.
func TestInitRoundTrip(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, out, stderr := call(t, "init"); code != exitPass || !strings.Contains(out, "wrote scenario.yaml") {
		t.Fatal(code, stderr)
	}
	_, byDefault, _ := call(t, "check")
	if code, out, stderr := call(t, "check", "scenario.yaml"); code != exitPass || out != byDefault {
		t.Errorf("code %d, %s\n%s", code, stderr, out)
	}
	if code, _, _ := call(t, "init", "--force"); code != exitPass {
		t.Error("not replaced by force")
	}
	if code, out, _ := call(t, "init", "-"); code != exitPass || out != string(scenario.Commented()) {
		t.Error("standard output differs")
	}
}

func TestSweep(t *testing.T) {
	o, err := openOut(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	owned, release, err := o.scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	old := time.Now().Add(-2 * sweepAge)
	dead := filepath.Join(o.path, scratchPrefix+"dead")
	if err := os.MkdirAll(filepath.Join(dead, "nodes"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{owned, dead} {
		if err := os.Chtimes(p, old, old); err != nil {
			t.Fatal(err)
		}
	}
	young := filepath.Join(o.path, scratchPrefix+"young")
	if err := os.Mkdir(young, 0o755); err != nil {
		t.Fatal(err)
	}
	o.sweep()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Error("what a killed run left is still there")
	}
	for _, p := range []string{owned, young} {
		if _, err := os.Stat(p); err != nil {
			t.Errorf("taken from its owner: %v", err)
		}
	}
}

func TestRunFoldersDoNotCollide(t *testing.T) {
	o, err := openOut(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, err1 := o.runDir("x", at)
	second, err2 := o.runDir("x", at)
	if err1 != nil || err2 != nil || filepath.Base(first) != "x-20260102-030405" || filepath.Base(second) != "x-20260102-030405-2" {
		t.Errorf("%s, %s, %v, %v", first, second, err1, err2)
	}
}

func TestRendering(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 30: "1 GiB"} {
		if got := size(n); got != want {
			t.Errorf("size %d: %s, want %s", n, got, want)
		}
	}
	for ns, want := range map[int64]string{0: "0s", 999: "999ns", 12345: "12.3µs", 1234567890: "1.23s", 125e9: "2m5s"} {
		if got := duration(ns); got != want {
			t.Errorf("duration %d: %s, want %s", ns, got, want)
		}
	}
}
