package reports

import (
	"fmt"

	"github.com/chaindyno/chaindyno/reports/result"
)

func countsSection(v *view) section {
	s := section{
		ID: "counts", Title: "Ledger of counts, and audit", Short: "Counts & audit",
		Lead: "Every transaction that the schedule asked for is accounted for: what the chain answered, and what became of it.",
	}
	class := "equation"
	s.Blocks = append(s.Blocks, block{Text: balance(v.Counts), Class: class}, block{Columns: []block{
		{Heading: "Answer × fate", Table: matrixTable(v)},
		{Heading: "Counts", Facts: countFacts(v.Counts)},
	}})
	if v.Audit.Level != "" {
		s.Blocks = append(s.Blocks, auditBlock(v.Audit))
	}
	return s
}

func matrixTable(v *view) *table {
	m := newMatrix(v.Matrix)
	t := &table{Head: head("answer"), Note: sentence(matrixSum(m, v.Counts.Sent))}
	for _, f := range m.fates {
		t.Head = append(t.Head, headCell{Text: f, Number: true})
	}
	t.Head = append(t.Head, headCell{Text: "sum", Number: true})
	for _, a := range m.answers {
		cells, sum := m.row(a)
		r := row{Cells: []cell{key(a)}}
		for i, n := range cells {
			c := number(formatCount(n))
			if n == 0 {
				c.Text = "·"
			} else if a == "accepted" && m.fates[i] == result.FateLost {
				c.Class = "n no"
			}
			r.Cells = append(r.Cells, c)
		}
		r.Cells = append(r.Cells, number(formatCount(sum)))
		t.Rows = append(t.Rows, r)
	}
	last := row{Class: "sum", Cells: []cell{words("sum")}}
	for _, f := range m.fates {
		last.Cells = append(last.Cells, number(formatCount(m.column(f))))
	}
	last.Cells = append(last.Cells, number(formatCount(m.total)))
	t.Rows = append(t.Rows, last)
	return t
}

func countFacts(c result.Counts) []fact {
	rows := []struct {
		name string
		n    uint64
		must bool // shown when zero too
	}{
		{"dropped: overload (the chain's)", c.DroppedOverload, true},
		{"dropped: late (the generator's)", c.DroppedLate, true},
		{"dropped: starved (the generator's)", c.DroppedStarved, true},
		{"submissions, repeats included", c.Attempts, true},
		{"refusals that were asked for", c.Expected, false},
		{"inclusions that did not hold", c.Reverted, false},
		{"negative time differences", c.NegativeDeltas, false},
		{"latencies over one hour", c.OutOfRange, false},
		{"transactions of others", c.Foreign, false},
	}
	var facts []fact
	for _, r := range rows {
		if r.n > 0 || r.must {
			facts = append(facts, fact{Name: r.name, Value: formatCount(r.n)})
		}
	}
	return facts
}

func auditBlock(a result.Audit) block {
	t := &table{Head: head("verdict", "check", "found")}
	for _, c := range a.Checks {
		t.Rows = append(t.Rows, row{Cells: []cell{mark(c.OK), words(c.Name), prose(c.Detail)}})
	}
	b := block{Heading: fmt.Sprintf("Audit of the chain after the run (level: %s)", a.Level)}
	if len(t.Rows) > 0 {
		b.Table = t
	} else {
		b.Text = "Nothing was checked."
	}
	return b
}
