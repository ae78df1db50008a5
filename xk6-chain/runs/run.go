package runs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

// startTimeout bounds how long a run may take to start: finding funds on a long
// chain takes the longest.
const startTimeout = time.Minute

// DefaultName is the name of a run that a script gives none. Its folder is named
// after the script then.
const DefaultName = "k6"

// Run is one target under load.
type Run struct {
	Scenario *scenario.Scenario
	Driver   driver.Driver // for questions; it exists before the run starts

	hub    *Hub
	key    string
	life   context.Context
	stop   context.CancelFunc
	driven atomic.Pointer[loadgen.Driven]
	dir    string // of its files; "" = none

	ending sync.Once

	mu       sync.Mutex
	attempt  *attempt
	onEnd    func()
	sent     map[string]*tally // by k6's scenario
	reported bool
}

// attempt is one try to start, which all who want to start share.
type attempt struct {
	done chan struct{}
	err  error
}

// tally is what one of k6's scenarios has sent.
type tally struct{ iterations, txs uint64 }

// Start is what a run needs to know of the test before it starts.
type Start struct {
	Wallets int
	Part    func(lanes int) (from, to int) // nil: all
	Version string                         // of k6, for the report
	// Begun is called once the run has started. What it returns is called when
	// the run has ended.
	Begun func(*loadgen.Driven) (ended func())
}

// Driven is the run itself; nil before it has started.
func (r *Run) Driven() *loadgen.Driven { return r.driven.Load() }

// Start starts the run if it has not started yet. The target must be there. A
// failure is no verdict for good: the next call tries again.
func (r *Run) Start(ctx context.Context, s Start) (*loadgen.Driven, error) {
	if d := r.Driven(); d != nil {
		return d, nil
	}
	r.mu.Lock()
	a := r.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		r.attempt = a
		go r.try(a, s)
	}
	r.mu.Unlock()
	select {
	case <-a.done:
		return r.Driven(), a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Run) try(a *attempt, s Start) {
	defer close(a.done)
	d, err := r.begin(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.err = err; err != nil {
		r.attempt = nil
		return
	}
	if s.Begun != nil {
		r.onEnd = s.Begun(d)
	}
	r.driven.Store(d)
}

func (r *Run) begin(s Start) (*loadgen.Driven, error) {
	r.hub.mu.Lock()
	files, over := r.hub.files, r.hub.ended
	r.hub.mu.Unlock()
	if over {
		return nil, loadgen.ErrEnded
	}
	opt := loadgen.DrivenOptions{
		Options: loadgen.Options{
			Scenario: r.Scenario, Driver: r.Driver, ID: loadgen.NewID(), Host: loadgen.Host(),
			SUT: map[string]string{"system": systemName(r.Scenario), "paced by": "k6 " + s.Version},
		},
		Pacer: "k6", Wallets: s.Wallets, Part: s.Part,
	}
	if files != nil {
		opt.Argv = files.Argv
		if r.Scenario.Name == DefaultName {
			r.Scenario.Name = files.Name
		}
		dir, err := reports.MakeDir(files.Dir, r.Scenario.Name, time.Now())
		if err != nil {
			return nil, fmt.Errorf("output folder %s: %w", files.Dir, err)
		}
		r.dir, opt.Dir = dir, dir
	}
	ctx, cancel := context.WithTimeout(r.life, startTimeout)
	defer cancel()
	d, err := loadgen.Drive(ctx, opt)
	if err != nil && r.dir != "" {
		_ = os.RemoveAll(r.dir) // nothing was measured
		r.dir = ""
	}
	return d, err
}

func systemName(s *scenario.Scenario) string {
	if len(s.Target.Submit) == 0 {
		return s.Target.Driver + " in this process"
	}
	return fmt.Sprintf("at %v", s.Target.Submit)
}

// Sent notes what an iteration of one of k6's scenarios has sent: first says
// that it is the iteration's first call.
func (r *Run) Sent(scenario string, first bool, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent == nil {
		r.sent = map[string]*tally{}
	}
	t := r.sent[scenario]
	if t == nil {
		t = &tally{}
		r.sent[scenario] = t
	}
	t.txs += uint64(n)
	if first {
		t.iterations++
	}
}

// dropped counts an iteration as the transactions that it would have sent.
func (r *Run) dropped(d drop) {
	r.mu.Lock()
	t := r.sent[d.scenario]
	r.mu.Unlock()
	if t == nil || t.iterations == 0 {
		return
	}
	each := float64(t.txs) / float64(t.iterations)
	r.Driven().Dropped(uint64(math.Round(float64(d.n)*each)), d.at,
		fmt.Sprintf("k6 dropped iterations of scenario %q, which send %.4g transactions each on average", d.scenario, each))
}

// end ends the load, once; ctx cuts the drain short.
func (r *Run) end(ctx context.Context) {
	r.ending.Do(func() {
		r.Driven().End(ctx, false)
		r.mu.Lock()
		ended := r.onEnd
		r.mu.Unlock()
		if ended != nil {
			ended()
		}
	})
}

// Report is a run's result and where its files are.
type Report struct {
	Run *result.Run
	Dir string
}

// Reports audits every run that left a folder, and writes its files. It is
// called after End, and once. finish may change a result before it is written.
func (h *Hub) Reports(ctx context.Context, interrupted bool, finish func(*result.Run)) ([]Report, error) {
	h.settleDrops()
	var all []Report
	var errs []error
	for _, r := range h.begun() {
		if r.dir == "" || r.reported {
			continue
		}
		r.reported = true
		d := r.Driven()
		if interrupted {
			d.Interrupted()
		}
		res := d.Report(ctx)
		finish(res)
		if err := reports.WriteRun(r.dir, res); err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, Report{Run: res, Dir: r.dir})
	}
	return all, errors.Join(errs...)
}

func (r *Run) close() {
	r.stop()
	if d := r.Driven(); d != nil {
		r.end(r.life) // which is over
		d.Close()
	}
	_ = r.Driver.Close()
}
