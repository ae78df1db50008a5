package store

import (
	"errors"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func FuzzParseMeta(f *testing.F) {
	m := Meta{IntervalNs: -1, SealNs: 2, Hashes: 3, Missing: 4, Stages: []Stage{{"verify", []byte{1, 2}}, {"", []byte{}}}}
	f.Add(m.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeta(b)
		if err != nil {
			return
		}
		if again := m.append(nil); string(again) != string(b) || m.size() != len(b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	var e encoder
	var fr frame
	e.block(&fr, &Record{Body: make([]byte, 80), IDs: make([]ledger.Hash, 1), Extend: true}, ledger.Hash{1})
	fr.put(e.buf, pos{3, 4})
	f.Add(e.buf, uint32(3), uint32(4))
	f.Fuzz(func(t *testing.T, b []byte, seg, off uint32) {
		fr, err := parseFrame(b, pos{seg, off})
		if err != nil {
			return
		}
		again := make([]byte, frameSize)
		fr.put(again, pos{seg, off})
		if string(again[:10]) != string(b[:10]) || string(again[12:]) != string(b[12:frameSize]) {
			t.Fatalf("%x became %x", b[:frameSize], again)
		}
		if _, err := parseFrame(b, pos{seg, off + 1}); err == nil {
			t.Fatal("a record is one at another place too")
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	e := entry{at: pos{1, 2}, undoAt: pos{3, 4}, bytes: 5, txs: 6}
	f.Add(e.append(nil))
	m := marker{end: pos{1, 2}, best: Ref{Height: 3}, hasBest: true}
	f.Add(m.append(nil))
	f.Add(txKey{prefix: 1, height: 2, index: 3}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := parseEntry(ledger.Hash{}, b); err == nil && string(e.append(nil)) != string(b) {
			t.Fatalf("entry %x became %x", b, e.append(nil))
		}
		if m, err := parseMarker(b); err == nil && string(m.append(nil)) != string(b) {
			t.Fatalf("marker %x became %x", b, m.append(nil))
		}
		if len(b) == txPrefixSize+8 && b[0] == tagTx && string(parseTxKey(b).append(nil)) != string(b) {
			t.Fatalf("key %x became %x", b, parseTxKey(b).append(nil))
		}
	})
}

// FuzzLog reads a log with any bytes in it behind a whole record: the record is
// found, and what follows is more records, a torn end, or damage by name.
func FuzzLog(f *testing.F) {
	fs := vfs.NewCrashableMem()
	s, err := Open(testConfig(fs))
	if err != nil {
		f.Fatal(err)
	}
	w := newTwin()
	extend(f, s, w, 1)
	first := s.log.end()
	extend(f, s, w, 2)
	path := "/data/blocks/" + segmentName(1)
	b, err := fs.UnsafeGetFileDataBuffer(path)
	must(f, err)
	b = append([]byte{}, b...)
	must(f, s.Close())
	f.Add(b[first.off:])
	f.Add([]byte{})
	f.Add(b)
	f.Fuzz(func(t *testing.T, tail []byte) {
		mem := vfs.NewMem()
		must(t, mem.MkdirAll("/data/blocks", 0o755))
		rewrite(t, mem, path, append(b[:first.off:first.off], tail...))
		scan, err := newScanner(&datadir.Dir{FS: mem, Path: "/data/blocks"})
		must(t, err)
		found := 0
		end, lost, err := scan.run(logStart, func(r *record) error {
			if found++; found == 1 && string(r.sections[sectionBody]) != string(w.blocks[w.best[0]].Body) {
				t.Fatal("the first record is not what was written")
			}
			return nil
		})
		if found == 0 || err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d records, %v", found, err)
		}
		if size := int64(first.off) + int64(len(tail)); err == nil && int64(end.off)+lost.bytes != size {
			t.Fatalf("%d bytes in use and %d lost of %d", end.off, lost.bytes, size)
		}
	})
}

func FuzzParseBest(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0}, make([]byte, 64))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, body, ids []byte) {
		revert, apply, err := parseBest(body, ids)
		if err == nil && 32*(len(revert)+len(apply)) != len(ids) {
			t.Fatalf("%d and %d hashes of %d bytes", len(revert), len(apply), len(ids))
		}
	})
}
