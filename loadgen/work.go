package loadgen

import (
	"github.com/chaindyno/chaindyno/loadgen/record"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports/result"
)

// work says what a second of throughput was made of, and what it cost.
func (e *engine) work(r *result.Run) result.Work {
	var w result.Work
	var used, limit, seconds float64
	for _, s := range e.steadyBlocks() {
		used, limit, seconds = used+s.used, limit+s.limit, seconds+s.seconds
	}
	if seconds > 0 {
		w.UsedPerS, w.LimitPerS = used/seconds, limit/seconds
	}
	if limit > 0 {
		w.Fullness = used / limit
	}
	perS := r.Throughput.SucceededPerS
	if _, window := e.collector.Totals(); window[record.Sent] > 0 {
		w.PayloadPerTx = float64(window[record.PayloadBytes]) / float64(window[record.Sent])
		w.PayloadPerS = w.PayloadPerTx * perS
	}
	if e.sc.Target.Driver != scenario.DriverNull { // which has neither
		w.SignaturesPerS, w.OutputsPerS = perS*float64(e.sc.Load.Options.Inputs), perS*float64(e.sc.Load.Options.Outputs)
	}
	costs(&w, r.Resources)
	return w
}

// costs adds up what all nodes consumed. The generator comes first.
func costs(w *result.Work, all []result.Resource) {
	for i, x := range all {
		if i == 0 {
			w.OwnCPUPerTxNs = x.CPUPerTxNs
			continue
		}
		w.Nodes++
		w.NodeCPUPerTxNs += x.CPUPerTxNs
		w.NodeDiskPerTx += x.DiskPerTx
	}
	if w.PayloadPerTx > 0 {
		w.DiskOverBytes = w.NodeDiskPerTx / w.PayloadPerTx
	}
}
