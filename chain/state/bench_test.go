package state

import (
	"encoding/binary"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// bigBlock spends the first outputs of prev and creates two for each: what a
// block of one-in-two-out transactions does.
func bigBlock(prev *ledger.Delta, txs int) *ledger.Delta {
	d := &ledger.Delta{Height: prev.Height + 1, Prev: prev.Block, Spent: prev.Created[:txs]}
	d.Block = ledger.DoubleSHA256(prev.Block[:])
	for i := range txs {
		id := ledger.DoubleSHA256(binary.LittleEndian.AppendUint64(nil, uint64(d.Height)<<32|uint64(i)))
		for j := range uint32(2) {
			d.Created = append(d.Created, ledger.Change{
				Point: ledger.OutPoint{TxID: id, Index: j},
				Entry: ledger.Entry{Height: d.Height, Output: ledger.Output{Value: 1}},
			})
		}
	}
	return d
}

// BenchmarkApply applies blocks of 12,500 one-in-two-out transactions, with the
// writing of generations to disk beside it.
func BenchmarkApply(b *testing.B) {
	const txs = 12_500
	for _, keys := range []bool{false, true} {
		name := "keys=off"
		if keys {
			name = "keys=on"
		}
		b.Run(name, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Dir, cfg.FS, cfg.KeyIndex = b.TempDir(), vfs.Default, keys
			s := mustOpen(b, cfg)
			d := &ledger.Delta{}
			for i := range uint32(txs) {
				d.Created = append(d.Created, ledger.Change{Point: ledger.OutPoint{Index: i}})
			}
			must(b, s.Apply(d))
			d = bigBlock(d, txs)
			must(b, s.Apply(d))
			for b.Loop() {
				b.StopTimer()
				d = bigBlock(d, txs)
				b.StartTimer()
				must(b, s.Apply(d))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/txs, "ns/tx")
			b.StopTimer()
			must(b, s.Close())
		})
	}
}

// BenchmarkLookup reads outputs from the layer that the name says.
func BenchmarkLookup(b *testing.B) {
	const txs = 100_000
	for _, layer := range []string{"active", "disk"} {
		b.Run(layer, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Dir, cfg.FlushBytes = b.TempDir(), 1<<30
			if layer == "disk" {
				cfg.CacheBytes = 0
			}
			s := mustOpen(b, cfg)
			defer s.Close()
			genesis := &ledger.Delta{}
			must(b, s.Apply(genesis))
			d := bigBlock(genesis, 0)
			for i := range txs {
				id := ledger.DoubleSHA256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
				d.Created = append(d.Created, ledger.Change{Point: ledger.OutPoint{TxID: id}})
			}
			must(b, s.Apply(d))
			if layer == "disk" {
				must(b, s.Flush())
			}
			i := 0
			for b.Loop() {
				if _, ok, err := s.Lookup(d.Created[i%txs].Point); !ok || err != nil {
					b.Fatal(ok, err)
				}
				i += 7919
			}
		})
	}
}
