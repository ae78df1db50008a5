package server

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of one message, in headers and bytes.
const (
	headersPart = 20_000
	bodyPart    = MessageBytes - 64<<10
)

// Tip names the best block.
func (s *Server) Tip(context.Context, *chainpb.TipRequest) (*chainpb.TipReply, error) {
	tip, h := s.node.Chain.Tip()
	header := h.Encode()
	return &chainpb.TipReply{Tip: toRef(tip), Header: header[:]}, nil
}

// Headers sends headers of the best chain upwards. Where the chain is
// reorganised meanwhile below what was sent, the call ends as aborted.
func (s *Server) Headers(r *chainpb.HeadersRequest, stream grpc.ServerStreamingServer[chainpb.HeadersReply]) error {
	next, left := r.From, uint64(r.Count)
	if left == 0 {
		left = 1 << 32
	}
	var last ledger.Hash
	for left > 0 {
		headers, err := s.node.Chain.Headers(next, int(min(left, headersPart)))
		if err != nil || len(headers) == 0 {
			return err
		}
		if next > r.From && headers[0].Prev != last {
			return status.Errorf(codes.Aborted, "the chain was reorganised below height %d while it was read", next)
		}
		m := &chainpb.HeadersReply{Height: next, Headers: make([]byte, 0, len(headers)*ledger.HeaderSize)}
		for i := range headers {
			b := headers[i].Encode()
			m.Headers = append(m.Headers, b[:]...)
		}
		if err := stream.Send(m); err != nil {
			return err
		}
		last = headers[len(headers)-1].Hash()
		next += uint32(len(headers))
		left -= uint64(len(headers))
	}
	return nil
}

// Block sends the encoding of one block in chunks.
func (s *Server) Block(r *chainpb.BlockRequest, stream grpc.ServerStreamingServer[chainpb.BlockChunk]) error {
	hash, err := s.which(r)
	if err != nil {
		return err
	}
	height, body, err := s.node.Chain.OpenBlock(stream.Context(), hash)
	if err != nil {
		return fmt.Errorf("block %s: %w", hash, err)
	}
	defer func() { _ = body.Close() }() // read only: nothing can be lost
	left := body.Size()
	parts := (left + bodyPart - 1) / bodyPart
	for i := range parts {
		m := &chainpb.BlockChunk{Part: uint32(i), Parts: uint32(parts), Data: make([]byte, min(left, bodyPart))}
		if i == 0 {
			m.Ref = toRef(Ref{Height: height, Hash: hash})
		}
		if _, err := io.ReadFull(body, m.Data); err != nil {
			return fmt.Errorf("block %s: %w", hash, err)
		}
		if err := stream.Send(m); err != nil {
			return err
		}
		left -= int64(len(m.Data))
	}
	return nil
}

func (s *Server) which(r *chainpb.BlockRequest) (ledger.Hash, error) {
	switch w := r.Which.(type) {
	case *chainpb.BlockRequest_Hash:
		return parseHash("hash", w.Hash)
	case *chainpb.BlockRequest_Height:
		hash, err := s.node.Chain.BlockAt(w.Height)
		if err != nil {
			return hash, fmt.Errorf("block at height %d: %w", w.Height, err)
		}
		return hash, nil
	}
	return ledger.Hash{}, invalid("which block: neither hash nor height")
}

// Transaction returns one transaction and where it is.
func (s *Server) Transaction(ctx context.Context, r *chainpb.TransactionRequest) (*chainpb.TransactionReply, error) {
	id, err := parseHash("id", r.Id)
	if err != nil {
		return nil, err
	}
	found, err := s.node.Lookup.Transaction(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", id, err)
	}
	m := &chainpb.TransactionReply{Place: chainpb.Place(found.Place), Payload: found.Payload}
	if found.Place == PlaceBlock {
		m.Block, m.Index = toRef(found.Block), uint32(found.Index)
	}
	return m, nil
}

// Locate tells where many transactions are.
func (s *Server) Locate(_ context.Context, r *chainpb.LocateRequest) (*chainpb.LocateReply, error) {
	ids, err := unpackHashes(r.Ids, hashesPart)
	if err != nil {
		return nil, err
	}
	places, err := s.node.Lookup.Locate(ids)
	if err != nil {
		return nil, err
	}
	m := &chainpb.LocateReply{Places: make([]byte, len(places))}
	for i, p := range places {
		m.Places[i] = byte(p)
	}
	return m, nil
}

// Proof shows that a transaction is in the best chain.
func (s *Server) Proof(ctx context.Context, r *chainpb.ProofRequest) (*chainpb.ProofReply, error) {
	id, err := parseHash("id", r.Id)
	if err != nil {
		return nil, err
	}
	p, err := s.node.Lookup.Proof(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("proof of %s: %w", id, err)
	}
	header := p.Header.Encode()
	return &chainpb.ProofReply{
		Block:    toRef(p.Block),
		Header:   header[:],
		Index:    p.Path.Index,
		Count:    p.Path.Count,
		Siblings: ledger.AppendHashes(nil, p.Path.Siblings),
	}, nil
}
