package p2p

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

const hashBytes = len(ledger.Hash{})

// errWire is wrapped by errors about messages that break the format: their
// sender is at fault.
var errWire = errors.New("breaks the format")

func broken(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errWire)
}

// unpackBodies splits bodies that lie back to back. The parts alias b. Nothing
// is allocated before the sizes are known to add up, none of them zero, so that
// there are not more of them than bytes.
func unpackBodies(b []byte, sizes []uint32) ([][]byte, error) {
	if i := slices.Index(sizes, 0); i >= 0 {
		return nil, broken("body %d is empty", i)
	}
	parts, err := ledger.Cut(b, sizes)
	if err != nil {
		return nil, broken("the sizes do not add up to the %d bytes of bodies", len(b))
	}
	return parts, nil
}

// unpackHashes splits a packed list, which it copies.
func unpackHashes(b []byte, most int) ([]ledger.Hash, error) {
	list, err := ledger.ParseHashes(b, most)
	if err != nil {
		return nil, broken("%d bytes of hashes are not a multiple of %d up to %d", len(b), hashBytes, most*hashBytes)
	}
	return list, nil
}

func unpackHeaders(b []byte) ([]ledger.Header, error) {
	if len(b)%ledger.HeaderSize != 0 || len(b) > headersAtOnce*ledger.HeaderSize {
		return nil, broken("%d bytes of headers are not a multiple of %d up to %d", len(b), ledger.HeaderSize, headersAtOnce*ledger.HeaderSize)
	}
	list := make([]ledger.Header, len(b)/ledger.HeaderSize)
	for i := range list {
		h, err := ledger.ParseHeader(b[i*ledger.HeaderSize:])
		if err != nil {
			return nil, broken("header %d", i)
		}
		list[i] = h
	}
	return list, nil
}

func packHeaders(list []ledger.Header) []byte {
	b := make([]byte, 0, len(list)*ledger.HeaderSize)
	for i := range list {
		e := list[i].Encode()
		b = append(b, e[:]...)
	}
	return b
}

func tipOf(t *chainpb.TipState) (Tip, error) {
	if t == nil || len(t.Hash) != hashBytes || len(t.Work) > len(Work{}) {
		return Tip{}, broken("tip")
	}
	tip := Tip{Height: t.Height, Hash: ledger.Hash(t.Hash)}
	copy(tip.Work[len(tip.Work)-len(t.Work):], t.Work)
	return tip, nil
}

func tipState(t Tip) *chainpb.TipState {
	return &chainpb.TipState{Height: t.Height, Hash: t.Hash[:], Work: t.Work[:]}
}

func idOf(b []byte) (ID, error) {
	if len(b) != len(ID{}) || ID(b) == (ID{}) {
		return ID{}, broken("ID of %d bytes", len(b))
	}
	return ID(b), nil
}

// Frames of each kind.
func frameTip(t Tip) *chainpb.Frame {
	return &chainpb.Frame{Body: &chainpb.Frame_Tip{Tip: tipState(t)}}
}

func frameWant(ids []ledger.Hash) *chainpb.Frame {
	return &chainpb.Frame{Body: &chainpb.Frame_WantTxs{WantTxs: &chainpb.WantTxs{Ids: ledger.AppendHashes(nil, ids)}}}
}

func frameTxs(t *chainpb.Txs) *chainpb.Frame { return &chainpb.Frame{Body: &chainpb.Frame_Txs{Txs: t}} }

func frameBlockTxs(t *chainpb.BlockTxs) *chainpb.Frame {
	return &chainpb.Frame{Body: &chainpb.Frame_BlockTxs{BlockTxs: t}}
}

// kindOf names a frame in metrics.
func kindOf(f *chainpb.Frame) string {
	switch f.Body.(type) {
	case *chainpb.Frame_Hello:
		return "hello"
	case *chainpb.Frame_Ping:
		return "ping"
	case *chainpb.Frame_Pong:
		return "pong"
	case *chainpb.Frame_Tip:
		return "tip"
	case *chainpb.Frame_Announce:
		return "announce"
	case *chainpb.Frame_WantTxs:
		return "want_txs"
	case *chainpb.Frame_Txs:
		return "txs"
	case *chainpb.Frame_Block:
		return "block"
	case *chainpb.Frame_WantBlockTxs:
		return "want_block_txs"
	case *chainpb.Frame_BlockTxs:
		return "block_txs"
	}
	return "unknown"
}
