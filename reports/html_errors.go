package reports

import (
	"fmt"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// maxErrorRows bounds what a node with many different complaints can do to the
// report.
const maxErrorRows = 200

func errorsSection(v *view) section {
	if len(v.ErrorRows) == 0 {
		return section{}
	}
	rows := v.ErrorRows[:min(len(v.ErrorRows), maxErrorRows)]
	t := &table{Head: head("", "class", "kind", "transaction", "#count", "#first", "#last", "in the chain's own words")}
	for _, e := range rows {
		note := cell{Text: "! unwanted", Class: "hm"}
		if e.Expected {
			note = cell{Text: "✓ asked for", Class: "ok"}
		}
		t.Rows = append(t.Rows, row{Cells: []cell{note, key(e.Class), key(e.Kind), key(e.TxKind), number(formatCount(e.Count)),
			number(v.clock(e.FirstNs)), number(v.clock(e.LastNs)), prose(cut(e.Sample, 300))}})
	}
	if left := len(v.ErrorRows) - len(rows); left > 0 {
		t.Note = fmt.Sprintf("%s more kinds are in %s.", formatCount(left), result.FileErrors)
	}
	return section{
		ID: "errors", Title: "Errors", Short: "Errors",
		Lead:   "By class and kind, with the first and the last time seen. Refusals that the workload asked for (invalid signatures, double spends) are no errors of the chain.",
		Blocks: []block{{Table: t}},
	}
}

// clock writes a time of the run as the time axes do.
func (v *view) clock(ns int64) string {
	if ns < 0 {
		return absent
	}
	return chart.Clock(seconds(ns), v.end)
}
