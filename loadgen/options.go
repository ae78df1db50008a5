// Package loadgen puts a chain under load and measures what it delivers: one
// call of Run is one measurement. Its parts work as a pipeline:
//
//	schedule -> dispatch -> sender (lane.Next, register) -> Session.Submit
//	         => answers -> table of what is in flight <- follower (blocks)
//	         => record -> result.Run
//
// In an open loop the dispatcher never waits for the chain: an arrival starts
// at its intended time or is dropped and counted.
package loadgen

import (
	"context"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// Options is what a run needs besides its scenario. Scenario, Driver and Dir
// are required.
type Options struct {
	Scenario *scenario.Scenario
	Driver   driver.Driver
	// Dir is the run folder, which exists. Run writes transactions.csv.zst
	// and scratch files that it removes; the caller writes the rest.
	Dir string
	// ID names the run.
	ID string
	// Argv is the command line as it may be shown: secrets redacted.
	Argv []string
	// Host describes this machine.
	Host result.Host
	// SUT describes what is measured, beside what the driver tells.
	SUT map[string]string
	// InProcess says that nodes share the generator's process.
	InProcess bool
	// Calibrate measures what this machine can do; it is called right before
	// and right after the load. Nil: no calibration.
	Calibrate func(ctx context.Context, r *result.Calibration, after bool)
	// Hurt does one fault of the scenario to the system and returns when it is
	// over. Nil: the scenario must have no faults.
	Hurt func(ctx context.Context, f scenario.Fault) error
	// Progress is called about once a second, from one goroutine, and must
	// not block for long. Nil: nobody watches.
	Progress func(Progress)
}

// Progress is one reading of a run under way. Its slices are the receiver's.
type Progress struct {
	Phase         string // calibrate, prepare, sign, warmup, steady, drain, audit
	Elapsed       time.Duration
	Total         time.Duration // 0 = unknown
	Done, Of      uint64        // of a phase that works through a known amount
	AskedPerS     float64
	SentPerS      float64
	CommittedPerS float64
	CommitP50     time.Duration // of the last second; 0 = unknown
	CommitP99     time.Duration
	InFlight      int64
	Pool          int64 // -1 = unknown
	Blocks        int
	Height        uint64
	Reorgs        int
	Dropped       uint64
	Rejected      uint64
	Unknown       uint64
	Warnings      []string
}

// The phases, in order.
const (
	PhasePrepare   = "prepare"
	PhaseSign      = "sign"
	PhaseCalibrate = "calibrate"
	PhaseWarmup    = "warmup"
	PhaseSteady    = "steady"
	PhaseDrain     = "drain"
	PhaseAudit     = "audit"
)
