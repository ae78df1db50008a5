package store

import (
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// unlocked is a file system whose locks do not hold, so that a store can be
// opened beside one that was abandoned, as after the death of a process: what
// that wrote is there, but not synced.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// unsynced returns a file system with a store of so many blocks whose process
// has died before anything was synced.
func unsynced(t *testing.T, blocks, padding int) (*vfs.MemFS, *twin) {
	t.Helper()
	mem, w := vfs.NewCrashableMem(), newTwin()
	cfg := testConfig(unlocked{mem})
	cfg.Sync = SyncNone
	s := mustOpen(t, cfg)
	for range blocks {
		tip, _ := w.tip()
		rec := w.record(tip.Hash, 1, padding)
		rec.Extend, rec.Undo = true, w.undo()
		_, err := s.Append(rec)
		must(t, err)
		w.append(rec)
	}
	return mem, w // the store is left as it is
}

// isPrefix wants the best chain to be the first blocks of the twin's, at least
// so many.
func isPrefix(t *testing.T, s *Store, w *twin, least int) {
	t.Helper()
	headers, err := s.Headers(0, 1000)
	must(t, err)
	if len(headers) < least || len(headers) > len(w.best) {
		t.Fatalf("%d blocks, want %d to %d", len(headers), least, len(w.best))
	}
	for i, h := range headers {
		hash := h.Hash()
		if hash != w.best[i] {
			t.Fatalf("block %d is %s, want %s", i, hash, w.best[i])
		}
		if err := w.blockDiffersOnly(s, hash); err != nil {
			t.Fatal(err)
		}
	}
}

// blockDiffersOnly compares what is stored of one block.
func (w *twin) blockDiffersOnly(s *Store, hash ledger.Hash) error {
	r := w.blocks[hash]
	alone := &twin{blocks: map[ledger.Hash]*Record{hash: r}, best: w.best[:r.Height+1]}
	for _, h := range alone.best[:r.Height] {
		alone.blocks[h] = w.blocks[h]
	}
	return alone.blockDiffers(s, hash, r)
}

// TestNothingSyncedNothingDamaged loses any blocks of any files, of which none
// was synced: whatever is left, the store opens with the first blocks.
func TestNothingSyncedNothingDamaged(t *testing.T) {
	mem, w := unsynced(t, 12, 3000)
	holes := 0
	for seed := range uint64(60) {
		crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 70, RNG: rand.New(rand.NewPCG(seed, 0))})
		s := mustOpen(t, testConfig(crashed))
		isPrefix(t, s, w, 0)
		if s.Recovered().TornBytes > 0 {
			holes++
		}
		extendAny(t, s)
		must(t, s.Close())
	}
	if holes < 10 {
		t.Fatalf("only %d crashes tore something", holes)
	}
}

// extendAny appends a block to whatever the store has.
func extendAny(t *testing.T, s *Store) {
	t.Helper()
	best, ok := s.Best()
	h := ledger.Header{Prev: best.Hash, Nonce: 1 << 31}
	body := h.Encode()
	rec := &Record{Body: body[:], Extend: true}
	if ok {
		rec.Height = best.Height + 1
	}
	_, err := s.Append(rec)
	must(t, err)
}

// TestCrashDuringRecovery opens what a dead process has left, and loses power
// before each operation of that which writes. Once Open has returned, all of it
// is durable.
func TestCrashDuringRecovery(t *testing.T) {
	for _, indexBlocks := range []int{3, 1000} {
		crashDuringRecovery(t, indexBlocks)
	}
}

func crashDuringRecovery(t *testing.T, indexBlocks int) {
	mem, w := unsynced(t, 20, 1000)
	var mu sync.Mutex
	var copies []*vfs.MemFS
	watched := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			copies = append(copies, mem.CrashClone(vfs.CrashCloneCfg{}))
		}
		return nil
	}))
	cfg := testConfig(unlocked{watched})
	cfg.IndexBlocks = indexBlocks
	s := mustOpen(t, cfg)
	same(t, s, w)
	if durable, ok := s.Durable(); !ok || int(durable.Height) != len(w.best)-1 {
		t.Fatalf("after opening, %v is durable", durable)
	}
	after := mem.CrashClone(vfs.CrashCloneCfg{})
	must(t, s.Close())
	if len(copies) < 20 {
		t.Fatalf("only %d crash points", len(copies))
	}
	for _, crashed := range copies {
		s := mustOpen(t, testConfig(crashed))
		isPrefix(t, s, w, 0)
		must(t, s.Close())
	}
	s = mustOpen(t, testConfig(after))
	same(t, s, w)
	must(t, s.Close())
}

// TestDroppedStaysDropped tears a record, appends one of the same size in its
// place, and looks whether the whole record behind it comes back.
func TestDroppedStaysDropped(t *testing.T) {
	mem, w := unsynced(t, 3, 100)
	crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
	at := frameAt(t, crashed.CrashClone(vfs.CrashCloneCfg{}), w.best[1])
	path := "/data/blocks/" + segmentName(1)
	b := content(t, crashed, path)
	clear(b[at.at.off : at.at.off+10])
	rewrite(t, crashed, path, b)
	s := mustOpen(t, testConfig(crashed))
	isPrefix(t, s, w, 1)
	if best, _ := s.Best(); best.Height != 0 {
		t.Fatalf("the tip is %d", best.Height)
	}
	rec := w.record(w.best[0], 1, 100)
	rec.Undo = w.undo()
	_, err := s.Append(rec)
	must(t, err)
	again := crashed.CrashClone(vfs.CrashCloneCfg{})
	must(t, s.Close())
	s = mustOpen(t, testConfig(again))
	defer s.Close()
	for i, want := range []bool{true, false, false} {
		if has, err := s.Has(w.best[i]); has != want || err != nil {
			t.Fatalf("block %d is there: %v, %v", i, has, err)
		}
	}
	if has, err := s.Has(hashOf(rec)); !has || err != nil {
		t.Fatalf("the block in its place is there: %v, %v", has, err)
	}
}

// lying is a file that writes all and says that it failed.
type lying struct {
	vfs.FS
	on *atomic.Bool
}

func (d lying) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, o...)
	if err == nil && strings.HasSuffix(name, segmentExt) {
		f = lyingFile{f, d.on}
	}
	return f, err
}

type lyingFile struct {
	vfs.File
	on *atomic.Bool
}

func (f lyingFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	if err == nil && f.on.Load() {
		err = syscall.EIO
	}
	return n, err
}

// TestRotateFails leaves a whole head of the next segment behind. A small block
// that would still have fitted into the old one must not be lost by it.
func TestRotateFails(t *testing.T) {
	mem, w := vfs.NewCrashableMem(), newTwin()
	var on atomic.Bool
	s := mustOpen(t, testConfig(lying{mem, &on}))
	extend(t, s, w, 1)
	on.Store(true)
	rec := w.record(w.best[0], 1, 4000)
	rec.Extend = true
	if _, err := s.Append(rec); err == nil {
		t.Fatal("a failing disk took a block")
	}
	on.Store(false)
	extend(t, s, w, 1)
	crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
	must(t, s.Close())
	s = mustOpen(t, testConfig(crashed))
	defer s.Close()
	same(t, s, w)
}

// TestFrozenDoesNotLearn adds undo data to a block whose generation is about to
// be written: the indexes must not name a record that they do not cover.
func TestFrozenDoesNotLearn(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.Sync = SyncNone
	s, w := mustOpen(t, cfg), newTwin()
	defer s.Close()
	extend(t, s, w, 1)
	side := w.record(w.best[0], 1, 0)
	_, err := s.Append(side)
	must(t, err)
	w.append(side)
	s.mu.Lock()
	s.freeze()
	g := s.frozen
	s.mu.Unlock()
	side.Undo = w.undo()
	must(t, s.AddUndo(hashOf(side), side.Undo))
	if e := g.blocks[hashOf(side)]; e.undoAt != (pos{}) {
		t.Fatalf("the generation up to %v knows of undo data at %v", g.marker.end, e.undoAt)
	}
	must(t, s.Flush())
	same(t, s, w)
}
