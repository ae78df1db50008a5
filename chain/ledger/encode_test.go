package ledger

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var changes = []Change{
	{OutPoint{Hash{1}, 2}, Entry{Output{3, KeyHash{4}}, 5, true}},
	{OutPoint{Hash{31: 9}, 1 << 31}, Entry{Output{1<<64 - 1, KeyHash{19: 1}}, 1 << 31, false}},
}

func TestChangesEncodingIsFixed(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("00", n) }
	want := "01000000" + "01" + zeros(31) + "00000002" + "0300000000000000" + "04" + zeros(19) + "05000000" + "01"
	if got := hex.EncodeToString(AppendChanges(nil, changes[:1])); got != want {
		t.Errorf("encoding %s", got)
	}
}

func TestChangesComeBack(t *testing.T) {
	for n := range len(changes) + 1 {
		b := AppendChanges([]byte{7}, changes[:n])[1:]
		got, err := ParseChanges(b)
		if err != nil || !slices.Equal(got, changes[:n]) {
			t.Errorf("%d changes come back as %v, %v", n, got, err)
		}
	}
}

func TestParseChangesRefuses(t *testing.T) {
	good := AppendChanges(nil, changes)
	flag := bytes.Clone(good)
	flag[len(flag)-1] = 2
	many := bytes.Clone(good)
	many[3] = 255
	for name, b := range map[string][]byte{
		"nothing": nil, "count cut": good[:3], "a byte less": good[:len(good)-1],
		"a byte more": append(bytes.Clone(good), 0), "flag of 2": flag, "four billion": many,
	} {
		if _, err := ParseChanges(b); err != RejectMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseOutPoint(make([]byte, OutPointSize+1)); err != RejectMalformed {
		t.Errorf("outpoint of %d bytes: %v", OutPointSize+1, err)
	}
	if _, err := ParseEntry(make([]byte, EntrySize-1)); err != RejectMalformed {
		t.Errorf("entry of %d bytes: %v", EntrySize-1, err)
	}
}

// The digest of the output set is taken in the order of keys on disk, which
// must be that of outpoints.
func TestByteOrderIsOutPointOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) OutPoint {
			return OutPoint{
				TxID:  Hash{0: rapid.ByteRange(0, 1).Draw(t, name), 31: rapid.ByteRange(0, 1).Draw(t, name)},
				Index: rapid.Uint32().Draw(t, name),
			}
		}
		a, b := draw("a"), draw("b")
		want := cmp.Or(bytes.Compare(a.TxID[:], b.TxID[:]), cmp.Compare(a.Index, b.Index))
		if got := bytes.Compare(a.Append(nil), b.Append(nil)); got != want {
			t.Fatalf("%v and %v: byte order %d, want %d", a, b, got, want)
		}
	})
}

func FuzzParseChanges(f *testing.F) {
	f.Add(AppendChanges(nil, changes))
	f.Add(AppendChanges(nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseChanges(b)
		if err != nil {
			if err != RejectMalformed {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(AppendChanges(nil, got), b) {
			t.Fatal("another encoding of the same changes")
		}
	})
}

func FuzzParseOutPoint(f *testing.F) {
	f.Add(changes[0].Point.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseOutPoint(b); err == nil && !bytes.Equal(p.Append(nil), b) {
			t.Fatal("another encoding of the same outpoint")
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add(AppendEntry(nil, changes[0].Entry))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseEntry(b); err == nil && !bytes.Equal(AppendEntry(nil, e), b) {
			t.Fatal("another encoding of the same entry")
		}
	})
}

// FuzzParseHashes wants the bytes back that a list was made from.
func FuzzParseHashes(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(make([]byte, 33))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseHashes(b, 3)
		if (err == nil) != (len(b)%32 == 0 && len(b) <= 96) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.Equal(AppendHashes(nil, list), b) {
			t.Fatal("encoded again, the list differs")
		}
	})
}
