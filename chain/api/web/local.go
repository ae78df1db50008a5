package web

import (
	"context"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// stream is the caller's end of a streaming call without a connection: what the
// method sends goes to a function, in the caller's goroutine, so that nothing
// is queued. The method needs nothing but context and Send.
type stream[T any] struct {
	grpc.ServerStream
	ctx  context.Context
	send func(*T) error
}

func (s stream[T]) Context() context.Context { return s.ctx }
func (s stream[T]) Send(m *T) error          { return s.send(m) }

// headers returns at most n headers of the best chain from a height upwards.
func (s *Server) headers(ctx context.Context, from, n uint32) ([]ledger.Header, error) {
	var list []ledger.Header
	err := s.chain.Headers(&chainpb.HeadersRequest{From: from, Count: n}, stream[chainpb.HeadersReply]{ctx: ctx,
		send: func(m *chainpb.HeadersReply) error {
			for b := m.Headers; len(b) > 0; b = b[ledger.HeaderSize:] {
				h, err := ledger.ParseHeader(b)
				if err != nil {
					return err
				}
				list = append(list, h)
			}
			return nil
		}})
	return list, err
}

// block returns a whole block, by hash or height, and where it is.
func (s *Server) block(ctx context.Context, which *chainpb.BlockRequest) (at *chainpb.Ref, body []byte, err error) {
	err = s.chain.Block(which, stream[chainpb.BlockChunk]{ctx: ctx, send: func(m *chainpb.BlockChunk) error {
		if m.Part == 0 {
			at = m.Ref
		}
		body = append(body, m.Data...)
		return nil
	}})
	return at, body, err
}
