package api_test

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
)

// TestSilentConnections takes every place with connections that say nothing;
// the server drops them, and an honest caller gets in.
func TestSilentConnections(t *testing.T) {
	cfg := testConfig()
	cfg.MaxConnections, cfg.ConnectTimeout = 3, 50*time.Millisecond
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

// TestJunk sends what is not HTTP/2 and wants to be cut off.
func TestJunk(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = 100 * time.Millisecond
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

// TestRapidResets opens calls and cancels them at once, thousands of times
// (CVE-2023-44487), while an honest caller goes on.
func TestRapidResets(t *testing.T) {
	n := newNode()
	addr, _ := serve(t, testConfig(), n.server())
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
}

// TestStuckReaders leave every answer unread on many streams; an honest stream
// goes on, and the node is never kept from answering.
func TestStuckReaders(t *testing.T) {
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
