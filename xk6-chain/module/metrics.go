package module

import (
	"context"
	"time"

	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// series are the metrics of the module. Counters and gauges take the same memory
// however long a test lasts. Trends keep each sample, which is k6's way, so that
// they get one for each call and none for each transaction.
type series struct {
	registry *metrics.Registry

	sent, accepted, rejected, succeeded, lost *metrics.Metric // counters of transactions
	p50, p99, p999                            *metrics.Metric // gauges of the commit latency
	ack, commit                               *metrics.Metric // trends, one sample a call
}

func newMetrics(r *metrics.Registry) *series {
	return &series{
		registry:  r,
		sent:      r.MustNewMetric("chain_tx_sent", metrics.Counter),
		accepted:  r.MustNewMetric("chain_tx_accepted", metrics.Counter),
		rejected:  r.MustNewMetric("chain_tx_rejected", metrics.Counter),
		succeeded: r.MustNewMetric("chain_tx_succeeded", metrics.Counter),
		lost:      r.MustNewMetric("chain_tx_lost", metrics.Counter),
		p50:       r.MustNewMetric("chain_commit_p50", metrics.Gauge, metrics.Time),
		p99:       r.MustNewMetric("chain_commit_p99", metrics.Gauge, metrics.Time),
		p999:      r.MustNewMetric("chain_commit_p999", metrics.Gauge, metrics.Time),
		ack:       r.MustNewMetric("chain_batch_ack", metrics.Trend, metrics.Time),
		commit:    r.MustNewMetric("chain_batch_commit", metrics.Trend, metrics.Time),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pusher pushes samples of one VU's calls, with the VU's own tags.
type pusher struct {
	ctx   context.Context
	out   chan<- metrics.SampleContainer
	tags  *metrics.TagSet
	meta  map[string]string
	now   time.Time
	batch metrics.Samples
}

func newPusher(vu modules.VU, target string) *pusher {
	state := vu.State()
	t := state.Tags.GetCurrentValues()
	return &pusher{ctx: vu.Context(), out: state.Samples, tags: t.Tags.With("target", target), meta: t.Metadata, now: time.Now()}
}

func (p *pusher) add(m *metrics.Metric, tags *metrics.TagSet, v float64) {
	p.batch = append(p.batch, metrics.Sample{TimeSeries: metrics.TimeSeries{Metric: m, Tags: tags}, Time: p.now, Value: v, Metadata: p.meta})
}

func (p *pusher) push() {
	if len(p.batch) > 0 {
		metrics.PushIfNotDone(p.ctx, p.out, p.batch)
	}
}

// call pushes what a call did, by kind of transaction.
func (m *series) call(p *pusher, kinds []driver.Kind, a *loadgen.Answers, took time.Duration) {
	for k, n := range a.ByKind {
		if n.Sent == 0 {
			continue
		}
		tags := p.tags.With("kind", kinds[k].Name)
		p.add(m.sent, tags, float64(n.Sent))
		if n.Accepted > 0 {
			p.add(m.accepted, tags, float64(n.Accepted))
		}
		if n.Rejected > 0 {
			p.add(m.rejected, tags, float64(n.Rejected))
		}
	}
	if a.Sent > 0 {
		p.add(m.ack, p.tags, milliseconds(took))
	}
	p.push()
}

// pump pushes each second what comes after the answers: fates and the commit
// latency. Counters are pushed as what was added since.
type pump struct {
	m      *series
	d      *loadgen.Driven
	out    chan<- metrics.SampleContainer
	tags   *metrics.TagSet
	before []loadgen.KindReading
	stop   chan struct{}
	done   chan struct{}
}

// pumpEvery is how often.
const pumpEvery = time.Second

func startPump(m *series, d *loadgen.Driven, state *lib.State, target string) *pump {
	p := &pump{
		m: m, d: d, out: state.Samples, tags: m.registry.RootTagSet().WithTagsFromMap(state.Options.RunTags).With("target", target),
		before: make([]loadgen.KindReading, len(d.Info().Kinds)), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.done)
	every := time.NewTicker(pumpEvery)
	defer every.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
			p.push()
		}
	}
}

// end pushes the last figures. k6 takes samples until its event of the test's
// end is done with, and this is called before.
func (p *pump) end() {
	close(p.stop)
	<-p.done
	p.push()
}

func (p *pump) push() {
	now, r := time.Now(), p.d.Reading()
	var s metrics.Samples
	add := func(m *metrics.Metric, tags *metrics.TagSet, v float64) {
		if v > 0 {
			s = append(s, metrics.Sample{TimeSeries: metrics.TimeSeries{Metric: m, Tags: tags}, Time: now, Value: v})
		}
	}
	gauges := func(tags *metrics.TagSet, q loadgen.Quantiles) {
		add(p.m.p50, tags, milliseconds(q.P50))
		add(p.m.p99, tags, milliseconds(q.P99))
		add(p.m.p999, tags, milliseconds(q.P999))
	}
	for i, k := range r.Kinds {
		tags := p.tags.With("kind", k.Name)
		add(p.m.succeeded, tags, float64(k.Succeeded-p.before[i].Succeeded))
		add(p.m.lost, tags, float64(k.Lost-p.before[i].Lost))
		gauges(tags, k.Commit)
		p.before[i] = k
	}
	gauges(p.tags, r.Commit) // last: a gauge shows what it was given last
	if len(s) > 0 {
		p.out <- s
	}
}
