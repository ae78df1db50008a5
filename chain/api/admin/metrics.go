package admin

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace is the prefix of every name.
const namespace = "chaindyno"

// Metrics is a set of metrics that plain functions feed, so that those who are
// measured know nothing of it: what the methods return fits an Events struct.
// Names are without the prefix "chaindyno_" and end in their unit; a name that
// is used twice or breaks Prometheus' rules panics, at start.
type Metrics struct {
	registry prometheus.Registerer
	all      prometheus.Gatherer
}

// NewMetrics returns a set that holds the Go runtime's and the process's own
// metrics.
func NewMetrics() *Metrics { return NewLabelled(nil) }

// NewLabelled returns the same with labels that every metric of the set carries.
func NewLabelled(labels map[string]string) *Metrics {
	all := prometheus.NewRegistry()
	r := prometheus.WrapRegistererWith(labels, all)
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Metrics{registry: r, all: all}
}

// Counter returns what adds to a counter. The values are those of labels, in
// order; without labels the counter is there from the start, so that its first
// step is seen. It may be called by many goroutines.
func (m *Metrics) Counter(name, help string, labels ...string) func(n int, values ...string) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	if len(labels) == 0 {
		c.WithLabelValues()
	}
	return func(n int, values ...string) { c.WithLabelValues(values...).Add(float64(n)) }
}

// Seconds returns what records a duration in a histogram from 10 us to 40 s in
// steps of 2.
func (m *Metrics) Seconds(name, help string, labels ...string) func(d time.Duration, values ...string) {
	h := m.histogram(name, help, prometheus.ExponentialBuckets(10e-6, 2, 23), labels)
	return func(d time.Duration, values ...string) { h.WithLabelValues(values...).Observe(d.Seconds()) }
}

// Sizes returns what records a count or a number of bytes in a histogram from 1
// to 2^25 in steps of 4.
func (m *Metrics) Sizes(name, help string, labels ...string) func(n int, values ...string) {
	h := m.histogram(name, help, prometheus.ExponentialBuckets(1, 4, 14), labels)
	return func(n int, values ...string) { h.WithLabelValues(values...).Observe(float64(n)) }
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels []string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: buckets,
	}, labels)
	m.registry.MustRegister(h)
	if len(labels) == 0 {
		h.WithLabelValues()
	}
	return h
}

// Gauge reads a value that goes up and down, when it is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, read))
}

// Total reads a value that only grows, when it is asked for.
func (m *Metrics) Total(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, read))
}

// Totals reads a family of growing values, one for each value of a label, when
// it is asked for. Values may appear over time.
func (m *Metrics) Totals(name, help, label string, read func() map[string]uint64) {
	m.registry.MustRegister(totals{
		desc: prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, []string{label}, nil),
		read: read,
	})
}

// totals is a collector over a map.
type totals struct {
	desc *prometheus.Desc
	read func() map[string]uint64
}

func (t totals) Describe(ch chan<- *prometheus.Desc) { ch <- t.desc }

func (t totals) Collect(ch chan<- prometheus.Metric) {
	for value, n := range t.read() {
		ch <- prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, float64(n), value)
	}
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.all, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
