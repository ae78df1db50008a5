package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// realBlock is a block whose transactions decode, of many sizes: the first is
// as large as a genesis's.
func realBlock(t *testing.T) (*Record, []ledger.Tx) {
	t.Helper()
	b := &ledger.Block{}
	for i := range 50 {
		outs := make([]ledger.Output, 1+i*7%30)
		if i == 0 {
			outs = make([]ledger.Output, 10_000)
		}
		tx, _, err := ledger.ParseTx(ledger.AppendCoinbase(nil, uint32(i), uint64(i), outs), ledger.MaxBlockBytes)
		must(t, err)
		b.Txs = append(b.Txs, tx)
	}
	b.Header.Merkle, _ = ledger.MerkleRoot(b.IDs())
	return &Record{Body: b.Append(nil), IDs: b.IDs(), Extend: true}, b.Txs
}

func TestTxReadsApart(t *testing.T) {
	s := mustOpen(t, testConfig(vfs.NewMem()))
	r, txs := realBlock(t)
	_, err := s.Append(r)
	must(t, err)
	hash := hashOf(r)
	for i, tx := range txs {
		if got, err := s.Tx(hash, i, tx.ID()); err != nil || !bytes.Equal(got, tx.Bytes()) {
			t.Errorf("transaction %d: %d bytes, %v", i, len(got), err)
		}
		if _, err := s.Tx(hash, i, txs[(i+1)%len(txs)].ID()); !errors.Is(err, ErrDamaged) {
			t.Errorf("transaction %d as the next: %v", i, err)
		}
	}
	if _, err := s.Tx(hash, len(txs), txs[0].ID()); !errors.Is(err, ErrDamaged) {
		t.Errorf("past the last: %v", err)
	}
	if _, err := s.Tx(ledger.Hash{1}, 0, txs[0].ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no block: %v", err)
	}
	must(t, s.Close())
}

// A transaction of which a byte has changed is refused; what changes before it
// may be noticed or not, but never gives another answer.
func TestTxOfDamagedBlock(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, testConfig(fs))
	r, txs := realBlock(t)
	_, err := s.Append(r)
	must(t, err)
	must(t, s.Sync())
	path := segmentsOf(t, fs)[0]
	whole := content(t, fs, path)
	at := bytes.Index(whole, txs[20].Bytes())
	for i := at - 300; i < at+txs[20].Size(); i += slow {
		whole[i] ^= 0x81
		rewrite(t, fs, path, whole)
		whole[i] ^= 0x81
		got, err := s.Tx(hashOf(r), 20, txs[20].ID())
		if err != nil && !errors.Is(err, ErrDamaged) || err == nil && (i >= at || !bytes.Equal(got, txs[20].Bytes())) {
			t.Fatalf("byte %d from the transaction's beginning: %d bytes, %v", i-at, len(got), err)
		}
	}
}
