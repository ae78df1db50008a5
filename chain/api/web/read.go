package web

import (
	"context"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// clock is what turns the time of a header into milliseconds.
type clock struct{ epoch, unit time.Duration }

func (s *Server) readClock() clock {
	m, err := s.chain.Info(context.Background(), &chainpb.InfoRequest{})
	if err != nil { // it reads memory alone
		return clock{unit: time.Second}
	}
	p := m.Params
	return clock{epoch: time.Duration(p.EpochS)*time.Second + time.Duration(p.EpochNs), unit: time.Duration(p.TimeUnitNs)}
}

func (c clock) ms(t uint32) int64 { return (c.epoch + time.Duration(t)*c.unit).Milliseconds() }

func (s *Server) info(c *call) (any, error) {
	m, err := s.chain.Info(c.ctx, &chainpb.InfoRequest{})
	if err != nil {
		return nil, err
	}
	return info{
		Client: m.Client, Name: m.Name, Genesis: toHash(m.Genesis), Params: toParams(m.Params), Tip: toRef(m.Tip),
		Limits: toLimits(m.Limits), IntervalNs: m.IntervalNs, OnDemand: m.OnDemand,
		AckMeans: enumName(m.AckMeans.String(), "ACK_MEANS_"), Settings: m.Settings,
	}, nil
}

// enumName turns a name of the wire into one of ours.
func enumName(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

func (s *Server) tip(c *call) (any, error) {
	m, err := s.chain.Tip(c.ctx, &chainpb.TipRequest{})
	if err != nil {
		return nil, err
	}
	h, err := s.toHeader(m.Tip.Height, m.Header)
	return tip{Tip: toRef(m.Tip), Header: h}, err
}

func (s *Server) stats(c *call) (any, error) {
	m, err := s.chain.Stats(c.ctx, &chainpb.StatsRequest{})
	if err != nil {
		return nil, err
	}
	out := stats{
		Name: m.Name, UptimeNs: m.UptimeNs, PoolTxs: m.PoolTxs, PoolBytes: m.PoolBytes, QueueTxs: m.QueueTxs,
		Outputs: m.Outputs, BlocksSealed: m.BlocksSealed, Threads: make([]thread, len(m.Threads)),
		Rejected: orEmpty(m.Rejected), Settings: orEmpty(m.Settings), CPUS: m.CpuS, GCS: m.GcS,
		RSSBytes: m.RssBytes, HeapBytes: m.HeapBytes, DiskBytes: m.DiskBytes, Tip: toRef(m.Tip),
		Tiers: make([]tier, len(m.Tiers)),
	}
	for i, t := range m.Threads {
		out.Threads[i] = thread{Hashes: t.Hashes, BusyNs: t.BusyNs}
	}
	for i, t := range m.Tiers {
		out.Tiers[i] = tier{Name: t.Name, Hits: t.Hits, Misses: t.Misses, TookNs: t.TookNs, Poisoned: t.Poisoned, Failures: t.Failures}
	}
	return out, nil
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func (s *Server) peerPage(*call) (any, error) { return s.peerList(), nil }

func (s *Server) peerList() peerList {
	out := peerList{Enabled: s.peers != nil, Peers: []peer{}}
	if s.peers == nil {
		return out
	}
	for _, p := range s.peers.Peers() {
		out.Peers = append(out.Peers, peer{
			ID: p.ID, Address: p.Address, Inbound: p.Inbound, Height: p.Height, RTTNs: p.RTT.Nanoseconds(),
			Client: p.Client, SinceMs: p.Since.UnixMilli(), BytesIn: p.BytesIn, BytesOut: p.BytesOut,
		})
	}
	return out
}

// blockPage takes one block apart. So many at once, since one may be 32 MiB.
func (s *Server) blockPage(c *call) (any, error) {
	select {
	case s.decodes <- struct{}{}:
		defer func() { <-s.decodes }()
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
	at, body, err := s.block(c.ctx, c.args["block"].(*chainpb.BlockRequest))
	if err != nil {
		return nil, err
	}
	b, err := ledger.ParseBlock(body)
	if err != nil {
		return nil, err
	}
	best, err := s.headers(c.ctx, at.Height, 1)
	if err != nil {
		return nil, err
	}
	raw := b.Header.Encode()
	h, err := s.toHeader(at.Height, raw[:])
	if err != nil {
		return nil, err
	}
	from := min(number(c, "offset"), uint32(len(b.Txs)))
	to := min(from+number(c, "limit"), uint32(len(b.Txs)))
	out := block{
		Header: h, Best: len(best) == 1 && best[0] == b.Header, Txs: len(b.Txs), Bytes: len(body),
		Offset: int(from), IDs: make([]hash, 0, to-from),
	}
	for i := from; i < to; i++ {
		out.IDs = append(out.IDs, hash(b.Txs[i].ID()))
	}
	return out, nil
}

func (s *Server) headerPage(c *call) (any, error) {
	from := number(c, "from")
	list, err := s.headers(c.ctx, from, number(c, "count"))
	if err != nil {
		return nil, err
	}
	out := headerList{Height: from, Headers: make([]header, len(list))}
	for i := range list {
		raw := list[i].Encode()
		if out.Headers[i], err = s.toHeader(from+uint32(i), raw[:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) transaction(c *call) (any, error) {
	id := c.args["id"].(ledger.Hash)
	m, err := s.chain.Transaction(c.ctx, &chainpb.TransactionRequest{Id: id[:]})
	if err != nil {
		return nil, err
	}
	out := transaction{
		ID: hash(id), Place: enumName(m.Place.String(), "PLACE_"), Index: m.Index,
		Scheme: "unknown", Inputs: []input{}, Outputs: []txOut{}, Payload: raw{},
	}
	if m.Block != nil {
		at := toRef(m.Block)
		out.Block = &at
	}
	if len(m.Payload) == 0 {
		return out, nil
	}
	tx, _, err := ledger.ParseTx(m.Payload, ledger.MaxBlockBytes)
	if err != nil {
		return nil, err
	}
	takeApart(&tx, &out)
	return out, nil
}

// partsMost bounds the inputs and outputs that are listed.
const partsMost = 1000

func takeApart(tx *ledger.Tx, out *transaction) {
	out.Bytes, out.Scheme, out.Coinbase = tx.Size(), tx.Scheme().String(), tx.IsCoinbase()
	out.InputsTotal, out.OutputsTotal = tx.Inputs(), tx.Outputs()
	for i := range min(tx.Inputs(), partsMost) {
		in := tx.In(i)
		out.Inputs = append(out.Inputs, input{ID: hash(in.Prev.TxID), Index: in.Prev.Index, Key: in.Key})
	}
	for i := range min(tx.Outputs(), partsMost) {
		o := tx.Out(i)
		out.Outputs = append(out.Outputs, txOut{Value: o.Value, Key: o.Key[:]})
	}
	if tx.Size() <= ledger.MaxTxBytes {
		out.Payload = tx.Bytes()
	}
}

func (s *Server) proof(c *call) (any, error) {
	id := c.args["id"].(ledger.Hash)
	m, err := s.chain.Proof(c.ctx, &chainpb.ProofRequest{Id: id[:]})
	if err != nil {
		return nil, err
	}
	h, err := s.toHeader(m.Block.Height, m.Header)
	if err != nil {
		return nil, err
	}
	out := proof{ID: hash(id), Block: toRef(m.Block), Header: h, Index: m.Index, Count: m.Count, Siblings: []hash{}}
	for b := m.Siblings; len(b) > 0; b = b[len(hash{}):] {
		out.Siblings = append(out.Siblings, toHash(b))
	}
	return out, nil
}

func (s *Server) outputs(c *call) (any, error) {
	m, err := s.chain.Outputs(c.ctx, &chainpb.OutputsRequest{Key: c.args["key"].([]byte), Limit: number(c, "limit")})
	if err != nil {
		return nil, err
	}
	out := outputList{Outputs: make([]output, len(m.Outputs))}
	for i, o := range m.Outputs {
		out.Outputs[i] = output{ID: toHash(o.Id), Index: o.Index, Value: o.Value, Height: o.Height, Coinbase: o.Coinbase}
	}
	return out, nil
}

// toHash takes the first 32 bytes of b, or the zero hash if there are fewer.
func toHash(b []byte) hash {
	if len(b) < len(hash{}) {
		return hash{}
	}
	return hash(b)
}

func toRef(r *chainpb.Ref) ref { return ref{Height: r.GetHeight(), Hash: toHash(r.GetHash())} }

func (s *Server) toHeader(height uint32, b []byte) (header, error) {
	h, err := ledger.ParseHeader(b)
	if err != nil {
		return header{}, err
	}
	return header{
		Height: height, Hash: hash(h.Hash()), Raw: b, Version: h.Version, Prev: hash(h.Prev), Merkle: hash(h.Merkle),
		Time: h.Time, TimeMs: s.clock().ms(h.Time), Bits: h.Bits, Nonce: h.Nonce,
	}, nil
}

func toParams(p *chainpb.Params) params {
	return params{
		Name: p.GetName(), Dev: p.GetDev(), TimeUnitNs: p.GetTimeUnitNs(), EpochS: p.GetEpochS(), EpochNs: p.GetEpochNs(),
		Bits: p.GetBits(), FixedDifficulty: p.GetFixedDifficulty(), IntervalNs: p.GetIntervalNs(), HalfLifeNs: p.GetHalfLifeNs(),
		Subsidy: p.GetSubsidy(), HalvingEvery: p.GetHalvingEvery(), MaxMoney: p.GetMaxMoney(), Maturity: p.GetMaturity(),
		MinFee: p.GetMinFee(), MaxBlockBytes: p.GetMaxBlockBytes(), MaxBlockTxs: p.GetMaxBlockTxs(), DevSeed: p.GetDevSeed(),
		DevScheme: p.GetDevScheme(), DevOutputs: p.GetDevOutputs(), DevValue: p.GetDevValue(),
	}
}

func toLimits(l *chainpb.Limits) limits {
	return limits{
		BatchBytes: l.GetBatchBytes(), BatchTxs: l.GetBatchTxs(), PayloadBytes: l.GetPayloadBytes(),
		StreamBatches: l.GetStreamBatches(), StreamTxs: l.GetStreamTxs(),
		PoolTxs: l.GetPoolTxs(), PoolBytes: l.GetPoolBytes(), PoolDepth: l.GetPoolDepth(),
	}
}
