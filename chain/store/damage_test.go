package store

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// logged builds a store of small blocks, some on a branch, with a switch, over
// several segments, and returns it as a loss of power leaves it: the log synced,
// the indexes never written.
func logged(t *testing.T) (*vfs.MemFS, *twin) {
	t.Helper()
	fs, w := vfs.NewCrashableMem(), newTwin()
	s := mustOpen(t, testConfig(fs))
	for range 12 {
		extend(t, s, w, 2)
	}
	branch := w.record(w.best[len(w.best)-2], 2, 10)
	branch.Undo = w.undo()
	_, err := s.Append(branch)
	must(t, err)
	w.append(branch)
	revert, apply := w.way(hashOf(branch))
	_, err = s.SetBest(revert, apply)
	must(t, err)
	w.setBest(revert, apply)
	extend(t, s, w, 2)
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	must(t, s.Close())
	return crashed, w
}

func segmentsOf(t *testing.T, fs vfs.FS) (paths []string) {
	t.Helper()
	names, err := fs.List("/data/blocks")
	must(t, err)
	for n := uint32(1); int(n) <= len(names); n++ {
		for _, name := range names {
			if name == segmentName(n) {
				paths = append(paths, "/data/blocks/"+name)
			}
		}
	}
	return paths
}

func content(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	must(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	must(t, err)
	return b
}

func rewrite(t *testing.T, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	_, err = f.Write(append([]byte{}, b...))
	must(t, err, f.Close())
}

// TestReliability02Truncated cuts the last record at every byte. What is left must be the
// store before that record, which takes blocks again and survives another crash.
func TestReliability02Truncated(t *testing.T) {
	fs, w := logged(t)
	paths := segmentsOf(t, fs)
	last := paths[len(paths)-1]
	whole := content(t, fs, last)
	before := w.clone()
	tip, _ := w.tip()
	delete(before.blocks, tip.Hash)
	before.best = before.best[:len(before.best)-1]
	size := recordSize(t, fs, w)
	for cut := len(whole) - size; cut <= len(whole); cut += slow {
		broken := fs.CrashClone(vfs.CrashCloneCfg{})
		rewrite(t, broken, last, whole[:cut])
		want := before.clone()
		if cut == len(whole) {
			want = w.clone()
		}
		s, err := Open(testConfig(broken))
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		same(t, s, want)
		torn := s.Recovered().TornBytes
		if want := int64(cut - (len(whole) - size)); cut < len(whole) && torn != want || cut == len(whole) && torn != 0 {
			t.Fatalf("cut at %d of %d: %d bytes are said to be torn, want %d", cut, len(whole), torn, want)
		}
		extend(t, s, want, 3)
		again := broken.CrashClone(vfs.CrashCloneCfg{})
		must(t, s.Close())
		s = mustOpen(t, testConfig(again))
		same(t, s, want)
		must(t, s.Close())
	}
}

// recordSize is the size of the last record.
func recordSize(t *testing.T, fs *vfs.MemFS, w *twin) int {
	t.Helper()
	s := mustOpen(t, testConfig(fs.CrashClone(vfs.CrashCloneCfg{})))
	defer s.Close()
	tip, _ := w.tip()
	e, err := s.must(tip.Hash)
	must(t, err)
	return int(s.log.end().off - e.at.off)
}

// TestReliability02Flipped changes one bit of every third byte of the log in turn. All of it was
// synced, so the store must be refused, by name and place; only the last record
// (and a segment with a single one) cannot be told from a torn one, since
// nothing after it says that it was there.
func TestReliability02Flipped(t *testing.T) {
	fs, w := logged(t)
	var whole int
	for n, path := range segmentsOf(t, fs) {
		b := content(t, fs, path)
		for i := n; i < len(b); i += 3 * slow {
			broken := fs.CrashClone(vfs.CrashCloneCfg{})
			b[i] ^= 1 << (i % 8)
			rewrite(t, broken, path, b)
			b[i] ^= 1 << (i % 8)
			s, err := Open(testConfig(broken))
			if err != nil {
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), segmentExt) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("byte %d of %s: %v", i, path, err)
				}
				continue
			}
			whole++
			checkPrefix(t, s, w, fmt.Sprintf("byte %d of segment %d", i, n+1))
			must(t, s.Close())
		}
	}
	if whole > 2*recordSize(t, fs, w) {
		t.Fatalf("%d flips were taken for torn tails", whole)
	}
}

// checkPrefix wants the store to be the twin, or the twin before its last
// record.
func checkPrefix(t *testing.T, s *Store, w *twin, what string) {
	t.Helper()
	before := w.clone()
	tip, _ := w.tip()
	delete(before.blocks, tip.Hash)
	before.best = before.best[:len(before.best)-1]
	if e1, e2 := w.differs(s, w.blocks), before.differs(s, w.blocks); e1 != nil && e2 != nil {
		t.Fatalf("%s: %v; %v", what, e1, e2)
	}
}

// TestDamageUnderIndex flips bits where the indexes already are: opening does
// not look there unless told to, but no reader gets a wrong byte.
func TestDamageUnderIndex(t *testing.T) {
	fs, w := vfs.NewMem(), newTwin()
	s := mustOpen(t, testConfig(fs))
	for range 4 {
		extend(t, s, w, 2)
	}
	must(t, s.Close())
	victim := w.best[1]
	path := segmentsOf(t, fs)[0]
	b := content(t, fs, path)
	e := frameAt(t, fs, victim)
	for _, section := range []int{sectionBody, sectionIDs, sectionUndo, sectionMeta} {
		at := int(e.at.off) + int(e.offset(section))
		b[at] ^= 1
		rewrite(t, fs, path, b)
		b[at] ^= 1
		s = mustOpen(t, testConfig(fs))
		_, err1 := s.Body(victim)
		_, err2 := s.IDs(victim)
		_, err3 := s.Undo(victim)
		_, err4 := s.Meta(victim)
		for i, err := range []error{err1, err2, err3, err4} {
			if (i == section) != errors.Is(err, ErrDamaged) {
				t.Errorf("section %d is damaged, reading %d says %v", section, i, err)
			}
		}
		if r, err := s.OpenBody(victim); (section == sectionBody) != errors.Is(err, ErrDamaged) {
			t.Errorf("section %d is damaged, opening the body says %v", section, err)
		} else if err == nil {
			must(t, r.Close())
		}
		must(t, s.Close())
		cfg := testConfig(fs)
		cfg.VerifyLog = true
		if _, err := Open(cfg); !errors.Is(err, ErrDamaged) {
			t.Errorf("section %d is damaged, verifying says %v", section, err)
		}
	}
}

type placedFrame struct {
	frame
	at pos
}

func frameAt(t *testing.T, fs vfs.FS, hash ledger.Hash) placedFrame {
	t.Helper()
	s := mustOpen(t, testConfig(fs))
	defer s.Close()
	e, err := s.must(hash)
	must(t, err)
	f, head, err := s.openRecord(e.at, hash)
	must(t, err, f.Close())
	return placedFrame{*head, e.at}
}

// TestMissingSegment refuses a log with a gap in its files.
func TestMissingSegment(t *testing.T) {
	fs, _ := logged(t)
	paths := segmentsOf(t, fs)
	if len(paths) < 2 {
		t.Fatalf("only %d segments", len(paths))
	}
	must(t, fs.Remove(paths[0]))
	if _, err := Open(testConfig(fs)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), segmentName(1)) {
		t.Fatalf("a missing file: %v", err)
	}
}

// TestLogShorterThanIndex refuses a log that lost what the indexes cover, since
// that had been synced.
func TestLogShorterThanIndex(t *testing.T) {
	for _, drop := range []bool{true, false} {
		fs, w := vfs.NewMem(), newTwin()
		s := mustOpen(t, testConfig(fs))
		for range 12 {
			extend(t, s, w, 2)
		}
		must(t, s.Close())
		paths := segmentsOf(t, fs)
		last := paths[len(paths)-1]
		if drop {
			must(t, fs.Remove(last))
		} else {
			rewrite(t, fs, last, content(t, fs, last)[:100])
		}
		if _, err := Open(testConfig(fs)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a log that is behind its indexes: %v", err)
		}
	}
}

// TestLostIndex makes the indexes again from the log alone, a generation at a
// time, and also when they are damaged or lack the transactions.
func TestLostIndex(t *testing.T) {
	for _, how := range []string{"removed", "damaged", "without transactions"} {
		fs, w := vfs.NewMem(), newTwin()
		cfg := testConfig(fs)
		cfg.TxIndex = how != "without transactions"
		s := mustOpen(t, cfg)
		for range 40 {
			extend(t, s, w, 2)
		}
		must(t, s.Close())
		switch how {
		case "removed":
			must(t, fs.RemoveAll("/data/blocks/index"))
		case "damaged":
			names, err := fs.List("/data/blocks/index")
			must(t, err)
			for _, name := range names {
				if strings.HasPrefix(name, "MANIFEST") {
					rewrite(t, fs, "/data/blocks/index/"+name, []byte("junk"))
				}
			}
		}
		cfg.TxIndex, cfg.IndexBlocks = true, 7
		s = mustOpen(t, cfg)
		if got := s.Recovered(); got.Blocks != 40 || (how != "removed") != got.IndexRebuilt {
			t.Fatalf("%s: recovered %+v", how, got)
		}
		if n := s.Stats().PendingBlocks; n > 8 {
			t.Fatalf("%s: %d blocks gathered in memory", how, n)
		}
		same(t, s, w)
		must(t, s.Close())
	}
}
