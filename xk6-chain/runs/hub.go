package runs

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// Hub is the runs of one process. Its methods may be called by any goroutine.
type Hub struct {
	mu    sync.Mutex
	runs  []*Run
	files *Files // nil: no output asked for run folders
	drops []drop // that no run could take yet
	ended bool
}

// Files is what an output wants of each run.
type Files struct {
	Dir  string   // in which each run gets a folder of its own
	Name string   // of the script
	Argv []string // as it may be shown
}

// NewHub returns a hub without runs.
func NewHub() *Hub { return &Hub{} }

// Record has every run that is yet to start leave a folder.
func (h *Hub) Record(f Files) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files = &f
}

// Target is what a script connects to.
type Target struct {
	Scenario *scenario.Scenario // without a schedule
	Connect  func(*scenario.Scenario) (driver.Driver, error)
}

// Run returns the run of a target. Every VU runs the script's init code, so
// that the same target is asked for again and again: it is one run.
func (h *Hub) Run(t Target) (*Run, error) {
	key := string(t.Scenario.JSON()) + fmt.Sprint(t.Scenario.Target.AllowRemote)
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.IndexFunc(h.runs, func(r *Run) bool { return r.key == key }); i >= 0 {
		return h.runs[i], nil
	}
	d, err := t.Connect(t.Scenario)
	if err != nil {
		return nil, err
	}
	r := &Run{hub: h, key: key, Scenario: t.Scenario, Driver: d}
	r.life, r.stop = context.WithCancel(context.Background())
	h.runs = append(h.runs, r)
	return r, nil
}

// begun are the runs that have begun.
func (h *Hub) begun() []*Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.runs), func(r *Run) bool { return r.Driven() == nil })
}

// End ends the load of every run and waits for what is under way. It does so
// once.
func (h *Hub) End() {
	h.mu.Lock()
	over := h.ended
	h.ended = true
	h.mu.Unlock()
	if over {
		return
	}
	var ending sync.WaitGroup
	for _, r := range h.begun() {
		ending.Go(func() { r.end(context.Background()) })
	}
	ending.Wait()
}

// Close ends what has not ended and lets everything go.
func (h *Hub) Close() {
	h.mu.Lock()
	runs := h.runs
	h.runs = nil
	h.ended = true
	h.mu.Unlock()
	for _, r := range runs {
		r.close()
	}
}

// drop is iterations that k6 could not start.
type drop struct {
	scenario string
	n        uint64
	at       time.Time
}

// Dropped counts iterations that k6 could not start. They go to the runs that
// their scenario has sent to, as many transactions for each as its iterations
// have sent on average. A scenario that sends nothing drops nothing.
func (h *Hub) Dropped(scenario string, n uint64, at time.Time) {
	h.mu.Lock()
	h.drops = append(h.drops, drop{scenario, n, at})
	h.mu.Unlock()
}

// settleDrops hands the drops over, when all is sent and the averages are known.
func (h *Hub) settleDrops() {
	h.mu.Lock()
	drops := h.drops
	h.drops = nil
	h.mu.Unlock()
	for _, r := range h.begun() {
		for _, d := range drops {
			r.dropped(d)
		}
	}
}
