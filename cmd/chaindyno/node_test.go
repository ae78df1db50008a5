package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// small makes a node that starts at once.
func small(dir string, more ...string) []string {
	return append([]string{
		"node", "--data", dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--http", "127.0.0.1:0",
		"--set", "network.dev_outputs=64", "--set", "network.bits=0x207fffff", "--set", "min_free_mb=0",
	}, more...)
}

// liveNode is a node verb that runs in this process.
type liveNode struct {
	ready  readyLine
	stop   func()
	stdin  *io.PipeWriter
	done   chan int
	stderr *lockedBuilder
}

// lockedBuilder collects what several goroutines write.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startNode(t *testing.T, args []string) *liveNode {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdinR, stdinW := io.Pipe()
	stdoutR, stdoutW := io.Pipe()
	n := &liveNode{stop: cancel, stdin: stdinW, done: make(chan int, 1), stderr: &lockedBuilder{}}
	go func() {
		code := execute(ctx, args, stdinR, stdoutW, n.stderr)
		stdoutW.Close()
		n.done <- code
		close(n.done)
	}()
	out := bufio.NewScanner(stdoutR)
	if !out.Scan() {
		t.Fatalf("no ready line, exit code %d: %s", <-n.done, n.stderr)
	}
	if err := json.Unmarshal(out.Bytes(), &n.ready); err != nil {
		t.Fatalf("%q: %v", out.Text(), err)
	}
	go func() {
		for out.Scan() {
			t.Errorf("a second line on standard output: %q", out.Text())
		}
	}()
	t.Cleanup(func() { cancel(); <-n.done; stdinW.Close() })
	return n
}

func TestNodeServes(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--pace", "5ms"))
	if !n.ready.Ready || n.ready.Pid != os.Getpid() || n.ready.Network != "dev" {
		t.Errorf("ready line %+v", n.ready)
	}
	c, err := client.Dial(n.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil || info.Genesis.String() != n.ready.Genesis || info.Settings["miner.pace"] != "5ms" {
		t.Fatalf("%+v, %v", info, err)
	}
	id := payOnce(t, c, info.Params)
	found, err := c.Transaction(t.Context(), id)
	if err != nil || found.Place != client.PlaceBlock || len(found.Payload) == 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if proof, err := c.Proof(t.Context(), id); err != nil || !proof.Valid() {
		t.Errorf("proof: %v", err)
	}
	if again, err := c.Transaction(t.Context(), id); err != nil || !bytes.Equal(again.Payload, found.Payload) || again.Block != found.Block {
		t.Errorf("%+v the second time, %v", again, err)
	}
	stats, err := c.Stats(t.Context())
	if tiers := stats.Tiers; len(tiers) != 2 || tiers[0].Name != "l1" || tiers[0].Hits != 1 || tiers[0].Misses != 2 || tiers[1].Name != "l3" || tiers[1].Hits != 2 {
		t.Errorf("tiers of two transactions and a proof: %+v", tiers)
	}
	if err != nil || stats.Outputs < 65 || stats.RSSBytes == 0 || stats.CPUSeconds == 0 || stats.BlocksSealed == 0 {
		t.Errorf("%+v, %v", stats, err)
	}
	metrics := get(t, "http://"+n.ready.Admin+"/metrics")
	for _, want := range []string{
		"chaindyno_height ", "chaindyno_commit_seconds_bucket", "chaindyno_transactions_accepted_total 1",
		`chaindyno_tier_read_seconds_count{kind="transaction",tier="l1"} 1`, `chaindyno_tier_misses_total{tier="l1"} 2`, "chaindyno_tier_redis_up 0",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	n.stop()
	if code := <-n.done; code != exitPass {
		t.Errorf("exit code %d: %s", code, n.stderr)
	}
}

// offer submits a transfer, which must be taken.
func offer(t *testing.T, c *client.Client, p *ledger.Params) ledger.Hash {
	t.Helper()
	key := ledger.DevKey(p.DevSeed, p.DevScheme, 3)
	from := ledger.OutPoint{TxID: p.Genesis().Txs[0].ID(), Index: 3}
	out := ledger.Output{Value: p.DevValue - 1000, Key: ledger.HashKey(p.DevScheme, key.Public())}
	raw := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{{Prev: from, Key: key}}, []ledger.Output{out})
	answer, id, err := c.Submit(t.Context(), raw)
	if err != nil || answer != ledger.RejectNone {
		t.Fatalf("%v, %v", answer, err)
	}
	return id
}

// payOnce submits a transfer and waits until a follower sees it.
func payOnce(t *testing.T, c *client.Client, p *ledger.Params) ledger.Hash {
	t.Helper()
	id := offer(t, c, p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := false
	_ = c.Follow(ctx, client.Ref{}, func(e client.Event) error {
		for _, in := range e.Block.IDs { // nothing is reverted here
			if in == id {
				seen = true
				cancel()
			}
		}
		return nil
	})
	if !seen {
		t.Fatal("the follower did not see the transaction")
	}
	return id
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, r.Status, err)
	}
	return string(b)
}

func TestNodeEndsWithItsParent(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--exit-with-parent"))
	n.stdin.Close()
	if code := <-n.done; code != exitPass {
		t.Errorf("exit code %d: %s", code, n.stderr)
	}
}

// A restart goes on where the node stopped.
func TestNodeRestarts(t *testing.T) {
	dir := t.TempDir()
	first := startNode(t, small(dir, "--pace", "2ms"))
	c, err := client.Dial(first.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	payOnce(t, c, info.Params)
	tip, _, err := c.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	first.stop()
	<-first.done
	second := startNode(t, small(dir, "--threads", "0"))
	if c, err = client.Dial(second.ready.Listen, client.Options{}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if after, _, err := c.Tip(t.Context()); err != nil || after.Height < tip.Height {
		t.Errorf("tip %v (%v), was %v", after, err, tip)
	}
}

// What a user gets wrong ends with exit code 2, one line that says what, and
// an untouched data folder.
func TestNodeMistakes(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(file, []byte("miner:\n  pase: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no data folder", []string{"node"}, "--data FOLDER"},
		{"missing file", []string{"node", "--config", "/nowhere.yaml"}, "/nowhere.yaml"},
		{"unknown key", []string{"node", "--config", file}, file + ":2:3: miner.pase: unknown key; did you mean pace?"},
		{"bad flag", small(data, "--pace", "fast"), `--pace: miner.pace: "fast" is not a duration`},
		{"bad set", small(data, "--set", "miner.threads=-1"), "miner.threads: -1 is out of range; permitted: 0 to 1024"},
		{"unknown set", small(data, "--set", "miner.thread=1"), "did you mean threads?"},
		{"set without value", small(data, "--set", "miner.threads"), "miner.threads"},
		{"secret on the command line", small(data, "--set", "token=hush"), "permitted: the file, or CHAINDYNO_NODE_TOKEN"},
		{"a password there", small(data, "--set", "cache.redis=redis://:hush@host"), "permitted: the file, or CHAINDYNO_NODE_CACHE_REDIS"},
		{"no Redis", small(data, "--set", "cache.redis=host"), "neither host:port nor a URL"},
		{"admin's secret there", small(data, "--set", "admin_token=hush"), "permitted: the file, or CHAINDYNO_NODE_ADMIN_TOKEN"},
		{"password on the command line", small(data, "--set", "cache.redis=redis://:hush@127.0.0.1:1"), "permitted: the file, or CHAINDYNO_NODE_CACHE_REDIS"},
		{"busy port", small(data, "--listen", busy.Addr().String()), "address already in use"},
		{"busy admin port", small(data, "--admin", busy.Addr().String()), "address already in use"},
		{"busy http port", small(data, "--http", busy.Addr().String()), "address already in use"},
		{"http open to all", small(data, "--http", "0.0.0.0:0"), "http: \"0.0.0.0:0\" can be reached from other machines without TLS"},
		{"open to all", small(data, "--listen", "0.0.0.0:0"), "without TLS"},
		{"folder is a file", small(file), "cannot be written"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := call(t, tc.args...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, stdout %q, stderr %q; want code 2 and one line with %q", code, stdout, stderr, tc.want)
			}
			if strings.Contains(stderr, "hush") {
				t.Error("a secret is told")
			}
		})
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was touched: %v", err)
	}
}

func TestNodeRefusesUnknownEnvironment(t *testing.T) {
	t.Setenv("CHAINDYNO_NODE_PACE", "1s")
	code, _, stderr := call(t, small(t.TempDir())...)
	if code != exitUsage || !strings.Contains(stderr, "CHAINDYNO_NODE_PACE is not known") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A folder of another network is refused in one line.
func TestNodeRefusesOtherNetwork(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, small(dir))
	n.stop()
	<-n.done
	code, _, stderr := call(t, small(dir, "--set", "network.dev_seed=2")...)
	if code != exitUsage || !strings.Contains(stderr, "another network") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
