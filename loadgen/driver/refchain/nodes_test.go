package refchain

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// sealing is a node that makes blocks when it is told to.
func sealing(t *testing.T) *testNode {
	t.Helper()
	cfg := nodeConfig(t)
	onDemand(&cfg)
	return startNode(t, cfg)
}

func sealOn(t *testing.T, n *testNode, blocks int) {
	t.Helper()
	if _, err := n.Node.Seal(t.Context(), blocks); err != nil {
		t.Fatal(err)
	}
}

// copyChain does what peers do: it gives one node the other one's blocks.
func copyChain(t *testing.T, from, to *testNode) {
	t.Helper()
	c, err := client.Dial(from.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tip, _ := from.Tip()
	have, _ := to.Tip()
	for height := have.Height + 1; height <= tip.Height; height++ {
		b, err := c.BlockAt(t.Context(), height)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Accept(t.Context(), &b); err != nil && !errors.Is(err, ledger.RejectDuplicate) {
			t.Fatal(err)
		}
	}
}

// freezer passes bytes on until it is frozen: a host that has gone silent
// without a word.
type freezer struct {
	net.Listener
	to     string
	frozen chan struct{}
	mu     sync.Mutex
	open   []net.Conn
	pipes  sync.WaitGroup
}

func newFreezer(t *testing.T, to string) *freezer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{Listener: l, to: to, frozen: make(chan struct{})}
	f.pipes.Go(f.accept)
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for _, c := range f.open {
			_ = c.Close()
		}
		f.mu.Unlock()
		f.pipes.Wait()
	})
	return f
}

func (f *freezer) accept() {
	for {
		in, err := f.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		f.mu.Lock()
		f.open = append(f.open, in, out)
		f.mu.Unlock()
		f.pipes.Go(func() { f.pipe(in, out) })
		f.pipes.Go(func() { f.pipe(out, in) })
	}
}

// pipe swallows what comes once the freezer is frozen.
func (f *freezer) pipe(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return
			}
			_ = to.Close()
			return
		}
		select {
		case <-f.frozen:
			continue
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// followed collects what a driver emits until it stands at a height.
type followed struct {
	mu      sync.Mutex
	chain   []driver.Ref
	reverts int
	reached chan uint64
	done    chan error
	stop    func()
}

func follow(t *testing.T, d *Driver) *followed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &followed{reached: make(chan uint64, 1000), done: make(chan error, 1), stop: cancel}
	go func() {
		f.done <- d.Follow(ctx, driver.Ref{}, func(u driver.Update) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, r := range u.Revert {
				if n := len(f.chain); n == 0 || f.chain[n-1] != r {
					return errors.New("reverted another block than the tip")
				}
				f.chain = f.chain[:len(f.chain)-1]
				f.reverts++
			}
			for _, b := range u.Apply {
				if n := len(f.chain); n > 0 && (b.Parent != f.chain[n-1].ID || b.Height != f.chain[n-1].Height+1) {
					return errors.New("a gap")
				}
				f.chain = append(f.chain, b.Ref)
				f.reached <- b.Height
			}
			return nil
		})
	}()
	return f
}

func (f *followed) until(t *testing.T, height uint64) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for {
		select {
		case at := <-f.reached:
			if at >= height {
				return
			}
		case err := <-f.done:
			t.Fatalf("following ended before height %d: %v", height, err)
		case <-deadline.C:
			t.Fatalf("height %d was not reached", height)
		}
	}
}

// end stops following and returns how many blocks were reverted.
func (f *followed) end(t *testing.T) int {
	t.Helper()
	f.stop()
	if err := <-f.done; !errors.Is(err, context.Canceled) {
		t.Errorf("following: %v", err)
	}
	return f.reverts
}

// TestFollowGoesOnWithAnother ends the node that is followed.
func TestFollowGoesOnWithAnother(t *testing.T) {
	a, b := sealing(t), sealing(t)
	f := follow(t, openDriver(t, a.addr, b.addr))
	sealOn(t, a, 5)
	copyChain(t, a, b)
	f.until(t, 5)
	a.stop()
	sealOn(t, b, 5)
	f.until(t, 10)
	if n := f.end(t); n != 0 {
		t.Errorf("%d blocks were reverted", n)
	}
}

// TestFollowLeavesASilentNode freezes the connection to the node that is
// followed, which breaks nothing.
func TestFollowLeavesASilentNode(t *testing.T) {
	a, b := sealing(t), sealing(t)
	silent := newFreezer(t, a.addr)
	d := openDriver(t, silent.Addr().String(), b.addr)
	f := follow(t, d)
	sealOn(t, a, 3)
	copyChain(t, a, b)
	f.until(t, 3)
	close(silent.frozen)
	sealOn(t, b, 4)
	f.until(t, 7)
	// What the silent one may hold is not said to be nowhere.
	if found, err := d.Locate(t.Context(), []driver.ID{{1}}); err != nil || found[0] != driver.PlaceUnsaid {
		t.Errorf("found %v, %v", found, err)
	}
	if n := f.end(t); n != 0 {
		t.Errorf("%d blocks were reverted", n)
	}
}

// TestFollowAnotherBranch has the second node on a branch of its own: what it
// does not have is reverted.
func TestFollowAnotherBranch(t *testing.T) {
	a, b := sealing(t), sealing(t)
	f := follow(t, openDriver(t, a.addr, b.addr))
	sealOn(t, a, 2)
	copyChain(t, a, b)
	sealOn(t, a, 1)
	f.until(t, 3)
	sealOn(t, b, 3)
	a.stop()
	f.until(t, 5)
	if n := f.end(t); n != 1 {
		t.Errorf("%d blocks were reverted, want 1", n)
	}
}

// TestFollowEndsWhereNobodyIsOfUse names a block that no node has.
func TestFollowEndsWhereNobodyIsOfUse(t *testing.T) {
	a, b := sealing(t), sealing(t)
	d := openDriver(t, a.addr, b.addr)
	err := d.Follow(t.Context(), driver.Ref{Height: 7, ID: driver.ID{7}}, func(driver.Update) error { return nil })
	if !errors.Is(err, client.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestSessionGoesOnWithAnother ends the node that a session submits to.
func TestSessionGoesOnWithAnother(t *testing.T) {
	for _, how := range []string{submitStream, submitUnary} {
		t.Run(how, func(t *testing.T) {
			a, b := sealing(t), sealing(t)
			d := openDriver(t, a.addr, b.addr)
			p := smallPlan
			p.Options = map[string]string{optionSubmit: how}
			_, s := begin(t, d, p)
			lanes := s.Lanes()
			send := func(i int) driver.Ack {
				tx, err := lanes[i].Next(nil)
				if err != nil {
					t.Fatal(err)
				}
				return submit(t.Context(), s, []driver.Tx{tx})[0]
			}
			if got := send(0); got.Status != driver.StatusAccepted {
				t.Fatalf("at first: %+v", got)
			}
			a.stop()
			for i := 1; ; i++ { // a lane each: what becomes of an unknown one is not of interest here
				got := send(i)
				if got.Status == driver.StatusAccepted {
					break
				}
				if got.Status == driver.StatusRejected && got.Kind != driver.RejectBusy || i+1 == len(lanes) {
					t.Fatalf("lane %d: %+v", i, got)
				}
			}
			if stats := b.Node.Stats(); stats.Pool.Txs != 1 {
				t.Errorf("%d transactions in the pool of the other node", stats.Pool.Txs)
			}
		})
	}
}

// TestSeveralNodes asks what concerns all of them.
func TestSeveralNodes(t *testing.T) {
	cfg := nodeConfig(t)
	a, b := sealing(t), startNode(t, cfg)
	d := openDriver(t, a.addr, b.addr)
	info, err := d.Info(t.Context())
	if err != nil || info.Interval != time.Duration(cfg.Miner.Pace) {
		t.Errorf("interval %v, %v", info.Interval, err)
	}
	both := openDriver(t, b.addr, b.addr)
	if info, err := both.Info(t.Context()); err != nil || info.Interval != time.Duration(cfg.Miner.Pace)/2 {
		t.Errorf("of two miners: interval %v, %v", info.Interval, err)
	}
	_, s := begin(t, openDriver(t, a.addr), smallPlan)
	txs := submitRound(t, s)
	ids := []driver.ID{txs[0].ID, {1}}
	if found, err := d.Locate(t.Context(), ids); err != nil || found[0] != driver.PlacePooled || found[1] != driver.PlaceUnknown {
		t.Errorf("found %v, %v", found, err)
	}
	if stats, err := d.Inspect(t.Context()); err != nil || len(stats) != 2 || stats[0].Node != a.addr || stats[0].Pool != len(txs) {
		t.Errorf("%d readings, %v", len(stats), err)
	}
	if digests, err := d.Digests(t.Context()); err != nil || len(digests) != 2 || digests[1].Node != b.addr {
		t.Errorf("%d digests, %v", len(digests), err)
	}
	b.stop()
	if found, err := d.Locate(t.Context(), ids); err != nil || found[0] != driver.PlacePooled || found[1] != driver.PlaceUnknown {
		t.Errorf("beside a node that is gone: found %v, %v", found, err)
	}
	if stats, err := d.Inspect(t.Context()); err != nil || len(stats) != 1 {
		t.Errorf("beside a node that is gone: %d readings, %v", len(stats), err)
	}
	if _, err := d.Digests(t.Context()); err == nil {
		t.Error("digests of a node that is gone")
	}
	if _, err := d.Headers(t.Context()); err != nil {
		t.Errorf("headers beside a node that is gone: %v", err)
	}
}
