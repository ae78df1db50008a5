package server

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// FuzzUnpack wants parts that put together give the payloads again, or an
// error.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("abc"), []byte{1, 0, 0, 0, 2, 0, 0, 0})
	f.Add([]byte(""), []byte{0, 0, 0, 0})
	f.Add([]byte("abcd"), []byte{0, 0, 0, 128, 0, 0, 0, 128, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b, packed []byte) {
		var sizes []uint32
		for ; len(packed) >= 4; packed = packed[4:] {
			sizes = append(sizes, binary.LittleEndian.Uint32(packed))
		}
		parts, err := unpack(b, sizes, 100)
		if err != nil {
			return
		}
		if len(parts) != len(sizes) || len(parts) > 100 || !bytes.Equal(bytes.Join(parts, nil), b) {
			t.Fatalf("%d parts of %d sizes are not the payloads", len(parts), len(sizes))
		}
		for i, p := range parts {
			if cap(p) != int(sizes[i]) {
				t.Fatalf("part %d can grow into its neighbour", i)
			}
		}
	})
}

func FuzzUnpackHashes(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(make([]byte, 33))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpackHashes(b, 3)
		if (err == nil) != (len(b)%32 == 0 && len(b) <= 96) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.Equal(ledger.AppendHashes(nil, list), b) {
			t.Fatal("packed again, the list differs")
		}
	})
}
