package server

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/guard"
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

func newPending(seq uint64, txs int) *pending {
	return &pending{seq: seq, txs: txs, ready: make(chan struct{})}
}

// offer hands payloads to the node, whose answers p takes. Past the bounds on
// all unanswered payloads, and on those of the caller's connection, the answer
// is busy, at once: no connection can fill the node's queue alone.
func (s *Server) offer(ctx context.Context, p *pending, payloads [][]byte) {
	size := int64(0)
	for _, b := range payloads {
		size += int64(len(b))
	}
	from := guard.Of(ctx)
	if from == nil {
		from = &s.others
	}
	if !s.admit(from, size, int64(p.txs)) {
		p.answers = make([]ledger.Reject, len(payloads))
		for i := range p.answers {
			p.answers[i] = ledger.RejectBusy
		}
		close(p.ready)
		return
	}
	s.node.Submitter.Submit(payloads, func(answers []ledger.Reject, ids []ledger.Hash) {
		s.unanswered.Add(-size)
		from.Release(int64(p.txs))
		p.answers, p.ids = answers, ids
		close(p.ready)
	})
}

// admit counts a batch in, if there is room for it.
func (s *Server) admit(from *guard.Conn, size, txs int64) bool {
	if !from.Hold(txs, int64(s.cfg.ConnectionTxs)) {
		return false
	}
	if s.unanswered.Add(size) > s.cfg.UnansweredBytes {
		s.unanswered.Add(-size)
		from.Release(txs)
		return false
	}
	return true
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
	judge(ctx, p.answers)
	return nil
}

// Submit offers one transaction.
func (s *Server) Submit(ctx context.Context, r *chainpb.SubmitRequest) (*chainpb.SubmitReply, error) {
	p := newPending(0, 1)
	s.offer(ctx, p, [][]byte{r.Payload})
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
	p := newPending(b.Seq, len(payloads))
	s.offer(ctx, p, payloads)
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
		p := newPending(b.Seq, len(payloads))
		in.queue <- p // before the node has it, or drain could miss it
		in.server.offer(ctx, p, payloads)
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
