package api_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// liar answers calls with whatever a test gives it.
type liar struct {
	chainpb.UnimplementedChainServer
	info    *chainpb.InfoReply
	submit  *chainpb.SubmitReply
	batch   *chainpb.BatchReply
	follow  []*chainpb.FollowReply
	headers []*chainpb.HeadersReply
	chunks  []*chainpb.BlockChunk
	locate  *chainpb.LocateReply
	proof   *chainpb.ProofReply
	tip     *chainpb.TipReply
}

func (l *liar) Info(context.Context, *chainpb.InfoRequest) (*chainpb.InfoReply, error) {
	return l.info, nil
}
func (l *liar) Submit(context.Context, *chainpb.SubmitRequest) (*chainpb.SubmitReply, error) {
	return l.submit, nil
}
func (l *liar) SubmitBatch(context.Context, *chainpb.Batch) (*chainpb.BatchReply, error) {
	return l.batch, nil
}
func (l *liar) Locate(context.Context, *chainpb.LocateRequest) (*chainpb.LocateReply, error) {
	return l.locate, nil
}
func (l *liar) Proof(context.Context, *chainpb.ProofRequest) (*chainpb.ProofReply, error) {
	return l.proof, nil
}
func (l *liar) Tip(context.Context, *chainpb.TipRequest) (*chainpb.TipReply, error) {
	return l.tip, nil
}

func (l *liar) Follow(_ *chainpb.FollowRequest, s grpc.ServerStreamingServer[chainpb.FollowReply]) error {
	return sendAll(s, l.follow)
}

func (l *liar) Headers(_ *chainpb.HeadersRequest, s grpc.ServerStreamingServer[chainpb.HeadersReply]) error {
	return sendAll(s, l.headers)
}

func (l *liar) Block(_ *chainpb.BlockRequest, s grpc.ServerStreamingServer[chainpb.BlockChunk]) error {
	return sendAll(s, l.chunks)
}

func sendAll[M any](s grpc.ServerStreamingServer[M], list []*M) error {
	for _, m := range list {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func lie(t *testing.T, l *liar) *client.Client {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	chainpb.RegisterChainServer(s, l)
	go s.Serve(listen)
	t.Cleanup(s.Stop)
	return dial(t, listen.Addr().String(), client.Options{})
}

// TestBrokenReplies wants every reply that breaks the protocol to be refused
// as such, whatever it claims, and nothing of it to be passed on.
func TestBrokenReplies(t *testing.T) {
	header := ledger.Header{Nonce: 1}
	raw := header.Encode()
	hash := header.Hash()
	ref := &chainpb.Ref{Hash: hash[:]}
	start := &chainpb.FollowReply{Start: &chainpb.Ref{}}
	head := func(change func(*chainpb.BlockPart)) []*chainpb.FollowReply {
		p := &chainpb.BlockPart{Parts: 1, Ids: make([]byte, 32), Head: &chainpb.BlockHead{Ref: ref, Header: raw[:], Txs: 1}}
		change(p)
		return []*chainpb.FollowReply{start, {Block: p}}
	}
	for name, l := range map[string]*liar{
		"info: nothing":            {info: &chainpb.InfoReply{}},
		"submit: answer over 255":  {submit: &chainpb.SubmitReply{Answer: 256}},
		"submit: half an id":       {submit: &chainpb.SubmitReply{Id: make([]byte, 16)}},
		"batch: too few answers":   {batch: &chainpb.BatchReply{}},
		"locate: too few places":   {locate: &chainpb.LocateReply{}},
		"proof: nothing":           {proof: &chainpb.ProofReply{}},
		"proof: another header":    {proof: &chainpb.ProofReply{Block: &chainpb.Ref{Hash: make([]byte, 32)}, Header: raw[:]}},
		"tip: another header":      {tip: &chainpb.TipReply{Tip: &chainpb.Ref{Hash: make([]byte, 32)}, Header: raw[:]}},
		"headers: half a header":   {headers: []*chainpb.HeadersReply{{Headers: raw[:40]}}},
		"headers: a gap":           {headers: []*chainpb.HeadersReply{{Headers: raw[:]}, {Height: 2, Headers: raw[:]}}},
		"block: nothing":           {chunks: []*chainpb.BlockChunk{}},
		"block: a gap":             {chunks: []*chainpb.BlockChunk{{Part: 1, Ref: ref}}},
		"block: another one":       {chunks: []*chainpb.BlockChunk{{Ref: &chainpb.Ref{Hash: make([]byte, 32)}, Data: append(raw[:], 0, 0, 0, 0)}}},
		"follow: another start":    {follow: []*chainpb.FollowReply{{Start: ref}}},
		"follow: an empty step":    {follow: []*chainpb.FollowReply{start, {}}},
		"follow: revert of a hash": {follow: []*chainpb.FollowReply{start, {Revert: []*chainpb.Ref{{Hash: []byte{1}}}}}},
		"follow: no head":          {follow: head(func(p *chainpb.BlockPart) { p.Head = nil })},
		"follow: no parts":         {follow: head(func(p *chainpb.BlockPart) { p.Parts = 0 })},
		"follow: second part only": {follow: head(func(p *chainpb.BlockPart) { p.Part = 1 })},
		"follow: other height":     {follow: head(func(p *chainpb.BlockPart) { p.Height = 5 })},
		"follow: too many txs":     {follow: head(func(p *chainpb.BlockPart) { p.Head.Txs = ledger.MaxBlockTxs + 1 })},
		"follow: ids missing":      {follow: head(func(p *chainpb.BlockPart) { p.Ids = nil })},
		"follow: ids to spare":     {follow: head(func(p *chainpb.BlockPart) { p.Ids = make([]byte, 64) })},
		"follow: half an id":       {follow: head(func(p *chainpb.BlockPart) { p.Ids = make([]byte, 40) })},
		"follow: other header":     {follow: head(func(p *chainpb.BlockPart) { p.Head.Header = make([]byte, 80) })},
		"follow: long header":      {follow: head(func(p *chainpb.BlockPart) { p.Head.Header = append(raw[:], 0) })},
		"follow: a gap": {follow: append(head(func(*chainpb.BlockPart) {}),
			&chainpb.FollowReply{Block: &chainpb.BlockPart{Parts: 1, Height: 2, Head: &chainpb.BlockHead{Ref: &chainpb.Ref{Height: 2, Hash: hash[:]}, Header: raw[:]}}})},
		"follow: revert of another": {follow: append(head(func(*chainpb.BlockPart) {}),
			&chainpb.FollowReply{Revert: []*chainpb.Ref{{Hash: make([]byte, 32)}}})},
	} {
		if err := callAs(t, lie(t, l), l); !errors.Is(err, client.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// callAs makes the call to which the liar has an answer.
func callAs(t *testing.T, c *client.Client, l *liar) (err error) {
	ctx := t.Context()
	switch {
	case l.info != nil:
		_, err = c.Info(ctx)
	case l.submit != nil:
		_, _, err = c.Submit(ctx, []byte{1})
	case l.batch != nil:
		_, err = c.SubmitBatch(ctx, [][]byte{{1}})
	case l.locate != nil:
		_, err = c.Locate(ctx, make([]ledger.Hash, 1))
	case l.proof != nil:
		_, err = c.Proof(ctx, ledger.Hash{})
	case l.tip != nil:
		_, _, err = c.Tip(ctx)
	case l.headers != nil:
		err = c.Headers(ctx, 0, 0, func(uint32, ledger.Header) error { return nil })
	case l.chunks != nil:
		_, err = c.BlockAt(ctx, 0)
	default:
		err = c.Follow(ctx, client.Ref{}, func(e client.Event) error {
			if len(l.follow) < 3 {
				t.Errorf("passed on: %+v", e)
			}
			return nil
		})
	}
	return err
}
