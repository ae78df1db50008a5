package scenario

import (
	"math"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Limits are what a plan needs to know of the target.
type Limits struct {
	LaneWindow int           // most unconfirmed transactions of one lane; 0 = no bound
	LanesMax   int           // most lanes; 0 = no bound
	BatchMax   int           // most transactions of one message; 0 = no bound
	PoolMax    int           // most transactions waiting; 0 = unknown
	Interval   time.Duration // expected mean time between blocks; 0 = unknown
	TxBytes    int           // of one transaction of this workload
}

// LimitsOf takes the limits from what a target says of itself. txBytes is the
// size of one transaction of the workload; 0 = as large as it may be.
func LimitsOf(info driver.Info, txBytes int) Limits {
	if txBytes == 0 {
		txBytes = info.PayloadMax
	}
	return Limits{
		LaneWindow: info.LaneWindow, LanesMax: info.LanesMax, BatchMax: info.BatchMax,
		PoolMax: info.PoolMax, Interval: info.Interval, TxBytes: txBytes,
	}
}

// Plan is what a run will take.
type Plan struct {
	Txs         uint64        // transactions in all, warm-up included
	PeakRate    float64       // per second, over the longest wait for a block
	LongestWait time.Duration // for a block, exceeded in less than 0.1 % of runs
	Unconfirmed int           // transactions that may have to wait at once
	LanesNeeded int           // so that no arrival finds every lane waiting
	Lanes       int           // that the run will use
	InFlight    int           // most transactions without a fate
	DeckBytes   uint64        // of pre-signed transactions, on disk
	MemoryBytes uint64        // of the generator, an upper estimate
	RawBytes    uint64        // of files in the run folder, an upper estimate
	Duration    time.Duration // of warm-up and load
	Longest     time.Duration // with the drain
	Warnings    []string
}

// Costs in bytes that the estimates rest on.
const (
	memoryBase      = 96 << 20 // code, histograms, gRPC buffers
	memoryPerLane   = 640      // a lane, its key, its outputs
	memoryPerFlight = 192      // an entry of the table of what is under way
	rawPerTx        = 48       // a compressed row of transactions.csv
	auditPerTx      = 48       // spooled for the audit, and sorted by it
	cardBytes       = 41       // a card of the deck beside its payload
	lanesDefault    = 20_000
)

// answerSlow is how long an answer may take before lanes should run out: less
// deserves a warning.
const answerSlow = 100 * time.Millisecond

// Plan does the arithmetic of a run. The error is a usage error that names the
// number needed.
func (s *Scenario) Plan(l Limits) (Plan, error) {
	p := Plan{Txs: s.ExpectedTxs(), Duration: s.Length(), LongestWait: s.longestWait(l.Interval)}
	p.Longest = p.Duration + s.Load.Drain.Std()
	p.PeakRate = s.peakRate(p.LongestWait)
	if err := s.checkBatch(l); err != nil {
		return Plan{}, err
	}
	if err := s.planLanes(&p, l); err != nil {
		return Plan{}, err
	}
	if p.InFlight = s.Load.InFlight; p.InFlight == 0 {
		p.InFlight = p.inFlight(l)
	}
	if s.Load.Sign == SignBefore {
		p.DeckBytes = p.Txs * uint64(l.TxBytes+cardBytes)
	}
	p.MemoryBytes = memoryBase + uint64(p.Lanes)*memoryPerLane + uint64(p.InFlight)*memoryPerFlight + s.deckWindow(p, l) + s.traceBytes()
	p.RawBytes = min(p.Txs, 5_000_000)*rawPerTx + p.Txs*auditPerTx + 16<<20
	s.planWarnings(&p, l)
	return p, nil
}

// longestWait is how long a transaction may have to wait for a block in this
// run. Intervals of a proof of work are exponential, so that the longest of n
// exceeds interval x (ln n + 7) with a probability below e^-7, which is under
// 0.1 % (union bound). A chain of unknown interval is taken to be done in 10 s.
func (s *Scenario) longestWait(interval time.Duration) time.Duration {
	if interval <= 0 {
		return 10 * time.Second
	}
	blocks := max(1, float64(s.Length())/float64(interval))
	return time.Duration(float64(interval) * (math.Log(blocks) + 7))
}

func (s *Scenario) checkBatch(l Limits) error {
	if size := s.Load.Batch.Size; l.BatchMax > 0 && size > l.BatchMax {
		return s.ErrorAt("load.batch.size", "%d transactions are more than a message may carry; permitted: 1 to %d", size, l.BatchMax)
	}
	return nil
}

// planLanes holds lanes x window against rate x longest wait: a lane waits for
// a block once window of its transactions are unconfirmed. Each input takes a
// share of the lanes there are, since each is spent from a chain of its own.
func (s *Scenario) planLanes(p *Plan, l Limits) error {
	l.LanesMax /= max(1, s.Load.Options.Inputs)
	p.Unconfirmed = int(math.Ceil(p.PeakRate * p.LongestWait.Seconds()))
	if c := s.Load.Schedule.Closed; c != nil {
		p.Unconfirmed = c.InFlight
	}
	p.LanesNeeded = max(1, s.Load.Connections)
	if l.LaneWindow > 0 {
		p.LanesNeeded = max(p.LanesNeeded, (p.Unconfirmed+l.LaneWindow-1)/l.LaneWindow)
	}
	if l.LanesMax > 0 && p.LanesNeeded > l.LanesMax {
		return s.ErrorAt("load.schedule", "%.0f tx/s with up to %v between blocks needs %d lanes of %d unconfirmed transactions; the target has %d",
			p.PeakRate, p.LongestWait.Round(10*time.Millisecond), p.LanesNeeded, l.LaneWindow, l.LanesMax)
	}
	p.Lanes = int(s.Load.Lanes)
	if p.Lanes == 0 {
		p.Lanes = max(s.autoLanes(p.Txs), p.LanesNeeded)
		if l.LanesMax > 0 {
			p.Lanes = min(p.Lanes, l.LanesMax)
		}
		return nil
	}
	if p.Lanes < p.LanesNeeded {
		return s.ErrorAt("load.lanes", "%d lanes are too few: %.0f tx/s with up to %v between blocks needs %d lanes of %d unconfirmed transactions",
			p.Lanes, p.PeakRate, p.LongestWait.Round(10*time.Millisecond), p.LanesNeeded, l.LaneWindow)
	}
	if l.LanesMax > 0 && p.Lanes > l.LanesMax {
		return s.ErrorAt("load.lanes", "%d lanes are more than the target has; permitted: %d to %d", p.Lanes, p.LanesNeeded, l.LanesMax)
	}
	return nil
}

// autoLanes is many, so that each lane waits for no answer. A double spend,
// though, spends again what its lane spent before, so that lanes must come
// round often enough to have done so.
func (s *Scenario) autoLanes(txs uint64) int {
	if s.Load.Options.DoubleSpends > 0 {
		return int(min(lanesDefault, max(1, txs/20)))
	}
	return lanesDefault
}

// inFlight bounds what may be under way where the scenario does not: four
// times what the longest wait explains, within what the lanes can hold.
func (p *Plan) inFlight(l Limits) int {
	bound := max(4*p.Unconfirmed, 100_000)
	if l.LaneWindow > 0 {
		bound = min(bound, p.Lanes*l.LaneWindow)
	}
	return max(bound, 1)
}

// deckWindow is the part of the deck that is in memory at once: eight rows,
// each a transaction of every lane.
func (s *Scenario) deckWindow(p Plan, l Limits) uint64 {
	if s.Load.Sign != SignBefore {
		return 0
	}
	return min(p.DeckBytes, 8*uint64(p.Lanes)*uint64(l.TxBytes+cardBytes))
}

func (s *Scenario) planWarnings(p *Plan, l Limits) {
	if l.PoolMax > 0 && p.Unconfirmed > l.PoolMax {
		p.Warnings = append(p.Warnings, keyf("up to %d transactions may wait for a block, and the target's pool holds %d: expect busy answers", p.Unconfirmed, l.PoolMax))
	}
	if open := s.Loop() == "open"; open && float64(p.Lanes) < p.PeakRate*answerSlow.Seconds() {
		p.Warnings = append(p.Warnings, keyf("%d lanes carry %.0f tx/s only while answers take less than %v: each lane has one unanswered transaction",
			p.Lanes, p.PeakRate, time.Duration(float64(p.Lanes)/p.PeakRate*1e9).Round(time.Millisecond)))
	}
	if k := s.Load.Confirmations; l.Interval > 0 && s.Load.Drain.Std() < 3*time.Duration(k)*l.Interval {
		p.Warnings = append(p.Warnings, keyf("load.drain %v is short of three times %d confirmations at %v each", s.Load.Drain, k, l.Interval))
	}
	if l.Interval > 0 && (s.Length()-s.Load.Warmup.Std())/l.Interval < 50 {
		p.Warnings = append(p.Warnings, keyf("fewer than 50 blocks are expected after the warm-up: intervals will be wide"))
	}
}
