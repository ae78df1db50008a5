package p2p

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// FuzzFrame decodes whatever a peer may send. What is accepted fits together,
// and encodes to what it was made from.
func FuzzFrame(f *testing.F) {
	params := ledger.TestParams()
	raw := newWallet(params).pay(1)
	tx, _, err := ledger.ParseTx(raw, len(raw))
	if err != nil {
		f.Fatal(err)
	}
	id, reward := tx.ID(), ledger.AppendCoinbase(nil, 1, 1, []ledger.Output{{Value: 1}})
	for _, frame := range []*chainpb.Frame{
		frameTxs(&chainpb.Txs{Bodies: raw, Sizes: []uint32{uint32(len(raw))}, Messages: id[:], Hops: []byte{1}}),
		frameWant([]ledger.Hash{id}),
		frameTip(Tip{Height: 1}),
		frameBlockTxs(&chainpb.BlockTxs{Block: id[:], Bodies: raw, Sizes: []uint32{uint32(len(raw))}}),
		{Body: &chainpb.Frame_Block{Block: &chainpb.CompactBlock{
			Header: make([]byte, ledger.HeaderSize), Salt: make([]byte, 8), ShortIds: make([]byte, 16), Coinbase: reward, Work: []byte{1},
		}}},
	} {
		b, err := proto.Marshal(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame chainpb.Frame
		if proto.Unmarshal(b, &frame) != nil {
			return
		}
		switch body := frame.Body.(type) {
		case *chainpb.Frame_Txs:
			fuzzBodies(t, body.Txs)
		case *chainpb.Frame_Announce:
			if ids, err := unpackHashes(body.Announce.Ids, announceIDs); err == nil && !bytes.Equal(ledger.AppendHashes(nil, ids), body.Announce.Ids) {
				t.Error("IDs are not what came")
			}
		case *chainpb.Frame_Tip:
			if tip, err := tipOf(body.Tip); err == nil {
				if again, err := tipOf(tipState(tip)); err != nil || again != tip {
					t.Errorf("%v, %v; want %v", again, err, tip)
				}
			}
		case *chainpb.Frame_Block:
			if s, err := parseSketch(body.Block, 0); err == nil && (s.tip.Hash != s.header.Hash() || 8*len(s.short) != len(body.Block.ShortIds)) {
				t.Error("the sketch is not what came")
			}
		case *chainpb.Frame_BlockTxs:
			if txs, err := appendTxs(nil, body.BlockTxs, 100); err == nil && (len(txs) == 0 || len(txs) > 100) {
				t.Errorf("%d transactions", len(txs))
			}
		}
	})
}

func fuzzBodies(t *testing.T, txs *chainpb.Txs) {
	parts, err := unpackBodies(txs.Bodies, txs.Sizes)
	if err == nil && !bytes.Equal(slices.Concat(parts...), txs.Bodies) {
		t.Error("bodies are not what came")
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add(make([]byte, 2*ledger.HeaderSize))
	f.Add(make([]byte, 81))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := unpackHeaders(b); err == nil && !bytes.Equal(packHeaders(list), b) {
			t.Error("headers are not what came")
		}
	})
}

// The outbox is bounded, remembers that it had to drop, and says so only when
// there is room again.
func TestOutbox(t *testing.T) {
	h := &Host{}
	o := newOutbox(false)
	for i := range pendingTxs {
		if !o.add(outgoing{id: ledger.Hash{byte(i), byte(i >> 8), byte(i >> 16)}}) {
			t.Fatalf("no room for number %d", i)
		}
	}
	if o.add(outgoing{}) {
		t.Error("there is no bound")
	}
	if o.takeLost() {
		t.Error("it wants all to be announced again while it is full")
	}
	sent := 0
	for f := o.frame(h); f != nil; f = o.frame(h) {
		ids, err := unpackHashes(f.GetAnnounce().Ids, announceIDs)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if want := (ledger.Hash{byte(sent), byte(sent >> 8), byte(sent >> 16)}); id != want {
				t.Fatalf("number %d is %x", sent, id[:3])
			}
			sent++
		}
	}
	if sent != pendingTxs {
		t.Errorf("%d were sent", sent)
	}
	if !o.takeLost() || o.takeLost() {
		t.Error("what was dropped is not remembered once")
	}
}

// Records last for two generations, and those of a peer that has gone lose its
// bit.
func TestKnown(t *testing.T) {
	k := newKnown(2)
	name := func(i byte) ledger.Hash { return ledger.Hash{i} }
	for i := range byte(5) {
		k.put(name(i), record{peers: 3, stage: held}, 0)
	}
	for i, want := range []bool{false, false, true, true, true} {
		if _, ok := k.get(name(byte(i))); ok != want {
			t.Errorf("%d is known: %v", i, ok)
		}
	}
	k.forget(1)
	if r, _ := k.get(name(3)); r.peers != 2 {
		t.Errorf("peers %b", r.peers)
	}
	k.put(name(9), record{}, int64(knownFor)+1)
	k.put(name(10), record{}, 2*int64(knownFor)+2)
	if _, ok := k.get(name(3)); ok {
		t.Error("a record outlasts its time")
	}
	k.drop(name(10))
	if _, ok := k.get(name(10)); ok {
		t.Error("it was dropped")
	}
}

// Orphans come out with whichever parent is first, once.
func TestOrphans(t *testing.T) {
	p := ledger.TestParams()
	w := newWallet(p)
	var txs []ledger.Tx
	for range 3 {
		raw := w.pay(1)
		tx, _, err := ledger.ParseTx(raw, len(raw))
		if err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	o := newOrphans()
	for i := range txs[1:] {
		if gone := o.add(&txs[i+1], nil, 0); len(gone) != 0 {
			t.Fatal(gone)
		}
	}
	o.add(&txs[1], nil, 0) // again
	if list := o.children(txs[0].ID()); len(list) != 1 || list[0].id != txs[1].ID() {
		t.Fatalf("%d orphans", len(list))
	}
	if list := o.children(txs[0].ID()); len(list) != 0 {
		t.Errorf("%d orphans come twice", len(list))
	}
	if o.bytes != txs[2].Size() || len(o.byID) != 1 || len(o.byParent) != 1 {
		t.Errorf("%d bytes, %d orphans, %d parents are kept", o.bytes, len(o.byID), len(o.byParent))
	}
	if gone := o.add(&txs[1], nil, int64(orphanFor)+1); len(gone) != 1 || gone[0] != txs[2].ID() {
		t.Errorf("%d have gone by age", len(gone))
	}
}

// An orphan that names a parent more than once, with another in between, is
// counted, returned and forgotten once.
func TestOrphanOfOneParentTwice(t *testing.T) {
	p := ledger.TestParams()
	key := ledger.DevKey(p.DevSeed, p.DevScheme, 1)
	spend := func(parent byte, index uint32) ledger.Spend {
		return ledger.Spend{Prev: ledger.OutPoint{TxID: ledger.Hash{parent}, Index: index}, Key: key}
	}
	raw := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{spend(1, 0), spend(2, 0), spend(1, 1)}, []ledger.Output{{Value: 1}})
	tx, _, err := ledger.ParseTx(raw, len(raw))
	if err != nil {
		t.Fatal(err)
	}
	o := newOrphans()
	o.add(&tx, nil, 0)
	if list := o.children(ledger.Hash{1}); len(list) != 1 {
		t.Errorf("%d orphans", len(list))
	}
	if o.bytes != 0 || len(o.byID) != 0 || len(o.byParent) != 0 {
		t.Errorf("%d bytes, %d orphans, %d parents are kept", o.bytes, len(o.byID), len(o.byParent))
	}
}
