package record

import (
	"context"
	"fmt"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// Collector merges what recorders hold, interval by interval.
type Collector struct {
	Options
	errors *Errors
	fair   *fairness // nil: connections are not told apart

	mu        sync.Mutex
	recorders []*Recorder
	second    *set // the interval being closed
	whole     []Totals
	window    *set  // steady-window histograms; its counters are of the window too
	last      int64 // end of the last interval
	dropped   int64 // samples that a merge could not take
	series    []result.Sample
	intervals []result.Interval
}

// New returns a collector that has recorded nothing yet.
func New(o Options) (*Collector, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	kinds := len(o.Kinds)
	c := &Collector{
		Options: o, errors: NewErrors(),
		second: newSet(kinds), window: newSet(kinds), whole: make([]Totals, kinds+1),
	}
	if o.Connections > 0 {
		c.fair = newFairness(o.Connections, o.Lanes)
	}
	return c, nil
}

// Recorder returns a new recorder, for one goroutine.
func (c *Collector) Recorder() *Recorder {
	kinds := len(c.Kinds)
	r := &Recorder{c: c, set: newSet(kinds), spare: newSet(kinds), cells: make([]uint64, kinds*cellsPerKind)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorders = append(c.recorders, r)
	return r
}

// Errors returns the table of errors, which other parts may add to.
func (c *Collector) Errors() *Errors { return c.errors }

func (c *Collector) kind(k uint8) driver.Kind {
	if int(k) < len(c.Kinds) {
		return c.Kinds[k]
	}
	return driver.Kind{Name: fmt.Sprintf("kind %d", k)}
}

// Run closes an interval at each multiple of Every since the run's start, until
// ctx is done. Finish closes the last one.
func (c *Collector) Run(ctx context.Context) error {
	every := int64(c.Every)
	for {
		now := c.Now()
		timer := time.NewTimer(time.Duration(every - now%every))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
			c.Tick(c.Now())
		}
	}
}

// Tick closes the interval that ends at now. Run calls it; a caller without Run
// may do so by itself. It takes some milliseconds.
func (c *Collector) Tick(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now <= c.last {
		return
	}
	c.gather()
	c.closeInterval(c.last, now)
	c.second.reset()
	c.last = now
}

// gather swaps every recorder's set and merges it into the interval's.
func (c *Collector) gather() {
	for _, r := range c.recorders {
		r.mu.Lock()
		taken := r.set
		r.set = r.spare
		if c.Raw != nil && len(r.rows) > 0 {
			r.rows = c.Raw.put(r.rows)
		}
		r.mu.Unlock()
		c.dropped += c.second.merge(taken)
		taken.reset()
		r.spare = taken
	}
}

// closeInterval makes the rows of an interval and adds it to the totals.
func (c *Collector) closeInterval(from, to int64) {
	all := c.second.allRows()
	both := []int{outside, steady}
	hists := make([]*hdr.Histogram, numStages)
	for stage := range numStages {
		hists[stage], _ = c.second.sum(stage, all, both)
	}
	c.addSample(c.sample("", from, to, c.second.totalsOf(all, both), hists))
	if len(c.Kinds) > 1 {
		for i, k := range c.Kinds {
			c.addSample(c.kindSample(k.Name, i, from, to))
		}
	}
	c.addIntervals(from, to, hists)
	for row := range c.whole {
		t := c.second.totalsOf([]int{row}, both)
		c.whole[row].add(&t)
	}
	c.dropped += c.window.merge(c.second.half(steady))
}

// half returns a view of a set that has only one of its halves.
func (s *set) half(half int) *set {
	v := newSet(s.rows - 1)
	for i := half; i < len(s.hists); i += halves {
		v.hists[i] = s.hists[i]
	}
	for i := half; i < len(s.count); i += halves {
		v.count[i] = s.count[i]
	}
	return v
}

func (c *Collector) addIntervals(from, to int64, hists []*hdr.Histogram) {
	for stage, h := range hists {
		if h == nil {
			continue
		}
		encoded, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
		if err != nil {
			c.errors.Add(ClassInternal, "encode", "", to, false, err.Error())
			continue
		}
		row := result.Interval{Stage: Stage(stage).String(), StartNs: from, LengthNs: to - from, V2: encoded}
		if c.OnInterval != nil {
			c.OnInterval(row)
		} else {
			c.intervals = append(c.intervals, row)
		}
	}
}
