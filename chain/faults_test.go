package chain

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
)

// meteredFS says how much room there is.
type meteredFS struct {
	vfs.FS
	free atomic.Uint64
}

func (f *meteredFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load(), TotalBytes: 1 << 40}, nil
}

const room = 1 << 30

// fullDisk is a node whose disk fills up, and that is known to have noticed
// after a block was handed to it.
func fullDisk(t *testing.T) (r *running, g *grower, fs *meteredFS, cfg Config, block *ledger.Block, outcome chan error) {
	fs = &meteredFS{FS: vfs.NewMem()}
	fs.free.Store(room)
	cfg = testConfig("/data")
	cfg.MinFreeMB = 100
	problems := make(chan error, 100)
	r = open(t, cfg, Options{FS: fs, Events: Events{Problem: func(_ string, err error) {
		select {
		case problems <- err:
		default:
		}
	}}})
	g = newGrower(t, r.params, 1)
	fs.free.Store(1 << 20)
	block = g.grow(r.params.GenesisHash(), 3)
	outcome = make(chan error, 1)
	go func() { outcome <- r.Accept(context.Background(), block) }()
	if err := <-problems; !errors.Is(err, store.ErrDiskFull) {
		t.Errorf("problem %v, want a full disk", err)
	}
	return r, g, fs, cfg, block, outcome
}

// A full disk holds the commit up, visibly, and nothing else: when there is
// room again, the same block is committed.
func TestReliability03DiskFull(t *testing.T) {
	r, g, fs, _, block, outcome := fullDisk(t)
	if trouble := r.Trouble(); trouble == nil || !errors.Is(trouble.Err, store.ErrDiskFull) {
		t.Errorf("trouble %+v, want a full disk", trouble)
	}
	if tx, _ := g.spend([]coin{g.genesis(200)}, 1); submit(r.Node, tx)[0] != ledger.RejectNone {
		t.Error("a transaction was refused while the pool has room")
	}
	fs.free.Store(room)
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	if r.Trouble() != nil {
		t.Error("the trouble has not ended")
	}
	r.mustBe(g, block.Header.Hash(), "with room again")
}

// A node that is held up by a full disk can be stopped, and goes on from where
// it was when it is opened with room.
func TestReliability03StopOnFullDisk(t *testing.T) {
	r, g, fs, cfg, block, outcome := fullDisk(t)
	// The set may have nothing that it could not write.
	if err := r.stop(); err != nil && !errors.Is(err, state.ErrDiskFull) {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, errStopped) {
		t.Errorf("%v, want %v", err, errStopped)
	}
	if _, err := Open(cfg, Options{FS: fs}); !errors.Is(err, state.ErrDiskFull) {
		t.Errorf("opened on a full disk: %v", err)
	}
	fs.free.Store(room)
	r = open(t, cfg, Options{FS: fs})
	r.accept(block, ledger.RejectNone)
	r.mustBe(g, block.Header.Hash(), "after the restart")
}

// Writes to the block log fail with an I/O error, wherever in a record: no
// block is accepted meanwhile, with the cause told, and all are afterwards.
func TestReliability03IOErrors(t *testing.T) {
	var broken atomic.Bool
	var left atomic.Int64 // writes that succeed before they fail
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".seg") && left.Add(-1) < 0 {
			return syscall.EIO
		}
		return nil
	}))
	problems := make(chan error, 100)
	cfg := testConfig("/data")
	r := open(t, cfg, Options{FS: fs, Events: Events{Problem: func(_ string, err error) { problems <- err }}})
	g := newGrower(t, r.params, 1)
	tip := r.params.GenesisHash()
	for i := range 3 {
		block := g.grow(tip, 3)
		left.Store(int64(i))
		for len(problems) > 0 {
			<-problems // of a repetition
		}
		broken.Store(true)
		outcome := make(chan error, 1)
		go func() { outcome <- r.Accept(context.Background(), block) }()
		select {
		case err := <-problems:
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("problem %v, want an I/O error", err)
			}
		case err := <-outcome:
			if i == 0 || err != nil { // later ones may need fewer writes than succeed
				t.Fatalf("accepted on a broken disk: %v", err)
			}
			outcome <- err
		}
		if trouble := r.Trouble(); len(outcome) == 0 && (trouble == nil || r.tip().Hash != tip) {
			t.Errorf("trouble %+v at %v", trouble, r.tip())
		}
		broken.Store(false)
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
		tip = block.Header.Hash()
		r.mustBe(g, tip, "after the disk works again")
	}
}

// Blocks of several branches come from many goroutines in any order, while
// others follow; all end at the tip with most work.
func TestConcurrentAcceptAndFollow(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	g := newGrower(t, r.params, 11)
	long := g.branch(r.params.GenesisHash(), 40, 2)
	branches := [][]*ledger.Block{long}
	for i := range 5 {
		branches = append(branches, g.branch(g.ancestor(long[30].Header.Hash(), i*3), 5+i, 2))
	}
	want := long[39].Header.Hash()
	var all sync.WaitGroup
	for _, b := range branches {
		all.Go(func() { r.acceptInAnyOrder(b) })
	}
	for range 3 {
		all.Go(func() {
			for watch := (&observer{r: r}); watch.at().Hash != want; {
				watch.catchUp()
			}
		})
	}
	all.Wait()
	r.mustBe(g, want, "after all branches")
}

// acceptInAnyOrder offers blocks, the last first, until all are taken: an
// orphan comes back when its parent was taken.
func (r *running) acceptInAnyOrder(blocks []*ledger.Block) {
	todo := slices.Clone(blocks)
	slices.Reverse(todo)
	for len(todo) > 0 {
		todo = slices.DeleteFunc(todo, func(b *ledger.Block) bool {
			err := r.Accept(context.Background(), b)
			if err != nil && !errors.Is(err, ledger.RejectParent) && !errors.Is(err, ledger.RejectDuplicate) {
				r.t.Errorf("block %v: %v", b.Header.Hash(), err)
				return true
			}
			return !errors.Is(err, ledger.RejectParent)
		})
	}
}

// A follower is told the durations of all four stages, once per transaction
// that came over the wire.
func TestFollowerGetsAllStages(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Miner.Threads, cfg.Miner.OnDemand = 1, true
	r := open(t, cfg, Options{})
	m := newMaker(t, r.params)
	a, coins := m.spend([]coin{m.genesis(0)}, 2)
	b, _ := m.spend(coins[:1], 1)
	submit(r.Node, a, b)
	genesis := r.tip()
	if _, err := r.Seal(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	step, err := r.Next(t.Context(), genesis)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range step.Block.Meta.Stages {
		names = append(names, s.Name)
		if h, err := hdr.Decode(s.Histogram); err != nil || h.TotalCount() != 2 {
			t.Errorf("%s: %v, %v; want 2 values", s.Name, h, err)
		}
	}
	if want := []string{StageVerify, StageOrder, StageSeal, StageStore}; !slices.Equal(names, want) {
		t.Errorf("stages %v, want %v", names, want)
	}
	if step.Block.Meta.Missing != 0 || step.Block.Meta.Hashes == 0 || !step.Block.Durable {
		t.Errorf("%+v", step.Block.Meta)
	}
}

// A waiting follower is woken by the end of its context.
func TestNextHonoursContext(t *testing.T) {
	r := open(t, testConfig(t.TempDir()), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx, r.tip()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, r.params)
	if err := r.Accept(t.Context(), m.block(r.params.Genesis().Header, 1)); !errors.Is(err, errStopped) {
		t.Errorf("a stopped node says %v", err)
	}
}

// A log without the set's block, and a set without its log, are told apart
// from damage.
func TestMismatchedFoldersAreRefused(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig("/data")
	r := open(t, cfg, Options{FS: fs})
	g := newGrower(t, r.params, 2)
	for _, b := range g.branch(r.params.GenesisHash(), 3, 2) {
		r.accept(b, ledger.RejectNone)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if err := fs.RemoveAll("/data/blocks"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg, Options{FS: fs}); !errors.Is(err, ErrMismatch) {
		t.Errorf("without the log: %v", err)
	}
	other := testConfig("/other")
	o := open(t, other, Options{FS: fs})
	o.accept(newMaker(t, r.params).block(r.params.Genesis().Header, 1), ledger.RejectNone)
	if err := o.stop(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fs.RemoveAll("/data/blocks"), fs.Rename("/other/blocks", "/data/blocks")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg, Options{FS: fs}); !errors.Is(err, ErrMismatch) {
		t.Errorf("with another log: %v", err)
	}
}
