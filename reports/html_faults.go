package reports

import (
	"fmt"
	"math"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// maxFaults bounds the timeline.
const maxFaults = 100

func faultsSection(v *view) section {
	if len(v.Faults) == 0 {
		return section{}
	}
	faults := v.Faults[:min(len(v.Faults), maxFaults)]
	t := &table{Head: head("#from", "#to", "node", "kind", "detail")}
	for _, f := range faults {
		t.Rows = append(t.Rows, row{Cells: []cell{number(v.clock(f.AtNs)), number(v.clock(f.UntilNs)), key(f.Node), key(f.Kind), prose(f.Detail)}})
	}
	if left := len(v.Faults) - len(faults); left > 0 {
		t.Note = fmt.Sprintf("%s more are in %s.", formatCount(left), result.FileFaults)
	}
	f := &figure{
		ID: "fig-faults", Title: "When what was disturbed", Wide: true,
		How: "How to read: a bar is how long a disturbance lasted and a square one without length; compare with throughput and latency at the same time above.",
	}
	v.drawFaults(f, faults)
	return section{
		ID: "faults", Title: "Fault timeline", Short: "Faults",
		Lead:   "What was done to the system under test, or was seen of it, on the generator's clock.",
		Blocks: []block{{Figure: f}, {Table: t}},
	}
}

func (v *view) drawFaults(f *figure, faults []result.Fault) {
	kinds := faultKinds(faults)
	n := float64(len(kinds))
	p := &chart.Plot{X: chart.Scale{Min: 0, Max: v.end}, Y: chart.Scale{Min: 0, Max: n}, Height: 30 * len(kinds), Title: f.Title, XLabel: "time since the start", Time: true}
	p.XTicks = chart.Times(p.X, 8)
	var cells []chart.Cell
	var x, y []float64
	for i, kind := range kinds {
		mid := n - float64(i) - 0.5
		p.YTicks = append(p.YTicks, chart.Tick{At: mid, Label: cut(kind, 17)})
		for _, fault := range faults {
			if fault.Kind != kind {
				continue
			}
			from, to := seconds(fault.AtNs), seconds(fault.UntilNs)
			if to <= from {
				x, y = append(x, from), append(y, mid)
			} else {
				cells = append(cells, chart.Cell{X0: from, X1: math.Min(to, v.end), Y0: mid - 0.25, Y1: mid + 0.25})
			}
			f.Rows = append(f.Rows, []string{cellSeconds(from), cellSeconds(max(from, to)), fault.Kind, fault.Node})
		}
	}
	p.Cells("c-fault", cells)
	p.Dots("dots3", x, y)
	f.Head = head("from (s)", "to (s)", "kind", "node")
	f.SVG = p.SVG()
}

// faultKinds are the rows of the timeline, in order of appearance, at most 20.
func faultKinds(faults []result.Fault) []string {
	var kinds []string
	seen := map[string]bool{}
	for _, f := range faults {
		if !seen[f.Kind] && len(kinds) < 20 {
			seen[f.Kind] = true
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}
