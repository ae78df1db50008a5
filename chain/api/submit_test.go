package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// byFirst answers each payload with the Reject that its first byte names.
func byFirst(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	answers, ids := make([]ledger.Reject, len(payloads)), make([]ledger.Hash, len(payloads))
	for i, p := range payloads {
		answers[i] = ledger.Reject(p[0])
		if answers[i] != ledger.RejectMalformed {
			ids[i] = ledger.DoubleSHA256(p)
		}
	}
	done(answers, ids)
}

func TestSubmit(t *testing.T) {
	n := newNode()
	n.submit = byFirst
	c := connect(t, n)
	for _, want := range []ledger.Reject{ledger.RejectNone, ledger.RejectMalformed, ledger.RejectDoubleSpend} {
		p := []byte{byte(want), 1, 2}
		id := ledger.DoubleSHA256(p)
		if want == ledger.RejectMalformed {
			id = ledger.Hash{}
		}
		got, gotID, err := c.Submit(t.Context(), p)
		if err != nil || got != want || gotID != id {
			t.Errorf("%s: %s, %s, %v", want, got, gotID, err)
		}
	}
	got, err := c.SubmitBatch(t.Context(), [][]byte{{0}, {4, 4, 4}, {5, 5}})
	want := []ledger.Reject{ledger.RejectNone, ledger.RejectSignature, ledger.RejectDoubleSpend}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("batch: %v, %v", got, err)
	}
}

// holder is a Submitter that answers when it is told to, in any order.
type holder struct {
	mu      sync.Mutex
	held    []func()
	most    int
	arrived chan int // how many batches are held
}

func newHolder() *holder { return &holder{arrived: make(chan int, 1000)} }

func (h *holder) submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, func() { byFirst(payloads, done) })
	h.most = max(h.most, len(h.held))
	h.arrived <- len(h.held)
}

// release answers batch i of those held.
func (h *holder) release(i int) {
	h.mu.Lock()
	f := h.held[i]
	h.held = slices.Delete(h.held, i, i+1)
	h.mu.Unlock()
	f()
}

// TestStreamOrder answers batches backwards and wants the replies forwards.
func TestStreamOrder(t *testing.T) {
	n, h := newNode(), newHolder()
	n.submit = h.submit
	s, err := connect(t, n).SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const batches = 20
	for i := range uint64(batches) {
		if err := s.Send(100+i, [][]byte{{byte(i)}, {byte(i + 1), 0}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range batches {
		<-h.arrived
	}
	for i := range batches {
		h.release(batches - 1 - i)
	}
	for i := range uint64(batches) {
		seq, answers, err := s.Recv(nil)
		if err != nil || seq != 100+i || !slices.Equal(answers, []ledger.Reject{ledger.Reject(i), ledger.Reject(i + 1)}) {
			t.Fatalf("reply %d: %d, %v, %v", i, seq, answers, err)
		}
	}
	if _, _, err := s.Recv(nil); err != io.EOF {
		t.Errorf("after the last reply: %v", err)
	}
}

// TestStreamWindow sends far more than the window while the node answers one
// at a time: it must never hold more than the window.
func TestStreamWindow(t *testing.T) {
	for name, cfg := range map[string]func(*server.Config){
		"batches":      func(c *server.Config) { c.StreamBatches = 4 },
		"transactions": func(c *server.Config) { c.BatchTxs, c.StreamTxs = 3, 12 },
	} {
		t.Run(name, func(t *testing.T) {
			n, h := newNode(), newHolder()
			n.submit = h.submit
			c := testConfig()
			cfg(&c)
			addr, _ := serve(t, c, n.server())
			s, err := dial(t, addr, client.Options{}).SubmitStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			const batches = 200
			for i := range uint64(batches) {
				if err := s.Send(i, [][]byte{{1}, {2}, {3}}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range batches {
				if i < batches-4 {
					for <-h.arrived < 4 { // as full as it gets
					}
				}
				h.release(0)
				if seq, _, err := s.Recv(nil); err != nil || seq != uint64(i) {
					t.Fatalf("reply %d: %d, %v", i, seq, err)
				}
			}
			if h.most != 4 {
				t.Errorf("the node held %d batches at once, the window is 4", h.most)
			}
		})
	}
}

// TestUnansweredBytes fills the bound over all callers and wants busy at once.
func TestUnansweredBytes(t *testing.T) {
	n, h := newNode(), newHolder()
	n.submit = h.submit
	cfg := testConfig()
	cfg.UnansweredBytes = server.MessageBytes
	addr, _ := serve(t, cfg, n.server())
	c := dial(t, addr, client.Options{})
	big := [][]byte{bytes.Repeat([]byte{0}, server.BatchBytes)}
	first := make(chan error, 1)
	go func() {
		got, err := c.SubmitBatch(t.Context(), big)
		if err == nil && got[0] != ledger.RejectNone {
			err = got[0]
		}
		first <- err
	}()
	<-h.arrived
	if got, err := c.SubmitBatch(t.Context(), big); err != nil || got[0] != ledger.RejectBusy {
		t.Fatalf("over the bound: %v, %v", got, err)
	}
	h.release(0)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	n.submit = acceptAll
	if got, err := c.SubmitBatch(t.Context(), big); err != nil || got[0] != ledger.RejectNone {
		t.Errorf("after the answer: %v, %v", got, err)
	}
}

// raw is a caller that may send what the client would not.
func raw(t *testing.T, addr string, opts ...grpc.CallOption) chainpb.ChainClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(opts...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return chainpb.NewChainClient(conn)
}

func TestBadCalls(t *testing.T) {
	n := newNode()
	n.submit = func([][]byte, func([]ledger.Reject, []ledger.Hash)) { t.Error("a bad batch reached the node") }
	addr, _ := serve(t, testConfig(), n.server())
	rpc, ctx := raw(t, addr), t.Context()
	batch := func(b *chainpb.Batch) func() error {
		return func() error { _, err := rpc.SubmitBatch(ctx, b); return err }
	}
	for _, tc := range []struct {
		name string
		call func() error
		code codes.Code
	}{
		{"empty batch", batch(&chainpb.Batch{}), codes.InvalidArgument},
		{"sizes short", batch(&chainpb.Batch{Payloads: make([]byte, 9), Sizes: []uint32{4, 4}}), codes.InvalidArgument},
		{"sizes long", batch(&chainpb.Batch{Payloads: make([]byte, 9), Sizes: []uint32{4, 6}}), codes.InvalidArgument},
		{"sizes wrap", batch(&chainpb.Batch{Payloads: make([]byte, 4), Sizes: []uint32{1 << 31, 1 << 31, 4}}), codes.InvalidArgument},
		{"too many", batch(&chainpb.Batch{Sizes: make([]uint32, 8193)}), codes.InvalidArgument},
		{"payloads too long", batch(&chainpb.Batch{Payloads: make([]byte, server.BatchBytes+1), Sizes: []uint32{server.BatchBytes + 1}}), codes.InvalidArgument},
		{"message too long", batch(&chainpb.Batch{Payloads: make([]byte, server.MessageBytes), Sizes: []uint32{server.MessageBytes}}), codes.ResourceExhausted},
		{"short id", func() error {
			_, err := rpc.Transaction(ctx, &chainpb.TransactionRequest{Id: make([]byte, 31)})
			return err
		}, codes.InvalidArgument},
		{"half an id", func() error { _, err := rpc.Locate(ctx, &chainpb.LocateRequest{Ids: make([]byte, 33)}); return err }, codes.InvalidArgument},
		{"too many ids", func() error {
			_, err := rpc.Locate(ctx, &chainpb.LocateRequest{Ids: make([]byte, 32*60_001)})
			return err
		}, codes.InvalidArgument},
		{"short key", func() error { _, err := rpc.Outputs(ctx, &chainpb.OutputsRequest{Key: make([]byte, 19)}); return err }, codes.InvalidArgument},
		{"no block named", func() error { _, err := first(rpc.Block(ctx, &chainpb.BlockRequest{})); return err }, codes.InvalidArgument},
		{"too many cursors", func() error {
			_, err := first(rpc.Follow(ctx, &chainpb.FollowRequest{From: make([]*chainpb.Ref, 1001)}))
			return err
		}, codes.InvalidArgument},
		{"short cursor", func() error {
			_, err := first(rpc.Follow(ctx, &chainpb.FollowRequest{From: []*chainpb.Ref{{Hash: []byte{1}}}}))
			return err
		}, codes.InvalidArgument},
	} {
		if err := tc.call(); status.Code(err) != tc.code {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
		}
	}
}

// first returns the first message of a stream.
func first[M any](s grpc.ServerStreamingClient[M], err error) (*M, error) {
	if err != nil {
		return nil, err
	}
	return s.Recv()
}

// TestBadBatchEndsStream answers what came before it, then says why.
func TestBadBatchEndsStream(t *testing.T) {
	addr, _ := serve(t, testConfig(), newNode().server())
	s, err := raw(t, addr).SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Send(&chainpb.Batch{Seq: 1, Payloads: []byte{0}, Sizes: []uint32{1}})
	s.Send(&chainpb.Batch{Seq: 2, Payloads: []byte{0}, Sizes: []uint32{2}})
	if m, err := s.Recv(); err != nil || m.Seq != 1 {
		t.Fatalf("the good batch: %v, %v", m, err)
	}
	if _, err := s.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the bad batch: %v", err)
	}
}

// TestWrongNumberOfAnswers is a fault of the node and must not pass for an
// answer.
func TestWrongNumberOfAnswers(t *testing.T) {
	n := newNode()
	n.submit = func(_ [][]byte, done func([]ledger.Reject, []ledger.Hash)) { done(make([]ledger.Reject, 1), nil) }
	if _, err := connect(t, n).SubmitBatch(t.Context(), [][]byte{{1}, {2}}); !errors.Is(err, client.ErrFailed) {
		t.Errorf("got %v", err)
	}
}

// TestStop ends a server with a follower and two streams open: what was read is
// answered, and everybody is told.
func TestStop(t *testing.T) {
	n, h := newNode(), newHolder()
	n.submit = h.submit
	addr, stop := serve(t, testConfig(), n.server())
	c := dial(t, addr, client.Options{})
	idle, err := c.SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	busy, err := c.SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := busy.Send(5, [][]byte{{3}}); err != nil {
		t.Fatal(err)
	}
	<-h.arrived
	ctx, cancel := context.WithCancel(t.Context())
	followed, following := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		followed <- c.Follow(ctx, client.Ref{}, func(client.Event) error { following <- struct{}{}; return nil })
	}()
	<-following
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	if _, _, err := idle.Recv(nil); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("the idle stream: %v", err)
	}
	h.release(0) // only now: the server is stopping and waits for it
	if seq, answers, err := busy.Recv(nil); err != nil || seq != 5 || answers[0] != ledger.RejectTooLarge {
		t.Errorf("the busy stream: %d, %v, %v", seq, answers, err)
	}
	<-stopped
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower, which would go on after a restart: %v", err)
	}
}
