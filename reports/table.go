package reports

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// TableOptions adjust Table. The zero value suits a terminal.
type TableOptions struct {
	Dir   string // the run folder, named in the last lines; "" = not written
	Width int    // columns; 0 = the terminal's, or 100 where there is none
	Color Color
}

// Table writes the final tables of a run. Its errors are those of w.
func Table(w io.Writer, run *result.Run, opts TableOptions) error {
	p := &printer{w: w, width: widthOf(w, opts.Width), style: style(opts.Color.on(w))}
	r := prepare(run)
	p.strip(r)
	p.slo(r)
	p.throughput(r)
	p.latency(r)
	p.counts(r)
	p.matrix(r)
	p.validity(r)
	p.audit(r)
	p.chain(r)
	p.behind(r)
	p.resources(r)
	p.tiers(r)
	p.workers(r)
	p.faults(r)
	p.errors(r)
	p.warnings(r)
	p.files(r, opts.Dir)
	return p.err
}

// strip says the outcome, why, and whose number it is.
func (p *printer) strip(r *result.Run) {
	p.printf("\n%s  %s\n", p.verdict(r.Verdict), p.bold(r.Run.Name))
	p.printf("%s\n", p.dim(wrap(identity(r), p.width, "")))
	p.printf("\n%s committed", p.bold(formatNumber(r.Throughput.SucceededPerS)+"/s"))
	if l, ok := findLatency(r.Latency, result.StageCommit, ""); ok {
		p.printf("   p50 %s   p99 %s   p99.9 %s", formatMaybeNs(l.P50Ns), p.bold(formatMaybeNs(l.P99Ns)), formatMaybeNs(l.P999Ns))
	}
	p.printf("\n%s\n", wrap(Whose(&r.Summary), p.width, ""))
	for _, reason := range r.Reasons {
		p.item(p.red("✗"), reason)
	}
}

// identity is one line on what was measured, where and how.
func identity(r *result.Run) string {
	parts := []string{strings.TrimSpace(r.Environment.Driver + " " + r.Environment.Network)}
	if r.Environment.Client != "" {
		parts = append(parts, r.Environment.Client)
	}
	parts = append(parts, loopName(r.Run.Loop), signingName(r.Run.Signing),
		plural(r.Run.Confirmations, "confirmation"), r.Run.Start.UTC().Format("2006-01-02 15:04:05")+" UTC")
	if r.Run.InProcess {
		parts = append(parts, "IN PROCESS: node and generator share one process")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

func loopName(loop string) string {
	if loop == "" {
		return ""
	}
	return loop + " loop"
}

func signingName(signing string) string {
	switch signing {
	case "before":
		return "signed before the clock started"
	case "live":
		return "signed live"
	}
	return signing
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return formatCount(n) + " " + noun + "s"
}

// Whose is the sentence that says whose limit the number is: what was asked,
// what the generator could have done, and so whether the number is the chain's.
func Whose(s *result.Summary) string {
	asked := "asked " + formatNumber(s.Throughput.OfferedPerS) + "/s"
	if s.Run.Loop == "closed" {
		asked = "asked as much as the window let through (" + formatNumber(s.Throughput.OfferedPerS) + "/s)"
	}
	if c := s.Environment.Calibration; c != nil && c.GeneratorCeiling > 0 {
		asked += ", the generator could do " + formatNumber(c.GeneratorCeiling) + "/s"
	} else if s.Verdict != result.Invalid {
		return asked
	}
	if s.Verdict == result.Invalid {
		return asked + ", but it was the limit here, so this number says nothing about your chain"
	}
	return asked + ", so this number is your chain's"
}

func (p *printer) slo(r *result.Run) {
	if len(r.SLO) == 0 {
		return
	}
	p.title("Service level objectives", "")
	g := &grid{header: []string{"", "objective", "limit", "observed", "margin", "95 % interval"}, left: 2}
	for _, c := range r.SLO {
		g.add(p.mark(c.OK), c.Name, limit(c), observed(c), margin(c), interval(c))
	}
	g.may = []string{"95 % interval", "margin"}
	p.grid(g)
}

func (p *printer) throughput(r *result.Run) {
	t := r.Throughput
	steady := time.Duration(r.Run.SteadyToNs - r.Run.SteadyFromNs).Round(time.Millisecond)
	p.title("Throughput", fmt.Sprintf("transactions a second, over the steady window of %s", steady))
	g := &grid{header: []string{"", "rate", "note"}, left: 1}
	g.add("offered", formatNumber(t.OfferedPerS), "")
	g.add("accepted", formatNumber(t.AcceptedPerS), "")
	g.add(p.bold("committed"), p.bold(formatNumber(t.SucceededPerS)), throughputNote(r))
	g.add("committed, whole run", formatNumber(t.WholePerS), "with the drain")
	if t.PayloadBytes > 0 {
		g.add("payload", formatBytes(t.PayloadBytes)+"/s", "sent")
	}
	if noTrend(t) {
		g.add("backlog", absent, noTrendNote(t))
	} else {
		g.add("backlog", signed(t.BacklogSlope), backlogNote(t))
	}
	g.add("steady state", steadyWord(r.Steady), steadySentence(r.Steady))
	if c := r.Environment.Calibration; c != nil && c.VerificationLimit > 0 {
		g.add("verification limit", formatNumber(c.VerificationLimit), limitNote(r))
	}
	if r.Run.Loop == "closed" {
		g.add("blocked on the window", formatShare(t.Blocked), "of the senders' time")
	}
	p.keyed(g)
}

// keyed prints a grid whose last column is a note, aligned to the left.
func (p *printer) keyed(g *grid) {
	widest := func(col int) (n int) {
		for _, row := range g.rows {
			n = max(n, visible(row[col]))
		}
		return n
	}
	key, value := widest(0), widest(1)
	for _, row := range g.rows {
		line := "  " + row[0] + strings.Repeat(" ", key-visible(row[0])+2+value-visible(row[1])) + row[1]
		if row[2] != "" {
			indent := strings.Repeat(" ", key+value+6)
			line += "  " + p.dim(wrap(row[2], p.width-len(indent), indent))
		}
		p.printf("%s\n", line)
	}
}

func throughputNote(r *result.Run) string {
	if r.Throughput.Low == 0 && r.Throughput.High == 0 {
		return ""
	}
	return fmt.Sprintf("95 %% interval over blocks: %s to %s", formatNumber(r.Throughput.Low), formatNumber(r.Throughput.High))
}

func backlogNote(t result.Throughput) string {
	state := "not growing"
	if t.BacklogGrows {
		state = "GROWING"
	}
	return fmt.Sprintf("gained a second (95 %% interval %s to %s): %s", signed(t.BacklogLow), signed(t.BacklogHigh), state)
}

func limitNote(r *result.Run) string {
	share := r.Environment.Calibration.ThroughputOfLimit
	if share == 0 {
		share = r.Throughput.SucceededPerS / r.Environment.Calibration.VerificationLimit
	}
	return formatShare(share) + " of it was reached; signatures on all cores, keys not seen before"
}

func signed(v float64) string {
	if v > 0 {
		return "+" + formatNumber(v)
	}
	return formatNumber(v)
}

func (p *printer) latency(r *result.Run) {
	if len(r.Latency)+len(r.Stages) == 0 {
		return
	}
	p.title("Latency", "arrivals of the steady window")
	g := &grid{header: []string{"stage", "from → to", "p50", "p90", "p99", "p99.9", "max", "samples"}, left: 2}
	for _, l := range slices.Concat(r.Latency, r.Stages) {
		if l.Kind != "" || l.Worker != "" {
			continue
		}
		name := l.Stage
		if l.Stage == result.StageCommit {
			name = p.bold(name)
		}
		g.add(name, stageMeaning[l.Stage].short, formatMaybeNs(l.P50Ns), formatMaybeNs(l.P90Ns), formatMaybeNs(l.P99Ns),
			formatMaybeNs(l.P999Ns), formatNs(l.MaxNs), formatCount(l.Count))
	}
	g.may = []string{"from → to", "samples", "p90", "max"}
	p.grid(g)
}

func (p *printer) counts(r *result.Run) {
	c := r.Counts
	p.title("Ledger of counts", "")
	dropped := c.DroppedOverload + c.DroppedLate + c.DroppedStarved
	p.item(p.mark(c.Balanced), balance(c))
	if dropped > 0 {
		p.item(" ", fmt.Sprintf("dropped: overload %s (the chain's), late %s, starved %s (the generator's)",
			formatCount(c.DroppedOverload), formatCount(c.DroppedLate), formatCount(c.DroppedStarved)))
	}
	p.item(" ", moreCounts(c))
}

// balance is the ledger's equation.
func balance(c result.Counts) string {
	verb := "balances"
	if !c.Balanced {
		verb = "DOES NOT BALANCE"
	}
	return fmt.Sprintf("scheduled %s = sent %s + dropped %s + unsent %s: %s", formatCount(c.Scheduled), formatCount(c.Sent),
		formatCount(c.DroppedOverload+c.DroppedLate+c.DroppedStarved), formatCount(c.Unsent), verb)
}

func moreCounts(c result.Counts) string {
	parts := []string{
		"attempts " + formatCount(c.Attempts), "refusals asked for " + formatCount(c.Expected), "reverted inclusions " + formatCount(c.Reverted),
	}
	for name, n := range map[string]uint64{
		"negative differences": c.NegativeDeltas, "latencies over 1 h": c.OutOfRange, "others' transactions": c.Foreign,
	} {
		if n > 0 {
			parts = append(parts, name+" "+formatCount(n))
		}
	}
	slices.Sort(parts[3:])
	return strings.Join(parts, ", ")
}

// matrixView is the answer x fate matrix with its totals.
type matrixView struct {
	fates   []string
	answers []string
	cells   map[[2]string]uint64 // answer, fate
	total   uint64
}

// fateOrder is from good to bad.
var fateOrder = []string{
	result.FateSucceeded, result.FateRefused, result.FateFailed, result.FatePooled, result.FateEvicted, result.FateExpired, result.FateLost,
}

func newMatrix(cells []result.Cell) matrixView {
	m := matrixView{cells: map[[2]string]uint64{}}
	fates := map[string]bool{}
	answers := map[string]bool{}
	for _, c := range cells {
		m.cells[[2]string{c.Answer, c.Fate}] += c.Count
		m.total += c.Count
		fates[c.Fate], answers[c.Answer] = true, true
	}
	for _, f := range fateOrder {
		if fates[f] {
			m.fates = append(m.fates, f)
			delete(fates, f)
		}
	}
	m.fates = append(m.fates, slices.Sorted(maps.Keys(fates))...)
	m.answers = slices.Sorted(maps.Keys(answers))
	return m
}

func (m matrixView) row(answer string) (cells []uint64, sum uint64) {
	for _, f := range m.fates {
		n := m.cells[[2]string{answer, f}]
		cells = append(cells, n)
		sum += n
	}
	return cells, sum
}

func (m matrixView) column(fate string) (sum uint64) {
	for _, a := range m.answers {
		sum += m.cells[[2]string{a, fate}]
	}
	return sum
}

func (p *printer) matrix(r *result.Run) {
	m := newMatrix(r.Matrix)
	if len(m.answers) == 0 {
		return
	}
	p.title("Answer × fate", "what the chain said, and what became of it")
	g := &grid{header: slices.Concat([]string{"answer"}, m.fates, []string{"sum"}), left: 1}
	zero := func(n uint64) string {
		if n == 0 {
			return "·"
		}
		return formatCount(n)
	}
	for _, a := range m.answers {
		cells, sum := m.row(a)
		row := []string{a}
		for _, n := range cells {
			row = append(row, zero(n))
		}
		g.add(append(row, formatCount(sum))...)
	}
	last := []string{"sum"}
	for _, f := range m.fates {
		last = append(last, formatCount(m.column(f)))
	}
	g.add(append(last, formatCount(m.total))...)
	p.grid(g)
	p.item(p.mark(m.total == r.Counts.Sent), matrixSum(m, r.Counts.Sent))
}

func matrixSum(m matrixView, sent uint64) string {
	if m.total == sent {
		return "the cells add up to the " + formatCount(sent) + " sent"
	}
	return "the cells add up to " + formatCount(m.total) + ", but " + formatCount(sent) + " were sent"
}
