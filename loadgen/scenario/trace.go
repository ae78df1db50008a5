package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/schedule"
)

// Trace replays recorded arrivals. The file's SHA-256 stands in the scenario as
// it is reported, so that the report says what was replayed, and a scenario
// taken from a report refuses another trace of the same name.
type Trace struct {
	File   string   `json:"file" doc:"CSV with the header second,rate (the rate from that second on; a last row with rate 0 ends the trace) or arrival_ns (the time of each arrival); relative to the scenario's folder"`
	Scale  float64  `json:"scale" doc:"rates are multiplied by it; the trace lasts as long" range:"0.0001..10000"`
	For    Duration `json:"for,omitempty" doc:"how much of the trace, from its start; absent: all of it" range:"0s..168h"`
	SHA256 string   `json:"sha256,omitempty" doc:"of the file, which is refused if it has another; absent: any"`

	trace *schedule.Trace // what the file holds, once it is read
}

// SetDefaults fills in what a file need not say.
func (t *Trace) SetDefaults() { *t = Trace{Scale: 1} }

var shaForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// traceShortest is the least length of a trace, as of every schedule.
const traceShortest = 100 * time.Millisecond

// validateTrace reads the file and checks what can be asked of it.
func (s *Scenario) validateTrace() error {
	t := s.Load.Schedule.Trace
	if t == nil {
		return nil
	}
	if t.File == "" {
		return s.ErrorAt("load.schedule.trace.file", "is absent: name the CSV file of the trace")
	}
	if t.SHA256 != "" && !shaForm.MatchString(t.SHA256) {
		return s.ErrorAt("load.schedule.trace.sha256", "%q is no SHA-256: 64 digits of 0-9a-f", t.SHA256)
	}
	path := s.tracePath()
	trace, sum, err := readTrace(path)
	if err != nil {
		return s.ErrorAt("load.schedule.trace.file", "%s: %v", path, err)
	}
	if t.SHA256 != "" && t.SHA256 != sum {
		return s.ErrorAt("load.schedule.trace.sha256", "%s is another trace: its SHA-256 is %s, want %s", path, sum, t.SHA256)
	}
	t.SHA256, t.trace = sum, trace
	if d := t.For.Std(); d != 0 && d < traceShortest || d > trace.Length() {
		return s.ErrorAt("load.schedule.trace.for", "%v is out of range; permitted: %v to the trace's own %v", t.For, traceShortest, trace.Length())
	}
	if trace.Length() < traceShortest {
		return s.ErrorAt("load.schedule.trace.file", "%s lasts %v; permitted: from %v", path, trace.Length(), traceShortest)
	}
	if top := trace.HighestRate() * t.Scale; top > schedule.MaxTraceRate {
		return s.ErrorAt("load.schedule.trace.scale", "%v makes the highest rate %.0f/s; permitted: up to %.0f/s", t.Scale, top, float64(schedule.MaxTraceRate))
	}
	if t.schedule().Count() == 0 {
		return s.ErrorAt("load.schedule.trace", "there is no arrival in the %v that are replayed", t.length())
	}
	return nil
}

// tracePath is the trace's file as this process finds it.
func (s *Scenario) tracePath() string {
	file := s.Load.Schedule.Trace.File
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(s.file), file)
}

func readTrace(path string) (*schedule.Trace, string, error) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return nil, "", fmt.Errorf("no such file")
	case err != nil:
		return nil, "", err
	case !info.Mode().IsRegular():
		return nil, "", fmt.Errorf("is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	sum := sha256.New()
	trace, err := schedule.DecodeTrace(io.TeeReader(f, sum))
	if err != nil {
		return nil, "", err
	}
	return trace, hex.EncodeToString(sum.Sum(nil)), nil
}

func (t *Trace) length() time.Duration {
	if t.For != 0 {
		return t.For.Std()
	}
	return t.trace.Length()
}

func (t *Trace) schedule() schedule.Schedule { return t.trace.Schedule(t.Scale, t.For.Std()) }

// traceBytes is the memory that a trace takes.
func (s *Scenario) traceBytes() uint64 {
	if t := s.Load.Schedule.Trace; t != nil {
		return t.trace.Bytes()
	}
	return 0
}

// Describe says in one line what is replayed.
func (t *Trace) Describe() string {
	what := fmt.Sprintf("%d steps of a rate", t.trace.Rows())
	if t.trace.HighestRate() == 0 {
		what = fmt.Sprintf("%d arrivals", t.trace.Rows())
	}
	return fmt.Sprintf("%s: %s over %v, at %v times its rates; SHA-256 %s", t.File, what, t.trace.Length(), t.Scale, t.SHA256)
}
