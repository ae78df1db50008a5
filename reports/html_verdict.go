package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// tiles are the figures of the verdict strip.
func tiles(r *result.Run) []tile {
	t := r.Throughput
	commit, _ := findLatency(r.Latency, result.StageCommit, "")
	steady := time.Duration(r.Run.SteadyToNs - r.Run.SteadyFromNs)
	out := []tile{
		{Name: "offered", Value: formatNumber(t.OfferedPerS) + "/s", Note: loopName(r.Run.Loop)},
		{Name: "accepted", Value: formatNumber(t.AcceptedPerS) + "/s", Note: "by the chain's answer"},
		{Name: "committed", Value: formatNumber(t.SucceededPerS) + "/s", Note: committedNote(t), Class: "main"},
		{Name: "commit p50", Value: formatMaybeNs(commit.P50Ns), Note: "from the intended time"},
		{Name: "commit p99", Value: formatMaybeNs(commit.P99Ns), Note: samplesNote(commit)},
		{Name: "commit p99.9", Value: formatMaybeNs(commit.P999Ns), Note: "max " + formatNs(commit.MaxNs)},
		errorTile(r),
		{Name: "reorganisations", Value: formatCount(r.Chain.Reorgs), Note: reorgNote(r.Chain)},
		{Name: "steady window", Value: steady.Round(time.Millisecond).String(), Note: fmt.Sprintf("%s to %s", formatNs(r.Run.SteadyFromNs), formatNs(r.Run.SteadyToNs))},
	}
	return out
}

func committedNote(t result.Throughput) string {
	if t.Low == 0 && t.High == 0 {
		return "succeeded, steady window"
	}
	return fmt.Sprintf("95 %%: %s to %s", formatNumber(t.Low), formatNumber(t.High))
}

func samplesNote(l result.Latency) string {
	if l.Blocks > 0 {
		return plural(l.Blocks, "block") + " behind it"
	}
	return formatCount(l.Count) + " samples"
}

func reorgNote(c result.Chain) string {
	if c.Reorgs == 0 {
		return "of " + plural(c.Blocks, "block")
	}
	return fmt.Sprintf("deepest %d, of %s", c.DeepestReorg, plural(c.Blocks, "block"))
}

// errorTile counts what went wrong beyond what the workload asked for.
func errorTile(r *result.Run) tile {
	c := r.Counts
	bad := c.Answers["rejected"] + c.Answers["unknown"] + c.DroppedOverload + c.DroppedLate + c.DroppedStarved
	bad -= min(bad, c.Expected)
	bad += c.Fates[result.FateLost] + c.Fates[result.FateFailed] + c.Fates[result.FateEvicted] + c.Fates[result.FateExpired]
	t := tile{Name: "errors", Value: formatCount(bad), Note: formatShareOf(bad, c.Scheduled) + " of scheduled"}
	if bad > 0 {
		t.Class = "bad"
	}
	return t
}

func sloSection(v *view) section {
	if len(v.SLO) == 0 {
		return section{}
	}
	return section{
		ID: "slo", Title: "Service level objectives", Short: "SLO",
		Lead:   "What was asked of the chain, with the limit exactly as it was compared. The margin is the distance to the limit, as a share of it; where an interval is given, it comes from resampling blocks (of a latency, blocks taken together by the second).",
		Blocks: []block{{Table: checkTable(v.SLO, true)}},
	}
}

func validitySection(v *view) section {
	if len(v.Validity) == 0 {
		return section{}
	}
	return section{
		ID: "validity", Title: "Validity", Short: "Validity",
		Lead:   "Whether it was the chain that was measured, and not the load generator. One miss makes the run INVALID: its numbers then say nothing about the chain.",
		Blocks: []block{{Table: checkTable(v.Validity, false)}},
	}
}

func checkTable(checks []result.Check, intervals bool) *table {
	t := &table{Head: head("verdict", "check", "#limit", "#observed", "#margin")}
	if intervals {
		t.Head = append(t.Head, head("#95 % interval")...)
	}
	notes := slices.ContainsFunc(checks, func(c result.Check) bool { return c.Note != "" })
	if notes {
		t.Head = append(t.Head, head("note")...)
	}
	for _, c := range checks {
		cells := []cell{mark(c.OK), key(c.Name), number(limit(c)), number(observed(c)), number(margin(c))}
		if intervals {
			cells = append(cells, number(interval(c)))
		}
		if notes {
			cells = append(cells, prose(c.Note))
		}
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	return t
}
