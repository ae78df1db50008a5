package loadgen

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/internal/hostinfo"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
	"github.com/chaindyno/chaindyno/reports/result"
)

// sweepSeconds is how often what was refused is let go of: a refused
// transaction is watched for one to two such periods, in case a block holds it
// after all.
const sweepSeconds = 10

// watch reads, once a second, what generator and nodes consume, and tells the
// caller how the run is getting on.
type watch struct {
	e         *engine
	inspector driver.Inspector // nil: the nodes can't be inspected
	pool      atomic.Int64     // -1 = unknown
	restarted atomic.Bool      // a node's clock began anew

	mu       sync.Mutex
	own      []reading
	nodes    map[string][]reading
	order    []string // of nodes
	last     map[string]driver.NodeStats
	first    map[string]driver.NodeStats
	pressure [2]hostinfo.Pressure // at the load's start and the drain's end
	totals   struct{ dropped, rejected, unknown uint64 }
}

// reading is one reading of one process.
type reading struct {
	at   int64
	cpu  float64
	rss  uint64
	gc   float64
	disk uint64
}

func newWatch(e *engine) *watch {
	w := &watch{e: e, nodes: map[string][]reading{}, first: map[string]driver.NodeStats{}, last: map[string]driver.NodeStats{}}
	w.inspector, _ = e.drv.(driver.Inspector)
	w.pool.Store(-1)
	return w
}

// run reads until ctx ends.
func (w *watch) run(ctx context.Context) {
	w.pressure[0] = hostinfo.ReadPressure()
	w.read(ctx)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			w.read(ctx)
		}
		if n%sweepSeconds == 0 {
			w.e.table.Sweep(func(en inflight.Entry) { w.e.rec.Done(&en) })
		}
	}
}

func (w *watch) read(ctx context.Context) {
	now, u := w.e.now(), procs.Self()
	w.mu.Lock()
	w.own = append(w.own, reading{at: now, cpu: u.CPUSeconds, rss: u.RSSBytes, gc: u.GCSeconds})
	w.pressure[1] = hostinfo.ReadPressure()
	w.mu.Unlock()
	if w.inspector == nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stats, err := w.inspector.Inspect(limited)
	if err != nil {
		w.pool.Store(-1) // a node that is down has no figures: a gap, not an error
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	pool := 0
	for _, n := range stats {
		pool = max(pool, n.Pool+n.Queue) // nodes of one network hold much the same
		if _, ok := w.first[n.Node]; !ok {
			w.first[n.Node] = n
			w.order = append(w.order, n.Node)
		}
		if n.Uptime < w.last[n.Node].Uptime {
			w.restarted.Store(true)
		}
		w.last[n.Node] = n
		w.nodes[n.Node] = append(w.nodes[n.Node], reading{at: now, cpu: n.CPUSeconds, rss: n.RSSBytes, gc: n.GCSeconds, disk: n.DiskBytes})
	}
	w.pool.Store(int64(pool))
}

// sample takes each new row of the time series, and reports progress with it.
func (w *watch) sample(s result.Sample) {
	w.mu.Lock()
	w.totals.dropped += s.Dropped
	w.totals.rejected += s.Rejected
	w.totals.unknown += s.Unknown
	totals := w.totals
	w.mu.Unlock()
	asked := 0.0
	if w.e.schedule != nil && s.Phase != PhaseDrain {
		asked = w.e.schedule.Rate(time.Duration(max(0, s.TNs-int64(time.Second))))
	}
	blocks, height, reorgs := w.e.follower.glance()
	w.e.progress(Progress{
		Phase: s.Phase, Elapsed: time.Duration(s.TNs), Total: w.e.length,
		AskedPerS: asked, SentPerS: float64(s.Sent), CommittedPerS: float64(s.Included),
		CommitP50: time.Duration(max(0, s.IncludeP50Ns)), CommitP99: time.Duration(max(0, s.IncludeP99Ns)),
		InFlight: s.InFlight, Pool: s.Pool, Blocks: blocks, Height: height, Reorgs: reorgs,
		Dropped: totals.dropped, Rejected: totals.rejected, Unknown: totals.unknown,
	})
}

func (e *engine) progress(p Progress) {
	if e.opt.Progress != nil {
		e.opt.Progress(p)
	}
}

// resources sums up what each process consumed until the load's end, and per
// transaction until the drain's; growth is that of the steady window.
func (w *watch) resources(steady, load, drain int64, succeeded uint64) []result.Resource {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []result.Resource{w.consumption("generator", w.own, steady, load, drain, succeeded)}
	for _, name := range w.order {
		r := w.consumption(name, w.nodes[name], steady, load, drain, succeeded)
		r.OutputsInSet = w.last[name].Outputs
		all = append(all, r)
	}
	return all
}

func (w *watch) consumption(name string, readings []reading, steady, load, drain int64, succeeded uint64) result.Resource {
	r := result.Resource{Process: name}
	var at, rss []float64
	var span int64
	var cpu, disk float64 // until the drain's end
	for i, u := range readings {
		if u.at > drain {
			break
		}
		r.RSSMaxBytes = max(r.RSSMaxBytes, u.rss)
		if u.at >= steady && u.at <= load {
			at, rss = append(at, float64(u.at)/1e9), append(rss, float64(u.rss))
		}
		if i == 0 {
			continue
		}
		prev := &readings[i-1]
		c, d := since(prev.cpu, u.cpu), since(float64(prev.disk), float64(u.disk)) // counters start again with the process
		cpu, disk = cpu+c, disk+d
		if u.at <= load {
			r.CPUSeconds += c
			r.GCSeconds += since(prev.gc, u.gc)
			r.DiskBytes += uint64(d)
			span += u.at - prev.at
		}
	}
	if span > 0 {
		r.CPUShare = r.CPUSeconds / (float64(span) / 1e9) / float64(w.e.cores)
	}
	r.RSSSlope = slope(at, rss)
	if succeeded > 0 {
		r.CPUPerTxNs, r.DiskPerTx = cpu*1e9/float64(succeeded), disk/float64(succeeded)
	}
	return r
}

// since is the growth of a counter that may have started again.
func since(before, after float64) float64 {
	if after < before {
		return after
	}
	return after - before
}

// slope is the least-squares slope of y over x; 0 for fewer than 3 points.
func slope(x, y []float64) float64 {
	n := float64(len(x))
	if n < 3 {
		return 0
	}
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, sxy = sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	d := n*sxx - sx*sx
	if d == 0 {
		return 0
	}
	return (n*sxy - sx*sy) / d
}

// threads returns what each sealing thread of the first node did over the run.
func (w *watch) threads() []result.SealThread {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return nil
	}
	first, last := w.first[w.order[0]], w.last[w.order[0]]
	var all []result.SealThread
	for i, t := range last.Threads {
		if i < len(first.Threads) && first.Threads[i].Hashes <= t.Hashes {
			t.Hashes -= first.Threads[i].Hashes
			t.Busy -= first.Threads[i].Busy
		}
		s := result.SealThread{Thread: i, Hashes: t.Hashes}
		if t.Busy > 0 {
			s.HashesPerS = float64(t.Hashes) / t.Busy.Seconds()
		}
		all = append(all, s)
	}
	return all
}
