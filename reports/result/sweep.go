package result

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// SweepVersion is bumped by every change of Sweep that a reader could trip
// over.
const SweepVersion = 1

// Files of a sweep, beside a folder for each run.
const (
	FileSweep       = "sweep.json"
	FileSweepRuns   = "runs.csv"
	FileSweepReport = "report.json"
)

// Sweep is sweep.json: a matrix of runs as it was planned. It is written before
// the first run; later only Sessions grows, so that the folder is the plan and
// the runs that are in it.
type Sweep struct {
	SchemaVersion int `json:"schema_version"`
	SweepPlan
	Digest   string         `json:"digest"` // of the plan; see Seal
	Sessions []SweepSession `json:"sessions"`
}

// SweepPlan is what does not change once a sweep has begun.
type SweepPlan struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"` // of the scenario
	Start    time.Time       `json:"start"`
	Argv     []string        `json:"argv"`                  // secrets redacted
	File     string          `json:"file,omitempty"`        // of the scenario, as it was named; "" = the default one
	FileSum  string          `json:"file_sha256,omitempty"` //
	RunArgv  []string        `json:"run_argv"`              // that carries out the base by itself; secrets redacted
	Config   json.RawMessage `json:"config"`                // the scenario with its defaults filled in
	Metric   string          `json:"metric"`                // that points are ranked by
	SLO      []Check         `json:"slo"`                   // the objectives as they were compared; nothing is observed
	Axes     []SweepAxis     `json:"axes"`
	Points   []SweepPoint    `json:"points"`
	Repeats  int             `json:"repeats"`
	Seed     uint64          `json:"seed"`     // of the order
	Order    []int           `json:"order"`    // the point of each run, in the order in which they are made
	Attempts int             `json:"attempts"` // most runs in a place of the order, where they end INVALID
	// Dependent: the runs follow each other on one system, which was not started
	// anew for each.
	Dependent bool         `json:"dependent"`
	Calibrate string       `json:"calibrate"` // once, quick, standard, off
	InProcess bool         `json:"in_process"`
	Host      Host         `json:"host"`
	Builds    []SweepBuild `json:"builds"`
}

// SweepAxis is a key that a sweep varies.
type SweepAxis struct {
	Key    string   `json:"key"`    // of the scenario, in full
	Name   string   `json:"name"`   // short, and like no other's
	Values []string `json:"values"` // as they are shown
	Sets   []string `json:"sets"`   // as --set takes them: key=value
}

// SweepPoint is one combination of values.
type SweepPoint struct {
	Values []int `json:"values"` // index into the values of each axis
	// Config is the SHA-256 of the scenario of its runs, compacted: by it a run
	// is known to belong here.
	Config  string `json:"config_sha256"`
	AboutNs int64  `json:"about_ns"` // a run is expected to last
	MostNs  int64  `json:"most_ns"`  // with the whole drain
}

// SweepBuild is a program that the runs use.
type SweepBuild struct {
	Binary  string `json:"binary"` // as the scenario has it; "" = this program
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// SweepSession is one stretch of work on a sweep: the first, or one that
// resumed it.
type SweepSession struct {
	Start       time.Time    `json:"start"`
	End         time.Time    `json:"end,omitzero"` // zero = it was killed
	From        int          `json:"from"`         // runs there were when it began
	Calibration *Calibration `json:"calibration,omitempty"`
}

// Seal sets version and digest.
func (s *Sweep) Seal() { s.SchemaVersion, s.Digest = SweepVersion, s.SweepPlan.digest() }

// Sealed tells whether the plan is the one that Seal saw.
func (s *Sweep) Sealed() bool { return s.Digest == s.SweepPlan.digest() }

func (p *SweepPlan) digest() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic("result: " + err.Error()) // every type in it marshals
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Label names a point: threads=2 batch_size=64.
func (p *SweepPlan) Label(point int) string {
	text := ""
	for i, v := range p.Points[point].Values {
		if i > 0 {
			text += " "
		}
		text += p.Axes[i].Name + "=" + p.Axes[i].Values[v]
	}
	return text
}

// Folder is that of the run at a place of the order, from 0, and of an attempt,
// from 1: 007-threads=2,batch_size=64, and with -2 behind it for the second.
func (p *SweepPlan) Folder(place, attempt int) string {
	name := fmt.Sprintf("%0*d-%s", max(3, len(fmt.Sprint(len(p.Order)))), place+1, fileName(p.Label(p.Order[place])))
	if attempt > 1 {
		name += fmt.Sprintf("-%d", attempt)
	}
	return name
}

// folderMax bounds the part of a folder's name that the point gives it.
const folderMax = 80

// fileName makes text fit for the name of a file in any shell.
func fileName(text string) string {
	out := []byte(text)
	for i, c := range out {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' || c == '=':
		case c == ' ':
			out[i] = ','
		default:
			out[i] = '_'
		}
	}
	return string(out[:min(len(out), folderMax)])
}

// Check tells in a sentence what makes a plan that was read impossible to
// follow; "" if nothing does.
func (p *SweepPlan) Check() string {
	for i, point := range p.Points {
		if len(point.Values) != len(p.Axes) {
			return fmt.Sprintf("point %d has %d values for %d axes", i, len(point.Values), len(p.Axes))
		}
		for a, v := range point.Values {
			if v < 0 || v >= len(p.Axes[a].Values) {
				return fmt.Sprintf("point %d has no value of axis %s", i, p.Axes[a].Name)
			}
		}
	}
	for _, o := range p.Order {
		if o < 0 || o >= len(p.Points) {
			return fmt.Sprintf("there is no point %d", o)
		}
	}
	if p.Attempts < 1 || len(p.Order) != len(p.Points)*p.Repeats {
		return fmt.Sprintf("%d runs in order are not %d points, %d times each", len(p.Order), len(p.Points), p.Repeats)
	}
	return ""
}

// ConfigSum is the digest of a scenario by which a run is known.
func ConfigSum(compact []byte) string {
	sum := sha256.Sum256(compact)
	return hex.EncodeToString(sum[:])
}
