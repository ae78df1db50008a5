// Package record turns what happens to transactions into histograms, counts,
// the matrix of answers and fates, and rows of the raw log.
//
// One Recorder per goroutine takes the events; its lock is taken by its owner
// and, once a second, by the Collector, which swaps its set of histograms for
// an empty one and merges it:
//
//	Recorder -swap each second-> Collector -> Sample, Interval rows (by second of recording)
//	                                       -> steady-window histograms (by intended time)
package record

import (
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// Stage is a client-side stage, in the order of result.ClientStages.
type Stage uint8

// The stages; result.go says from when to when each goes.
const (
	DispatchLag Stage = iota
	SendWait
	Ack
	AckResponse
	Include
	Commit
	CommitService
	Final
	numStages
)

// String returns the stage's name in reports.
func (s Stage) String() string { return result.ClientStages[s] }

// InTimeNs is how late an arrival may be dispatched and still count as in time.
const InTimeNs = int64(100 * time.Millisecond)

// AnyKind is the kind of an arrival that was never built, so that nobody knows
// its kind. It counts only where all kinds are counted together.
const AnyKind = 255

// Options say what is recorded, and how time is cut.
type Options struct {
	Worker string
	Kinds  []driver.Kind // what Entry.Kind indexes; at least one, at most 255
	// Times since the run's start, ns. Arrivals with SteadyFrom <= intended <
	// SteadyTo make up the steady window; LoadEnd is where the drain begins.
	SteadyFrom, SteadyTo, LoadEnd int64
	Now                           func() int64  // ns since the run's start
	Every                         time.Duration // length of an interval; 0 = 1 s

	// Connections and lanes whose latencies are told apart: Entry.Sender is
	// below the one, Entry.Lane below the other. 0: they are not.
	Connections, Lanes int

	// All below may be nil.
	LanesOf    func(connection int) int
	InFlight   func() int64          // gauge, read at each interval's end
	Pool       func() int64          // the same; -1 = unknown
	Raw        *Raw                  // where the rows of transactions go
	OnSample   func(result.Sample)   // sees each row of kind "" as it is made
	OnInterval func(result.Interval) // takes interval rows, which are then not kept in memory
}

func (o *Options) validate() error {
	switch {
	case len(o.Kinds) == 0 || len(o.Kinds) >= AnyKind:
		return fmt.Errorf("record: %d kinds of transaction, must be 1 to %d", len(o.Kinds), AnyKind-1)
	case o.Now == nil:
		return fmt.Errorf("record: Options.Now is missing")
	case o.Connections < 0 || o.Connections > 1<<16 || o.Lanes < 0:
		return fmt.Errorf("record: %d connections and %d lanes, must be 0 to 65536 and not below 0", o.Connections, o.Lanes)
	case o.Every < 0:
		return fmt.Errorf("record: interval %v is negative", o.Every)
	case o.SteadyTo < o.SteadyFrom || o.LoadEnd < o.SteadyTo:
		return fmt.Errorf("record: window %d..%d ns does not end before the load does, at %d ns", o.SteadyFrom, o.SteadyTo, o.LoadEnd)
	}
	return nil
}

// Drop is why an arrival could not be started.
type Drop uint8

// The reasons.
const (
	Overload Drop = iota // the in-flight bound: the chain's doing
	Late                 // the generator's: too long after its intended time
	Starved              // the generator's: no lane had anything to spend
)

var dropNames = [...]string{"overload", "late", "starved"}

// String returns the reason's name in reports.
func (d Drop) String() string { return dropNames[d] }

// Counter numbers the counters that a Recorder keeps.
type Counter uint8

// The counters.
const (
	Offered      Counter = iota // arrivals whose turn has come, started or not
	Dispatched                  // handed to a sender
	InTime                      // of those, within InTimeNs of the intended time
	Sent                        // submitted for the first time
	Attempts                    // submissions, with repeated ones
	PayloadBytes                // of those sent, each once
	Accepted                    // answers, here and below
	Rejected
	Unknown
	Included  // first inclusions
	Reverted  // inclusions that were abandoned
	Succeeded // inclusions that held and had executed
	FailedTxs // inclusions that held and had not
	DroppedOverload
	DroppedLate
	DroppedStarved
	Unsent         // interrupted before their turn
	Withdrawn      // offered, and interrupted before they were sent
	ForeignTxs     // others' transactions in the blocks seen
	NegativeDeltas // differences of time below zero, not recorded
	OutOfRange     // latencies beyond the histogram, not recorded
	numCounters
)

// Totals are counters by number.
type Totals [numCounters]uint64

func (t *Totals) add(o *Totals) {
	for i, n := range o {
		t[i] += n
	}
}
