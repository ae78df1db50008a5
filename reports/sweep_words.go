package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/reports/matrix"
	"github.com/chaindyno/chaindyno/reports/result"
	"github.com/chaindyno/chaindyno/reports/stats"
)

// sweepSays puts what a sweep says into sentences: the best point with its
// range, what it can be told from, how it scales, and whether the objectives
// were met.
func sweepSays(m *matrix.Matrix, plan *result.SweepPlan, runs []matrix.Run) []string {
	if m.Best < 0 {
		return []string{"No point has a valid run, so there is nothing to say about the chain."}
	}
	var says []string
	if m.Kept && m.Metric == matrix.Throughput {
		says = append(says, fmt.Sprintf("Every point delivered what was asked of it (%s), so throughput is the load's and tells no point from another.", askedRange(runs)))
		byLatency := *plan
		byLatency.Metric = matrix.CommitP99
		if other := matrix.Judge(&byLatency, runs); other.Best >= 0 {
			says = append(says, bestSentence(other), toldSentence(other))
		}
	} else {
		says = append(says, bestSentence(m), toldSentence(m))
	}
	for i := range m.Scaling {
		says = append(says, scaleSentence(m, &m.Scaling[i]))
	}
	says = append(says, objectiveSentence(m, plan))
	return slices.DeleteFunc(says, func(s string) bool { return s == "" })
}

// askedRange is what was offered, from the least to the most of any run.
func askedRange(runs []matrix.Run) string {
	low, high := math.Inf(1), 0.0
	for i := range runs {
		if runs[i].Replicate() {
			low, high = min(low, runs[i].Throughput.OfferedPerS), max(high, runs[i].Throughput.OfferedPerS)
		}
	}
	if formatNumber(low) == formatNumber(high) {
		return formatNumber(high) + "/s"
	}
	return formatNumber(low) + "/s to " + formatNumber(high) + "/s"
}

func bestSentence(m *matrix.Matrix) string {
	metric, p := matrix.MetricNamed(m.Metric), &m.Points[m.Best]
	superlative := "lowest"
	switch {
	case metric.Up:
		superlative = "highest"
	case metric.Name == matrix.BlockTime:
		superlative = "shortest"
	}
	s := p.Metrics[metric.Name]
	return fmt.Sprintf("%s is %s at %s: %s (%s).", capital(metric.Title), superlative, p.Label, ranged(s, metric.Unit), behind(s))
}

// behind says what a median stands on.
func behind(s matrix.Sample) string {
	text := "median of " + plural(len(s.Values), "run")
	if len(s.Values) == 1 {
		text = "one run"
	}
	if s.HasInterval() {
		return text + ", 95 % interval"
	}
	return text + ", too few for an interval"
}

// ranged writes a median with its interval: 12,340/s [11,900/s, 12,800/s].
func ranged(s matrix.Sample, unit string) string {
	if !s.Known() {
		return absent
	}
	if !s.HasInterval() {
		return inUnit(s.Median, unit)
	}
	return fmt.Sprintf("%s [%s, %s]", inUnit(s.Median, unit), inUnit(s.Low, unit), inUnit(s.High, unit))
}

// inUnit writes a value of a metric for reading.
func inUnit(v float64, unit string) string {
	switch unit {
	case "ns":
		return formatNs(int64(v))
	case "tx/s":
		return formatNumber(v) + "/s"
	case "hashes/s":
		return formatSI(v) + "H/s"
	}
	return formatNumber(v) + " " + unit
}

// formatSI writes with a decimal prefix: 12.3 M.
func formatSI(v float64) string {
	for _, u := range []struct {
		of   float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.of {
			return formatNumber(v/u.of) + " " + u.name
		}
	}
	return formatNumber(v) + " "
}

// toldSentence says which points the best one is told from.
func toldSentence(m *matrix.Matrix) string {
	var told, untold []int
	fewest := m.Points[m.Best].Runs()
	for i := range m.Points {
		p := &m.Points[i]
		switch {
		case p.Best == nil:
			continue
		case p.Best.Told:
			told = append(told, i)
		default:
			untold = append(untold, i)
		}
		fewest = min(fewest, p.Runs())
	}
	others := len(told) + len(untold)
	switch {
	case others == 0:
		return ""
	case !m.Enough:
		return fmt.Sprintf("With %s at a point no test can tell it from all others: %d are needed (%s at %.0f %%).",
			plural(fewest, "run"), m.Needed, plural(m.Pairs, "comparison"), 100*matrix.Alpha)
	case len(untold) == 0 && others == 1:
		return fmt.Sprintf("It is told from the other point, %s.", versusText(m, told[0]))
	case len(untold) == 0:
		return fmt.Sprintf("It is told from every other point; next is %s.", versusText(m, nearest(m, told)))
	}
	text := make([]string, 0, len(untold))
	slices.SortFunc(untold, func(a, b int) int { return byChange(m, a, b) })
	for i, p := range untold {
		if i == 3 {
			text = append(text, fmt.Sprintf("%d more", len(untold)-i))
			break
		}
		text = append(text, versusText(m, p))
	}
	sentence := "It cannot be told from " + strings.Join(text, "; ")
	if len(told) > 0 {
		sentence += fmt.Sprintf("; it is told from the other %d", len(told))
	}
	return sentence + "."
}

func byChange(m *matrix.Matrix, a, b int) int {
	x, y := math.Abs(m.Points[a].Best.Change), math.Abs(m.Points[b].Best.Change)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return a - b
}

func nearest(m *matrix.Matrix, points []int) int {
	return slices.MinFunc(points, func(a, b int) int { return byChange(m, a, b) })
}

// versusText is a point held against the best: threads=1 (-12 % [-15, -9], p = 0.02).
func versusText(m *matrix.Matrix, i int) string {
	p := &m.Points[i]
	return fmt.Sprintf("%s (%s, %s)", p.Label, versusChange(p.Best), versusP(p.Best))
}

// versusChange writes a relative change with its interval.
func versusChange(v *matrix.Versus) string {
	if v.Low == 0 && v.High == 0 {
		return signedPercent(v.Change) + " %"
	}
	return fmt.Sprintf("%s %% [%s, %s]", signedPercent(v.Change), signedPercent(v.Low), signedPercent(v.High))
}

// versusP says how likely chance alone is to do this.
func versusP(v *matrix.Versus) string {
	p := pText(v.Adjusted)
	if strings.HasPrefix(p, "<") {
		return "p " + p
	}
	return "p = " + p
}

// quantityNames are what scales, for people.
var quantityNames = map[string]string{matrix.Throughput: "throughput", matrix.Blocks: "the rate of blocks", matrix.Hashes: "the hash rate"}

// scaleSentence says what more threads brought.
func scaleSentence(m *matrix.Matrix, s *matrix.Scale) string {
	if len(s.Steps) < 2 || m.Kept && s.Quantity == matrix.Throughput {
		return ""
	}
	axis, first, last := &m.Axes[s.Axis], s.Steps[0], s.Steps[len(s.Steps)-1]
	change := formatNumber(last.SpeedUp)
	if last.Low != 0 || last.High != 0 {
		change += fmt.Sprintf(" [%s, %s]", formatNumber(last.Low), formatNumber(last.High))
	}
	brought := "grows " + change + " times"
	if last.SpeedUp < 1 {
		brought = "falls to " + change + " of what it was"
	}
	text := fmt.Sprintf("From %s=%s to %s, %s %s, an efficiency of %s", axis.Name, formatNumber(first.N), formatNumber(last.N),
		quantityNames[s.Quantity], brought, formatShare(last.Efficiency))
	if s.Held != "" {
		text += " (" + s.Held + ")"
	}
	if l := s.Law; l != nil && l.Name == stats.USL && l.Peak > 0 && l.Peak <= 2*last.N {
		text += fmt.Sprintf("; the fitted law has its peak at %s", formatNumber(l.Peak))
	}
	return text + "."
}

// objectiveSentence says where the objectives were met, and what is best there.
func objectiveSentence(m *matrix.Matrix, plan *result.SweepPlan) string {
	if len(plan.SLO) == 0 {
		return ""
	}
	metric, kept, best := matrix.MetricNamed(m.Metric), 0, -1
	for i := range m.Points {
		p := &m.Points[i]
		if p.Failed > 0 || p.Passed == 0 {
			continue
		}
		kept++
		s := p.Metrics[metric.Name]
		if s.Known() && (best < 0 || metric.Better(s.Median, m.Points[best].Metrics[metric.Name].Median)) {
			best = i
		}
	}
	switch {
	case kept == len(m.Points):
		return "Every run met all objectives."
	case kept == 0:
		return "No point met all objectives in every run."
	case best == m.Best || best < 0:
		return fmt.Sprintf("All objectives were met in every run at %d of %d points, the best one among them.", kept, len(m.Points))
	}
	return fmt.Sprintf("All objectives were met in every run at %d of %d points only; the best of those is %s: %s.",
		kept, len(m.Points), m.Points[best].Label, ranged(m.Points[best].Metrics[metric.Name], metric.Unit))
}

// SweepRunLine is a run in a few words, the metric that points are ranked by
// among them.
func SweepRunLine(metric string, r *result.Summary) string {
	text := fmt.Sprintf("%-7s %s/s", r.Verdict, formatNumber(r.Throughput.SucceededPerS))
	if l, ok := findLatency(r.Latency, result.StageCommit, ""); ok {
		text += "  p50 " + formatMaybeNs(l.P50Ns) + "  p99 " + formatMaybeNs(l.P99Ns)
	}
	if m := matrix.MetricNamed(metric); m.Name == matrix.BlockTime || m.Name == matrix.Hashes {
		if v, ok := m.Of(r); ok {
			text += "  " + m.Title + " " + inUnit(v, m.Unit)
		}
	}
	return text
}
