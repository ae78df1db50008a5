package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// benchTxs returns n transfers of distinct keys, of which every k-th has a
// wrong signature that shows in its equation only; 0 = none.
func benchTxs(b *testing.B, n, every int) []Tx {
	txs := make([]Tx, n)
	for i := range txs {
		raw := transfer(SchemeEd25519, uint32(i), 1, 2)
		if every > 0 && i%every == every/2 {
			raw[len(raw)-1] ^= 1 // an output changes after the signature
		}
		txs[i] = parseOne(b, raw)
	}
	return txs
}

func oneByOne(txs []Tx) time.Duration {
	start := time.Now()
	for i := range txs {
		VerifyOne(&txs[i], testGenesis)
	}
	return time.Since(start)
}

func inBatches(v *Verifier, txs []Tx, size int) time.Duration {
	verdicts := make([]Reject, len(txs))
	start := time.Now()
	for at := 0; at < len(txs); at += size {
		end := min(at+size, len(txs))
		v.Verify(txs[at:end], verdicts[at:end])
	}
	return time.Since(start)
}

// BenchmarkVerify reports the time of a batch against one by one, both
// measured in turn: the median ratio ("/one") and the time per signature.
// First is the ratio of a verifier that has not met a wrong signature yet.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{1, 64, 1024} {
		for _, bad := range []struct {
			name  string
			every int
		}{{"0", 0}, {"0.1", 1000}, {"1", 100}, {"5", 20}, {"50", 2}} {
			b.Run(fmt.Sprintf("batch=%d/bad=%s%%", size, bad.name), func(b *testing.B) {
				txs := benchTxs(b, 2048, bad.every)
				v := NewVerifier(testGenesis)
				first := float64(inBatches(v, txs[:1024], size)) / float64(oneByOne(txs[:1024]))
				var ratios []float64
				var spent time.Duration
				for b.Loop() {
					batch := inBatches(v, txs, size)
					ratios = append(ratios, float64(batch)/float64(oneByOne(txs)))
					spent += batch
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[len(ratios)/2], "/one")
				b.ReportMetric(first, "first/one")
				b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*len(txs)), "ns/sig")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
