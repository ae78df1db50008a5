package p2p

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// bodyOf reads the encoding of a node's block.
func (n *testNode) bodyOf(hash ledger.Hash) []byte {
	n.t.Helper()
	body, err := n.host.node.Chain.OpenBlock(hash)
	if err != nil {
		n.t.Fatal(err)
	}
	defer body.Close()
	b := make([]byte, body.Size())
	if _, err := body.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		n.t.Fatal(err)
	}
	return b
}

// relayed makes a stranger that has what another node has, and answers with
// blocks as it is told.
func relayed(s *stranger, source *testNode, blocks func(*chainpb.BlocksWanted, grpc.ServerStreamingServer[chainpb.SyncPart]) error) {
	s.tip = source.host.node.Chain.Tip()
	s.serve(func(r *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
		if r.Headers != nil {
			return source.host.sendHeaders(r.Headers, stream)
		}
		return blocks(r.Blocks, stream)
	})
}

// A stream that breaks within a block is resumed there, not begun anew.
func TestSyncResumes(t *testing.T) {
	source, victim := startNode(t, options{}), startNode(t, options{})
	source.mustSubmit(newWallet(source.Params()).rounds(2, 50))
	source.seal(3)
	s := newStranger(t, victim)
	var calls atomic.Int64
	const half = 5000
	relayed(s, source, func(w *chainpb.BlocksWanted, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
		if calls.Add(1) > 1 {
			if w.Index != 0 || w.Offset != half || len(w.Hashes) != 3*hashBytes {
				t.Errorf("resumed at %d of block %d of %d bytes of hashes", w.Offset, w.Index, len(w.Hashes))
			}
			return source.host.sendBlocks(w, stream)
		}
		body := source.bodyOf(ledger.Hash(w.Hashes[:hashBytes]))
		if err := stream.Send(&chainpb.SyncPart{Size: uint32(len(body)), Data: body[:half]}); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "a broken connection")
	})
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	converged(t, source, victim)
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

// What is idempotent is tried again where the other end could not answer, and
// counts against nobody.
func TestSyncRetries(t *testing.T) {
	source, victim := startNode(t, options{}), startNode(t, options{})
	source.seal(2)
	s := newStranger(t, victim)
	var calls atomic.Int64
	relayed(s, source, func(w *chainpb.BlocksWanted, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
		if calls.Add(1) == 1 {
			return status.Error(codes.Unavailable, "too many peers are being served")
		}
		return source.host.sendBlocks(w, stream)
	})
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	converged(t, source, victim)
	p := victim.host.snapshot()[0]
	p.mu.Lock()
	defer p.mu.Unlock()
	if calls.Load() != 2 || !p.rest.IsZero() || victim.host.bans.of(p.name()) != 0 {
		t.Errorf("%d calls; the peer rests until %v", calls.Load(), p.rest)
	}
}

// A cursor says where to begin: in which block and how far into it.
func TestSyncFromCursor(t *testing.T) {
	n := startNode(t, options{})
	n.mustSubmit(newWallet(n.Params()).rounds(1, 50))
	n.seal(2)
	tip, header := n.Node.Tip()
	hashes := append(header.Prev[:], tip.Hash[:]...)
	want := n.bodyOf(tip.Hash)
	rpc := chainpb.NewNodeServiceClient(newStranger(t, n).conn)
	read := func(w *chainpb.BlocksWanted) (got []byte, err error) {
		stream, err := rpc.SyncData(t.Context(), &chainpb.SyncRequest{Blocks: w})
		for err == nil {
			var part *chainpb.SyncPart
			if part, err = stream.Recv(); err == nil {
				if int(part.Offset) != int(w.Offset)+len(got) || part.Index != 1 || int(part.Size) != len(want) {
					t.Errorf("part %d of block %d, of %d bytes", part.Offset, part.Index, part.Size)
				}
				got = append(got, part.Data...)
			}
		}
		if err == io.EOF {
			err = nil
		}
		return got, err
	}
	for _, from := range []int{0, 1, len(want) / 2, len(want) - 1} {
		got, err := read(&chainpb.BlocksWanted{Hashes: hashes, Index: 1, Offset: uint32(from)})
		if err != nil || !bytes.Equal(got, want[from:]) {
			t.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
	for _, w := range []*chainpb.BlocksWanted{
		{Hashes: hashes, Index: 1, Offset: uint32(len(want))},
		{Hashes: hashes, Index: 3},
		{Hashes: hashes[:40]},
	} {
		if _, err := read(w); status.Code(err) != codes.InvalidArgument {
			t.Errorf("a cursor at %d of block %d of %d bytes of hashes: %v", w.Offset, w.Index, len(w.Hashes), err)
		}
	}
}
