package client

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// FuzzFollow feeds a follower with two arbitrary messages. Whatever they say,
// events name consistent blocks only.
func FuzzFollow(f *testing.F) {
	header := ledger.Header{Nonce: 1}
	raw, hash := header.Encode(), header.Hash()
	ref := &chainpb.Ref{Hash: hash[:]}
	encode := func(m *chainpb.FollowReply) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	block := encode(&chainpb.FollowReply{Block: &chainpb.BlockPart{
		Parts: 1, Ids: make([]byte, 32), Head: &chainpb.BlockHead{Ref: ref, Header: raw[:], Txs: 1},
	}})
	part := encode(&chainpb.FollowReply{Block: &chainpb.BlockPart{
		Parts: 2, Ids: make([]byte, 32), Head: &chainpb.BlockHead{Ref: ref, Header: raw[:], Txs: 2},
	}})
	rest := encode(&chainpb.FollowReply{Block: &chainpb.BlockPart{Part: 1, Parts: 2, Ids: make([]byte, 32)}})
	revert := encode(&chainpb.FollowReply{Revert: []*chainpb.Ref{ref}})
	f.Add(block, revert)
	f.Add(part, rest)
	f.Add(revert, block)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		fo := &follower{client: &Client{target: "t"}, fn: func(e Event) error { return checkEvent(t, e) }}
		for _, b := range [][]byte{one, two} {
			var m chainpb.FollowReply
			if proto.Unmarshal(b, &m) != nil {
				continue
			}
			if err := fo.take(&m); err != nil && !errors.Is(err, ErrProtocol) {
				t.Fatalf("an error of another kind: %v", err)
			}
		}
	})
}

func checkEvent(t *testing.T, e Event) error {
	if (e.Block == nil) == (len(e.Revert) == 0) {
		t.Fatal("an event with neither or both")
	}
	if e.Block != nil && e.Block.Header.Hash() != e.Block.Hash {
		t.Fatal("a block whose header is another's")
	}
	return nil
}
