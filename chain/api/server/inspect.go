package server

import (
	"context"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of lists asked for.
const (
	outputsDefault = 1000
	outputsMax     = 10_000
	sealMax        = 1000
)

// Info describes the node and the bounds that hold for callers.
func (s *Server) Info(context.Context, *chainpb.InfoRequest) (*chainpb.InfoReply, error) {
	info := s.node.Inspector.Info()
	tip, _ := s.node.Chain.Tip()
	genesis := info.Params.GenesisHash()
	return &chainpb.InfoReply{
		Client:     info.Client,
		Name:       info.Name,
		Genesis:    genesis[:],
		Params:     toParams(info.Params),
		Tip:        toRef(tip),
		Limits:     s.limits(info),
		IntervalNs: info.Interval.Nanoseconds(),
		OnDemand:   info.OnDemand && s.node.Sealer != nil,
		AckMeans:   chainpb.AckMeans(info.AckMeans),
		Settings:   info.Settings,
	}, nil
}

func (s *Server) limits(info Info) *chainpb.Limits {
	return &chainpb.Limits{
		BatchBytes:    BatchBytes,
		BatchTxs:      uint32(s.cfg.BatchTxs),
		PayloadBytes:  ledger.MaxTxBytes,
		StreamBatches: uint32(s.cfg.StreamBatches),
		StreamTxs:     uint32(s.cfg.StreamTxs),
		PoolTxs:       uint64(info.PoolTxs),
		PoolBytes:     uint64(info.PoolBytes),
		PoolDepth:     uint32(info.PoolDepth),
	}
}

func toParams(p *ledger.Params) *chainpb.Params {
	return &chainpb.Params{
		Name:            p.Name,
		Dev:             p.Dev,
		TimeUnitNs:      p.TimeUnit.Nanoseconds(),
		EpochS:          p.Epoch.Unix(),
		EpochNs:         uint32(p.Epoch.Nanosecond()),
		Bits:            p.Bits,
		FixedDifficulty: p.FixedDifficulty,
		IntervalNs:      p.Interval.Nanoseconds(),
		HalfLifeNs:      p.HalfLife.Nanoseconds(),
		Subsidy:         p.Subsidy,
		HalvingEvery:    p.HalvingEvery,
		MaxMoney:        p.MaxMoney,
		Maturity:        p.Maturity,
		MinFee:          p.MinFee,
		MaxBlockBytes:   uint64(p.MaxBlockBytes),
		MaxBlockTxs:     uint64(p.MaxBlockTxs),
		DevSeed:         p.DevSeed,
		DevScheme:       uint32(p.DevScheme),
		DevOutputs:      p.DevOutputs,
		DevValue:        p.DevValue,
	}
}

// Stats reads the node's counters.
func (s *Server) Stats(context.Context, *chainpb.StatsRequest) (*chainpb.StatsReply, error) {
	info, st := s.node.Inspector.Info(), s.node.Inspector.Stats()
	tip, _ := s.node.Chain.Tip()
	m := &chainpb.StatsReply{
		Name:         info.Name,
		Settings:     info.Settings,
		Tip:          toRef(tip),
		UptimeNs:     st.Uptime.Nanoseconds(),
		PoolTxs:      uint64(st.PoolTxs),
		PoolBytes:    st.PoolBytes,
		QueueTxs:     uint64(st.QueueTxs),
		Outputs:      st.Outputs,
		BlocksSealed: st.BlocksSealed,
		Threads:      make([]*chainpb.Thread, len(st.Threads)),
		Rejected:     st.Rejected,
		CpuS:         st.CPUSeconds,
		GcS:          st.GCSeconds,
		RssBytes:     st.RSSBytes,
		HeapBytes:    st.HeapBytes,
		DiskBytes:    st.DiskBytes,
	}
	for i, t := range st.Threads {
		m.Threads[i] = &chainpb.Thread{Hashes: t.Hashes, BusyNs: t.Busy.Nanoseconds()}
	}
	for _, t := range st.Tiers {
		m.Tiers = append(m.Tiers, &chainpb.Tier{
			Name: t.Name, Hits: t.Hits, Misses: t.Misses, TookNs: t.Took.Nanoseconds(), Poisoned: t.Poisoned, Failures: t.Failures,
		})
	}
	return m, nil
}

// Outputs lists what a key can spend.
func (s *Server) Outputs(_ context.Context, r *chainpb.OutputsRequest) (*chainpb.OutputsReply, error) {
	var key ledger.KeyHash
	if len(r.Key) != len(key) {
		return nil, invalid("key: %d bytes are not a key hash of %d", len(r.Key), len(key))
	}
	if r.Limit > outputsMax {
		return nil, invalid("limit: %d is over %d", r.Limit, outputsMax)
	}
	limit := int(r.Limit)
	if limit == 0 {
		limit = outputsDefault
	}
	list, err := s.node.Set.OutputsOf(ledger.KeyHash(r.Key), limit)
	if err != nil {
		return nil, err
	}
	m := &chainpb.OutputsReply{Outputs: make([]*chainpb.Output, len(list))}
	for i, c := range list {
		m.Outputs[i] = &chainpb.Output{
			Id: c.Point.TxID[:], Index: c.Point.Index,
			Value: c.Entry.Value, Height: c.Entry.Height, Coinbase: c.Entry.Coinbase,
		}
	}
	return m, nil
}

// SetDigest sums up the output set. One call at a time: others wait.
func (s *Server) SetDigest(ctx context.Context, _ *chainpb.SetDigestRequest) (*chainpb.SetDigestReply, error) {
	select {
	case s.digest <- struct{}{}:
		defer func() { <-s.digest }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d, err := s.node.Set.Digest(ctx)
	if err != nil {
		return nil, fmt.Errorf("digest of the output set: %w", err)
	}
	return &chainpb.SetDigestReply{Tip: toRef(d.Tip), Count: d.Count, Value: d.Value, Digest: d.Digest[:]}, nil
}

// Seal makes blocks on demand.
func (s *Server) Seal(ctx context.Context, r *chainpb.SealRequest) (*chainpb.SealReply, error) {
	if s.node.Sealer == nil {
		return nil, errNoSealer
	}
	if r.Count < 1 || r.Count > sealMax {
		return nil, invalid("count: %d is not within 1 to %d", r.Count, sealMax)
	}
	tip, err := s.node.Sealer.Seal(ctx, int(r.Count))
	if err != nil {
		return nil, err
	}
	return &chainpb.SealReply{Tip: toRef(tip)}, nil
}
