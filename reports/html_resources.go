package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/chaindyno/chaindyno/reports/result"
)

func resourcesSection(v *view) section {
	if len(v.Resources) == 0 {
		return section{}
	}
	t := &table{Head: head("process", "CPU, of its cores", "#CPU time", "#CPU per tx", "#memory, most", "#memory growth", "#GC pauses", "#disk written", "#disk per tx", "#outputs in set")}
	for _, r := range v.Resources {
		t.Rows = append(t.Rows, row{Cells: []cell{
			key(r.Process), withBar(r.CPUShare, formatShare(r.CPUShare)), number(formatNumber(r.CPUSeconds) + " s"), number(formatNs(int64(r.CPUPerTxNs))),
			number(formatBytes(float64(r.RSSMaxBytes))), number(formatBytes(r.RSSSlope) + "/s"), number(formatNs(int64(r.GCSeconds * 1e9))),
			number(orAbsent(r.DiskBytes, formatBytes(float64(r.DiskBytes)))), number(orAbsent(r.DiskBytes, formatBytes(r.DiskPerTx))),
			number(orAbsent(r.OutputsInSet, formatCount(r.OutputsInSet))),
		}})
	}
	return section{
		ID: "resources", Title: "Resources", Short: "Resources",
		Lead:   "Over the load phase, the generator and each node apart. Per transaction means per succeeded one.",
		Blocks: append([]block{{Table: t}}, tierBlocks(v)...),
	}
}

// tierBlocks shows the tiers of nodes that were read from.
func tierBlocks(v *view) []block {
	if len(v.Tiers) == 0 {
		return nil
	}
	t := &table{Head: head("process", "tier", "#reads", "#answered", "#of its reads", "#mean time", "#poisoned", "#failures")}
	for _, r := range v.Tiers {
		t.Rows = append(t.Rows, row{Cells: []cell{
			key(r.Process), words(r.Tier), number(formatCount(r.Reads)), number(formatCount(r.Hits)), number(formatShare(r.HitShare)), number(formatMean(r)),
			number(orAbsent(r.Poisoned, formatCount(r.Poisoned))), number(orAbsent(r.Failures, formatCount(r.Failures))),
		}})
	}
	return []block{{Heading: "Reads by tier: l1 in process, l2 Redis, l3 disk", Table: t}}
}

func workersSection(v *view) section {
	if len(v.Workers) == 0 {
		return section{}
	}
	t := &table{Head: head("worker", "#lanes", "#sent", "#accepted", "#committed", "#rejected", "#unknown", "#dropped", "#commit p50", "#commit p99", "#in time", "#CPU", "#clock offset", "version")}
	for _, w := range v.Workers {
		t.Rows = append(t.Rows, row{Cells: workerCells(v, w)})
	}
	s := section{
		ID: "workers", Title: "Workers", Short: "Workers",
		Lead:   "Each worker's own counts and percentiles; the whole run's come from merging their histograms, never from averaging. In time: dispatched within 100 ms of the intended time. Clock offsets bound how well files of several machines can be lined up; no latency depends on them.",
		Blocks: []block{{Table: t}},
	}
	if f, ok := workerFigure(v); ok {
		s.Blocks = append(s.Blocks, block{Figure: f})
	}
	return s
}

func workerCells(v *view, w result.Worker) []cell {
	name := key(w.Name)
	if w.LostAtNs > 0 {
		name = cell{Text: "✗ " + w.Name + ", lost at " + v.clock(w.LostAtNs), Class: "no"}
	}
	l, _ := findLatency(w.Latency, result.StageCommit, "")
	clock := absent
	if w.ClockBoundNs > 0 {
		clock = formatNs(w.ClockOffsetNs) + " ± " + formatNs(w.ClockBoundNs)
	}
	return []cell{
		name, number(fmt.Sprintf("%d–%d", w.SegmentFrom, w.SegmentTo)), number(formatCount(w.Sent)), number(formatCount(w.Accepted)), number(formatCount(w.Succeeded)),
		number(formatCount(w.Rejected)), number(formatCount(w.Unknown)), number(formatCount(w.Dropped)), number(formatMaybeNs(l.P50Ns)), number(formatMaybeNs(l.P99Ns)),
		number(beside(w.DispatchedShare, 0.99, "share")), number(formatShare(w.CPUShare)), number(clock), words(w.Version),
	}
}

// workerClasses are the curves of workers; more of them could not be told
// apart.
var workerClasses = []string{"c-blue", "c-orange", "c-green", "c-purple", "c-verm", "c-sky"}

// workerFigure draws what each worker committed, where there are two to six.
func workerFigure(v *view) (*figure, bool) {
	if n := len(v.Workers); !v.limits.perWorker || n < 2 || n > len(workerClasses) {
		return nil, false
	}
	f := &figure{
		ID: "fig-workers", Title: "Committed per second, by worker",
		How: "How to read: workers share the load evenly, so their lines should lie on each other; one that falls away alone points at its machine, and all together at the chain.",
	}
	var curves []curve
	for i, w := range v.Workers {
		var own []result.Sample
		for _, s := range v.Series {
			if s.Worker == w.Name && s.Kind == "" {
				own = append(own, s)
			}
		}
		slices.SortStableFunc(own, func(a, b result.Sample) int { return cmp.Compare(a.TNs, b.TNs) })
		c := curve{class: workerClasses[i], name: cut(w.Name, 40)}
		c.x, c.y = rates(own, func(s *result.Sample) uint64 { return s.Included })
		if len(c.x) == 0 || i > 0 && !slices.Equal(c.x, curves[0].x) {
			return nil, false // a worker without its seconds, or lost on the way
		}
		curves = append(curves, c)
	}
	v.drawCurves(f, "tx/s", curves)
	return f, true
}
