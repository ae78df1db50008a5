package client

import (
	"context"
	"io"
	"math"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Submit offers one transaction and returns the answer. The ID is zero where
// the payload does not decode.
func (c *Client) Submit(ctx context.Context, payload []byte) (ledger.Reject, ledger.Hash, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Submit(ctx, &chainpb.SubmitRequest{Payload: payload})
	if err != nil {
		return 0, ledger.Hash{}, c.fail(err)
	}
	if m.Answer > math.MaxUint8 {
		return 0, ledger.Hash{}, c.broken("answer %d", m.Answer)
	}
	var id ledger.Hash
	if len(m.Id) > 0 {
		id, err = c.hash("id", m.Id)
	}
	return ledger.Reject(m.Answer), id, err
}

// SubmitBatch offers transactions together and returns an answer for each. The
// batch must be within Info.Limits.
func (c *Client) SubmitBatch(ctx context.Context, payloads [][]byte) ([]ledger.Reject, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	var b chainpb.Batch
	pack(&b, payloads)
	m, err := c.rpc.SubmitBatch(ctx, &b)
	if err != nil {
		return nil, c.fail(err)
	}
	if len(m.Answers) != len(payloads) {
		return nil, c.broken("%d answers to %d transactions", len(m.Answers), len(payloads))
	}
	return unpackAnswers(nil, m.Answers), nil
}

// SubmitStream is an ordered stream of batches. Send belongs to one goroutine,
// Recv to one, which may be another. It ends with its context.
type SubmitStream struct {
	client *Client
	stream grpc.BidiStreamingClient[chainpb.Batch, chainpb.BatchReply]
	batch  chainpb.Batch // reused by Send, which has encoded it when it returns
}

// SubmitStream opens a stream. It waits for a connection; ctx bounds the whole
// stream.
func (c *Client) SubmitStream(ctx context.Context) (*SubmitStream, error) {
	stream, err := c.rpc.SubmitStream(ctx)
	if err != nil {
		return nil, c.fail(err)
	}
	return &SubmitStream{client: c, stream: stream}, nil
}

// Send sends one batch, within Info.Limits, under a number of the caller's
// that comes back with the answers. It blocks while the node does not read and
// keeps none of the payloads. After an error the batch may have arrived; Recv
// tells why the stream broke.
func (s *SubmitStream) Send(seq uint64, payloads [][]byte) error {
	s.batch.Seq = seq
	pack(&s.batch, payloads)
	return s.client.fail(s.stream.Send(&s.batch))
}

// Recv returns the answers to the next batch, in the order of sending,
// appended to dst. The error is io.EOF after CloseSend and the last answer.
func (s *SubmitStream) Recv(dst []ledger.Reject) (seq uint64, answers []ledger.Reject, err error) {
	m, err := s.stream.Recv()
	if err == io.EOF {
		return 0, nil, err
	} else if err != nil {
		return 0, nil, s.client.fail(err)
	}
	return m.Seq, unpackAnswers(dst, m.Answers), nil
}

// CloseSend says that no batch will follow.
func (s *SubmitStream) CloseSend() error { return s.client.fail(s.stream.CloseSend()) }

func pack(b *chainpb.Batch, payloads [][]byte) {
	b.Payloads, b.Sizes = b.Payloads[:0], b.Sizes[:0]
	for _, p := range payloads {
		b.Payloads = append(b.Payloads, p...)
		b.Sizes = append(b.Sizes, uint32(len(p)))
	}
}

func unpackAnswers(dst []ledger.Reject, b []byte) []ledger.Reject {
	for _, a := range b {
		dst = append(dst, ledger.Reject(a))
	}
	return dst
}
