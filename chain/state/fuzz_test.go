package state

import (
	"bytes"
	"errors"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

func FuzzParseTip(f *testing.F) {
	whole := tip{height: 7, hash: ledger.Hash{1, 2}, outputs: 300, ok: true}.append(nil)
	f.Add(whole)
	f.Add(whole[:tipHead])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, counted, err := parseTip(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := got.append(nil); !bytes.Equal(again[:len(b)], b) || counted != (len(b) == len(again)) {
			t.Fatalf("%x became %x, counted %v", b, again, counted)
		}
	})
}

func FuzzParseOutput(f *testing.F) {
	point := ledger.OutPoint{TxID: ledger.Hash{3}, Index: 4}
	entry := ledger.Entry{Output: ledger.Output{Value: 5}, Height: 6, Coinbase: true}
	f.Add(point.Append([]byte{tagOutput}), ledger.AppendEntry(nil, entry))
	f.Add([]byte{tagOutput}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key) == 0 {
			return // keys come from a range of those with the tag
		}
		c, err := parseOutput(key, value)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(c.Point.Append(key[:1:1]), key) || !bytes.Equal(ledger.AppendEntry(nil, c.Entry), value) {
			t.Fatalf("%x %x became %+v", key, value, c)
		}
	})
}
