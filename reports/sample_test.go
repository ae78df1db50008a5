package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// A made-up run with something of everything: 5 s of warm-up and 30 s of
// steady load at 2,000 tx/s, blocks every 250 ms, a node that stands still for
// two seconds, a reorganisation two blocks deep, refusals wanted and unwanted,
// and two workers. Every number in it follows from the transactions, so its
// tables and charts agree with each other.

const (
	sampleRate     = 2000
	sampleWarmup   = 5 * time.Second
	sampleLoad     = 35 * time.Second
	sampleEnd      = 39 * time.Second
	stallFrom      = 14 * time.Second
	stallTo        = 16200 * time.Millisecond
	reorgAt        = 24 * time.Second
	sampleInterval = 250 * time.Millisecond
)

var sampleStart = time.Date(2026, 11, 22, 9, 30, 15, 123456789, time.UTC)

type sampleTx struct {
	seq, lane, worker                                  int
	kind                                               string
	intended, dispatched, sent, acked, included, held_ int64
	height                                             int
	answer, fate                                       string
}

type sampleBlock struct {
	at       int64
	orphaned bool
	txs      int
}

// sampler builds the run step by step.
type sampler struct {
	rng    *rand.Rand
	blocks []sampleBlock
	txs    []sampleTx
	run    *result.Run
}

var sampleOnce = sync.OnceValue(func() *sampler {
	s := &sampler{rng: rand.New(rand.NewPCG(42, 1)), run: new(result.Run)}
	s.makeBlocks()
	s.makeTxs()
	s.describe()
	s.count()
	s.histograms()
	s.series()
	s.chain()
	return s
})

// sampleRun returns a fresh copy, so that a test may change it.
func sampleRun() *result.Run { return prepare(sampleOnce().run) }

func (s *sampler) makeBlocks() {
	for at := int64(0); at < int64(sampleEnd); {
		at += int64(20*time.Millisecond) + int64(s.rng.ExpFloat64()*float64(sampleInterval-20*time.Millisecond))
		if at > int64(stallFrom) && at < int64(stallTo) {
			at = int64(stallTo) + int64(s.rng.IntN(5e6))
		}
		s.blocks = append(s.blocks, sampleBlock{at: at})
	}
	i := slices.IndexFunc(s.blocks, func(b sampleBlock) bool { return b.at > int64(reorgAt) })
	s.blocks[i].orphaned, s.blocks[i+1].orphaned = true, true
}

// next returns the first block after t, and the first one that held.
func (s *sampler) next(t int64) (first, held int) {
	first, _ = slices.BinarySearchFunc(s.blocks, t, func(b sampleBlock, t int64) int {
		if b.at < t {
			return -1
		}
		return 1
	})
	for held = first; held < len(s.blocks) && s.blocks[held].orphaned; held++ {
	}
	return first, held
}

func (s *sampler) micros(mean float64) int64 {
	return int64(1000 * mean * (0.3 + 0.7*s.rng.ExpFloat64()))
}

func (s *sampler) makeTxs() {
	step := int64(time.Second) / sampleRate
	for n := range int(int64(sampleLoad) / step) {
		x := sampleTx{seq: n / 20000, lane: n % 20000, worker: n % 2, kind: "transfer", intended: int64(n) * step}
		x.included, x.held_, x.height = -1, -1, -1
		x.dispatched = x.intended + s.micros(45)
		x.sent = x.dispatched + s.micros(700)
		x.acked = x.sent + s.micros(1800)
		if x.sent > int64(stallFrom) && x.sent < int64(stallTo) && s.rng.IntN(3) > 0 {
			x.acked = int64(stallTo) + s.micros(9000)
		}
		s.decide(&x)
		s.txs = append(s.txs, x)
	}
}

func (s *sampler) decide(x *sampleTx) {
	x.answer, x.fate = "accepted", result.FateSucceeded
	switch p := s.rng.Float64(); {
	case p < 0.02:
		x.kind, x.answer, x.fate = "invalid_signature", "rejected/signature", result.FateRefused
		return
	case p < 0.03:
		x.kind, x.answer, x.fate = "double_spend", "rejected/double_spend", result.FateRefused
		return
	case p < 0.0304:
		x.answer, x.fate = "rejected/missing_input", result.FateRefused
		return
	case p < 0.0306:
		x.answer, x.acked = "unknown/timeout", -1
	}
	first, held := s.next(max(x.acked, x.sent) + s.micros(2500))
	if held >= len(s.blocks) {
		x.fate = result.FatePooled
		return
	}
	x.included, x.held_, x.height = s.blocks[first].at, s.blocks[held].at, 1200+held
	s.blocks[first].txs++
	if held != first {
		s.blocks[held].txs++
	}
}

func (s *sampler) describe() {
	r := s.run
	r.SchemaVersion = result.SchemaVersion
	config := map[string]any{
		"name": "sample", "rate": sampleRate, "warmup": "5s", "duration": "30s", "blocks": "250ms",
		"workload": map[string]any{"inputs": 1, "outputs": 2, "invalid_signatures": 0.02, "double_spends": 0.01},
		"slo":      []string{"commit.p99 < 1s", "succeeded >= 99 %"},
	}
	raw, _ := json.MarshalIndent(config, "", "  ")
	r.Run = result.Info{
		ID: "sample-20261122T093015Z", Name: "sample", Start: sampleStart, Seed: 42, Config: raw,
		Argv:         []string{"chaindyno", "run", "scenarios/sample.yaml", "--seed", "42", "--set", "name=two words"},
		SteadyFromNs: int64(sampleWarmup), SteadyToNs: int64(sampleLoad), LoadEndNs: int64(sampleLoad), DrainEndNs: int64(sampleEnd),
		Loop: "open", Signing: "before", Confirmations: 2,
	}
	r.Environment = result.Environment{
		Host: result.Host{
			CPU: "Example CPU @ 3.20 GHz", Cores: 8, MemoryBytes: 32 << 30, OS: "linux", Arch: "amd64", Kernel: "6.1.0-27-amd64",
			GoVersion: "go1.26.8", Version: "v0.1.0", Virtual: true, SHAExtensions: true,
		},
		SUT: map[string]string{
			"node-1.sync": "block", "node-1.verifiers": "2", "node-1.batch_size": "1024", "node-1.linger": "2ms",
			"node-1.txid_index": "on", "pace.mean": "250ms", "version": "chaindyno/v0.1.0",
		},
		Driver: "refchain", Network: "dev", Client: "chaindyno/v0.1.0",
		Calibration: &result.Calibration{
			GeneratorCeiling: 612_400, VerifyBefore: 101_300, VerifyAfter: 99_800, VerifyCached: 151_000, SignaturesPerTx: 1,
			SignRate: 130_000, HashRate: 4_100_000, SleepOvershootNs: 1_060_000, PacerOvershootNs: 88_000,
			VerificationLimit: 100_550, CeilingOverOffered: 306.2,
		},
	}
	r.Warnings = []string{"the hypervisor took 3.1 % of the processor's time (limit 2 %), so tails may be its doing"}
	r.Faults = []result.Fault{
		{AtNs: int64(stallFrom), UntilNs: int64(stallTo), Node: "node-1", Kind: "pause", Detail: "stopped by SIGSTOP for 2.2 s"},
		{AtNs: int64(reorgAt), UntilNs: int64(reorgAt), Node: "node-1", Kind: "reorganisation", Detail: "2 blocks abandoned"},
	}
}

func (s *sampler) count() {
	c := &s.run.Counts
	*c = result.Counts{
		Answers: map[string]uint64{}, Fates: map[string]uint64{}, Rejected: map[string]uint64{}, Unknown: map[string]uint64{},
		DroppedOverload: 12, Balanced: true,
	}
	cells := map[result.Cell]uint64{}
	workers := []result.Worker{
		{Name: "worker-1", Version: "v0.1.0", SegmentTo: 10000, CPUShare: 0.31, ClockOffsetNs: 120_000, ClockBoundNs: 240_000, DispatchedShare: 1},
		{Name: "worker-2", Version: "v0.1.0", SegmentFrom: 10000, SegmentTo: 20000, CPUShare: 0.29, ClockOffsetNs: -310_000, ClockBoundNs: 280_000, DispatchedShare: 0.9998},
	}
	for _, x := range s.txs {
		w := &workers[x.worker]
		class, kind, _ := strings.Cut(x.answer, "/")
		c.Sent++
		c.Attempts++
		w.Sent++
		c.Answers[class]++
		c.Fates[x.fate]++
		switch class {
		case "accepted":
			w.Accepted++
		case "rejected":
			w.Rejected++
			c.Rejected[kind]++
			if x.kind != "transfer" {
				c.Expected++
			}
		case "unknown":
			w.Unknown++
			c.Unknown[kind]++
		}
		if x.fate == result.FateSucceeded {
			w.Succeeded++
		}
		cells[result.Cell{Answer: x.answer, Fate: x.fate, Kind: x.kind}]++
	}
	c.Scheduled = c.Sent + c.DroppedOverload
	for cell, n := range cells {
		cell.Count = n
		s.run.Matrix = append(s.run.Matrix, cell)
	}
	slices.SortFunc(s.run.Matrix, func(a, b result.Cell) int {
		return strings.Compare(a.Answer+a.Fate+a.Kind, b.Answer+b.Fate+b.Kind)
	})
	s.run.Workers = workers
	s.run.ErrorRows = []result.ErrorRow{
		{Class: "rejected", Kind: "signature", TxKind: "invalid_signature", Count: c.Rejected["signature"], FirstNs: 4e6, LastNs: 34.99e9, Expected: true, Sample: "signature of input 0 is wrong"},
		{Class: "rejected", Kind: "double_spend", TxKind: "double_spend", Count: c.Rejected["double_spend"], FirstNs: 31e6, LastNs: 34.97e9, Expected: true, Sample: "output 4be1…:0 is spent by a pooled transaction"},
		{Class: "rejected", Kind: "missing_input", TxKind: "transfer", Count: c.Rejected["missing_input"], FirstNs: 1.2e9, LastNs: 33.1e9, Sample: "output 90c2…:1 is unknown"},
		{Class: "unknown", Kind: "timeout", TxKind: "transfer", Count: c.Unknown["timeout"], FirstNs: 2.2e9, LastNs: 34e9, Sample: "no answer within 10s"},
		{Class: "dropped", Kind: "overload", TxKind: "", Count: 12, FirstNs: 15.9e9, LastNs: 16.2e9, Sample: "200,000 in flight"},
	}
}

// stagesOf lists the stages that a transaction went through.
func stagesOf(x *sampleTx) map[string][2]int64 {
	m := map[string][2]int64{
		result.StageDispatchLag: {x.intended, x.dispatched},
		result.StageSendWait:    {x.dispatched, x.sent},
	}
	if x.acked >= 0 {
		m[result.StageAck] = [2]int64{x.sent, x.acked}
		m[result.StageAckResponse] = [2]int64{x.intended, x.acked}
	}
	if x.included >= 0 {
		m[result.StageInclude] = [2]int64{x.intended, x.included}
		m[result.StageCommit] = [2]int64{x.intended, x.held_}
		m[result.StageCommitService] = [2]int64{x.sent, x.held_}
		m[result.StageFinal] = [2]int64{x.intended, x.held_ + int64(2*sampleInterval)}
	}
	return m
}

func (s *sampler) histograms() {
	r := s.run
	steady := map[[2]string]*hdr.Histogram{}
	second := map[[2]any]*hdr.Histogram{}
	workers := map[[2]any]*hdr.Histogram{}
	put := func(stage, kind string, from, to int64, inSteady bool) {
		at := min(int(to/1e9), int(sampleEnd/time.Second)-1)
		record(second, [2]any{stage, at}, to-from)
		if inSteady {
			record(steady, [2]string{stage, ""}, to-from)
			record(steady, [2]string{stage, kind}, to-from)
		}
	}
	for i := range s.txs {
		x := &s.txs[i]
		in := x.intended >= int64(sampleWarmup)
		for stage, t := range stagesOf(x) {
			put(stage, x.kind, t[0], t[1], in)
		}
		if in && x.included >= 0 {
			record(workers, [2]any{result.StageCommit, x.worker}, x.held_-x.intended)
			verified := x.sent + s.micros(1500)
			ordered := verified + s.micros(60)
			for stage, t := range map[string][2]int64{
				result.StageNodeVerify: {x.sent, verified}, result.StageNodeOrder: {verified, ordered},
				result.StageNodeSeal: {ordered, max(x.held_-8e6, ordered+1000)}, result.StageNodeStore: {0, 6e6 + s.micros(900)},
			} {
				record(steady, [2]string{stage, ""}, t[1]-t[0])
			}
		}
	}
	blocks := len(s.blocks) * 30 / 39
	for _, stage := range slices.Concat(result.ClientStages, result.NodeStages) {
		for _, kind := range []string{"", "transfer", "invalid_signature", "double_spend"} {
			h := steady[[2]string{stage, kind}]
			if h == nil {
				continue
			}
			r.Histograms = append(r.Histograms, result.Histogram{Stage: stage, Kind: kind, H: h})
			l := latencyOf(stage, kind, h, blocks)
			if slices.Contains(result.NodeStages, stage) {
				r.Stages = append(r.Stages, l)
			} else {
				r.Latency = append(r.Latency, l)
			}
		}
		for at := range int(sampleEnd / time.Second) {
			if h := second[[2]any{stage, at}]; h != nil {
				v2, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
				if err != nil {
					panic(err)
				}
				r.Intervals = append(r.Intervals, result.Interval{Stage: stage, StartNs: int64(at) * 1e9, LengthNs: 1e9, V2: v2})
			}
		}
	}
	for i := range r.Workers {
		h := workers[[2]any{result.StageCommit, i}]
		r.Workers[i].Latency = []result.Latency{latencyOf(result.StageCommit, "", h, blocks)}
	}
}

func record[K comparable](m map[K]*hdr.Histogram, key K, ns int64) {
	if m[key] == nil {
		m[key] = result.NewHistogram()
	}
	if err := m[key].RecordValue(ns); err != nil {
		panic(err)
	}
}

func latencyOf(stage, kind string, h *hdr.Histogram, blocks int) result.Latency {
	n := uint64(h.TotalCount())
	at := func(q float64) *int64 {
		if !stats.Enough(q, n) {
			return nil
		}
		return new(h.ValueAtQuantile(100 * q))
	}
	return result.Latency{
		Stage: stage, Kind: kind, Count: n, MinNs: h.Min(), MeanNs: int64(h.Mean()), MaxNs: h.Max(),
		P50Ns: at(0.5), P90Ns: at(0.9), P99Ns: at(0.99), P999Ns: at(0.999), Blocks: blocks,
	}
}

func (s *sampler) series() {
	seconds := int(sampleEnd / time.Second)
	type key struct{ at, worker int }
	rows := map[key]*result.Sample{}
	for at := range seconds {
		for worker := -1; worker < 2; worker++ {
			phase := "steady"
			if at < 5 {
				phase = "warmup"
			} else if at >= 35 {
				phase = "drain"
			}
			row := &result.Sample{TNs: int64(at+1) * 1e9, Phase: phase, Pool: -1, IncludeP50Ns: -1, IncludeP90Ns: -1, IncludeP99Ns: -1, IncludeP999Ns: -1, IncludeMaxNs: -1, AckP99Ns: -1, DispatchLagP99Ns: -1}
			if worker >= 0 {
				row.Worker = s.run.Workers[worker].Name
			}
			rows[key{at, worker}] = row
		}
	}
	add := func(ns int64, worker int, f func(*result.Sample)) {
		at := min(int(ns/1e9), seconds-1)
		f(rows[key{at, -1}])
		f(rows[key{at, worker}])
	}
	for i := range s.txs {
		x := &s.txs[i]
		add(x.intended, x.worker, func(r *result.Sample) { r.Offered++ })
		add(x.sent, x.worker, func(r *result.Sample) { r.Sent++ })
		end := int64(sampleEnd)
		switch class, _, _ := strings.Cut(x.answer, "/"); class {
		case "accepted":
			add(x.acked, x.worker, func(r *result.Sample) { r.Accepted++ })
		case "rejected":
			add(x.acked, x.worker, func(r *result.Sample) { r.Rejected++ })
			end = x.acked
		case "unknown":
			add(x.sent+1e10, x.worker, func(r *result.Sample) { r.Unknown++ })
		}
		if x.included >= 0 {
			add(x.included, x.worker, func(r *result.Sample) { r.Included++ })
			end = x.held_
		}
		for at := int(x.sent / 1e9); int64(at+1)*1e9 < end && at < seconds; at++ {
			rows[key{at, -1}].InFlight++
			rows[key{at, x.worker}].InFlight++
		}
	}
	for i := range s.run.Intervals {
		s.quantiles(&s.run.Intervals[i], func(at int) *result.Sample { return rows[key{at, -1}] })
	}
	for at := range seconds {
		rows[key{at, -1}].Pool = rows[key{at, -1}].InFlight * 9 / 10
		for worker := -1; worker < 2; worker++ {
			s.run.Series = append(s.run.Series, *rows[key{at, worker}])
		}
	}
}

func (s *sampler) quantiles(in *result.Interval, at func(int) *result.Sample) {
	row := at(int(in.StartNs / 1e9))
	h, err := hdr.Decode(in.V2)
	if err != nil {
		panic(err)
	}
	pick := func(q float64) int64 {
		if !stats.Enough(q, uint64(h.TotalCount())) {
			return -1
		}
		return h.ValueAtQuantile(100 * q)
	}
	switch in.Stage {
	case result.StageInclude:
		row.IncludeP50Ns, row.IncludeP90Ns, row.IncludeP99Ns, row.IncludeP999Ns, row.IncludeMaxNs = pick(0.5), pick(0.9), pick(0.99), pick(0.999), h.Max()
	case result.StageAck:
		row.AckP99Ns = pick(0.99)
	case result.StageDispatchLag:
		row.DispatchLagP99Ns = pick(0.99)
	}
}

func (s *sampler) chain() {
	r := s.run
	before := int64(0)
	var amounts, times []float64
	for i, b := range s.blocks {
		status := "main"
		if b.orphaned {
			status = "orphaned"
		}
		hashes := uint64(float64(1<<18) * s.rng.ExpFloat64())
		r.Blocks = append(r.Blocks, result.Block{
			Height: uint64(1200 + i), Hash: fmt.Sprintf("%064x", s.rng.Uint64()), ClaimedMs: sampleStart.UnixMilli() + b.at/1e6, SeenNs: b.at + 1_500_000,
			Txs: b.txs + 1, Ours: b.txs, Bytes: uint64(b.txs)*192 + 300, Used: uint64(b.txs)*192 + 300, Limit: 1 << 20,
			IntervalNs: b.at - before, SealNs: int64(hashes) * 244, Hashes: hashes, Status: status,
		})
		if !b.orphaned && b.at > int64(sampleWarmup) && b.at < int64(sampleLoad) {
			amounts, times = append(amounts, float64(b.txs)), append(times, float64(b.at-before)/1e9)
		}
		before = b.at
	}
	in, _ := stats.BootstrapRate(amounts, times, 42)
	succeeded := float64(r.Counts.Fates[result.FateSucceeded]) / 35
	r.Throughput = result.Throughput{
		OfferedPerS: sampleRate, AcceptedPerS: float64(r.Counts.Answers["accepted"]) / 35, SucceededPerS: math.Round(succeeded*10) / 10, Low: in.Low, High: in.High,
		WholePerS: succeeded * 35 / 39, PayloadBytes: succeeded * 192, BacklogSlope: -3.2, BacklogLow: -61, BacklogHigh: 44,
	}
	r.Steady = result.Steady{State: result.SteadyWarming, BlocksNeeded: 50, Series: []result.SteadySeries{
		{Name: "throughput", Unit: "tx/s", State: result.SteadyYes, Blocks: 118, Cut: 5, FromNs: 6_250_000_000, Whole: succeeded, Low: in.Low, High: in.High, After: succeeded * 1.004},
		{Name: "commit", Unit: "ns", State: result.SteadyWarming, Blocks: 116, Cut: 30, FromNs: 12_500_000_000, Whole: 3.1e8, Low: 2.6e8, High: 3.7e8, After: 2.4e8},
	}}
	r.Chain = result.Chain{
		Blocks: len(r.Blocks), Empty: 2, Reorgs: 1, DeepestReorg: 2, Orphaned: 2, IntervalMeanNs: 258e6, IntervalP99Ns: 2.2e9,
		TxsPerBlock: 431, Fullness: 0.027, Unit: "bytes", HashesPerS: 8.1e6,
		Threads: []result.SealThread{{Thread: 0, Hashes: 21_400_211, HashesPerS: 4.09e6}, {Thread: 1, Hashes: 21_180_004, HashesPerS: 4.02e6}},
		Tip:     r.Blocks[len(r.Blocks)-1].Hash, Height: uint64(1199 + len(r.Blocks)), Durable: true,
		Rejections: map[string]int{"signature": int(r.Counts.Rejected["signature"])},
	}
	r.Work = result.Work{
		UsedPerS: succeeded * 193, LimitPerS: 4 << 20, Fullness: succeeded * 193 / (4 << 20), PayloadPerS: succeeded * 192, PayloadPerTx: 192,
		SignaturesPerS: succeeded, OutputsPerS: 2 * succeeded, Nodes: 1, NodeCPUPerTxNs: 714_000, NodeDiskPerTx: 437, OwnCPUPerTxNs: 488_000, DiskOverBytes: 437.0 / 192,
	}
	s.fairness()
	s.judge()
}

// fairness is even between connections, and less so between lanes.
func (s *sampler) fairness() {
	p50, p99 := int64(1.8e8), int64(1.3e9)
	f := &s.run.Fairness
	*f = result.Fairness{
		SlowestP50: 1.07, SlowestP99: 1.2, JainSucceeded: 0.9999, JainMean: 0.998,
		Lanes: result.LaneSpread{Lanes: 2000, Served: 1998, SucceededMax: 41, MeanMinNs: 1.1e8, MeanP50Ns: 2.9e8, MeanP99Ns: 8.8e8, MeanMaxNs: 1.4e9, Jain: 0.91, JainByChance: 0.93},
	}
	for i := range 4 {
		f.Connections = append(f.Connections, result.Connection{Connection: i, Lanes: 500, Succeeded: 14_000 + uint64(i), MeanNs: 3e8, P50Ns: &p50, P99Ns: &p99, MaxNs: 2.4e9})
	}
	f.Connections[3].P99Ns = nil
}

func (s *sampler) judge() {
	r := s.run
	commit, _ := findLatency(r.Latency, result.StageCommit, "")
	lag, _ := findLatency(r.Latency, result.StageDispatchLag, "")
	sent := float64(r.Counts.Sent - r.Counts.Expected)
	r.SLO = []result.Check{
		{Name: "commit.p99", Op: "<", Limit: 1e9, Observed: float64(*commit.P99Ns), Unit: "ns", Low: 1.31e9, High: 2.91e9, Known: true, OK: *commit.P99Ns < 1e9},
		{Name: "commit.p50", Op: "<", Limit: 5e8, Observed: float64(*commit.P50Ns), Unit: "ns", Low: 1.7e8, High: 2.1e8, Known: true, OK: true},
		{Name: "succeeded", Op: ">=", Limit: 0.99, Observed: float64(r.Counts.Fates[result.FateSucceeded]) / sent, Unit: "share", Known: true, OK: true},
		{Name: "reorg_depth", Op: "<=", Limit: 3, Observed: 2, Unit: "count", Known: true, OK: true},
	}
	r.Validity = []result.Check{
		{Name: "dispatch_lag.p99", Op: "<=", Limit: 1e7, Observed: float64(*lag.P99Ns), Unit: "ns", Known: true, OK: true, Note: "max of 10 ms and 2 % of commit p50"},
		{Name: "dispatched_in_time", Op: ">=", Limit: 0.99, Observed: 0.9999, Unit: "share", Known: true, OK: true},
		{Name: "dropped_late", Op: "==", Limit: 0, Observed: 0, Unit: "count", Known: true, OK: true},
		{Name: "workers_lost", Op: "==", Limit: 0, Observed: 0, Unit: "count", Known: true, OK: true},
	}
	r.Verdict = result.Fail
	r.Reasons = []string{
		fmt.Sprintf("commit.p99 was %s, the limit is < 1s", time.Duration(*commit.P99Ns)),
		"12 transactions were dropped because 200,000 were in flight (overload)",
	}
	r.Resources = []result.Resource{
		{Process: "generator", CPUSeconds: 83.2, CPUShare: 0.30, RSSMaxBytes: 214 << 20, RSSSlope: 21_000, GCSeconds: 0.071, CPUPerTxNs: 488_000},
		{Process: "node-1", CPUSeconds: 121.7, CPUShare: 0.43, RSSMaxBytes: 391 << 20, RSSSlope: 402_000, GCSeconds: 0.093, DiskBytes: 71 << 20, CPUPerTxNs: 714_000, DiskPerTx: 437, OutputsInSet: 241_003},
	}
	r.Tiers = []result.Tier{
		{Process: "node-1", Tier: "l1", Reads: 10_000, Hits: 9_000, HitShare: 0.9, MeanNs: 2_100},
		{Process: "node-1", Tier: "l2", Reads: 1_000, Hits: 700, HitShare: 0.7, MeanNs: 140_000, Poisoned: 3, Failures: 7},
		{Process: "node-1", Tier: "l3", Reads: 300, Hits: 300, HitShare: 1, MeanNs: 410_000},
	}
	r.Audit = result.Audit{Level: "counts", OK: true, Checks: []result.AuditCheck{
		{Name: "exactly once", OK: true, Detail: formatCount(r.Counts.Fates[result.FateSucceeded]) + " succeeded transactions, each in one block of the best chain"},
		{Name: "supply", OK: true, Detail: "has 65,811,200,000, schedule says 65,811,200,000, at height 1351"},
		{Name: "proofs", OK: true, Detail: "64 of 64 sampled Merkle proofs hold against headers alone"},
		{Name: "one tip", OK: true, Detail: "1 node, one tip, one digest of the output set"},
	}}
}
