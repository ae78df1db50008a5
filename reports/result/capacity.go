package result

import (
	"encoding/json"
	"time"
)

// CapacityVersion is bumped by every change of Capacity that a reader could
// trip over.
const CapacityVersion = 1

// Files of a capacity search, beside a folder for each trial.
const (
	FileCapacity = "capacity.json"
	FileTrials   = "trials.csv"
)

// Capacity is capacity.json: the search for the highest rate under an SLO.
type Capacity struct {
	SchemaVersion int             `json:"schema_version"`
	ID            string          `json:"id"`
	Name          string          `json:"name"` // of the scenario
	Start         time.Time       `json:"start"`
	ElapsedNs     int64           `json:"elapsed_ns"` // of the whole search
	Argv          []string        `json:"argv"`       // secrets redacted
	Config        json.RawMessage `json:"config"`     // the scenario with its defaults filled in
	Environment   Environment     `json:"environment"`
	SLO           []string        `json:"slo"`    // as it was written
	Limits        []Check         `json:"limits"` // the same, as it was compared; nothing is observed
	Plan          CapacityPlan    `json:"plan"`   // what was asked for
	// Dependent: the trials followed each other on one chain, which was drained
	// in between and not made anew.
	Dependent bool     `json:"dependent"`
	Bracket   Bracket  `json:"bracket"`
	Says      string   `json:"says"` // the outcome in a sentence
	Trials    []Trial  `json:"trials"`
	Files     []string `json:"files"`
}

// CapacityPlan is how a search was set up. Rates are per second.
type CapacityPlan struct {
	Start     float64 `json:"start_per_s"`
	Floor     float64 `json:"floor_per_s"` // no lower rate is tried
	Limit     float64 `json:"limit_per_s"` // no higher rate is asked for
	LimitWhy  string  `json:"limit_why"`   // whose limit it is
	Precision float64 `json:"precision"`   // the widest bracket, as a share of its lower end
	Confirm   int     `json:"confirm"`     // full runs that the lower end must pass
	Repeats   int     `json:"repeats"`     // of a trial that was INVALID
	Errors    float64 `json:"errors"`      // the largest share of errors
	ShortNs   int64   `json:"short_ns"`
	LongNs    int64   `json:"long_ns"`
	FullNs    int64   `json:"full_ns"`
}

// Bracket is what a search knows: the lower end passed, the upper one did not.
type Bracket struct {
	Outcome   Outcome `json:"outcome"`
	Lower     float64 `json:"lower_per_s"`     // highest rate that passed; 0 = none did
	Upper     float64 `json:"upper_per_s"`     // lowest rate above it that did not pass; 0 = none is known
	Confirmed int     `json:"confirmed"`       // full runs that passed at the lower end, none of which failed
	UpperWhy  string  `json:"upper_why"`       // why the upper end did not pass
	Why       string  `json:"why"`             // the search gave up; "" = it did not
	UpperIs   string  `json:"upper_is"`        // fail | invalid | ""
	Rechecked bool    `json:"upper_rechecked"` // the upper end failed a full run too
}

// Outcome says how a search ended.
type Outcome string

// The outcomes.
const (
	// CapacityFound: the lower end is confirmed, the upper one failed, and they
	// are as close as was asked.
	CapacityFound Outcome = "found"
	// CapacityAtLeast: the lower end is confirmed, and the generator could ask
	// for no more, or was not fit to.
	CapacityAtLeast Outcome = "at_least"
	// CapacityNone: even the lowest rate that was tried failed.
	CapacityNone Outcome = "none"
	// CapacityUndecided: the search gave up before it had an answer.
	CapacityUndecided Outcome = "undecided"
	// CapacityInterrupted: by the user; what is known is told.
	CapacityInterrupted Outcome = "interrupted"
)

// The purposes of a trial.
const (
	TrialFind    = "find"    // doubling or halving, until one rate passes and one fails
	TrialBisect  = "bisect"  // between them
	TrialConfirm = "confirm" // the lower end, again and again
	TrialRecheck = "recheck" // the upper end, once more
)

// Trial is one row of trials.csv: one whole run at one rate.
type Trial struct {
	N            int      `json:"n"` // from 1, in the order in which they ran
	Purpose      string   `json:"purpose"`
	Attempt      int      `json:"attempt"` // from 1; more after INVALID
	AskedPerS    float64  `json:"asked_per_s"`
	LengthNs     int64    `json:"length_ns"` // of the steady window
	Verdict      Verdict  `json:"verdict"`   // of the trial, by the rules of a search
	Reasons      []string `json:"reasons"`   // why not PASS, by name
	OfferedPerS  float64  `json:"offered_per_s"`
	Succeeded    float64  `json:"succeeded_per_s"`
	SuccessShare float64  `json:"success_share"` // succeeded over offered, steady window
	CommitP50Ns  *int64   `json:"commit_p50_ns"`
	CommitP99Ns  *int64   `json:"commit_p99_ns"`
	ErrorShare   float64  `json:"error_share"`
	Dropped      uint64   `json:"dropped"`
	BacklogSlope float64  `json:"backlog_slope_per_s"`
	Pooled       uint64   `json:"pooled"` // waiting still when the drain ended
	Dir          string   `json:"dir"`    // of the run, within the search's folder
}
