package pow

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// impossible has a target of 1: no search of a test will meet it.
var impossible = ledger.Header{Version: 1, Bits: 0x01010000}

// scanPlain hashes whole headers. It is the
// twin that the kernels are tested against.
func scanPlain(_ *scanner, w *work, from uint32, n uint32) (nonce, tried uint32, hit bool) {
	b := w.header.Encode()
	for i := range n {
		binary.LittleEndian.PutUint32(b[ledger.HeaderSize-4:], from+i)
		id := ledger.DoubleSHA256(b[:])
		if meets(&id, &w.target) {
			return from + i, i + 1, true
		}
	}
	return 0, n, false
}

func BenchmarkKernel(b *testing.B) {
	for _, k := range []struct {
		name string
		scan kernel
	}{{"plain", scanPlain}, {"midstate", scanMidstate}} {
		b.Run(k.name, func(b *testing.B) {
			s, w := newScanner(), newWork(impossible)
			b.ReportAllocs()
			hashes := 0
			for b.Loop() {
				k.scan(s, w, 0, stride)
				hashes += stride
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(hashes), "ns/hash")
		})
	}
}

// BenchmarkThreads reports how much faster two threads are than one: rounds of
// both in turn, the median of the ratios.
func BenchmarkThreads(b *testing.B) {
	var ratios []float64
	for b.Loop() {
		one, two := hashRate(b, 1), hashRate(b, 2)
		ratios = append(ratios, two/one)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "2-threads/1")
}

// hashRate returns hashes per second over a tenth of a second.
func hashRate(b *testing.B, threads int) float64 {
	ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := Search(ctx, impossible, SearchConfig{Threads: threads})
	if !errors.Is(err, context.DeadlineExceeded) {
		b.Fatal(err)
	}
	return float64(r.Total()) / r.Elapsed.Seconds()
}

// BenchmarkCancel reports how long a search goes on after its context ended.
func BenchmarkCancel(b *testing.B) {
	var late []time.Duration
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		var at time.Time
		time.AfterFunc(5*time.Millisecond, func() { at = time.Now(); cancel() })
		if _, err := Search(ctx, impossible, SearchConfig{Threads: 1}); !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
		late = append(late, time.Since(at))
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "us-late-p50")
	b.ReportMetric(float64(late[len(late)-1].Microseconds()), "us-late-max")
}
