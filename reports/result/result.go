// Package result is what a measurement is: the versioned schema that the load
// generator fills and that every report renders. Times are int64 nanoseconds
// since the run's start unless a name says otherwise.
package result

import (
	"encoding/json"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// SchemaVersion is bumped by every change that a reader could trip over.
const SchemaVersion = 1

// Run is a whole measurement. Summary is summary.json; the rest are the other
// files of the run folder.
type Run struct {
	Summary
	Series     []Sample
	Blocks     []Block
	ErrorRows  []ErrorRow
	Histograms []Histogram // over the steady window, whole and per kind
	Intervals  []Interval  // one per stage and second, over the whole run
}

// Summary is summary.json.
type Summary struct {
	SchemaVersion int         `json:"schema_version"`
	Run           Info        `json:"run"`
	Environment   Environment `json:"environment"`
	Verdict       Verdict     `json:"verdict"`
	Reasons       []string    `json:"reasons"` // why not PASS, one sentence each
	SLO           []Check     `json:"slo"`
	Validity      []Check     `json:"validity"`
	Counts        Counts      `json:"counts"`
	Matrix        []Cell      `json:"matrix"`
	Throughput    Throughput  `json:"throughput"`
	Steady        Steady      `json:"steady"`
	Work          Work        `json:"work"`
	Fairness      Fairness    `json:"fairness"`
	Latency       []Latency   `json:"latency"` // client stages, kind "" = all
	Stages        []Latency   `json:"stages"`  // the node's own
	Chain         Chain       `json:"chain"`
	Resources     []Resource  `json:"resources"`
	Tiers         []Tier      `json:"tiers"` // only of nodes that were read from
	Workers       []Worker    `json:"workers"`
	Faults        []Fault     `json:"faults"`
	Audit         Audit       `json:"audit"`
	Warnings      []string    `json:"warnings"`
	Files         []string    `json:"files"`
}

// Verdict is the run's outcome.
type Verdict string

// The verdicts.
const (
	Pass        Verdict = "PASS"
	Fail        Verdict = "FAIL"        // an SLO missed, dropped{overload}, or the audit failed
	Invalid     Verdict = "INVALID"     // the generator, not the chain, was the limit
	Interrupted Verdict = "INTERRUPTED" // ended early; complete for what was measured
)

// Info identifies a run.
type Info struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Start  time.Time       `json:"start"`
	Argv   []string        `json:"argv"` // secrets redacted
	Seed   uint64          `json:"seed"`
	Config json.RawMessage `json:"config"` // the whole scenario with defaults filled in
	// The steady window, ns since the start; throughput and latency are of
	// arrivals whose intended time lies in it.
	SteadyFromNs  int64  `json:"steady_from_ns"`
	SteadyToNs    int64  `json:"steady_to_ns"`
	LoadEndNs     int64  `json:"load_end_ns"`  // the schedule's end
	DrainEndNs    int64  `json:"drain_end_ns"` // the last fate known, or the deadline
	Loop          string `json:"loop"`         // open | closed
	Signing       string `json:"signing"`      // before | live
	Confirmations int    `json:"confirmations"`
	InProcess     bool   `json:"in_process"`
}

// Environment says where the run took place. Host must be equal for two runs
// to be compared; SUT may differ and is shown first.
type Environment struct {
	Host        Host              `json:"host"`
	SUT         map[string]string `json:"sut"`
	Driver      string            `json:"driver"`
	Network     string            `json:"network"`
	Client      string            `json:"client"`
	Calibration *Calibration      `json:"calibration,omitempty"`
}

// Host is the machine of the generator.
type Host struct {
	CPU           string `json:"cpu"`
	Cores         int    `json:"cores"`                    // that this process may use
	PhysicalCores int    `json:"physical_cores,omitempty"` // of these, at most; 0 = not known
	MemoryBytes   uint64 `json:"memory_bytes"`
	OS            string `json:"os"`
	Arch          string `json:"arch"`
	Kernel        string `json:"kernel"`
	GoVersion     string `json:"go_version"`
	Version       string `json:"version"` // of chaindyno
	Virtual       bool   `json:"virtual"`
	SHAExtensions bool   `json:"sha_extensions"`
}

// Calibration is what this machine can do at best, rates per second.
type Calibration struct {
	GeneratorCeiling   float64 `json:"generator_ceiling,omitempty"`   // tx/s against the null driver
	VerifyBefore       float64 `json:"verify_before,omitempty"`       // signatures/s, all cores, keys not seen before
	VerifyAfter        float64 `json:"verify_after,omitempty"`        // the same after the run
	VerifyCached       float64 `json:"verify_cached,omitempty"`       // with expanded keys cached
	SignaturesPerTx    float64 `json:"signatures_per_tx,omitempty"`   //
	SignRate           float64 `json:"sign_rate,omitempty"`           // signatures/s, all cores
	HashRate           float64 `json:"hash_rate,omitempty"`           // header double hashes/s, one thread
	SleepOvershootNs   int64   `json:"sleep_overshoot_ns,omitempty"`  // median lateness of time.Sleep
	PacerOvershootNs   int64   `json:"pacer_overshoot_ns,omitempty"`  // median lateness of the locked pacer
	TimerResolutionNs  int64   `json:"timer_resolution_ns,omitempty"` //
	VerificationLimit  float64 `json:"verification_limit,omitempty"`  // tx/s = mean of before and after over signatures per tx
	ThroughputOfLimit  float64 `json:"throughput_of_limit,omitempty"` // succeeded tx/s over the limit
	CeilingOverOffered float64 `json:"ceiling_over_offered,omitempty"`
}

// Check is one row of the SLO or of the validity table. A limit is rendered
// exactly, and what was observed with as many digits as it takes to stand on
// its side of the limit.
type Check struct {
	Name     string  `json:"name"`     // "commit.p99", "dispatch_lag.p99"
	Op       string  `json:"op"`       // <, <=, >, >=, ==
	Limit    float64 `json:"limit"`    // in Unit
	Observed float64 `json:"observed"` // in Unit
	Unit     string  `json:"unit"`     // ns, share, count, tx/s, ...
	Low      float64 `json:"low"`      // 95 % interval over blocks; Low == High == 0: none
	High     float64 `json:"high"`
	OK       bool    `json:"ok"`
	Known    bool    `json:"known"` // false: nothing was observed, so OK is false too
	Note     string  `json:"note,omitempty"`
}

// Counts is the ledger of counts:
//
//	Scheduled = Sent + Dropped (overload, late, starved) + Unsent
type Counts struct {
	Scheduled       uint64            `json:"scheduled"`
	Sent            uint64            `json:"sent"`
	DroppedOverload uint64            `json:"dropped_overload"`
	DroppedLate     uint64            `json:"dropped_late"`
	DroppedStarved  uint64            `json:"dropped_starved"`
	Unsent          uint64            `json:"unsent"`   // interrupted before their turn
	Attempts        uint64            `json:"attempts"` // submissions, with those repeated after busy
	Answers         map[string]uint64 `json:"answers"`  // accepted, rejected, unknown
	Fates           map[string]uint64 `json:"fates"`
	Rejected        map[string]uint64 `json:"rejected"` // by kind
	Unknown         map[string]uint64 `json:"unknown"`  // by kind
	Expected        uint64            `json:"expected"` // rejections that the workload asked for
	Reverted        uint64            `json:"reverted"` // inclusions that did not hold
	NegativeDeltas  uint64            `json:"negative_deltas"`
	OutOfRange      uint64            `json:"out_of_range"` // latencies beyond the histogram's 1 h
	Foreign         uint64            `json:"foreign"`      // transactions of others in the blocks seen
	Balanced        bool              `json:"balanced"`
}

// Cell is one cell of the answer x fate matrix.
type Cell struct {
	Answer string `json:"answer"` // accepted, rejected/<kind>, unknown/<kind>
	Fate   string `json:"fate"`
	Kind   string `json:"kind"`   // of transaction
	Expect string `json:"expect"` // the refusal that the kind asks for, or none
	Count  uint64 `json:"count"`
}

// The fates of a sent transaction.
const (
	FateSucceeded = "succeeded"
	FateFailed    = "failed"  // in execution
	FateRefused   = "refused" // never taken in
	FatePooled    = "pooled"  // waiting still at the deadline
	FateEvicted   = "evicted" // dropped from the pool by the chain
	FateExpired   = "expired" // can never be included any more
	FateLost      = "lost"    // accepted, and nowhere to be found
)

// Throughput is of succeeded transactions only.
type Throughput struct {
	OfferedPerS   float64 `json:"offered_per_s"`   // steady window
	AcceptedPerS  float64 `json:"accepted_per_s"`  // steady window
	SucceededPerS float64 `json:"succeeded_per_s"` // steady window: the headline
	Low           float64 `json:"low"`             // 95 % interval, bootstrap over blocks
	High          float64 `json:"high"`
	WholePerS     float64 `json:"whole_per_s"` // whole run with the drain
	PayloadBytes  float64 `json:"payload_bytes_per_s"`
	BacklogSlope  float64 `json:"backlog_slope_per_s"` // in-flight transactions gained a second
	BacklogLow    float64 `json:"backlog_slope_low"`
	BacklogHigh   float64 `json:"backlog_slope_high"`
	BacklogGrows  bool    `json:"backlog_grows"`
	BacklogWhy    string  `json:"backlog_why,omitempty"` // why there is no slope
	Blocked       float64 `json:"blocked_share"`         // closed loop: share of time blocked on the window
}

// Steady says whether the run was steady over the steady window, which the
// scenario chooses: nothing is moved by what is found here.
type Steady struct {
	State        string         `json:"state"` // the worst of Series; "" = not told
	BlocksNeeded int            `json:"blocks_needed"`
	Varying      bool           `json:"varying"` // the schedule itself changes its rate
	Series       []SteadySeries `json:"series"`
}

// SteadySeries is one figure by the block. MSER-5 cuts blocks at its start that
// belong to the warm-up still.
type SteadySeries struct {
	Name   string  `json:"name"` // throughput | commit
	Unit   string  `json:"unit"` // tx/s | ns
	State  string  `json:"state"`
	Blocks int     `json:"blocks"`
	Cut    int     `json:"cut_blocks"`
	FromNs int64   `json:"from_ns"` // since the run's start: what is left after the cut
	Whole  float64 `json:"whole"`   // the mean over the window, cut or not
	Low    float64 `json:"low"`     // its 95 % interval over blocks; both 0: none
	High   float64 `json:"high"`
	After  float64 `json:"after"` // the mean from FromNs on
}

// The states, from good to bad.
const (
	SteadyYes     = "steady"   // what is cut makes no difference beyond noise
	SteadyUnknown = "short"    // too few blocks to decide
	SteadyWarming = "warming"  // what is cut makes a difference: the warm-up was too short
	SteadyNo      = "unsteady" // and more than half is cut
)

// Latency summarises one histogram over the steady window. A quantile is
// absent (null) where there are fewer than 10/(1-q) samples.
type Latency struct {
	Stage    string `json:"stage"`
	Kind     string `json:"kind"` // "" = all
	Worker   string `json:"worker,omitempty"`
	Count    uint64 `json:"count"`
	MinNs    int64  `json:"min_ns"`
	MeanNs   int64  `json:"mean_ns"`
	P50Ns    *int64 `json:"p50_ns"`
	P90Ns    *int64 `json:"p90_ns"`
	P99Ns    *int64 `json:"p99_ns"`
	P999Ns   *int64 `json:"p999_ns"`
	MaxNs    int64  `json:"max_ns"`
	Blocks   int    `json:"blocks"`   // behind the samples; 0 where it has no meaning
	Censored uint64 `json:"censored"` // unfinished at the end
}

// The stages. Client stages first, on the worker's monotonic clock.
const (
	StageDispatchLag   = "dispatch_lag"   // intended -> dispatched
	StageSendWait      = "send_wait"      // dispatched -> sent
	StageAck           = "ack"            // sent -> acked
	StageAckResponse   = "ack_response"   // intended -> acked
	StageInclude       = "include"        // intended -> first inclusion, provisional
	StageCommit        = "commit"         // intended -> the inclusion that held
	StageCommitService = "commit_service" // sent -> the inclusion that held
	StageFinal         = "final"          // intended -> held at k confirmations
	StageNodeVerify    = "node_verify"    // received -> verified
	StageNodeOrder     = "node_order"     // verified -> ordered
	StageNodeSeal      = "node_seal"      // ordered -> sealed
	StageNodeStore     = "node_store"     // sealed -> committed
)

// ClientStages and NodeStages list the stages in travel order.
var (
	ClientStages = []string{
		StageDispatchLag, StageSendWait, StageAck, StageAckResponse,
		StageInclude, StageCommit, StageCommitService, StageFinal,
	}
	NodeStages = []string{StageNodeVerify, StageNodeOrder, StageNodeSeal, StageNodeStore}
)

// Chain summarises the blocks seen.
type Chain struct {
	Blocks         int            `json:"blocks"`
	Empty          int            `json:"empty"`
	Reorgs         int            `json:"reorgs"`
	DeepestReorg   int            `json:"deepest_reorg"`
	Orphaned       int            `json:"orphaned"`
	IntervalMeanNs int64          `json:"interval_mean_ns"`
	IntervalP99Ns  int64          `json:"interval_p99_ns"`
	TxsPerBlock    float64        `json:"txs_per_block"`
	Fullness       float64        `json:"fullness"` // mean used/limit; 0 = no limit known
	Unit           string         `json:"unit"`
	HashesPerS     float64        `json:"hashes_per_s"` // while sealing
	Threads        []SealThread   `json:"threads,omitempty"`
	MissingStages  uint64         `json:"missing_stages"`
	Durable        bool           `json:"durable"` // every block was synced before it was announced
	Tip            string         `json:"tip"`
	Height         uint64         `json:"height"`
	Rejections     map[string]int `json:"rejections,omitempty"` // the nodes' own counters
}

// SealThread is one sealing thread over the run.
type SealThread struct {
	Thread     int     `json:"thread"`
	Hashes     uint64  `json:"hashes"`
	HashesPerS float64 `json:"hashes_per_s"`
}

// Resource is the consumption of one process over the load phase.
type Resource struct {
	Process      string  `json:"process"` // "generator" or a node's name
	CPUSeconds   float64 `json:"cpu_seconds"`
	CPUShare     float64 `json:"cpu_share"` // of the cores it could get, 0 to 1
	RSSMaxBytes  uint64  `json:"rss_max_bytes"`
	RSSSlope     float64 `json:"rss_slope_bytes_per_s"` // steady window
	GCSeconds    float64 `json:"gc_seconds"`
	DiskBytes    uint64  `json:"disk_bytes"`
	CPUPerTxNs   float64 `json:"cpu_per_tx_ns"` // per succeeded transaction
	DiskPerTx    float64 `json:"disk_bytes_per_tx"`
	OutputsInSet uint64  `json:"outputs_in_set,omitempty"`
}

// Tier is one tier of a node's read path, from the load's start to the drain's
// end.
type Tier struct {
	Process  string  `json:"process"`   // a node's name
	Tier     string  `json:"tier"`      // l1, l2, ...: the fastest first
	Reads    uint64  `json:"reads"`     // that came as far as this tier
	Hits     uint64  `json:"hits"`      // of these, answered by it
	HitShare float64 `json:"hit_share"` // hits over reads, 0 to 1
	MeanNs   int64   `json:"mean_ns"`   // of the hits, from the question to the answer
	Poisoned uint64  `json:"poisoned"`  // values that were not what they were kept as; never used
	Failures uint64  `json:"failures"`  // no answer in time, or an error
}

// Worker is one worker's share of the counts.
type Worker struct {
	Name            string    `json:"name"`
	Sent            uint64    `json:"sent"`
	Accepted        uint64    `json:"accepted"`
	Succeeded       uint64    `json:"succeeded"`
	Rejected        uint64    `json:"rejected"`
	Unknown         uint64    `json:"unknown"`
	Dropped         uint64    `json:"dropped"`
	Latency         []Latency `json:"latency"`
	CPUShare        float64   `json:"cpu_share"`
	ClockOffsetNs   int64     `json:"clock_offset_ns"`
	ClockBoundNs    int64     `json:"clock_bound_ns"`
	LostAtNs        int64     `json:"lost_at_ns,omitempty"`
	Version         string    `json:"version"`
	SegmentFrom     int       `json:"segment_from"`
	SegmentTo       int       `json:"segment_to"`
	ForwardP99Ns    int64     `json:"forward_p99_ns,omitempty"`
	DispatchedShare float64   `json:"dispatched_in_time_share"`
}

// Fault is something done to, or seen of, the system under test.
type Fault struct {
	AtNs    int64  `json:"at_ns"`
	UntilNs int64  `json:"until_ns"`
	Node    string `json:"node"`
	Kind    string `json:"kind"`
	Detail  string `json:"detail"`
}

// Audit is the check of the chain after the run.
type Audit struct {
	Level  string       `json:"level"` // off, headers, counts, full
	OK     bool         `json:"ok"`
	Checks []AuditCheck `json:"checks"`
}

// AuditCheck is one line of the audit.
type AuditCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Sample is one row of timeseries.csv: one second of one worker and kind
// ("" = all). Counters are of this second, gauges at its end.
type Sample struct {
	TNs              int64  // end of the second
	Phase            string // warmup, steady, drain
	Worker           string
	Kind             string
	Offered          uint64
	Sent             uint64
	Accepted         uint64
	Included         uint64
	Rejected         uint64
	Unknown          uint64
	Dropped          uint64
	InFlight         int64
	Pool             int64 // -1 = unknown
	IncludeP50Ns     int64 // -1 = too few samples, here and below
	IncludeP90Ns     int64
	IncludeP99Ns     int64
	IncludeP999Ns    int64
	IncludeMaxNs     int64
	AckP99Ns         int64
	DispatchLagP99Ns int64
}

// Block is one row of blocks.csv.
type Block struct {
	Height     uint64
	Hash       string
	ClaimedMs  int64
	SeenNs     int64 // when the generator saw it; -1 = unknown
	Txs        int
	Ours       int
	Bytes      uint64
	Used       uint64
	Limit      uint64
	IntervalNs int64
	SealNs     int64
	Hashes     uint64
	Status     string // main, orphaned
}

// ErrorRow is one row of errors.csv.
type ErrorRow struct {
	Class    string // rejected, unknown, dropped, follow, audit
	Kind     string
	TxKind   string
	Count    uint64
	FirstNs  int64
	LastNs   int64
	Expected bool
	Sample   string // one example of the chain's own words
}

// Histogram is a whole distribution over the steady window.
type Histogram struct {
	Stage string
	Kind  string // "" = all
	H     *hdr.Histogram
}

// Interval is one line of latency.hlog: one stage during one second.
type Interval struct {
	Stage    string
	StartNs  int64
	LengthNs int64
	V2       []byte // the histogram in HdrHistogram's V2 compressed encoding, base64 as in a log line
}

// Bounds of every histogram: 1 us to 1 h at 3 significant digits, as int64
// nanoseconds.
const (
	LowestNs  = int64(time.Microsecond)
	HighestNs = int64(time.Hour)
	Digits    = 3
)

// NewHistogram returns an empty histogram with the bounds above.
func NewHistogram() *hdr.Histogram { return hdr.New(LowestNs, HighestNs, Digits) }
