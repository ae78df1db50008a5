package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// DrivenOptions are those of a run whose pace somebody else keeps. The
// scenario's schedule must be empty. Without a Dir nothing is written, and
// Report has no audit to show.
type DrivenOptions struct {
	Options
	// Pacer is who keeps the pace, as reports name it.
	Pacer string
	// Wallets is how many there can be, 1 to 65,535. Lanes are shared out among
	// all of them, used or not.
	Wallets int
	// Part says which lanes of a number of them are this process's: from <= i <
	// to. Nil: all of them. Otherwise others use the rest at the same time, with
	// a plan that is equal but for this.
	Part func(lanes int) (from, to int)
}

// Driven is a run whose load comes in calls of Wallet.Send instead of from a
// schedule. Everything behind a call is the same as in Run: lanes, the table of
// what is in flight, the follower, look-ups, records, audit and report.
//
// End, Report and Close are for one goroutine, in this order.
type Driven struct {
	e        *engine
	opt      DrivenOptions
	conns    []*conn
	from, to int // lanes of this process
	mu       sync.Mutex
	wallets  []atomic.Pointer[Wallet]
	cut      context.CancelFunc // of everything
	lost     chan struct{}      // closed when the chain can't be followed any more
	fates    [][inflight.Fates]atomic.Uint64
	paced    atomic.Uint64 // arrivals that the pacer itself dropped
	remarks  []string
	ended    bool

	awaitMu  sync.Mutex
	awaited  map[driver.ID][]chan inflight.Fate
	awaiting atomic.Int64 // len(awaited)
}

// conn is one connection, which several wallets share.
type conn struct {
	session     driver.Session
	from        int           // the first of its lanes
	lanes       []driver.Lane //
	turn        chan struct{} // held by the wallet that submits
	rec, ackRec *record.Recorder
}

// inFlightMax bounds what may be under way where the options do not.
const inFlightMax = 500_000

// Drive begins a run: it prepares the target, opens connections, and starts the
// clock. ctx bounds the preparation alone. A usage error (see IsUsage) is for
// the user to mend.
func Drive(ctx context.Context, opt DrivenOptions) (*Driven, error) {
	d := &Driven{opt: opt, lost: make(chan struct{}), awaited: map[driver.ID][]chan inflight.Fate{}}
	d.e = &engine{opt: opt.Options, sc: opt.Scenario, drv: opt.Driver, driven: d, cores: runtime.GOMAXPROCS(0)}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	if err := d.connect(ctx); err != nil {
		d.disconnect()
		return nil, err
	}
	hard, cut := context.WithCancel(context.Background())
	d.cut = cut
	if err := d.e.begin(hard, func() { close(d.lost) }); err != nil {
		cut()
		d.disconnect()
		return nil, err
	}
	for _, c := range d.conns {
		c.rec, c.ackRec = d.e.collector.Recorder(), d.e.collector.Recorder()
	}
	return d, nil
}

// prepare asks the target what it is, and does the arithmetic of lanes.
func (d *Driven) prepare(ctx context.Context) (err error) {
	e := d.e
	if d.opt.Wallets < 1 || d.opt.Wallets > math.MaxUint16 {
		return usage(fmt.Errorf("%d wallets; permitted: 1 to %d", d.opt.Wallets, math.MaxUint16))
	}
	if e.info, err = e.drv.Info(ctx); err != nil {
		return usage(err)
	}
	if e.info.LateID {
		return usage(fmt.Errorf("%s names transactions only in its answers, and a transaction is followed by a name known before it is sent", e.info.Client))
	}
	if err := e.sc.CheckNetwork(e.info); err != nil {
		return usage(err)
	}
	most := math.MaxInt
	if e.info.LanesMax > 0 {
		most = e.info.LanesMax / max(1, e.sc.Load.Options.Inputs)
	}
	if e.plan.Lanes = int(e.sc.Load.Lanes); e.plan.Lanes == 0 {
		e.plan.Lanes = min(scenario.LanesDefault(e.sc.Load.Options), most)
	}
	if e.plan.Lanes > most {
		return usage(e.sc.ErrorAt("load.lanes", "%d lanes are more than the target has; permitted: 1 to %d", e.plan.Lanes, most))
	}
	d.from, d.to = 0, e.plan.Lanes
	if d.opt.Part != nil {
		d.from, d.to = d.opt.Part(e.plan.Lanes)
	}
	if d.to-d.from < d.opt.Wallets {
		return usage(e.sc.ErrorAt("load.lanes", "%d lanes are too few for %d wallets, each of which needs one at least", d.to-d.from, d.opt.Wallets))
	}
	if e.bound = int64(e.sc.Load.InFlight); e.bound == 0 {
		e.bound = inFlightMax
		if w := e.info.LaneWindow; w > 0 {
			e.bound = min(e.bound, int64(d.to-d.from)*int64(w))
		}
	}
	e.steadyFrom, e.steadyTo = int64(e.sc.Load.Warmup.Std()), math.MaxInt64
	d.fates = make([][inflight.Fates]atomic.Uint64, len(e.info.Kinds))
	return nil
}

// connect funds the lanes and shares them out: over the connections, and over
// the wallets of each.
func (d *Driven) connect(ctx context.Context) error {
	e := d.e
	handout, err := e.drv.Prepare(ctx, driver.Plan{
		Lanes: e.plan.Lanes, Workload: e.sc.Workload(), Seed: e.sc.Load.Seed, Options: e.sc.Target.Options, Shared: d.opt.Part != nil,
	})
	if err != nil {
		return usage(err)
	}
	d.wallets = make([]atomic.Pointer[Wallet], d.opt.Wallets)
	e.senders = make([]*sender, d.opt.Wallets)
	n := min(e.sc.Load.Connections, d.opt.Wallets)
	for i := range n {
		seg := driver.Segment{From: d.firstLane(d.firstWallet(i, n)), To: d.firstLane(d.firstWallet(i+1, n)), Target: i}
		session, err := e.drv.Open(ctx, handout, seg)
		if err != nil {
			return usage(fmt.Errorf("opening connection %d of %d: %w", i+1, n, err))
		}
		d.conns = append(d.conns, &conn{session: session, from: seg.From, lanes: session.Lanes(), turn: make(chan struct{}, 1)})
	}
	return nil
}

func (d *Driven) firstWallet(conn, conns int) int { return d.opt.Wallets * conn / conns }

func (d *Driven) firstLane(wallet int) int {
	return d.from + (d.to-d.from)*wallet/d.opt.Wallets
}

// connOf is the connection of a wallet: the last one that begins at or before
// it.
func (d *Driven) connOf(wallet int) int {
	n := len(d.conns)
	i := wallet * n / d.opt.Wallets
	for i+1 < n && d.firstWallet(i+1, n) <= wallet {
		i++
	}
	return i
}

func (d *Driven) disconnect() {
	for _, c := range d.conns {
		_ = c.session.Close() // nothing was sent
	}
}

// record fills in what is recorded otherwise than in a run with a schedule.
func (d *Driven) record(o *record.Options) {
	o.Connections, o.ConnectionOf = len(d.conns), func(wallet uint16) int { return d.connOf(int(wallet)) }
	o.LanesOf = func(i int) int { return len(d.conns[i].lanes) }
	o.OnDone = d.done
	if o.Raw == nil { // nobody will ask for them
		o.OnInterval = func(result.Interval) {}
	}
}

// done notes the fate of a transaction, for Reading and for those who wait for
// it.
func (d *Driven) done(en *inflight.Entry) {
	d.fates[min(int(en.Kind), len(d.fates)-1)][en.Fate].Add(1)
	if w := d.wallets[en.Sender].Load(); w != nil {
		w.done(en)
	}
	if d.awaiting.Load() > 0 {
		d.tell(en)
	}
}

// Info describes the target, as it was at the start.
func (d *Driven) Info() driver.Info { return d.e.info }

// Driver is what the run goes over.
func (d *Driven) Driver() driver.Driver { return d.e.drv }

// Reading is how a run stands.
type Reading struct {
	Kinds    []KindReading // as Info.Kinds
	Commit   Quantiles     // of all kinds together
	InFlight int
}

// KindReading is how a run stands with one kind of transaction.
type KindReading struct {
	Name            string
	Succeeded, Lost uint64
	Commit          Quantiles
}

// Quantiles are those of the commit latency since the warm-up, each 0 while
// there are too few samples for it.
type Quantiles struct{ P50, P99, P999 time.Duration }

// Reading tells how the run stands, as of the last full second.
func (d *Driven) Reading() Reading {
	r := Reading{InFlight: int(d.e.waiting.Load()) + d.e.table.Len()}
	kinds, all := d.e.collector.Steady(record.Commit)
	for i, k := range d.e.info.Kinds {
		r.Kinds = append(r.Kinds, KindReading{
			Name: k.Name, Commit: quantiles(kinds[i]),
			Succeeded: d.fates[i][inflight.FateSucceeded].Load(), Lost: d.fates[i][inflight.FateLost].Load(),
		})
	}
	r.Commit = quantiles(all)
	return r
}

func quantiles(h *hdr.Histogram) Quantiles {
	at := func(q float64) time.Duration {
		v, _ := record.Quantile(h, q)
		return time.Duration(v)
	}
	return Quantiles{P50: at(0.5), P99: at(0.99), P999: at(0.999)}
}

// Dropped counts arrivals that the pacer itself could not start.
func (d *Driven) Dropped(n uint64, at time.Time, detail string) {
	d.paced.Add(n)
	d.e.rec.TurnedAway(n, max(0, int64(at.Sub(d.e.start))), record.Overload, detail)
}

// Remark adds to the warnings of the report. It is not for several goroutines.
func (d *Driven) Remark(format string, a ...any) {
	d.remarks = append(d.remarks, fmt.Sprintf(format, a...))
}

// ErrEnded says that a run takes no more transactions.
var ErrEnded = errors.New("the run has ended")

// errLost says that a run can't go on.
var errLost = errors.New("the chain can't be followed any more")

func (d *Driven) isLost() bool {
	select {
	case <-d.lost:
		return true
	default:
		return false
	}
}

// End ends the load: nothing is sent any more. It waits for what is under way,
// at most as long as the scenario's drain or until ctx ends, and finds the fate
// of the rest. An interrupted run is told so in its report.
func (d *Driven) End(ctx context.Context, interrupted bool) {
	e := d.e
	d.ended = true
	e.interrupted.Store(interrupted)
	e.dispatched.Store(true)
	e.loadEnd = e.now()
	e.collector.EndLoad(e.loadEnd)
	e.drain(ctx)
	for _, c := range d.conns {
		c.turn <- struct{}{} // for good
		e.closeSession(c.session)
	}
	e.end(ctx)
	e.collector.Tick(e.now())
}

// Interrupted says, between End and Report, that the load was cut short.
func (d *Driven) Interrupted() { d.e.interrupted.Store(true) }

// Report closes the books, audits the chain where there is a run folder, and
// puts together what was found. ctx cuts the audit short.
func (d *Driven) Report(ctx context.Context) *result.Run {
	d.e.close(d.e.beside)
	d.e.steadyTo = max(d.e.loadEnd, d.e.steadyFrom)
	r := d.e.report(ctx)
	d.e.beside.raw = nil
	return r
}

// Close releases what is left, at once where End was not called. The driver is
// the caller's.
func (d *Driven) Close() {
	if !d.ended {
		now, stop := context.WithCancel(context.Background())
		stop()
		d.End(now, true)
	}
	if d.e.beside.raw != nil {
		d.e.close(d.e.beside)
	}
	d.cut()
	d.e.cleanUp()
}

// warnings says what a report of such a run can't know.
func (d *Driven) warnings() []string {
	w := []string{fmt.Sprintf("%s kept the pace: latency counts from the start of an iteration, which may itself have begun late, and no check tells whether the generator was the limit", d.opt.Pacer)}
	if n := d.paced.Load(); n > 0 {
		w = append(w, fmt.Sprintf("%d arrivals were dropped by %s because nobody was free to start them: the chain was slow to answer, or the script allows too few at once", n, d.opt.Pacer))
	}
	return append(w, d.remarks...)
}
