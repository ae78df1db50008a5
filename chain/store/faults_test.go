package store

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"pgregory.net/rapid"
)

// smallDisk is a file system with room for so many more bytes in segment files.
// What does not fit is written in part, as a real one does.
type smallDisk struct {
	vfs.FS
	room *atomic.Int64
}

func (d smallDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, o...)
	if err == nil && strings.HasSuffix(name, segmentExt) {
		f = smallFile{f, d.room}
	}
	return f, err
}

type smallFile struct {
	vfs.File
	room *atomic.Int64
}

func (f smallFile) WriteAt(b []byte, off int64) (int, error) {
	if left := f.room.Add(-int64(len(b))); left < 0 {
		fits := max(0, left+int64(len(b)))
		f.room.Add(int64(len(b)) - fits)
		n, _ := f.File.WriteAt(b[:fits], off)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(b, off)
}

// TestReliability03LogOnFullDisk appends blocks to a disk that is full now and then. A refused
// block leaves no trace, before and after a crash, and later ones go on.
func TestReliability03LogOnFullDisk(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		mem, w := vfs.NewCrashableMem(), newTwin()
		var room atomic.Int64
		room.Store(1 << 30)
		cfg := testConfig(smallDisk{mem, &room})
		s, err := Open(cfg)
		must(t, err)
		refused := 0
		for range rapid.IntRange(1, 25).Draw(r, "blocks") {
			tip, _ := w.tip()
			rec := w.record(tip.Hash, 2, rapid.IntRange(0, 1500).Draw(r, "padding"))
			rec.Extend, rec.Undo = true, w.undo()
			room.Store(rapid.SampledFrom([]int64{0, 10, 300, 1000, 1 << 30}).Draw(r, "room"))
			durable, err := s.Append(rec)
			switch {
			case errors.Is(err, ErrDiskFull):
				refused++
				if has, err := s.Has(hashOf(rec)); has || err != nil {
					r.Fatalf("a refused block is visible: %v", err)
				}
			case err != nil || !durable:
				r.Fatalf("append: %v, %v", durable, err)
			default:
				w.append(rec)
			}
		}
		if err := w.differs(s, w.blocks); err != nil {
			r.Fatal(err)
		}
		crashed := mem.CrashClone(vfs.CrashCloneCfg{})
		room.Store(1 << 30)
		must(t, s.Close())
		s, err = Open(testConfig(crashed))
		if err != nil {
			r.Fatalf("after %d refusals and a crash: %v", refused, err)
		}
		if err := w.differs(s, w.blocks); err != nil {
			r.Fatal(err)
		}
		must(t, s.Close())
	})
}

// faulty is a file system on which operations fail while the flag is set.
func faulty(fs vfs.FS, on *atomic.Bool, suffix string, kinds ...errorfs.OpKind) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && strings.HasSuffix(op.Path, suffix) && slices.Contains(kinds, op.Kind) {
			return syscall.EIO
		}
		return nil
	}))
}

// TestSyncFails takes a block back whose sync failed, under the policies that
// promise one.
func TestSyncFails(t *testing.T) {
	mem, w := vfs.NewCrashableMem(), newTwin()
	var broken atomic.Bool
	s := mustOpen(t, testConfig(faulty(mem, &broken, segmentExt, errorfs.OpFileSync, errorfs.OpFileSyncData)))
	extend(t, s, w, 2)
	broken.Store(true)
	tip, _ := w.tip()
	rec := w.record(tip.Hash, 3, 700)
	rec.Extend = true
	if _, err := s.Append(rec); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrSync) {
		t.Fatalf("append says %v", err)
	}
	same(t, s, w)
	broken.Store(false)
	for range 9 {
		extend(t, s, w, 1)
	}
	same(t, s, w)
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	must(t, s.Close())
	s = mustOpen(t, testConfig(crashed))
	defer s.Close()
	same(t, s, w)
}

// TestLateSyncFails stops when blocks that were accepted cannot be synced: what
// the kernel gave up on, a later sync would not mention.
func TestLateSyncFails(t *testing.T) {
	mem, w := vfs.NewCrashableMem(), newTwin()
	var broken atomic.Bool
	cfg := testConfig(faulty(mem, &broken, segmentExt, errorfs.OpFileSync, errorfs.OpFileSyncData))
	cfg.Sync = SyncNone
	s := mustOpen(t, cfg)
	extend(t, s, w, 2)
	broken.Store(true)
	if err := s.Sync(); !errors.Is(err, ErrSync) {
		t.Fatalf("sync says %v", err)
	}
	broken.Store(false)
	tip, _ := w.tip()
	rec := w.record(tip.Hash, 1, 0)
	rec.Extend = true
	if _, err := s.Append(rec); !errors.Is(err, ErrSync) {
		t.Fatalf("append after a failed sync says %v", err)
	}
	if _, ok := s.Durable(); ok {
		t.Fatal("something is said to be durable")
	}
	same(t, s, w) // reading goes on
	if err := s.Close(); !errors.Is(err, ErrSync) {
		t.Fatalf("close says %v", err)
	}
}

// TestIndexFails lets blocks be appended while the indexes cannot be written,
// up to a bound, and goes on when they can.
func TestIndexFails(t *testing.T) {
	mem, w := vfs.NewMem(), newTwin()
	var broken atomic.Bool
	cfg := testConfig(faulty(mem, &broken, ".sst", errorfs.OpCreate, errorfs.OpFileWrite))
	cfg.IndexBlocks = 2
	s := mustOpen(t, cfg)
	defer s.Close()
	broken.Store(true)
	var err error
	accepted := 0
	for ; err == nil && accepted < 50; accepted++ {
		tip, _ := w.tip()
		rec := w.record(tip.Hash, 2, 0)
		rec.Extend = true
		if _, err = s.Append(rec); err == nil {
			rec.Undo = []ledger.Change{}
			w.append(rec)
		}
	}
	if !errors.Is(err, syscall.EIO) || accepted < 4 || accepted > 12 {
		t.Fatalf("%d blocks were accepted, then %v", accepted, err)
	}
	same(t, s, w)
	broken.Store(false)
	for range 1000 { // an attempt that began before may still fail
		if err = s.Flush(); err == nil {
			break
		}
	}
	must(t, err)
	extend(t, s, w, 1)
	same(t, s, w)
	if n := s.Stats().PendingBlocks; n > 1 {
		t.Fatalf("%d blocks are still not indexed", n)
	}
}

// TestNoRoom refuses before anything is written.
func TestNoRoom(t *testing.T) {
	mem, w := vfs.NewMem(), newTwin()
	room := func(n uint64) { mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: n, TotalBytes: 1 << 40}) }
	cfg := testConfig(mem)
	room(cfg.MinFreeBytes - 1)
	if _, err := Open(cfg); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("open says %v", err)
	}
	room(1 << 30)
	s := mustOpen(t, cfg)
	defer s.Close()
	extend(t, s, w, 1)
	room(cfg.MinFreeBytes + 100)
	tip, _ := w.tip()
	rec := w.record(tip.Hash, 1, 0)
	rec.Extend = true
	if _, err := s.Append(rec); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("append says %v", err)
	}
	same(t, s, w)
	room(1 << 30)
	extend(t, s, w, 1)
	same(t, s, w)
}

// TestInterval watches durability advance with the clock, and a loss of power
// take what came after.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, w := vfs.NewCrashableMem(), newTwin()
		cfg := testConfig(mem)
		cfg.Sync, cfg.SyncInterval = SyncInterval, 50*time.Millisecond
		var durable []uint32
		cfg.Events.Durable = func(best Ref) { durable = append(durable, best.Height) }
		s := mustOpen(t, cfg)
		for i := range uint32(6) {
			tip, _ := w.tip()
			rec := w.record(tip.Hash, 1, 0)
			rec.Extend = true
			if now, err := s.Append(rec); now || err != nil {
				t.Fatalf("block %d: durable %v, %v", i, now, err)
			}
			w.append(rec)
			time.Sleep(30 * time.Millisecond)
			synctest.Wait()
		}
		// Blocks at 0, 30, 60, ... ms; syncs at 50, 100, 150 ms.
		if want := []uint32{1, 3, 4}; !slices.Equal(durable, want) {
			t.Fatalf("durable were %v, want %v", durable, want)
		}
		if ref, ok := s.Durable(); !ok || ref.Height != 4 {
			t.Fatalf("durable is %v", ref)
		}
		crashed := mem.CrashClone(vfs.CrashCloneCfg{})
		must(t, s.Close())
		s = mustOpen(t, testConfig(crashed))
		if best, _ := s.Best(); best.Height != 4 {
			t.Fatalf("after a loss of power the tip is %d", best.Height)
		}
		must(t, s.Close())
	})
}

// TestPolicies says what each promises when Append returns.
func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		policy         SyncPolicy
		durable, index bool
	}{{SyncAlways, true, true}, {SyncBlock, true, false}, {SyncInterval, false, false}, {SyncNone, false, false}} {
		mem, w := vfs.NewCrashableMem(), newTwin()
		cfg := testConfig(mem)
		cfg.Sync = c.policy
		s := mustOpen(t, cfg)
		rec := w.record(ledger.Hash{}, 1, 0)
		rec.Extend = true
		durable, err := s.Append(rec)
		must(t, err)
		info, err := s.Info(hashOf(rec))
		must(t, err)
		_, has := s.Durable()
		if durable != c.durable || info.Durable != c.durable || has != c.durable {
			t.Errorf("%s: durable %v, %v, %v", c.policy, durable, info.Durable, has)
		}
		crashed := mem.CrashClone(vfs.CrashCloneCfg{})
		must(t, s.Close())
		s = mustOpen(t, testConfig(crashed))
		if has, _ := s.Has(hashOf(rec)); has != c.durable {
			t.Errorf("%s: after a loss of power the block is there: %v", c.policy, has)
		}
		if got := s.Recovered().Blocks == 0; got != (c.index || !c.durable) {
			t.Errorf("%s: indexes were read again: %v", c.policy, !got)
		}
		must(t, s.Close())
		text, _ := c.policy.MarshalText()
		var back SyncPolicy
		if err := back.UnmarshalText(text); err != nil || back != c.policy {
			t.Errorf("%s became %s, %v", c.policy, back, err)
		}
	}
	if _, err := ParseSyncPolicy("often"); err == nil || !strings.Contains(err.Error(), "always, block, interval, none") {
		t.Errorf("unknown policy: %v", err)
	}
}

// TestFollowersBesideSwitches lets followers run while the best chain switches
// to and fro; each must always be told something that fits.
func TestFollowersBesideSwitches(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.IndexBlocks = 5
	s, w := mustOpen(t, cfg), newTwin()
	for range 3 {
		extend(t, s, w, 2)
	}
	stop := make(chan struct{})
	var followers sync.WaitGroup
	for range 2 {
		followers.Go(func() { followLive(t, s, stop) })
	}
	for range 40 {
		fork := w.best[len(w.best)-2]
		var tip ledger.Hash
		for parent, i := fork, 0; i < 2; i++ {
			rec := w.record(parent, 1, 0)
			rec.Undo = w.undo()
			_, err := s.Append(rec)
			must(t, err)
			w.append(rec)
			parent = hashOf(rec)
			tip = parent
		}
		revert, apply := w.way(tip)
		_, err := s.SetBest(revert, apply)
		must(t, err)
		w.setBest(revert, apply)
	}
	close(stop)
	followers.Wait()
	same(t, s, w)
	must(t, s.Close())
	if _, err := s.After(nil, 1); !errors.Is(err, ErrClosed) {
		t.Fatalf("after close: %v", err)
	}
}

// followLive follows until stopped and at the tip.
func followLive(t *testing.T, s *Store, stop chan struct{}) {
	var chain []Ref
	for stopped := false; ; {
		var at *Ref
		if len(chain) > 0 {
			at = &chain[len(chain)-1]
		}
		step, err := s.After(at, 2)
		if err != nil {
			t.Error(err)
			return
		}
		for _, ref := range step.Revert {
			if len(chain) == 0 || chain[len(chain)-1] != ref {
				t.Error("told to revert what is not there")
				return
			}
			chain = chain[:len(chain)-1]
		}
		for _, ref := range step.Apply {
			if int(ref.Height) != len(chain) {
				t.Error("told to apply what does not fit")
				return
			}
			if _, err := s.IDs(ref.Hash); err != nil {
				t.Error(err)
				return
			}
			chain = append(chain, ref)
		}
		if stopped && len(step.Revert)+len(step.Apply) == 0 {
			if best, _ := s.Best(); chain[len(chain)-1] != best {
				t.Error("a follower does not end at the tip")
			}
			return
		}
		select {
		case <-stop:
			stopped = true
		default:
		}
	}
}
