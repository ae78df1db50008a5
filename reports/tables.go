package reports

import "github.com/chaindyno/chaindyno/reports/result"

// The columns of the CSV files, in order. docs/measurement.md explains them.

var seriesColumns = []column[result.Sample]{
	whole("t_ns", func(s *result.Sample) *int64 { return &s.TNs }),
	text("phase", func(s *result.Sample) *string { return &s.Phase }),
	text("worker", func(s *result.Sample) *string { return &s.Worker }),
	text("kind", func(s *result.Sample) *string { return &s.Kind }),
	whole("offered", func(s *result.Sample) *uint64 { return &s.Offered }),
	whole("sent", func(s *result.Sample) *uint64 { return &s.Sent }),
	whole("accepted", func(s *result.Sample) *uint64 { return &s.Accepted }),
	whole("included", func(s *result.Sample) *uint64 { return &s.Included }),
	whole("rejected", func(s *result.Sample) *uint64 { return &s.Rejected }),
	whole("unknown", func(s *result.Sample) *uint64 { return &s.Unknown }),
	whole("dropped", func(s *result.Sample) *uint64 { return &s.Dropped }),
	whole("inflight", func(s *result.Sample) *int64 { return &s.InFlight }),
	whole("pool", func(s *result.Sample) *int64 { return &s.Pool }),
	whole("include_p50_ns", func(s *result.Sample) *int64 { return &s.IncludeP50Ns }),
	whole("include_p90_ns", func(s *result.Sample) *int64 { return &s.IncludeP90Ns }),
	whole("include_p99_ns", func(s *result.Sample) *int64 { return &s.IncludeP99Ns }),
	whole("include_p999_ns", func(s *result.Sample) *int64 { return &s.IncludeP999Ns }),
	whole("include_max_ns", func(s *result.Sample) *int64 { return &s.IncludeMaxNs }),
	whole("ack_p99_ns", func(s *result.Sample) *int64 { return &s.AckP99Ns }),
	whole("dispatch_lag_p99_ns", func(s *result.Sample) *int64 { return &s.DispatchLagP99Ns }),
}

var blockColumns = []column[result.Block]{
	whole("height", func(b *result.Block) *uint64 { return &b.Height }),
	text("hash", func(b *result.Block) *string { return &b.Hash }),
	whole("claimed_ms", func(b *result.Block) *int64 { return &b.ClaimedMs }),
	whole("txs", func(b *result.Block) *int { return &b.Txs }),
	whole("bytes", func(b *result.Block) *uint64 { return &b.Bytes }),
	whole("used", func(b *result.Block) *uint64 { return &b.Used }),
	whole("limit", func(b *result.Block) *uint64 { return &b.Limit }),
	whole("interval_ns", func(b *result.Block) *int64 { return &b.IntervalNs }),
	whole("seal_ns", func(b *result.Block) *int64 { return &b.SealNs }),
	whole("hashes", func(b *result.Block) *uint64 { return &b.Hashes }),
	text("status", func(b *result.Block) *string { return &b.Status }),
	whole("seen_ns", func(b *result.Block) *int64 { return &b.SeenNs }),
	whole("ours", func(b *result.Block) *int { return &b.Ours }),
}

var errorColumns = []column[result.ErrorRow]{
	text("class", func(e *result.ErrorRow) *string { return &e.Class }),
	text("kind", func(e *result.ErrorRow) *string { return &e.Kind }),
	text("tx_kind", func(e *result.ErrorRow) *string { return &e.TxKind }),
	whole("count", func(e *result.ErrorRow) *uint64 { return &e.Count }),
	whole("first_ns", func(e *result.ErrorRow) *int64 { return &e.FirstNs }),
	whole("last_ns", func(e *result.ErrorRow) *int64 { return &e.LastNs }),
	truth("expected", func(e *result.ErrorRow) *bool { return &e.Expected }),
	text("sample", func(e *result.ErrorRow) *string { return &e.Sample }),
}

var faultColumns = []column[result.Fault]{
	whole("at_ns", func(f *result.Fault) *int64 { return &f.AtNs }),
	whole("until_ns", func(f *result.Fault) *int64 { return &f.UntilNs }),
	text("node", func(f *result.Fault) *string { return &f.Node }),
	text("kind", func(f *result.Fault) *string { return &f.Kind }),
	text("detail", func(f *result.Fault) *string { return &f.Detail }),
}
