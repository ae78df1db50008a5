package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const benchTxs = 12_500

// benchBlock makes a block of one-in-two-out transfers' size.
func benchBlock(height uint32, prev ledger.Hash) *Record {
	h := ledger.Header{Prev: prev, Nonce: height}
	head := h.Encode()
	r := &Record{Height: height, Body: make([]byte, benchTxs*195), IDs: make([]ledger.Hash, benchTxs), Extend: true}
	copy(r.Body, head[:])
	for i := range r.IDs {
		r.IDs[i] = sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(height)<<32|uint64(i)))
	}
	r.Undo = make([]ledger.Change, benchTxs)
	return r
}

// BenchmarkAppend appends blocks of 12,500 transactions, with the writing of
// indexes beside it.
func BenchmarkAppend(b *testing.B) {
	for _, policy := range []SyncPolicy{SyncNone, SyncBlock} {
		for _, txs := range []bool{false, true} {
			b.Run(fmt.Sprintf("sync=%s/txindex=%v", policy, txs), func(b *testing.B) {
				cfg := DefaultConfig()
				cfg.Dir, cfg.FS, cfg.Sync, cfg.TxIndex = b.TempDir(), vfs.Default, policy, txs
				s := mustOpen(b, cfg)
				var prev ledger.Hash
				height := uint32(0)
				for b.Loop() {
					b.StopTimer()
					r := benchBlock(height, prev)
					prev = hashOf(r)
					height++
					b.StartTimer()
					if _, err := s.Append(r); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchTxs, "ns/tx")
				b.StopTimer()
				must(b, s.Close())
			})
		}
	}
}

// BenchmarkIndex writes the index of 500,000 transactions, which Append leaves
// to the background.
func BenchmarkIndex(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Dir, cfg.FS, cfg.Sync, cfg.IndexTxs = b.TempDir(), vfs.Default, SyncNone, 1<<30
	s := mustOpen(b, cfg)
	var prev ledger.Hash
	height := uint32(0)
	for b.Loop() {
		b.StopTimer()
		for range 40 {
			r := benchBlock(height, prev)
			prev = hashOf(r)
			height++
			if _, err := s.Append(r); err != nil {
				b.Fatal(err)
			}
		}
		must(b, s.Sync())
		b.StartTimer()
		must(b, s.Flush())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(40*benchTxs), "ns/tx")
	b.StopTimer()
	must(b, s.Close())
}

// BenchmarkFindTx looks transactions up in memory and on disk.
func BenchmarkFindTx(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		b.Run(where, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Dir, cfg.FS, cfg.Sync = b.TempDir(), vfs.Default, SyncNone
			s := mustOpen(b, cfg)
			var prev ledger.Hash
			var ids []ledger.Hash
			for height := range uint32(30) {
				r := benchBlock(height, prev)
				prev, ids = hashOf(r), append(ids, r.IDs...)
				if _, err := s.Append(r); err != nil {
					b.Fatal(err)
				}
			}
			if where == "disk" {
				must(b, s.Flush())
			}
			i := 0
			for b.Loop() {
				if _, _, ok, err := s.FindTx(ids[i%len(ids)]); !ok || err != nil {
					b.Fatal(ok, err)
				}
				i += 7919
			}
			b.StopTimer()
			must(b, s.Close())
		})
	}
}
