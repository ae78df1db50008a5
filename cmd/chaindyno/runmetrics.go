package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/admin"
	"github.com/chaindyno/chaindyno/loadgen"
)

// runMetrics offers a run under way to Prometheus: the readings of the live
// view, labelled with the run's ID. A nil *runMetrics is one that is off.
type runMetrics struct {
	last   atomic.Pointer[loadgen.Progress] // nil: nothing was read yet
	server *admin.Server
	stop   context.CancelFunc
	ended  chan error
}

// serveRun binds listen and serves until close.
func serveRun(listen string, remote bool, id string) (*runMetrics, error) {
	if listen == "" {
		return nil, nil
	}
	r := &runMetrics{ended: make(chan error, 1)}
	set := admin.NewLabelled(map[string]string{"run": id})
	r.register(set)
	var err error
	if r.server, err = admin.New(admin.Config{Listen: listen, AllowRemote: remote}, admin.Health{}, set); err != nil {
		return nil, usagef("--metrics: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.ended <- r.server.Run(ctx) }()
	return r, nil
}

func (r *runMetrics) register(m *admin.Metrics) {
	gauge := func(name, help string, read func(*loadgen.Progress) float64) { m.Gauge(name, help, r.reader(read)) }
	total := func(name, help string, read func(*loadgen.Progress) float64) { m.Total(name, help, r.reader(read)) }
	gauge("load_asked_per_second", "Transactions that the schedule wants; 0 in a closed loop.", func(p *loadgen.Progress) float64 { return p.AskedPerS })
	gauge("load_sent_per_second", "Transactions sent in the last second.", func(p *loadgen.Progress) float64 { return p.SentPerS })
	gauge("load_committed_per_second", "Transactions seen in blocks in the last second.", func(p *loadgen.Progress) float64 { return p.CommittedPerS })
	gauge("load_commit_p50_seconds", "Median from the intended time to the block, of the last second; 0: unknown.",
		func(p *loadgen.Progress) float64 { return seconds(p.CommitP50) })
	gauge("load_commit_p99_seconds", "99th percentile from the intended time to the block, of the last second; 0: unknown.",
		func(p *loadgen.Progress) float64 { return seconds(p.CommitP99) })
	gauge("load_in_flight", "Transactions sent and without a fate.", func(p *loadgen.Progress) float64 { return float64(p.InFlight) })
	gauge("load_height", "Height of the last block that was followed.", func(p *loadgen.Progress) float64 { return float64(p.Height) })
	total("load_blocks_total", "Blocks followed.", func(p *loadgen.Progress) float64 { return float64(p.Blocks) })
	total("load_reorganisations_total", "Switches of the best chain that were followed.", func(p *loadgen.Progress) float64 { return float64(p.Reorgs) })
	total("load_dropped_total", "Arrivals that could not be started in time.", func(p *loadgen.Progress) float64 { return float64(p.Dropped) })
	total("load_rejected_total", "Refused by the chain, those that the workload asks for included.", func(p *loadgen.Progress) float64 { return float64(p.Rejected) })
	total("load_unknown_total", "Sent and never answered.", func(p *loadgen.Progress) float64 { return float64(p.Unknown) })
}

// reader reads the last progress, and 0 before there is one.
func (r *runMetrics) reader(read func(*loadgen.Progress) float64) func() float64 {
	return func() float64 {
		if p := r.last.Load(); p != nil {
			return read(p)
		}
		return 0
	}
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// progress takes a reading. Only those of the load have counts.
func (r *runMetrics) progress(p loadgen.Progress) {
	if r == nil {
		return
	}
	switch p.Phase {
	case loadgen.PhaseWarmup, loadgen.PhaseSteady, loadgen.PhaseDrain:
		r.last.Store(&p)
	default:
		r.idle()
	}
}

// idle ends the rates of a load that is over; what has been counted stays.
func (r *runMetrics) idle() {
	if p := r.last.Load(); p != nil {
		rest := *p
		rest.AskedPerS, rest.SentPerS, rest.CommittedPerS, rest.CommitP50, rest.CommitP99 = 0, 0, 0, 0, 0
		r.last.Store(&rest)
	}
}

// close stops serving.
func (r *runMetrics) close() error {
	if r == nil {
		return nil
	}
	r.stop()
	return <-r.ended
}
