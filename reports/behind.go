package reports

import (
	"fmt"
	"strconv"

	"github.com/chaindyno/chaindyno/reports/result"
)

// What a rate of transactions hides: what they were made of, what they cost,
// and whom they were kept waiting for.

// fairnessColumns writes fairness.csv, one row a connection.
var fairnessColumns = []column[result.Connection]{
	whole("connection", func(c *result.Connection) *int { return &c.Connection }),
	whole("lanes", func(c *result.Connection) *int { return &c.Lanes }),
	whole("succeeded", func(c *result.Connection) *uint64 { return &c.Succeeded }),
	whole("mean_ns", func(c *result.Connection) *int64 { return &c.MeanNs }),
	{name: "p50_ns", put: func(c *result.Connection) string { return maybeNumber(c.P50Ns) }},
	{name: "p99_ns", put: func(c *result.Connection) string { return maybeNumber(c.P99Ns) }},
	whole("max_ns", func(c *result.Connection) *int64 { return &c.MaxNs }),
}

// maybeNumber is empty where there are too few samples.
func maybeNumber(v *int64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatInt(*v, 10)
}

// figureNote is one figure with what is to be said of it.
type figureNote struct{ name, value, note string }

// workNotes lists what is known of a second of throughput.
func workNotes(r *result.Run) []figureNote {
	w := r.Work
	var all []figureNote
	add := func(known bool, name, value, note string) {
		if known {
			all = append(all, figureNote{name, value, note})
		}
	}
	add(w.UsedPerS > 0, "capacity used", amount(w.UsedPerS, r.Chain.Unit)+"/s", capacityNote(r))
	add(w.PayloadPerS > 0, "payload committed", formatBytes(w.PayloadPerS)+"/s", formatBytes(w.PayloadPerTx)+" a transaction")
	add(w.SignaturesPerS > 0, "signatures", formatNumber(w.SignaturesPerS)+"/s", "of what was committed")
	add(w.OutputsPerS > 0, "outputs", formatNumber(w.OutputsPerS)+"/s", "of what was committed")
	nodes := "all nodes together"
	if w.Nodes == 1 {
		nodes = "the node"
	}
	add(w.NodeCPUPerTxNs > 0, "node CPU", formatNs(int64(w.NodeCPUPerTxNs))+"/tx", fmt.Sprintf("%s, to a succeeded transaction; the generator took %s", nodes, formatNs(int64(w.OwnCPUPerTxNs))))
	add(w.NodeDiskPerTx > 0, "node disk", formatBytes(w.NodeDiskPerTx)+"/tx", nodes+", written"+amplification(w))
	return all
}

// amount is so much of a chain's unit.
func amount(v float64, unit string) string {
	if unit == "bytes" {
		return formatBytes(v)
	}
	return formatNumber(v) + " " + unit
}

func capacityNote(r *result.Run) string {
	w := r.Work
	if w.LimitPerS == 0 {
		return "no limit is known"
	}
	return fmt.Sprintf("%s of the %s/s that blocks at this pace have room for", formatShare(w.Fullness), amount(w.LimitPerS, r.Chain.Unit))
}

func amplification(w result.Work) string {
	if w.DiskOverBytes == 0 {
		return ""
	}
	return fmt.Sprintf(", %s bytes for each byte of payload", formatNumber(w.DiskOverBytes))
}

// connectionNotes says in words how evenly connections were served.
func connectionNotes(f result.Fairness) string {
	if len(f.Connections) == 1 {
		return "one, so there is nobody to compare it with"
	}
	if f.SlowestP50 == 0 {
		return "too few transactions to compare them"
	}
	text := fmt.Sprintf("the slowest has %s times the p50 of the fastest", formatRatio(f.SlowestP50))
	if f.SlowestP99 > 0 {
		text += fmt.Sprintf(", and %s times the p99", formatRatio(f.SlowestP99))
	}
	return text + fmt.Sprintf("; Jain's index %s of what each committed, %s of its mean latency", formatIndex(f.JainSucceeded), formatIndex(f.JainMean))
}

// laneNotes says in words how evenly lanes were served.
func laneNotes(l result.LaneSpread) string {
	if l.Why != "" {
		return l.Why
	}
	text := fmt.Sprintf("%s to %s transactions each; mean latency of a lane %s in the middle, %s for the slowest in a hundred, %s at worst; Jain's index %s, and %s by chance alone",
		formatCount(l.SucceededMin), formatCount(l.SucceededMax), formatNs(l.MeanP50Ns), formatNs(l.MeanP99Ns), formatNs(l.MeanMaxNs), formatIndex(l.Jain), formatIndex(l.JainByChance))
	if l.Served < l.Lanes {
		text += fmt.Sprintf("; %s had nothing committed", formatCount(l.Lanes-l.Served))
	}
	return text
}

func formatRatio(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
func formatIndex(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// behind prints both in the terminal.
func (p *printer) behind(r *result.Run) {
	if notes := workNotes(r); len(notes) > 0 {
		p.title("Behind the rate", "what a second of it was made of, and what it cost")
		g := &grid{}
		for _, n := range notes {
			g.add(n.name, n.value, n.note)
		}
		p.keyed(g)
	}
	if len(r.Fairness.Connections) > 0 {
		p.title("Fairness", "commit latency by connection and by lane")
		g := &grid{}
		g.add("connections", formatCount(len(r.Fairness.Connections)), connectionNotes(r.Fairness))
		g.add("lanes", formatCount(r.Fairness.Lanes.Lanes), laneNotes(r.Fairness.Lanes))
		p.keyed(g)
	}
}

// workSection shows them in HTML.
func workSection(v *view) section {
	s := section{
		ID: "behind", Title: "What the rate hides", Short: "Behind the rate",
		Lead: "Systems with equal transactions a second may differ in what these are made of, what they cost, and whom they keep waiting. Rates are over the steady window, costs over the whole run with all nodes added up.",
	}
	if notes := workNotes(v.Run); len(notes) > 0 {
		t := &table{Head: head("figure", "#value", "what it is")}
		for _, n := range notes {
			t.Rows = append(t.Rows, row{Cells: []cell{key(n.name), number(n.value), prose(n.note)}})
		}
		s.Blocks = append(s.Blocks, block{Heading: "Made of, and at the cost of", Table: t})
	}
	if len(v.Fairness.Connections) > 0 {
		s.Blocks = append(s.Blocks, fairnessBlocks(v.Fairness)...)
	}
	return s
}

// mostConnections are shown outright; more are folded away.
const mostConnections = 16

func fairnessBlocks(f result.Fairness) []block {
	t := &table{
		Head: head("connection", "commit p50", "#p99", "#mean", "#max", "#lanes", "#committed"),
		Note: "Quantiles here come from buckets of 1.6 %, and are absent for fewer than 10/(1-q) transactions.",
	}
	top := 1.0
	for _, c := range f.Connections {
		top = max(top, float64(orZero(c.P50Ns)))
	}
	for _, c := range f.Connections {
		t.Rows = append(t.Rows, row{Cells: []cell{
			key(strconv.Itoa(c.Connection)), withBar(float64(orZero(c.P50Ns))/top, formatMaybeNs(c.P50Ns)), number(formatMaybeNs(c.P99Ns)),
			number(formatNs(c.MeanNs)), number(formatNs(c.MaxNs)), number(formatCount(c.Lanes)), number(formatCount(c.Succeeded)),
		}})
	}
	connections := block{Table: t}
	if len(f.Connections) > mostConnections {
		connections.Fold = "Every connection"
	}
	return []block{
		{Heading: "Fairness: commit latency by connection and by lane", Text: sentence(plural(len(f.Connections), "connection") + ": " + connectionNotes(f))},
		{Text: sentence(plural(f.Lanes.Lanes, "lane")+": "+laneNotes(f.Lanes)) + " Jain's index is 1 where all have the same, and k/n where k of n have the same and the rest nothing."},
		connections,
	}
}

func orZero(v *int64) int64 {
	if v == nil {
		return 0
	}
	return *v
}
