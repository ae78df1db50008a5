package state

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// TestReliability02SetAtEveryOperation copies the file system before each operation that
// writes, as a crash at that moment would leave it, and opens every copy.
func TestReliability02SetAtEveryOperation(t *testing.T) {
	type copied struct {
		fs        *vfs.MemFS
		confirmed ledger.Hash // by Flush, before the copy was taken
	}
	var mu sync.Mutex
	var copies []copied
	var confirmed atomic.Value
	confirmed.Store(ledger.Hash{})
	mem, rng := vfs.NewCrashableMem(), newRand(1)
	crashing := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		for _, kept := range []int{0, 50} {
			before := confirmed.Load().(ledger.Hash)
			copies = append(copies, copied{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rng}), before})
		}
		return nil
	}))
	w := newTwin()
	cfg := testConfig(crashing)
	cfg.FlushBlocks = 4
	s := mustOpen(t, cfg)
	for i := range 24 {
		d := w.block(points(w.set())[:min(3, len(w.set()))], 5)
		must(t, s.Apply(d))
		w.apply(d)
		if i%5 == 4 {
			must(t, s.Revert(d))
			w.tip = d.Prev
			must(t, s.Flush())
			confirmed.Store(d.Prev)
		}
	}
	must(t, s.Close())
	if len(copies) < 100 {
		t.Fatalf("only %d crash points", len(copies))
	}
	for i, c := range copies {
		checkCrashed(t, i, c.fs, w, c.confirmed)
	}
}

// checkCrashed wants the set of a block that existed, and of none before the
// one that a flush has confirmed.
func checkCrashed(t *testing.T, i int, fs *vfs.MemFS, w *twin, confirmed ledger.Hash) {
	t.Helper()
	s := mustOpen(t, testConfig(fs))
	defer s.Close()
	height, at, _ := s.Flushed()
	got, err := s.Digest(t.Context())
	if _, known := w.sets[at]; !known || err != nil || got != w.digest(at) {
		t.Fatalf("crash %d: wrong set at block %s: %v", i, at, err)
	}
	if (confirmed != ledger.Hash{}) && height < w.deltas[confirmed].Height {
		t.Fatalf("crash %d: block %s was flushed, the set stands at %s", i, confirmed, at)
	}
}

// failing is a file system whose writes to tables fail while on is set.
func failing(fs vfs.FS, on *atomic.Bool, with error) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		tables := []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpCreate}
		if on.Load() && slices.Contains(tables, op.Kind) && len(op.Path) > 4 && op.Path[len(op.Path)-4:] == ".sst" {
			return with
		}
		return nil
	}))
}

// TestWritesFail stops blocks with an error while the disk fails, loses
// nothing, and goes on when it works again.
func TestWritesFail(t *testing.T) {
	var broken atomic.Bool
	cfg := testConfig(failing(vfs.NewMem(), &broken, syscall.ENOSPC))
	cfg.FlushBlocks = 2
	s := mustOpen(t, cfg)
	defer s.Close()
	w := newTwin()
	next := func() error {
		d := w.block(points(w.set())[:min(2, len(w.set()))], 4)
		err := s.Apply(d)
		if err == nil {
			w.apply(d)
		}
		return err
	}
	must(t, next(), next(), next())
	broken.Store(true)
	var err error
	for i := 0; err == nil && i < 20; i++ {
		err = next()
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a full disk says %v", err)
	}
	if _, tip, _ := s.Tip(); tip != w.tip {
		t.Fatalf("the refused block became the tip")
	}
	broken.Store(false)
	for range 1000 { // an attempt that began before may still fail
		if err = s.Flush(); err == nil {
			break
		}
	}
	must(t, err, next(), next(), next())
	got, err := s.Digest(t.Context())
	if want := w.digest(w.tip); err != nil || got != want {
		t.Fatalf("digest is %+v, %v; want %+v", got, err, want)
	}
	if s.Stats().Waits == 0 {
		t.Fatal("waiting for the disk was not counted")
	}
}

// TestCloseOnBrokenDisk must come to an end.
func TestCloseOnBrokenDisk(t *testing.T) {
	var broken atomic.Bool
	mem := vfs.NewMem()
	s := mustOpen(t, testConfig(failing(mem, &broken, syscall.EIO)))
	d := newTwin().block(nil, 3)
	must(t, s.Apply(d))
	broken.Store(true)
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("close says %v", err)
	}
	s = mustOpen(t, testConfig(mem))
	defer s.Close()
	if _, _, ok := s.Flushed(); ok {
		t.Fatal("something was flushed to a broken disk")
	}
}

// TestNoRoom refuses before anything is written, since Pebble does not survive
// a failure of its own catalogue.
func TestNoRoom(t *testing.T) {
	mem := vfs.NewMem()
	room := func(n uint64) { mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: n, TotalBytes: 1 << 40}) }
	cfg := testConfig(mem)
	room(cfg.MinFreeBytes - 1)
	if _, err := Open(cfg); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("open says %v", err)
	}
	room(1 << 30)
	s := mustOpen(t, cfg)
	defer s.Close()
	must(t, s.Apply(newTwin().block(nil, 3)))
	room(cfg.MinFreeBytes)
	if err := s.Flush(); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("flush says %v", err)
	}
	if _, _, ok := s.Flushed(); ok {
		t.Fatal("flushed without room")
	}
	room(1 << 30)
	must(t, s.Flush())
}

// TestBarrier holds the set back until the block log is durable.
func TestBarrier(t *testing.T) {
	late := errors.New("the log is not durable")
	var fail atomic.Bool
	fail.Store(true)
	cfg := testConfig(vfs.NewMem())
	cfg.Barrier = func() error {
		if fail.Load() {
			return late
		}
		return nil
	}
	s := mustOpen(t, cfg)
	defer s.Close()
	must(t, s.Apply(newTwin().block(nil, 3)))
	if err := s.Flush(); !errors.Is(err, late) {
		t.Fatalf("flush says %v", err)
	}
	if _, _, ok := s.Flushed(); ok {
		t.Fatal("the set went ahead of the log")
	}
	fail.Store(false)
	must(t, s.Flush())
}

func TestOpenRefuses(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, testConfig(mem))
	if _, err := Open(testConfig(mem)); !errors.Is(err, ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	must(t, s.Close())
	other := testConfig(mem)
	other.Params[0]++
	if _, err := Open(other); !errors.Is(err, ErrOtherNetwork) {
		t.Fatalf("other parameters: %v", err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Dir = "" },
		func(c *Config) { c.CacheBytes = -1 },
		func(c *Config) { c.FlushBytes = 0 },
		func(c *Config) { c.FlushBlocks = 0 },
	} {
		c := testConfig(mem)
		change(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestKeyIndexSwitched builds the index for a set that has none, and forgets it.
func TestKeyIndexSwitched(t *testing.T) {
	mem, w := vfs.NewMem(), newTwin()
	for _, on := range []bool{false, true, false, true} {
		cfg := testConfig(mem)
		cfg.KeyIndex = on
		s := mustOpen(t, cfg)
		if on {
			for k := range byte(3) {
				got, err := s.OutputsOf(ledger.KeyHash{k}, 1000)
				if want := w.outputsOf(ledger.KeyHash{k}); err != nil || len(got) != len(want) {
					t.Fatalf("key %d has %d outputs, %v; want %d", k, len(got), err, len(want))
				}
			}
			if got, _ := s.OutputsOf(ledger.KeyHash{0}, 2); len(got) != 2 {
				t.Fatalf("%d outputs, the limit was 2", len(got))
			}
		}
		d := w.block(points(w.set())[:min(4, len(w.set()))], 9)
		must(t, s.Apply(d))
		w.apply(d)
		must(t, s.Close())
	}
}
