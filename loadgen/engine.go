package loadgen

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/audit"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/loadgen/schedule"
	"github.com/chaindyno/chaindyno/reports/result"
)

// engine is one run. Run fills it step by step; what several goroutines share
// while the load runs is atomic or locks by itself.
type engine struct {
	opt  Options
	sc   *scenario.Scenario
	drv  driver.Driver
	info driver.Info
	plan scenario.Plan

	schedule           schedule.Schedule // nil in a closed loop
	length             time.Duration     // of the load, warm-up included
	steadyFrom         int64
	steadyTo           int64
	bound              int64 // most transactions dispatched and without a fate
	start              time.Time
	began              time.Time // wall clock at start
	from               driver.Ref
	table              *inflight.Table
	waiting            atomic.Int64  // dispatched, not yet in the table
	fresh              atomic.Uint64 // signed live though a deck was built
	collector          *record.Collector
	rec                *record.Recorder // of the dispatcher
	senders            []*sender
	decks              []*deck
	lookup             *lookup
	follower           *follower
	watch              *watch
	cores              int // that this process may use
	interrupted        atomic.Bool
	dispatched         atomic.Bool // the dispatcher has handed over its last arrival
	loadEnd, drainEnd  int64
	calibration        *result.Calibration
	faultsMu           sync.Mutex
	faults             []result.Fault
	failedFaults       int
	followErr          error // the chain could not be followed to the end
	rawFile, spoolFile string
}

// now is the run's clock: ns since its start, monotonic.
func (e *engine) now() int64 { return int64(time.Since(e.start)) }

// Run performs one measurement: it prepares the target, runs the load, waits
// for what is under way, audits the chain, and returns everything that was
// found. Cancelling ctx ends the load early, and cancelling it does not keep
// the run from being complete for what was measured; hard ends the wait for
// what is under way and the audit as well.
//
// An error means that there is no measurement: nothing was sent yet, and unless
// it is a usage error (see IsUsage) the machine or the target failed. A chain
// that can't be followed any more ends the load, and fails the audit.
func Run(ctx, hard context.Context, opt Options) (*result.Run, error) {
	e := &engine{opt: opt, sc: opt.Scenario, drv: opt.Driver}
	defer e.cleanUp()
	if err := e.prepare(ctx); err != nil {
		return nil, err
	}
	if err := e.openSessions(ctx); err != nil {
		return nil, err
	}
	if err := e.sign(ctx); err != nil {
		return nil, err
	}
	e.calibrate(ctx, false)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted before the load began: %w", ctx.Err())
	}
	if err := e.load(ctx, hard); err != nil {
		return nil, err
	}
	e.calibrate(hard, true)
	return e.report(hard), nil
}

// prepare asks the target what it is and has it fund the lanes.
func (e *engine) prepare(ctx context.Context) (err error) {
	e.progress(Progress{Phase: PhasePrepare})
	if e.info, err = e.drv.Info(ctx); err != nil {
		return usage(err)
	}
	if e.info.LateID {
		return usage(fmt.Errorf("%s names transactions only in its answers, and a transaction is followed by a name known before it is sent", e.info.Client))
	}
	if len(e.sc.Faults) > 0 && e.opt.Hurt == nil {
		return usage(e.sc.ErrorAt("faults", "this target can't be hurt: it was not started by the run"))
	}
	if e.plan, err = e.sc.Plan(scenario.LimitsOf(e.info, 0)); err != nil {
		return usage(err)
	}
	if e.schedule, err = e.sc.BuildSchedule(); err != nil {
		return usage(err)
	}
	e.length = e.sc.Length()
	e.bound = int64(e.plan.InFlight)
	e.steadyFrom, e.steadyTo = int64(e.sc.Load.Warmup.Std()), int64(e.length)
	return nil
}

// openSessions shares the lanes out over the connections.
func (e *engine) openSessions(ctx context.Context) error {
	handout, err := e.drv.Prepare(ctx, driver.Plan{
		Lanes: e.plan.Lanes, Txs: e.plan.Txs, Workload: e.sc.Workload(), Seed: e.sc.Load.Seed, Options: e.sc.Target.Options,
	})
	if err != nil {
		return usage(err)
	}
	n := e.sc.Load.Connections
	for i := range n {
		seg := driver.Segment{From: handout.Lanes * i / n, To: handout.Lanes * (i + 1) / n, Target: i}
		session, err := e.drv.Open(ctx, handout, seg)
		if err != nil {
			return usage(fmt.Errorf("opening connection %d of %d: %w", i+1, n, err))
		}
		s := &sender{e: e, index: i, session: session, base: seg.From}
		s.in.wake = make(chan struct{}, 1)
		e.senders = append(e.senders, s)
	}
	return nil
}

// sign builds the decks, where the scenario wants transactions signed before
// the clock starts.
func (e *engine) sign(ctx context.Context) error {
	groups := make([][]driver.Lane, len(e.senders))
	for i, s := range e.senders {
		groups[i] = s.session.Lanes()
	}
	if e.sc.Load.Sign == scenario.SignBefore {
		total, done, last := e.plan.Txs, atomic.Uint64{}, atomic.Int64{}
		begin := time.Now()
		var err error
		e.decks, err = buildDecks(ctx, e.opt.Dir, groups, total, func(n int) {
			d := done.Add(uint64(n))
			if t := int64(time.Since(begin) / (200 * time.Millisecond)); last.Swap(t) != t {
				e.progress(Progress{Phase: PhaseSign, Elapsed: time.Since(begin), Done: min(d, total), Of: total})
			}
		})
		if err != nil {
			return err
		}
	}
	for i, s := range e.senders {
		drv := groups[i]
		if e.decks != nil {
			drv = make([]driver.Lane, len(groups[i]))
			for j, l := range groups[i] {
				drv[j] = &deckLane{inner: l, deck: e.decks[i], kinds: e.info.Kinds, index: j, id: uint32(s.base + j), fresh: &e.fresh}
			}
		}
		s.lanes = newLanes(drv, e.info.LaneWindow)
	}
	return nil
}

func (e *engine) calibrate(ctx context.Context, after bool) {
	if e.opt.Calibrate == nil || e.interrupted.Load() {
		return
	}
	if e.calibration == nil {
		e.calibration = &result.Calibration{}
	}
	e.progress(Progress{Phase: PhaseCalibrate})
	e.opt.Calibrate(ctx, e.calibration, after)
}

// open creates what a run records into. The clock starts here.
func (e *engine) open() (*record.Raw, *audit.Spool, *os.File, error) {
	e.rawFile, e.spoolFile = filepath.Join(e.opt.Dir, "transactions.csv.zst"), filepath.Join(e.opt.Dir, "audit.spool")
	f, err := os.Create(e.rawFile)
	if err != nil {
		return nil, nil, nil, err
	}
	raw, err := record.NewRaw(f, e.info.Kinds, e.sc.Load.Seed)
	if err != nil {
		return nil, nil, nil, err
	}
	spool, err := audit.NewSpool(e.spoolFile)
	if err != nil {
		return nil, nil, nil, err
	}
	e.table = inflight.New(int(e.bound))
	e.watch = newWatch(e)
	e.collector, err = record.New(record.Options{
		Worker: "worker-0", Kinds: e.info.Kinds, SteadyFrom: e.steadyFrom, SteadyTo: e.steadyTo, LoadEnd: e.steadyTo,
		Now: e.now, InFlight: func() int64 { return e.waiting.Load() + int64(e.table.Len()) }, Pool: e.watch.pool.Load,
		Raw: raw, OnSample: e.watch.sample,
		Connections: len(e.senders), Lanes: e.plan.Lanes, LanesOf: func(i int) int { return len(e.senders[i].lanes.all) },
	})
	if err != nil {
		return nil, nil, nil, err
	}
	e.rec = e.collector.Recorder()
	locator, _ := e.drv.(driver.Locator)
	e.lookup = &lookup{e: e, locate: locator, asked: map[inflight.Slot]bool{}, rec: e.collector.Recorder()}
	for i, s := range e.senders {
		s.rec, s.ackRec = e.collector.Recorder(), e.collector.Recorder()
		if c := e.sc.Load.Schedule.Closed; c != nil {
			n := len(e.senders)
			s.closed = &closedLoop{window: c.InFlight*(i+1)/n - c.InFlight*i/n, since: -1}
		}
	}
	e.follower = e.newFollower(spool)
	return raw, spool, f, nil
}

// load runs the load and the drain.
//
// Goroutines: one dispatcher (open loop), one sender per connection, one
// follower, one for look-ups, one that watches resources, one that merges what
// was recorded each second, one that writes the raw log, one that does the
// scenario's faults. load returns when all of them have.
func (e *engine) load(ctx, hard context.Context) error {
	// One processor of the Go scheduler is for the dispatcher: when it wakes,
	// it must not queue behind senders that sign. The cores stay the same.
	e.cores = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(e.cores + 1)
	defer runtime.GOMAXPROCS(e.cores)
	raw, spool, rawFile, err := e.open()
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	info, err := e.drv.Info(hard)
	if err != nil {
		return err
	}
	e.from = info.Tip
	background, stopBackground := context.WithCancel(hard)
	load, stopLoad := context.WithCancel(ctx)
	drain, stopDrain := context.WithCancel(hard)
	defer stopBackground()
	defer stopDrain()
	e.began = time.Now()
	e.start = e.began

	var back, send, rawDone sync.WaitGroup
	var rawErr, followErr error
	rawDone.Go(func() { rawErr = raw.Run() })
	back.Go(func() {
		if followErr = e.follower.run(background, e.from); followErr != nil {
			stopLoad()
			stopDrain()
		}
	})
	back.Go(func() { e.lookup.run(background) })
	back.Go(func() { e.watch.run(background) })
	back.Go(func() { _ = e.collector.Run(background) })
	back.Go(func() { e.hurt(load) })
	for _, s := range e.senders {
		send.Go(func() { s.run(load, drain) })
	}
	e.arrivals(load)
	e.interrupted.Store(ctx.Err() != nil)
	e.loadEnd = e.now()
	e.dispatched.Store(true)
	stopLoad()
	e.drain(drain)
	stopDrain()
	send.Wait()
	for _, s := range e.senders {
		if err := s.session.Close(); err != nil {
			e.collector.Errors().Add(record.ClassInternal, "close", "", e.now(), false, err.Error())
		}
		s.finish()
	}
	e.drainEnd = e.now()
	stopBackground()
	back.Wait()
	e.settleRest(hard)
	e.close(raw, spool, &rawDone)
	if err := rawFile.Close(); rawErr == nil {
		rawErr = err
	}
	if rawErr != nil {
		e.collector.Errors().Add(record.ClassInternal, "raw_log", "", e.now(), false, rawErr.Error())
	}
	e.followErr = followErr
	return nil
}

// arrivals runs the schedule to its end, or to the load's.
func (e *engine) arrivals(ctx context.Context) {
	if e.schedule == nil {
		end, stop := context.WithTimeout(ctx, e.length)
		defer stop()
		<-end.Done()
		return
	}
	done := make(chan uint64)
	go func() { done <- e.dispatch(ctx) }() // on a thread of its own
	n := <-done
	if left := e.schedule.Count() - n; left > 0 {
		e.rec.Unsent(left)
		return
	}
	pauseUntil(ctx, e.start.Add(e.length))
}

// drain waits until nothing is under way, or the deadline has come.
func (e *engine) drain(ctx context.Context) {
	deadline := time.NewTimer(max(e.sc.Load.Drain.Std(), 3*time.Duration(e.sc.Load.Confirmations)*e.info.Interval))
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for e.waiting.Load() > 0 || e.table.Len() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-poll.C:
		}
	}
}

// settleRest finds the fate of what the drain left over.
func (e *engine) settleRest(ctx context.Context) {
	places := e.locateRest(ctx)
	type left struct {
		slot inflight.Slot
		fate inflight.Fate
	}
	var rest []left
	e.table.Each(func(slot inflight.Slot, en inflight.Entry) {
		rest = append(rest, left{slot, e.restFate(&en, places)})
	})
	for _, l := range rest {
		if entry, outcome := e.table.Resolve(l.slot, l.fate); outcome == inflight.Done {
			e.rec.Done(&entry)
		}
	}
	e.table.Drain(inflight.FateLost, func(en inflight.Entry) { e.rec.Done(&en) })
}

// restFate tells what became of a transaction that is in flight at the end.
// What is in a block but had not held when time ran out counts as pooled: the
// run can't say that its inclusion lasts. A chain that can't be asked leaves
// the benefit of the doubt.
func (e *engine) restFate(en *inflight.Entry, places map[driver.ID]driver.Place) inflight.Fate {
	place, asked := places[en.ID]
	switch {
	case en.Included != inflight.Unset || !asked || place != driver.PlaceUnknown:
		return inflight.FatePooled
	case en.Status != driver.StatusAccepted:
		return inflight.FateRefused
	case e.restarted():
		return inflight.FateEvicted
	}
	return inflight.FateLost
}

// restarted says whether a node has been stopped or killed in this run, and its
// pool with it: by a fault of the scenario, or because its own clock began anew.
func (e *engine) restarted() bool {
	e.faultsMu.Lock()
	defer e.faultsMu.Unlock()
	return e.watch.restarted.Load() || slices.ContainsFunc(e.faults, func(f result.Fault) bool { return f.Kind == "kill" || f.Kind == "restart" })
}

// locateRest asks the chain for everything still in flight; nil if it can't
// be asked.
func (e *engine) locateRest(ctx context.Context) map[driver.ID]driver.Place {
	if e.lookup.locate == nil || e.table.Len() == 0 {
		return nil
	}
	var ids []driver.ID
	e.table.Each(func(_ inflight.Slot, en inflight.Entry) { ids = append(ids, en.ID) })
	places := make(map[driver.ID]driver.Place, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), lookupBatch)
		found, err := e.lookup.locate.Locate(ctx, ids[:n])
		if err != nil {
			e.collector.Errors().Add(record.ClassFollow, "locate", "", e.now(), false, err.Error())
			return places
		}
		for i, place := range found {
			places[ids[i]] = place
		}
		ids = ids[n:]
	}
	return places
}

// close ends the books: nothing is recorded afterwards.
func (e *engine) close(raw *record.Raw, spool *audit.Spool, rawDone *sync.WaitGroup) {
	e.collector.Finish()
	raw.Close()
	rawDone.Wait()
	if err := spool.Close(); err != nil {
		e.collector.Errors().Add(record.ClassInternal, "audit_spool", "", e.now(), false, err.Error())
	}
}

// cleanUp removes the scratch files, and closes sessions of a run that ended
// before its load.
func (e *engine) cleanUp() {
	closeDecks(e.decks)
	if e.spoolFile != "" {
		_ = os.Remove(e.spoolFile) // scratch
	}
	if e.start.IsZero() {
		for _, s := range e.senders {
			s.session.Close()
		}
	}
}

func pauseUntil(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
