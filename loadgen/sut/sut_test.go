package sut

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// The test binary plays the node too, and a parent of nodes: roleEnv says
// which.
const roleEnv = "CHAINDYNO_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); role {
	case "":
		goleak.VerifyTestMain(m)
	case "parent":
		playParent()
	default:
		playNode(role)
	}
}

// playNode is a node that holds connections open and does nothing else.
func playNode(role string) {
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	config := flags.String("config", "", "")
	flags.Bool("exit-with-parent", false, "")
	if len(os.Args) < 2 || os.Args[1] != "node" || flags.Parse(os.Args[2:]) != nil {
		os.Exit(90)
	}
	var c struct{ Name, Data, Listen, Sync string }
	text, err := os.ReadFile(*config)
	if err != nil || json.Unmarshal(text, &c) != nil || c.Sync != "block" {
		os.Exit(91)
	}
	switch role {
	case "refuse":
		fmt.Fprintln(os.Stderr, "starting")
		fmt.Fprintln(os.Stderr, "chaindyno: data folder of another network")
		os.Exit(2)
	case "silent":
		os.Exit(0)
	case "hang":
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	ctx, cancel := procs.Watch(context.Background(), os.Stdin)
	defer cancel()
	serve(ctx, role, c.Listen, c.Data)
}

// serve accepts connections and tells each one its PID; "die" ends at the
// first.
func serve(ctx context.Context, role, listen, data string) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(92)
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		os.Exit(93)
	}
	lives, _ := os.ReadFile(filepath.Join(data, "lives"))
	lives = append(lives, 'x')
	if err := os.WriteFile(filepath.Join(data, "lives"), lives, 0o644); err != nil {
		os.Exit(94)
	}
	fmt.Println("not a ready line")
	fmt.Printf(`{"ready":true,"listen":%q,"admin":"127.0.0.1:1","network":"dev","genesis":"00","pid":%d}`+"\n", l.Addr(), os.Getpid())
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if role == "die" {
				fmt.Fprintln(os.Stderr, "panic: something broke")
				os.Exit(3)
			}
			fmt.Fprintf(conn, "%d lives %s\n", os.Getpid(), lives) // the connection stays open until we end
		}
	}()
	<-ctx.Done()
	os.Exit(0)
}

// playParent starts a node and waits to be killed.
func playParent() {
	cfg := config("ok", os.Getenv("CHAINDYNO_TEST_DIR"))
	nodes, err := NewProcess(cfg).Up(context.Background())
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(nodes[0].Address)
	select {}
}

func config(role, dir string) ProcessConfig {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return ProcessConfig{
		Binary: self, Nodes: 1, Dir: dir, Node: strictyaml.Tree{"sync": "block"},
		Env: append(os.Environ(), roleEnv+"="+role),
	}
}

func system(t *testing.T, role string, edit func(*ProcessConfig)) *Process {
	t.Helper()
	cfg := config(role, filepath.Join(t.TempDir(), "nodes"))
	if edit != nil {
		edit(&cfg)
	}
	p := NewProcess(cfg)
	t.Cleanup(func() {
		if err := p.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func up(t *testing.T, p *Process) []Node {
	t.Helper()
	nodes, err := p.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// dial connects to a node and returns what it says first.
func dial(t *testing.T, n Node) (conn net.Conn, hello string) {
	t.Helper()
	conn, err := net.Dial("tcp", n.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	hello, _ = bufio.NewReader(conn).ReadString('\n')
	return conn, strings.TrimSpace(hello)
}

func TestUpAndDown(t *testing.T) {
	p := system(t, "ok", func(c *ProcessConfig) { c.Nodes = 2 })
	nodes := up(t, p)
	if len(nodes) != 2 || nodes[0].Name != "node-0" || nodes[1].Name != "node-1" || nodes[0].Address == nodes[1].Address || nodes[0].Network != "dev" {
		t.Fatalf("%+v", nodes)
	}
	conn, hello := dial(t, nodes[1])
	if hello != fmt.Sprintf("%d lives x", nodes[1].PID) {
		t.Errorf("node-1 said %q, expected process %d", hello, nodes[1].PID)
	}
	if err := p.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the node is still there")
	}
	if _, err := os.Stat(p.cfg.Dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	if died := p.Died(); died != nil {
		t.Errorf("an end that was asked for is reported: %v", died)
	}
}

func TestStopLeavesTheData(t *testing.T) {
	p := system(t, "ok", nil)
	up(t, p)
	p.Stop()
	if _, err := os.Stat(filepath.Join(p.cfg.Dir, "node-0", "data", "lives")); err != nil {
		t.Error(err)
	}
}

func TestStartErrors(t *testing.T) {
	for _, c := range []struct {
		role string
		edit func(*ProcessConfig)
		code int
		want string
	}{
		{"refuse", nil, 2, "node-0 did not start: data folder of another network"},
		{"silent", nil, -1, "node-0 did not start: it ended before it was ready"},
		{"hang", func(c *ProcessConfig) { c.Ready = time.Millisecond }, -1, "node-0 did not start: it was not ready within 1ms"},
		{"ok", func(c *ProcessConfig) { c.Binary = "/nowhere" }, -1, "node-0 did not start: start /nowhere: fork/exec /nowhere: no such file or directory"},
	} {
		_, err := system(t, c.role, c.edit).Up(t.Context())
		var e *StartError
		if !errors.As(err, &e) || e.Code != c.code || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s with code %d", c.role, err, c.want, c.code)
		}
	}
}

func TestUpGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := system(t, "hang", nil).Up(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestKillAndRestartComeBackWithTheirData(t *testing.T) {
	for _, do := range []string{"kill", "restart"} {
		p := system(t, "ok", nil)
		before := up(t, p)[0]
		conn, _ := dial(t, before)
		if err := p.Inject(t.Context(), scenario.Fault{Do: do}); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: the first life is still there", do)
		}
		_, hello := dial(t, before) // at the same address
		if strings.HasPrefix(hello, fmt.Sprint(before.PID)) || !strings.HasSuffix(hello, " lives xx") {
			t.Errorf("%s: the second life says %q", do, hello)
		}
		if died := p.Died(); died != nil {
			t.Errorf("%s: reported as a death: %v", do, died)
		}
	}
}

func TestCancelledFaultLeavesTheNodeUp(t *testing.T) {
	p := system(t, "ok", nil)
	n := up(t, p)[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, do := range []string{"kill", "pause"} {
		if err := p.Inject(ctx, scenario.Fault{Do: do, For: scenario.Duration(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, hello := dial(t, n); hello == "" {
			t.Errorf("%s: nobody answers", do)
		}
	}
}

func TestPause(t *testing.T) {
	p := system(t, "ok", nil)
	n := up(t, p)[0]
	if err := p.Inject(t.Context(), scenario.Fault{Do: "pause", For: scenario.Duration(time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	if _, hello := dial(t, n); hello != fmt.Sprintf("%d lives x", n.PID) {
		t.Errorf("after the pause: %q", hello)
	}
}

func TestResetForgets(t *testing.T) {
	p := system(t, "ok", nil)
	n := up(t, p)[0]
	if err := p.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, hello := dial(t, n); !strings.HasSuffix(hello, " lives x") {
		t.Errorf("after the reset: %q", hello)
	}
}

func TestDeathIsReported(t *testing.T) {
	p := system(t, "die", nil)
	conn, _ := dial(t, up(t, p)[0])
	_, _ = conn.Read(make([]byte, 1)) // until it is dead
	<-p.nodes[0].child.Done()
	if died := p.Died(); len(died) != 1 || died[0] != "node-0 ended by itself: exit status 3: panic: something broke" {
		t.Errorf("%q", died)
	}
}

// Who was killed had nothing to say about it: the last line of its log is about
// something else.
func TestKilledNodeIsNotQuoted(t *testing.T) {
	p := system(t, "ok", nil)
	up(t, p)
	if err := os.WriteFile(p.nodes[0].logFile(), []byte("peer connected\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.nodes[0].child.Kill()
	<-p.nodes[0].child.Done()
	if died := p.Died(); len(died) != 1 || died[0] != "node-0 ended by itself: signal: killed" {
		t.Errorf("%q", died)
	}
}

func TestReviveStartsWhatDied(t *testing.T) {
	p := system(t, "die", func(c *ProcessConfig) { c.Nodes = 2 })
	nodes := up(t, p)
	conn, _ := dial(t, nodes[1])
	_, _ = conn.Read(make([]byte, 1)) // until it is dead
	<-p.nodes[1].child.Done()
	lines, err := p.Revive(t.Context())
	if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], "node-1 ended by itself: exit status 3: panic: something broke; started again as process ") {
		t.Fatalf("%q, %v", lines, err)
	}
	if again := p.nodes[1].bound.Listen; again != nodes[1].Address {
		t.Errorf("it listens at %s, and did at %s", again, nodes[1].Address)
	}
	if lines, err := p.Revive(t.Context()); err != nil || lines != nil {
		t.Errorf("revived once more: %q, %v", lines, err)
	}
}

func TestWrongFaults(t *testing.T) {
	p := system(t, "ok", nil)
	up(t, p)
	for _, f := range []scenario.Fault{{Do: "kill", Node: 1}, {Do: "kill", Node: -1}, {Do: "dance"}} {
		if err := p.Inject(t.Context(), f); err == nil {
			t.Errorf("%+v was done", f)
		}
	}
}

// TestChildrenDieWithAKilledParent kills a parent without warning. Its node
// holds a connection of ours, which ends when the node does.
func TestChildrenDieWithAKilledParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"=parent", "CHAINDYNO_TEST_DIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, _ := dial(t, Node{Address: strings.TrimSpace(address)})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a node that should be dead", n)
	}
}

func TestExternal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	e := &External{Addresses: []string{address, "http://" + address + "/path"}}
	nodes, err := e.Up(t.Context())
	if err != nil || len(nodes) != 2 || nodes[0].Address != address {
		t.Errorf("%+v, %v", nodes, err)
	}
	if !errors.Is(e.Reset(t.Context()), ErrNotOurs) || !errors.Is(e.Inject(t.Context(), scenario.Fault{}), ErrNotOurs) || e.Down(t.Context()) != nil {
		t.Error("an external system is not ours")
	}
	_ = l.Close()
	if _, err := e.Up(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "target "+address+" cannot be reached: ") || !strings.HasSuffix(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestHostPort(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:1": "127.0.0.1:1", "http://h/x": "h:80", "https://h": "h:443", "http://[::1]:8/x": "[::1]:8",
	} {
		if got := hostPort(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

var (
	_ System = (*Process)(nil)
	_ System = (*External)(nil)
)
