package chain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/internal/procs"
)

// The test binary plays the node that is killed: roleEnv holds role, folder,
// step and occurrence.
const roleEnv = "CHAINDYNO_TEST_ROLE"

func TestMain(m *testing.M) {
	role := strings.Split(os.Getenv(roleEnv), "|")
	var err error
	switch role[0] {
	case "scripted":
		err = playScript(role[1], step(role[2]), role[3])
	case "loaded":
		err = playLoaded(role[1])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// allSteps are the points at which the process is killed.
var allSteps = []step{
	stepChecked, stepConnected, stepAppended, stepApplied, stepAnnounced, stepCleared,
	stepAside, stepReverted, stepUndo, stepReapplied, stepSwitched,
}

// script is a sequence of blocks with reorganisations, the same in every
// process.
func script(t testing.TB, p *ledger.Params) (*grower, []*ledger.Block) {
	g := newGrower(t, p, 77)
	tip, all := p.GenesisHash(), []*ledger.Block(nil)
	for i := range 6 {
		depth := min(i, int(g.after[tip].height))
		branch := g.branch(g.ancestor(tip, depth), depth+2, 3)
		tip = branch[len(branch)-1].Header.Hash()
		all = append(all, branch...)
	}
	return g, all
}

func crashConfig(dir string) Config {
	c := testConfig(dir)
	c.State.FlushBlocks = 4
	return c
}

// killAt kills this process when it comes to a step for the nth time.
func killAt(at step, nth int) func(step) {
	return func(s step) {
		if s == at {
			if nth--; nth == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // the signal is on its way
			}
		}
	}
}

// opened is printed between recovery and the script.
const opened = "opened"

// playScript feeds the script to a node that is killed at a step, and tells
// the blocks that were accepted.
func playScript(dir string, at step, nth string) error {
	n, err := strconv.Atoi(nth)
	if err != nil {
		return err
	}
	node, err := Open(crashConfig(dir), Options{hook: killAt(at, n)})
	if err != nil {
		return err
	}
	fmt.Println(opened)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	_, blocks := script(noTest{}, node.params)
	for _, b := range blocks {
		if err := node.Accept(ctx, b); err != nil && !errors.Is(err, ledger.RejectDuplicate) {
			return err
		}
		fmt.Println(b.Header.Hash())
	}
	cancel()
	return errors.Join(<-done, node.Close())
}

// noTest lets helpers of tests run where there is none.
type noTest struct{ testing.TB }

func (noTest) Helper()                   {}
func (noTest) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (noTest) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// child runs a role and returns what it printed. It must be killed, or end
// well if it may.
func child(t *testing.T, mayEnd bool, role ...string) (lines []string, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+strings.Join(role, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		killed = ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	if !killed && (err != nil || !mayEnd) {
		t.Fatalf("%v: %v, want it killed", role, err)
	}
	return strings.Fields(string(out)), killed
}

// Kill -9 at every step of the commit, and again during recovery. Afterwards
// nothing that was accepted is missing, the set is that of a fresh build of
// the best chain, and the rest of the script leads to the same end as without
// any crash.
func TestReliability01KillDuringCommit(t *testing.T) {
	p := ledger.TestParams()
	g, blocks := script(t, p)
	var inRecovery atomic.Int64
	t.Cleanup(func() {
		if inRecovery.Load() == 0 && !t.Failed() {
			t.Error("no process was killed during recovery, so the test shows less than it says")
		}
	})
	for i, s := range allSteps {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			nth := strconv.Itoa(3 + i%3)
			accepted, _ := child(t, false, "scripted", dir, string(s), nth)
			for _, again := range []step{stepUndo, stepReapplied} { // what recovery does, if there is anything to do
				more, killed := child(t, true, "scripted", dir, string(again), "1")
				if killed && len(more) == 0 {
					inRecovery.Add(1)
				}
				accepted = append(accepted, more...)
			}
			r := open(t, crashConfig(dir), Options{})
			accepted = slices.DeleteFunc(accepted, func(line string) bool { return line == opened })
			for _, hash := range accepted {
				if i := slices.IndexFunc(blocks, func(b *ledger.Block) bool { return b.Header.Hash().String() == hash }); i < 0 ||
					!r.Knows(Ref{Hash: blocks[i].Header.Hash()}) {
					t.Errorf("block %s was accepted and is gone", hash)
				}
			}
			r.mustBe(g, r.tip().Hash, "after the crash")
			for _, b := range blocks {
				if err := r.Accept(t.Context(), b); err != nil && !errors.Is(err, ledger.RejectDuplicate) {
					t.Fatal(err)
				}
			}
			r.mustBe(g, blocks[len(blocks)-1].Header.Hash(), "at the end of the script")
		})
	}
}

// Power is lost at every step: the disk keeps what was synced and a random
// part of the rest. Every block that was announced as durable is there.
func TestReliability02PowerLoss(t *testing.T) {
	for _, policy := range []store.SyncPolicy{store.SyncAlways, store.SyncBlock, store.SyncInterval, store.SyncNone} {
		t.Run(policy.String(), func(t *testing.T) { powerLoss(t, policy) })
	}
}

// crashed is a disk as a loss of power left it.
type crashed struct {
	fs      *vfs.MemFS
	at      step
	durable Ref // the best chain was said to be durable up to here
}

func powerLoss(t *testing.T, policy store.SyncPolicy) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	fs := vfs.NewCrashableMem()
	cfg := crashConfig("/data")
	cfg.Sync, cfg.SyncInterval = policy, Duration(time.Millisecond)
	var node *Node
	var disks []crashed
	hook := func(s step) {
		if node == nil || rng.IntN(5) > 0 {
			return
		}
		durable, _ := node.store.Durable()
		if tip := (Ref{Height: node.tip.Height, Hash: node.tip.Hash}); s == stepCleared && synced(policy) && durable != tip {
			t.Errorf("%v was announced and only %v is durable", tip, durable)
		}
		disks = append(disks, crashed{fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}), s, durable})
	}
	n, err := Open(cfg, Options{FS: fs, hook: hook})
	if err != nil {
		t.Fatal(err)
	}
	node = n
	r := drive(t, n)
	g, blocks := script(t, r.params)
	for _, b := range blocks {
		r.accept(b, ledger.RejectNone)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if len(disks) < 5 { // some 30 are expected
		t.Fatalf("power was lost only %d times", len(disks))
	}
	for _, d := range disks {
		r := open(t, cfg, Options{FS: d.fs})
		r.mustBe(g, r.tip().Hash, string(d.at))
		if hash := d.durable.Hash; !hash.IsZero() && !r.Knows(d.durable) {
			t.Errorf("%s: durable block %v is gone", d.at, d.durable)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// synced says whether blocks are durable when they are announced.
func synced(p store.SyncPolicy) bool { return p == store.SyncAlways || p == store.SyncBlock }

// playLoaded runs a node with a miner under load and tells each block of the
// best chain when a follower sees it.
func playLoaded(dir string) error {
	ctx, cancel := procs.Watch(context.Background(), os.Stdin)
	defer cancel()
	node, err := Open(loadedConfig(dir), Options{})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	fed := make(chan error, 1)
	go func() { fed <- feedForEver(ctx, node) }()
	out := bufio.NewWriter(os.Stdout)
	for at, _ := node.Tip(); ; {
		step, err := node.Next(ctx, at)
		if err != nil {
			break
		}
		at = step.Block.Ref
		fmt.Fprintf(out, "%d %v %d\n", at.Height, at.Hash, len(step.Block.IDs))
		if err := out.Flush(); err != nil {
			break
		}
	}
	cancel()
	return errors.Join(<-fed, <-done, node.Close())
}

func loadedConfig(dir string) Config {
	c := crashConfig(dir)
	c.Miner.Threads, c.Miner.Pace, c.Miner.PaceMin = 1, Duration(4*time.Millisecond), 0
	c.Index.Key = true
	return c
}

// Random SIGKILL under load, several times on one folder: every block that a
// follower saw is still there, and the set is a fresh build's.
func TestReliability01KillUnderLoad(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]string{}
	lives := 3
	if testing.Short() {
		lives = 1
	}
	for range lives {
		killUnderLoad(t, dir, 5+rand.IntN(20), seen)
		cfg := loadedConfig(dir)
		cfg.Miner.Threads = 0
		r := open(t, cfg, Options{})
		for height, hash := range seen {
			h, err := strconv.Atoi(height)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.BlockAt(uint32(h)); err != nil || got.String() != hash {
				t.Errorf("height %s: %v (%v), a follower saw %s", height, got, err, hash)
			}
		}
		if got, want := r.digest(), freshDigest(t, r.params, r.blocks(t)); got != want {
			t.Errorf("digest %+v, want %+v", got, want)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// killUnderLoad starts a node and kills it after so many blocks with transfers.
func killUnderLoad(t *testing.T, dir string, blocks int, seen map[string]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"=loaded|"+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // closes with this process
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(stdout); blocks > 0 && in.Scan(); {
		var height, hash string
		var txs int
		if _, err := fmt.Sscan(in.Text(), &height, &hash, &txs); err != nil {
			t.Fatalf("%q: %v", in.Text(), err)
		}
		seen[height] = hash
		if txs > 1 {
			blocks--
		}
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, stdout)
	_ = cmd.Wait()
	if blocks > 0 {
		t.Fatalf("the node ended %d blocks early", blocks)
	}
}
