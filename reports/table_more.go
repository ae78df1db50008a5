package reports

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

func (p *printer) validity(r *result.Run) {
	if len(r.Validity) == 0 {
		return
	}
	p.title("Validity", "was it the chain that was measured, and not the generator?")
	g := &grid{header: []string{"", "check", "limit", "observed"}, left: 2}
	for _, c := range r.Validity {
		g.add(p.mark(c.OK), c.Name, limit(c), observed(c))
	}
	p.grid(g)
	for _, c := range r.Validity {
		if !c.OK && c.Note != "" {
			p.item(" ", p.dim(c.Name+": "+c.Note))
		}
	}
}

func (p *printer) audit(r *result.Run) {
	if r.Audit.Level == "" {
		return
	}
	p.title("Audit", "level "+r.Audit.Level)
	if len(r.Audit.Checks) == 0 {
		p.item(" ", "nothing was checked")
	}
	for _, c := range r.Audit.Checks {
		p.item(p.mark(c.OK), c.Name+": "+c.Detail)
	}
}

func (p *printer) chain(r *result.Run) {
	c := r.Chain
	if c.Blocks == 0 {
		return
	}
	p.title("Chain", "")
	g := &grid{}
	g.add("blocks", formatCount(c.Blocks), fmt.Sprintf("%s empty, %s orphaned, %s (deepest %d)",
		formatCount(c.Empty), formatCount(c.Orphaned), plural(c.Reorgs, "reorganisation"), c.DeepestReorg))
	g.add("interval", formatNs(c.IntervalMeanNs), "mean; p99 "+formatNs(c.IntervalP99Ns))
	fill := "a block on average"
	if c.Fullness > 0 {
		fill += ", " + formatShare(c.Fullness) + " of the limit in " + c.Unit
	}
	g.add("transactions", formatNumber(c.TxsPerBlock), fill)
	if c.HashesPerS > 0 {
		g.add("hashes", formatNumber(c.HashesPerS)+"/s", plural(len(c.Threads), "thread")+", while sealing")
	}
	synced := "not every block was synced to disk before it was announced"
	if c.Durable {
		synced = "every block was synced to disk before it was announced"
	}
	g.add("tip", formatCount(c.Height), synced)
	p.keyed(g)
}

func (p *printer) resources(r *result.Run) {
	if len(r.Resources) == 0 {
		return
	}
	p.title("Resources", "over the load phase")
	g := &grid{header: []string{"process", "CPU", "of its cores", "CPU/tx", "memory max", "growth", "GC", "disk", "disk/tx"}, left: 1}
	for _, x := range r.Resources {
		g.add(x.Process, formatNumber(x.CPUSeconds)+" s", formatShare(x.CPUShare), formatNs(int64(x.CPUPerTxNs)),
			formatBytes(float64(x.RSSMaxBytes)), formatBytes(x.RSSSlope)+"/s", formatNs(int64(x.GCSeconds*1e9)), orAbsent(x.DiskBytes, formatBytes(float64(x.DiskBytes))),
			orAbsent(x.DiskBytes, formatBytes(x.DiskPerTx)))
	}
	g.may = []string{"GC", "growth", "CPU", "disk/tx", "disk"}
	p.grid(g)
}

func (p *printer) tiers(r *result.Run) {
	if len(r.Tiers) == 0 {
		return
	}
	p.title("Reads", "blocks, transactions and proofs by hash; l1 in process, l2 Redis, l3 disk")
	g := &grid{header: []string{"process", "tier", "reads", "answered", "of its reads", "mean", "poisoned", "failures"}, left: 2}
	for _, t := range r.Tiers {
		g.add(t.Process, t.Tier, formatCount(t.Reads), formatCount(t.Hits), formatShare(t.HitShare), formatMean(t),
			orAbsent(t.Poisoned, formatCount(t.Poisoned)), orAbsent(t.Failures, formatCount(t.Failures)))
	}
	g.may = []string{"failures", "poisoned", "reads"}
	p.grid(g)
}

// formatMean is the mean time of a tier's answers.
func formatMean(t result.Tier) string {
	if t.Hits == 0 {
		return absent
	}
	return formatNs(t.MeanNs)
}

func orAbsent(n uint64, s string) string {
	if n == 0 {
		return absent
	}
	return s
}

func (p *printer) workers(r *result.Run) {
	if len(r.Workers) < 2 {
		return
	}
	p.title("Workers", "")
	g := &grid{header: []string{"worker", "sent", "committed", "dropped", "commit p50", "commit p99", "CPU", "clock"}, left: 1}
	for _, w := range r.Workers {
		name := w.Name
		if w.LostAtNs > 0 {
			name = p.red("✗ " + name + " lost at " + formatNs(w.LostAtNs))
		}
		l, _ := findLatency(w.Latency, result.StageCommit, "")
		g.add(name, formatCount(w.Sent), formatCount(w.Succeeded), formatCount(w.Dropped), formatMaybeNs(l.P50Ns), formatMaybeNs(l.P99Ns),
			formatShare(w.CPUShare), formatNs(w.ClockOffsetNs)+" ± "+formatNs(w.ClockBoundNs))
	}
	g.may = []string{"clock", "CPU", "dropped", "commit p50"}
	p.grid(g)
}

func (p *printer) faults(r *result.Run) {
	if len(r.Faults) == 0 {
		return
	}
	p.title("Faults", "done to the system, or seen of it")
	for _, f := range r.Faults {
		p.item("•", fmt.Sprintf("%s: %s %s: %s", span(f.AtNs, f.UntilNs), f.Node, f.Kind, f.Detail))
	}
}

// span is "at 14 s" or "14 s to 16.2 s".
func span(from, to int64) string {
	if to <= from {
		return "at " + formatNs(from)
	}
	return formatNs(from) + " to " + formatNs(to)
}

func (p *printer) errors(r *result.Run) {
	if len(r.ErrorRows) == 0 {
		return
	}
	p.title("Errors", "first and last seen; ✓ = asked for by the workload")
	g := &grid{header: []string{"", "class", "kind", "of", "count", "first", "last"}, left: 4}
	for _, e := range r.ErrorRows {
		mark := p.yellow("!")
		if e.Expected {
			mark = p.green("✓")
		}
		g.add(mark, e.Class, e.Kind, e.TxKind, formatCount(e.Count), formatNs(e.FirstNs), formatNs(e.LastNs))
	}
	g.may = []string{"of", "first"}
	p.grid(g)
}

func (p *printer) warnings(r *result.Run) {
	if len(r.Warnings) == 0 {
		return
	}
	p.title("Warnings", "")
	for _, w := range r.Warnings {
		p.item(p.yellow("!"), w)
	}
}

func (p *printer) files(r *result.Run, dir string) {
	p.printf("\n")
	if dir == "" {
		return
	}
	p.printf("%s %s\n", p.bold("report"), filepath.Join(dir, result.FileHTML))
	if len(r.Files) > 0 {
		p.printf("%s  %s\n", p.bold("files"), wrap(filepath.Clean(dir)+"/: "+strings.Join(r.Files, ", "), p.width-7, "       "))
	}
	if again := Again(r.Run); again != "" {
		p.printf("%s  %s\n", p.bold("again"), again)
	}
}
