package client

import (
	"context"
	"math"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// AckMeans tells what RejectNone as an answer promises.
type AckMeans uint8

// The meanings.
const (
	AckReceived AckMeans = iota + 1
	AckVerified
	AckPooled
)

// Info describes a node.
type Info struct {
	Client   string // software and version
	Name     string // of the node, as configured
	Genesis  ledger.Hash
	Params   *ledger.Params
	Tip      Ref
	Limits   Limits
	Interval time.Duration // expected mean time between blocks; 0 = unknown
	OnDemand bool          // blocks are made by Seal only
	AckMeans AckMeans
	Settings map[string]string
}

// Limits are the bounds that the node enforces on senders.
type Limits struct {
	BatchBytes    int // payloads of one batch together
	BatchTxs      int
	PayloadBytes  int // of one transaction
	StreamBatches int // unanswered on one stream
	StreamTxs     int // unanswered on one stream
	PoolTxs       int // waiting for a block
	PoolBytes     int64
	PoolDepth     int // longest chain of unconfirmed spends
}

// Info asks the node what it is. Parameters that no network could have are an
// error.
func (c *Client) Info(ctx context.Context) (Info, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Info(ctx, &chainpb.InfoRequest{})
	if err != nil {
		return Info{}, c.fail(err)
	}
	info := Info{
		Client:   m.Client,
		Name:     m.Name,
		Params:   fromParams(m.Params),
		Limits:   fromLimits(m.Limits),
		Interval: time.Duration(m.IntervalNs),
		OnDemand: m.OnDemand,
		AckMeans: AckMeans(m.AckMeans),
		Settings: m.Settings,
	}
	if err := info.Params.Validate(); err != nil {
		return Info{}, c.broken("parameters: %v", err)
	}
	if info.Limits.BatchTxs < 1 || info.Limits.BatchBytes < 1 || info.Limits.PayloadBytes < 1 {
		return Info{}, c.broken("limits: a batch of nothing")
	}
	if info.Genesis, err = c.hash("genesis", m.Genesis); err != nil {
		return Info{}, err
	}
	info.Tip, err = c.ref("tip", m.Tip)
	return info, err
}

func fromParams(p *chainpb.Params) *ledger.Params {
	return &ledger.Params{
		Name:            p.GetName(),
		Dev:             p.GetDev(),
		TimeUnit:        time.Duration(p.GetTimeUnitNs()),
		Epoch:           time.Unix(p.GetEpochS(), int64(p.GetEpochNs())).UTC(),
		Bits:            p.GetBits(),
		FixedDifficulty: p.GetFixedDifficulty(),
		Interval:        time.Duration(p.GetIntervalNs()),
		HalfLife:        time.Duration(p.GetHalfLifeNs()),
		Subsidy:         p.GetSubsidy(),
		HalvingEvery:    p.GetHalvingEvery(),
		MaxMoney:        p.GetMaxMoney(),
		Maturity:        p.GetMaturity(),
		MinFee:          p.GetMinFee(),
		MaxBlockBytes:   clamp(p.GetMaxBlockBytes()),
		MaxBlockTxs:     clamp(p.GetMaxBlockTxs()),
		DevSeed:         p.GetDevSeed(),
		DevScheme:       ledger.Scheme(min(p.GetDevScheme(), math.MaxUint8)),
		DevOutputs:      p.GetDevOutputs(),
		DevValue:        p.GetDevValue(),
	}
}

func fromLimits(l *chainpb.Limits) Limits {
	return Limits{
		BatchBytes:    min(int(l.GetBatchBytes()), messageBytes),
		BatchTxs:      int(l.GetBatchTxs()),
		PayloadBytes:  int(l.GetPayloadBytes()),
		StreamBatches: int(l.GetStreamBatches()),
		StreamTxs:     int(l.GetStreamTxs()),
		PoolTxs:       clamp(l.GetPoolTxs()),
		PoolBytes:     int64(clamp(l.GetPoolBytes())),
		PoolDepth:     int(l.GetPoolDepth()),
	}
}

// clamp keeps a number from a wire within what an int holds.
func clamp(v uint64) int { return int(min(v, math.MaxInt)) }

// Thread is one sealing thread.
type Thread struct {
	Hashes uint64
	Busy   time.Duration
}

// Stats is one reading of a node's counters, which grow from its start.
type Stats struct {
	Name         string
	Tip          Ref
	Uptime       time.Duration
	PoolTxs      int
	PoolBytes    uint64
	QueueTxs     int    // received but not verified
	Outputs      uint64 // in the set
	BlocksSealed uint64
	Threads      []Thread
	Rejected     map[string]uint64 // by kind
	Settings     map[string]string
	CPUSeconds   float64 // user and system
	GCSeconds    float64 // stop-the-world
	RSSBytes     uint64
	HeapBytes    uint64
	DiskBytes    uint64 // written to the data folder
	Tiers        []Tier // of the read path, the fastest first
}

// Tier is one tier of the read path: l1 in process, l2 Redis, l3 the store.
type Tier struct {
	Name     string
	Hits     uint64        // reads that it answered
	Misses   uint64        // that it was asked for in vain
	Took     time.Duration // by the hits together, from the question to the answer
	Poisoned uint64        // values that were not what they were kept as; never used
	Failures uint64        // no answer in time, or an error
}

// Stats reads the node's counters.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	ctx, cancel := c.short(ctx)
	defer cancel()
	m, err := c.rpc.Stats(ctx, &chainpb.StatsRequest{})
	if err != nil {
		return Stats{}, c.fail(err)
	}
	s := Stats{
		Name:         m.Name,
		Uptime:       time.Duration(m.UptimeNs),
		PoolTxs:      clamp(m.PoolTxs),
		PoolBytes:    m.PoolBytes,
		QueueTxs:     clamp(m.QueueTxs),
		Outputs:      m.Outputs,
		BlocksSealed: m.BlocksSealed,
		Threads:      make([]Thread, len(m.Threads)),
		Rejected:     m.Rejected,
		Settings:     m.Settings,
		CPUSeconds:   m.CpuS,
		GCSeconds:    m.GcS,
		RSSBytes:     m.RssBytes,
		HeapBytes:    m.HeapBytes,
		DiskBytes:    m.DiskBytes,
	}
	for i, t := range m.Threads {
		s.Threads[i] = Thread{Hashes: t.Hashes, Busy: time.Duration(t.BusyNs)}
	}
	for _, t := range m.Tiers {
		s.Tiers = append(s.Tiers, Tier{
			Name: t.Name, Hits: t.Hits, Misses: t.Misses, Took: time.Duration(t.TookNs), Poisoned: t.Poisoned, Failures: t.Failures,
		})
	}
	s.Tip, err = c.ref("tip", m.Tip)
	return s, err
}
