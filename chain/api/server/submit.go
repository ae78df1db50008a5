package server

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// pending is one batch under way. The node fills in the answers and closes
// ready; nobody else touches them before.
type pending struct {
	seq     uint64
	txs     int
	ready   chan struct{}
	answers []ledger.Reject
	ids     []ledger.Hash
}

var errAnswers = errors.New("the node did not answer every transaction of a batch")

// offer hands payloads to the node. Past the bound on all unanswered payloads
// the answer is busy, at once.
func (s *Server) offer(seq uint64, payloads [][]byte) *pending {
	p := &pending{seq: seq, txs: len(payloads), ready: make(chan struct{})}
	size := int64(0)
	for _, b := range payloads {
		size += int64(len(b))
	}
	if s.unanswered.Add(size) > s.cfg.UnansweredBytes {
		s.unanswered.Add(-size)
		p.answers = make([]ledger.Reject, len(payloads))
		for i := range p.answers {
			p.answers[i] = ledger.RejectBusy
		}
		close(p.ready)
		return p
	}
	s.node.Submitter.Submit(payloads, func(answers []ledger.Reject, ids []ledger.Hash) {
		s.unanswered.Add(-size)
		p.answers, p.ids = answers, ids
		close(p.ready)
	})
	return p
}

// wait returns when the node has answered.
func (p *pending) wait(ctx context.Context) error {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if len(p.answers) != p.txs {
		return errAnswers
	}
	return nil
}

// Submit offers one transaction.
func (s *Server) Submit(ctx context.Context, r *chainpb.SubmitRequest) (*chainpb.SubmitReply, error) {
	p := s.offer(0, [][]byte{r.Payload})
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	reply := &chainpb.SubmitReply{Answer: uint32(p.answers[0])}
	if len(p.ids) == 1 && !p.ids[0].IsZero() {
		reply.Id = p.ids[0][:]
	}
	return reply, nil
}

// SubmitBatch offers a batch.
func (s *Server) SubmitBatch(ctx context.Context, b *chainpb.Batch) (*chainpb.BatchReply, error) {
	payloads, err := unpack(b.Payloads, b.Sizes, s.cfg.BatchTxs)
	if err != nil {
		return nil, err
	}
	p := s.offer(b.Seq, payloads)
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	return p.reply(), nil
}

func (p *pending) reply() *chainpb.BatchReply {
	return &chainpb.BatchReply{Seq: p.seq, Answers: packAnswers(p.answers)}
}

type batchStream = grpc.BidiStreamingServer[chainpb.Batch, chainpb.BatchReply]

// SubmitStream reads batches in one goroutine and answers them in this one, in
// order. The window between the two is the stream's only queue: an unread
// answer keeps its place in it, so that a sender that does not read is not
// read from.
func (s *Server) SubmitStream(stream batchStream) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	in := &submitting{
		server: s,
		stream: stream,
		window: newWindow(s.cfg.StreamBatches, s.cfg.StreamTxs),
		queue:  make(chan *pending, s.cfg.StreamBatches),
	}
	read := make(chan error, 1)
	s.readers.Go(func() { read <- in.read(ctx) })
	for {
		select {
		case p, ok := <-in.queue:
			if !ok {
				return <-read
			}
			if err := in.answer(ctx, p); err != nil {
				return err
			}
		case <-s.stopping.Done():
			return in.drain(ctx)
		}
	}
}

// submitting is one stream under way.
type submitting struct {
	server *Server
	stream batchStream
	window *window
	queue  chan *pending // in order of arrival; as long as the window, so it never blocks
}

// read takes batches until the sender is done, then closes the queue.
func (in *submitting) read(ctx context.Context) error {
	defer close(in.queue)
	for {
		b, err := in.stream.Recv()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		payloads, err := unpack(b.Payloads, b.Sizes, in.server.cfg.BatchTxs)
		if err != nil {
			return err
		}
		if !in.window.acquire(ctx, len(payloads)) {
			return ctx.Err()
		}
		in.queue <- in.server.offer(b.Seq, payloads)
	}
}

func (in *submitting) answer(ctx context.Context, p *pending) error {
	if err := p.wait(ctx); err != nil {
		return err
	}
	if err := in.stream.Send(p.reply()); err != nil {
		return err
	}
	in.window.release(p.txs)
	return nil
}

// drain answers what has been read when the server stops. What is read after
// that is lost with the stream, which the sender sees as unanswered.
func (in *submitting) drain(ctx context.Context) error {
	for {
		select {
		case p, ok := <-in.queue:
			if !ok {
				return errStopping
			}
			if err := in.answer(ctx, p); err != nil {
				return err
			}
		default:
			return errStopping
		}
	}
}
