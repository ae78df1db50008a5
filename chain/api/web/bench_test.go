package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkSubmit submits over loopback to a node that accepts at once: what is
// left is the cost of HTTP and JSON, for both ends on one machine.
func BenchmarkSubmit(b *testing.B) {
	payload := make([]byte, 199) // one input, two outputs
	one := `"` + hex.EncodeToString(payload) + `"`
	s := serve(b, newNode(), nil)
	b.Run("bytes", func(b *testing.B) { post(b, s, bytesType, payload, 1) })
	b.Run("json", func(b *testing.B) { post(b, s, jsonType, []byte(`{"payload":`+one+`}`), 1) })
	for _, batch := range []int{16, 256, 2048} {
		body := []byte(`{"payloads":[` + strings.Repeat(one+",", batch-1) + one + `]}`)
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { post(b, s, jsonType, body, batch) })
	}
}

// post sends from eight connections for each core.
func post(b *testing.B, s *site, contentType string, body []byte, txs int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := client.Post(s.url+"/v1/transactions", contentType, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			answer, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.StatusCode != http.StatusOK || !json.Valid(answer) {
				b.Errorf("%s %s %v", r.Status, answer, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(b.N*txs)/b.Elapsed().Seconds(), "tx/s")
}
