package schedule

import (
	"math"
	"slices"
	"sort"
	"time"
)

// Bounds of a trace. Steps take 16 bytes of memory each, arrivals 4 (8 where
// they come at fewer than 240 a second).
const (
	MaxTraceSteps    = 1 << 18 // three days, by the second
	MaxTraceArrivals = 10_000_000
	MaxTraceBytes    = 256 << 20       // of the file
	MaxTraceLength   = 168 * time.Hour // latest time in it
	MaxTraceRate     = 1e7             // arrivals per second, in a step
)

// Trace is a load that was recorded: steps of a rate, or the time of each
// arrival. It does not change once it is decoded.
type Trace struct {
	steps    []Step // of a trace of rates; nil for one of arrivals
	arrivals packed // of a trace of arrivals
	length   time.Duration
	total    float64 // arrivals expected
}

// Kind is "second,rate" or "arrival_ns", as in the header.
func (t *Trace) Kind() string {
	if t.steps != nil {
		return stepsHeader
	}
	return arrivalsHeader
}

// Rows is the number of steps or arrivals.
func (t *Trace) Rows() int { return max(len(t.steps), t.arrivals.count) }

// Length is how long it lasts. Steps end where their last row says. The last
// arrival of a trace of arrivals is followed by a mean gap, so that evenly
// spaced ones replay at their rate; a single one stands for a second.
func (t *Trace) Length() time.Duration { return t.length }

// Total is how many arrivals it offers at scale 1.
func (t *Trace) Total() float64 { return t.total }

// Bytes is the memory that it holds.
func (t *Trace) Bytes() uint64 { return uint64(len(t.steps))*16 + t.arrivals.bytes() }

// FirstRate is the rate at the start: of the first step, or over the first
// second of arrivals.
func (t *Trace) FirstRate() float64 {
	if t.steps != nil {
		return t.steps[0].Rate
	}
	first := min(time.Second, t.length)
	return float64(t.arrivals.before(first)) / first.Seconds()
}

// HighestRate is that of the highest step; 0 for a trace of arrivals.
func (t *Trace) HighestRate() (highest float64) {
	for _, s := range t.steps {
		highest = max(highest, s.Rate)
	}
	return highest
}

// Schedule replays the trace's first d, all of it if d is 0, at scale times its
// rates: it lasts as long, and offers scale times as many arrivals. Between
// two recorded arrivals, those of another scale lie evenly: with N(t) the line
// through all points (time of arrival n, n), arrival m of the replay is at
// scale N(t) = m, which at scale 1 is the recorded time exactly. A scale that
// is not positive gives an empty schedule.
func (t *Trace) Schedule(scale float64, d time.Duration) Schedule {
	if d <= 0 || d > t.length {
		d = t.length
	}
	if math.IsNaN(scale) || scale < 0 {
		scale = 0
	}
	if t.steps != nil {
		return Steps(scaled(t.steps, scale, d))
	}
	r := &replay{trace: t, scale: scale, length: d}
	most := int(math.Ceil(float64(t.arrivals.count) * scale))
	r.count = uint64(sort.Search(most, func(m int) bool { return r.At(uint64(m)) >= d }))
	return r
}

// scaled multiplies rates, and cuts what lies beyond d.
func scaled(steps []Step, scale float64, d time.Duration) []Step {
	var out []Step
	for _, s := range steps {
		if d <= 0 {
			break
		}
		out = append(out, Step{Rate: s.Rate * scale, For: min(s.For, d)})
		d -= s.For
	}
	return out
}

// replay is a trace of arrivals at some scale.
type replay struct {
	trace  *Trace
	scale  float64
	length time.Duration
	count  uint64
}

func (r *replay) Count() uint64         { return r.count }
func (r *replay) Length() time.Duration { return r.length }
func (r *replay) lumpy() bool           { return true }

func (r *replay) At(m uint64) time.Duration {
	x := float64(m) / r.scale
	n := int(x)
	if x >= float64(r.trace.arrivals.count) {
		return r.length
	}
	from, to := r.trace.arrivals.at(n), r.trace.length
	if n+1 < r.trace.arrivals.count {
		to = r.trace.arrivals.at(n + 1)
	}
	return min(from+time.Duration((x-float64(n))*float64(to-from)), r.length)
}

// Rate is the mean over the whole second that holds t: single arrivals have no
// rate.
func (r *replay) Rate(t time.Duration) float64 {
	if t < 0 || t >= r.length {
		return 0
	}
	from := t.Truncate(time.Second)
	to := min(from+time.Second, r.length)
	return r.scale * float64(r.trace.arrivals.before(to)-r.trace.arrivals.before(from)) / (to - from).Seconds()
}

// packed is a list of times that never decrease, in blocks: within a block,
// each time is 32 bits after the block's first where that suffices (all lie
// within 4.3 s), or else 64.
type packed struct {
	blocks []packedBlock
	count  int
	last   time.Duration
}

type packedBlock struct {
	first  time.Duration
	narrow []uint32 // ns after first
	wide   []time.Duration
}

const packedSize = 1024 // times in a block

// add appends a time, which is not before the last one.
func (p *packed) add(t time.Duration) {
	if p.count%packedSize == 0 {
		p.blocks = append(p.blocks, packedBlock{first: t})
	}
	b := &p.blocks[len(p.blocks)-1]
	if b.wide == nil && t-b.first > math.MaxUint32 {
		b.widen()
	}
	if b.wide != nil {
		b.wide = append(b.wide, t)
	} else {
		if b.narrow == nil && p.count > 0 {
			b.narrow = make([]uint32, 0, packedSize)
		}
		b.narrow = append(b.narrow, uint32(t-b.first))
	}
	p.count++
	p.last = t
}

func (b *packedBlock) widen() {
	b.wide = make([]time.Duration, 0, packedSize)
	for _, after := range b.narrow {
		b.wide = append(b.wide, b.first+time.Duration(after))
	}
	b.narrow = nil
}

// at is time n.
func (p *packed) at(n int) time.Duration {
	b := &p.blocks[n/packedSize]
	if b.wide != nil {
		return b.wide[n%packedSize]
	}
	return b.first + time.Duration(b.narrow[n%packedSize])
}

// before is how many times are before t.
func (p *packed) before(t time.Duration) int {
	return sort.Search(p.count, func(n int) bool { return p.at(n) >= t })
}

func (p *packed) bytes() (n uint64) {
	for i := range p.blocks {
		n += 56 + 4*uint64(cap(p.blocks[i].narrow)) + 8*uint64(cap(p.blocks[i].wide))
	}
	return n
}

// gap is what follows the last time.
func (p *packed) gap() time.Duration {
	if p.count < 2 || p.last == p.at(0) {
		return time.Second
	}
	return max((p.last-p.at(0)+time.Duration(p.count-1)/2)/time.Duration(p.count-1), 1)
}

// newSteps and newArrivals finish what a decoder has read.
func newSteps(steps []Step) *Trace {
	t := &Trace{steps: slices.Clip(steps)}
	for _, s := range steps {
		t.length += s.For
		t.total += s.Rate * s.For.Seconds()
	}
	return t
}

func newArrivals(p packed) *Trace {
	return &Trace{arrivals: p, length: p.last + p.gap(), total: float64(p.count)}
}
