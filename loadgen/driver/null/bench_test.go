package null

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// BenchmarkEndToEnd is what the driver itself costs: lanes build, batches of
// 256 are submitted and answered, and a follower sees every transaction.
func BenchmarkEndToEnd(b *testing.B) {
	for name, options := range map[string]map[string]string{
		"instant": {},
		"delay":   {"delay": "10ms"},
	} {
		b.Run(name, func(b *testing.B) { endToEnd(b, options) })
	}
}

func endToEnd(b *testing.B, options map[string]string) {
	const size = 256
	options["pool"] = "16777216"
	d, err := FromOptions(options)
	if err != nil {
		b.Fatal(err)
	}
	h, err := d.Prepare(b.Context(), driver.Plan{Lanes: size, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	s, err := d.Open(b.Context(), h, driver.Segment{To: size})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var (
		following sync.WaitGroup
		seen      int
		all       = make(chan struct{})
		want      = -1
		mu        sync.Mutex
	)
	following.Go(func() {
		_ = d.Follow(ctx, h.Start, func(u driver.Update) error {
			mu.Lock()
			defer mu.Unlock()
			for i := range u.Apply {
				seen += len(u.Apply[i].Txs)
			}
			if seen == want {
				close(all)
			}
			return nil
		})
	})
	lanes, batch, buffers := s.Lanes(), make([]driver.Tx, size), make([][]byte, size)
	sent := 0
	start := time.Now()
	for b.Loop() {
		for i, l := range lanes {
			batch[i], _ = l.Next(buffers[i][:0])
			buffers[i] = batch[i].Payload
		}
		s.Submit(b.Context(), batch, func(i int, a driver.Ack) {
			if a.Status != driver.StatusAccepted {
				b.Errorf("%+v", a)
			}
			lanes[i].Settle(batch[i], driver.Accepted)
		})
		sent += size
	}
	mu.Lock()
	if want = sent; seen == want {
		close(all)
	}
	mu.Unlock()
	<-all
	b.ReportMetric(float64(sent)/time.Since(start).Seconds(), "tx/s")
	cancel()
	following.Wait()
	_ = s.Close()
	_ = d.Close()
}

// BenchmarkPause is how late a wait of 10 ms ends.
func BenchmarkPause(b *testing.B) {
	c := newChain(Behaviour{})
	var late time.Duration
	for b.Loop() {
		until := c.now() + int64(10*time.Millisecond)
		c.pause(until, nil, nil)
		late += time.Duration(c.now() - until)
	}
	b.ReportMetric(float64(late.Nanoseconds())/float64(b.N), "late-ns")
}
