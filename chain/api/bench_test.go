package api_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// BenchmarkSubmit compares ways to submit over loopback to a node that accepts
// at once: what is left is the cost of the wire, for both ends on one machine.
func BenchmarkSubmit(b *testing.B) {
	const size = 199 // one input, two outputs
	c := connect(b, newNode())
	b.Run("unary", func(b *testing.B) {
		payload := make([]byte, size)
		for b.Loop() {
			if _, _, err := c.Submit(b.Context(), payload); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
	})
	for _, batch := range []int{1, 16, 256, 2048} {
		b.Run(fmt.Sprintf("stream/batch=%d", batch), func(b *testing.B) { stream(b, c, batch, size) })
	}
}

// stream sends batches with a window of 32 unanswered ones.
func stream(b *testing.B, c *client.Client, batch, size int) {
	payloads := make([][]byte, batch)
	for i := range payloads {
		payloads[i] = make([]byte, size)
	}
	s, err := c.SubmitStream(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	room := make(chan struct{}, 32)
	broken := make(chan error, 1)
	go func() {
		var answers []ledger.Reject
		for {
			_, got, err := s.Recv(answers[:0])
			if err != nil {
				broken <- err
				return
			}
			answers = got
			<-room
		}
	}()
	sent := 0
	b.ReportAllocs()
	for b.Loop() {
		room <- struct{}{}
		if err := s.Send(uint64(sent), payloads); err != nil {
			b.Fatal(errors.Join(err, <-broken))
		}
		sent++
	}
	b.ReportMetric(float64(sent*batch)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkFollow reads blocks of 5,000 transactions.
func BenchmarkFollow(b *testing.B) {
	n := newNode()
	const blocks, txs = 200, 5000
	for range blocks {
		n.extend(txs)
	}
	c := connect(b, n)
	done := errors.New("done")
	tip := client.Ref(n.tip().Ref)
	b.ReportAllocs()
	for b.Loop() {
		err := c.Follow(b.Context(), client.Ref{}, func(e client.Event) error {
			if e.Block.Ref == tip {
				return done
			}
			return nil
		})
		if err != done {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*blocks*txs/b.Elapsed().Seconds(), "tx/s")
}
