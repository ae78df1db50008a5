package ledger

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"testing"
)

func sampleBlock(t interface{ Fatal(...any) }) *Block {
	w := newWorld(t)
	return w.block(4, w.spend(0, 998), w.spend(1, 500, 498))
}

func TestBlockComesBack(t *testing.T) {
	for name, b := range map[string]*Block{"sample": sampleBlock(t), "genesis": DevParams().Genesis()} {
		raw := b.Append(nil)
		got, err := ParseBlock(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(raw) != b.Size() || got.Header != b.Header || !bytes.Equal(got.Append(nil), raw) {
			t.Errorf("%s comes back differently", name)
		}
	}
}

func TestParseBlockRefuses(t *testing.T) {
	good := sampleBlock(t).Append(nil)
	count := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[HeaderSize:], n)
		return b
	}
	large := AppendCoinbase(nil, 1, 0, make([]Output, MaxTxBytes/outputSize+1))
	second := (&Block{}).Append(nil)
	second = append(append(second, AppendCoinbase(nil, 1, 0, make([]Output, 1))...), large...)
	binary.LittleEndian.PutUint32(second[HeaderSize:], 2)
	for _, tc := range []struct {
		name string
		raw  []byte
		want Reject
	}{
		{"nothing", nil, RejectMalformed},
		{"header cut", good[:HeaderSize-1], RejectMalformed},
		{"count cut", good[:HeaderSize+3], RejectMalformed},
		{"a byte less", good[:len(good)-1], RejectMalformed},
		{"a byte more", append(bytes.Clone(good), 0), RejectMalformed},
		{"a transaction less", count(2), RejectMalformed},
		{"a transaction more", count(4), RejectMalformed},
		{"more transactions than bytes", count(MaxBlockTxs), RejectMalformed},
		{"more transactions than permitted", count(MaxBlockTxs + 1), RejectBlockSize},
		{"too many bytes", make([]byte, MaxBlockBytes+1), RejectBlockSize},
		{"second transaction too large", second, RejectTooLarge},
	} {
		if _, err := ParseBlock(tc.raw); err != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

// Whatever counts the bytes announce, a decoder allocates at most a small
// multiple of the bytes that there are.
func TestReliability09AllocationsFollowTheInput(t *testing.T) {
	decoders := map[string]func([]byte){
		"tx":       func(b []byte) { _, _, _ = ParseTx(b, MaxBlockBytes) },
		"header":   func(b []byte) { _, _ = ParseHeader(b) },
		"block":    func(b []byte) { _, _ = ParseBlock(b) },
		"changes":  func(b []byte) { _, _ = ParseChanges(b) },
		"proof":    func(b []byte) { _, _ = ParseProof(b) },
		"outpoint": func(b []byte) { _, _ = ParseOutPoint(b) },
		"entry":    func(b []byte) { _, _ = ParseEntry(b) },
	}
	whole := sampleBlock(t)
	seeds := map[string][]byte{
		"tx": whole.Txs[0].Bytes(), "block": whole.Append(nil), "changes": AppendChanges(nil, make([]Change, 9)),
		"proof": MerkleProof(leaves(9), 3).Append(nil),
	}
	const fixed, multiple, runs = 512, 4, 20
	for name, decode := range decoders {
		for _, input := range hostile(seeds[name]) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				decode(input)
			}
			runtime.ReadMemStats(&after)
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > uint64(fixed+multiple*len(input)) {
				t.Errorf("%s: %d bytes allocated for an input of %d: %x...", name, got, len(input), input[:min(len(input), 16)])
			}
		}
	}
}

// hostile returns the whole input, and inputs with each run of four bytes set
// to numbers that are too large for what follows.
func hostile(whole []byte) [][]byte {
	all := [][]byte{whole, bytes.Repeat([]byte{0xff}, 300), make([]byte, 300)}
	for at := 0; at+4 <= len(whole); at++ {
		for _, n := range []uint32{math.MaxUint32, math.MaxInt32, MaxBlockTxs, MaxBlockBytes, 1 << 16} {
			input := bytes.Clone(whole)
			binary.LittleEndian.PutUint32(input[at:], n)
			all = append(all, input)
		}
	}
	return all
}

func FuzzParseBlock(f *testing.F) {
	f.Add(sampleBlock(f).Append(nil))
	f.Add((&Block{}).Append(nil))
	p := TestParams()
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBlock(raw)
		if err != nil {
			if kindOf(err) == RejectNone {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(b.Append(nil), raw) || b.Size() != len(raw) {
			t.Fatal("another encoding of the same block")
		}
		for i := range b.Txs {
			checkTx(t, &b.Txs[i])
		}
		if CheckBlock(&b, p) != RejectNone {
			return
		}
		lookup := func(OutPoint) (Entry, bool, error) { return Entry{}, false, nil }
		if _, err := Connect(&b, 1, p, lookup); err != nil {
			if kindOf(err) == RejectNone {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	h := sampleBlock(f).Header.Encode()
	f.Add(h[:])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if (err == nil) != (len(b) >= HeaderSize) {
			t.Fatal(err)
		}
		if err == nil {
			if got := h.Encode(); !bytes.Equal(got[:], b[:HeaderSize]) {
				t.Fatal("another encoding of the same header")
			}
		}
	})
}
