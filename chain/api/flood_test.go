package api_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// TestReliability10SilentConnections takes every place with connections that say nothing;
// the server drops them, and an honest caller gets in.
func TestReliability10SilentConnections(t *testing.T) {
	cfg := testConfig()
	cfg.MaxConnections, cfg.ConnectTimeout = 3, time.Second
	addr, _ := serve(t, cfg, newNode().server())
	for range cfg.MaxConnections {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if _, err := dial(t, addr, client.Options{}).Info(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestReliability10Junk sends what is not HTTP/2 and wants to be cut off.
func TestReliability10Junk(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = time.Second
	addr, _ := serve(t, cfg, newNode().server())
	for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", string(make([]byte, 100_000)), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + string(make([]byte, 9000))} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(conn, junk)
		if _, err := io.Copy(io.Discard, conn); err == nil { // else it was reset, which is as good
			conn.Close()
		}
	}
	if _, err := dial(t, addr, client.Options{}).Info(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestReliability10RapidResets opens calls and cancels them at once, thousands of times
// (CVE-2023-44487), while an honest caller goes on.
func TestReliability10RapidResets(t *testing.T) {
	n := newNode()
	var closed atomic.Int32
	cfg := testConfig()
	cfg.Events.Closed = func() { closed.Add(1) }
	addr, _ := serve(t, cfg, n.server())
	hostile := raw(t, addr)
	honest := dial(t, addr, client.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3000 {
			ctx, cancel := context.WithCancel(t.Context())
			hostile.Follow(ctx, &chainpb.FollowRequest{})
			cancel()
		}
	}()
	for open := true; open; {
		if _, err := honest.SubmitBatch(t.Context(), [][]byte{{1}}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			open = false
		default:
		}
	}
	if closed.Load() == 0 {
		t.Error("the hostile connection was never ended")
	}
}

// TestReliability10JunkBatches answers junk as what it is, and ends the
// connection of whoever sends nothing else. Wrong transactions are another
// matter: load tests send them on purpose.
func TestReliability10JunkBatches(t *testing.T) {
	for kind, ends := range map[ledger.Reject]bool{
		ledger.RejectMalformed: true, ledger.RejectTooLarge: true, ledger.RejectSignature: false, ledger.RejectDoubleSpend: false, ledger.RejectBusy: false,
	} {
		n := newNode()
		n.submit = byFirst
		cfg := testConfig()
		cfg.MaxStreams, cfg.Futile, cfg.FutilePerS = 1, 20, 1
		addr, _ := serve(t, cfg, n.server())
		c := dial(t, addr, client.Options{})
		var err error
		for i := 0; i < 1000 && err == nil; i++ {
			_, err = c.SubmitBatch(t.Context(), slices.Repeat([][]byte{{byte(kind)}}, 10))
		}
		if ends != errors.Is(err, client.ErrUnreachable) || !ends && err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
}

// TestReliability10OneConnection holds what one connection may have unanswered,
// over all its streams and calls; others are answered meanwhile.
func TestReliability10OneConnection(t *testing.T) {
	n := newNode()
	held := make(chan func(), 100)
	n.submit = func(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
		if payloads[0][0] == 9 {
			held <- func() { acceptAll(payloads, done) }
			return
		}
		acceptAll(payloads, done)
	}
	cfg := testConfig()
	cfg.ConnectionTxs = 100
	addr, _ := serve(t, cfg, n.server())
	greedy, other := dial(t, addr, client.Options{}), dial(t, addr, client.Options{})
	s, err := greedy.SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(1, slices.Repeat([][]byte{{9}}, 90)); err != nil {
		t.Fatal(err)
	}
	release := <-held
	ask := func(c *client.Client, txs int) ledger.Reject {
		t.Helper()
		answers, err := c.SubmitBatch(t.Context(), slices.Repeat([][]byte{{1}}, txs))
		if err != nil {
			t.Fatal(err)
		}
		return answers[0]
	}
	if a := ask(greedy, 11); a != ledger.RejectBusy {
		t.Errorf("past the bound: %v", a)
	}
	if a := ask(greedy, 10); a != ledger.RejectNone {
		t.Errorf("up to the bound: %v", a)
	}
	if a := ask(other, 100); a != ledger.RejectNone {
		t.Errorf("another connection: %v", a)
	}
	release()
	if _, _, err := s.Recv(nil); err != nil {
		t.Fatal(err)
	}
	if a := ask(greedy, 100); a != ledger.RejectNone {
		t.Errorf("when all is answered: %v", a)
	}
}

// TestReliability10StuckReaders leave every answer unread on many streams; an honest stream
// goes on, and the node is never kept from answering.
func TestReliability10StuckReaders(t *testing.T) {
	n := newNode()
	addr, _ := serve(t, testConfig(), n.server())
	batch := &chainpb.Batch{Payloads: make([]byte, 8000), Sizes: slices.Repeat([]uint32{1}, 8000)}
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stuck, err := raw(t, addr).SubmitStream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for stuck.Send(batch) == nil {
			}
			if ctx.Err() == nil {
				t.Error("the server ended a stream whose answers were not read")
			}
		}()
	}
	s, err := dial(t, addr, client.Options{}).SubmitStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(200) {
		if err := s.Send(i, [][]byte{{1}, {2}}); err != nil {
			t.Fatal(err)
		}
		if seq, _, err := s.Recv(nil); err != nil || seq != i {
			t.Fatalf("%d: %v", seq, err)
		}
	}
}
