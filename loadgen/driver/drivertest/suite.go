// Package drivertest says whether a driver keeps the contract of package
// driver. A new driver's test is one call:
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, func(t *testing.T) driver.Driver { return open(t) }, drivertest.Options{})
//	}
//
// The chain behind the driver has to be idle but for the suite, and to make
// blocks: by itself, or where Info.OnDemand through driver.Sealer.
package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Options fit the suite to a driver. The zero value suits one that loses
// nothing and answers everything.
type Options struct {
	Lanes    int               // lanes of most checks; 0 = 8, at least 2
	Rounds   int               // transactions of each lane; 0 = 4, at most the lane window
	Seed     uint64            // 0 = 1
	Workload driver.Workload   // zero: one input, two outputs
	Options  map[string]string // the driver's own, of every plan
	Timeout  time.Duration     // of one check; 0 = 60 s
	// Corrupt returns a copy of a payload that the chain must refuse. nil: the
	// last byte's lowest bit is flipped.
	Corrupt func(payload []byte) []byte
	// The system under test is one that misbehaves on purpose.
	Loses     bool // accepted transactions may never be included
	Unknown   bool // taken in or not, transactions may be answered Unknown
	NoGenesis bool // the chain can't be followed from before genesis
	// Skip names checks to leave out, with the reason that the test prints.
	Skip map[string]string
}

func (o Options) withDefaults() Options {
	o.Lanes = max(o.Lanes, 2)
	if o.Lanes == 2 {
		o.Lanes = 8
	}
	if o.Rounds == 0 {
		o.Rounds = 4
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Workload.Inputs == 0 {
		o.Workload.Inputs = 1
	}
	if o.Workload.Outputs == 0 {
		o.Workload.Outputs = 2
	}
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second
	}
	if o.Corrupt == nil {
		o.Corrupt = flipLastBit
	}
	return o
}

func flipLastBit(payload []byte) []byte {
	b := append([]byte(nil), payload...)
	if len(b) > 0 {
		b[len(b)-1] ^= 1
	}
	return b
}

// check is one test of the suite.
type check struct {
	name string
	run  func(s *suite)
}

// checks lists the suite in the order of a run's calls.
var checks = []check{
	{"info", checkInfo},
	{"prepare", checkPrepare},
	{"open", checkOpen},
	{"lanes", checkLanes},
	{"deterministic", checkDeterministic},
	{"acks", checkAcks},
	{"acks_cancelled", checkAcksCancelled},
	{"batch_max", checkBatchMax},
	{"hostile_payloads", checkHostilePayloads},
	{"kinds", checkKinds},
	{"ahead", checkAhead},
	{"rewind", checkRewind},
	{"lost", checkLost},
	{"twice", checkTwice},
	{"sessions", checkSessions},
	{"follow", checkFollow},
	{"follow_resume", checkFollowResume},
	{"follow_ends", checkFollowEnds},
	{"locate", checkLocate},
	{"audit", checkAudit},
	{"seal", checkSeal},
	{"inspect", checkInspect},
	{"close", checkClose},
}

// Run runs the suite. Each check opens a driver of its own and closes it; open
// fails the test if it can't.
func Run(t *testing.T, open func(t *testing.T) driver.Driver, opts Options) {
	t.Helper()
	opts = opts.withDefaults()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if why, skip := opts.Skip[c.name]; skip {
				t.Skip(why)
			}
			d := open(t)
			s, finish := newSuite(t, d, opts)
			defer finish()
			c.run(s)
		})
	}
}

// tester is what the suite needs of *testing.T, so that the suite itself can be
// tested. Fatalf ends the calling goroutine.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Context() context.Context
}

// suite is one check under way.
type suite struct {
	tester
	d    driver.Driver
	opts Options
	ctx  context.Context
	info driver.Info
}

// newSuite asks for Info, the first call on any driver. finish closes the
// driver.
func newSuite(t tester, d driver.Driver, opts Options) (s *suite, finish func()) {
	ctx, cancel := context.WithTimeout(t.Context(), opts.Timeout)
	s = &suite{tester: t, d: d, opts: opts, ctx: ctx}
	finish = func() {
		cancel()
		if err := d.Close(); err != nil {
			t.Errorf("Driver.Close: %v", err)
		}
	}
	info, err := d.Info(ctx)
	if err != nil {
		finish()
		t.Fatalf("Info: %v", err)
	}
	s.info = info
	return s, finish
}

func (s *suite) plan() driver.Plan {
	return driver.Plan{Lanes: s.opts.Lanes, Txs: uint64(s.opts.Lanes * s.rounds()), Workload: s.opts.Workload, Seed: s.opts.Seed, Options: s.opts.Options}
}

// rounds is how many transactions a lane sends without waiting for blocks.
func (s *suite) rounds() int { return max(min(s.opts.Rounds, s.info.LaneWindow), 1) }

func (s *suite) prepare(p driver.Plan) driver.Handout {
	s.Helper()
	h, err := s.d.Prepare(s.ctx, p)
	if err != nil {
		s.Fatalf("Prepare(%d lanes): %v", p.Lanes, err)
	}
	return h
}

func (s *suite) open(h driver.Handout, from, to int) driver.Session {
	s.Helper()
	session, err := s.d.Open(s.ctx, h, driver.Segment{From: from, To: to})
	if err != nil {
		s.Fatalf("Open(lanes %d to %d): %v", from, to, err)
	}
	return session
}

func (s *suite) next(l driver.Lane) driver.Tx {
	s.Helper()
	tx, err := l.Next(nil)
	if err != nil {
		s.Fatalf("Lane.Next: %v", err)
	}
	return tx
}

func (s *suite) closeSession(session driver.Session) {
	s.Helper()
	if err := session.Close(); err != nil {
		s.Errorf("Session.Close: %v", err)
	}
}
