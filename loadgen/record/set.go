package record

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/reports/result"
)

// set is what is recorded during one interval. Each sample is recorded once,
// under its stage, kind and whether it belongs to the steady window: every
// other histogram is a sum of these. Histograms (about 200 KB each) are made
// when first needed, since most recorders see few stages.
type set struct {
	rows  int // kinds and one for AnyKind
	hists []*hdr.Histogram
	count []Totals
}

// The two halves of a set.
const (
	outside = iota // intended outside the steady window
	steady
	halves
)

func newSet(kinds int) *set {
	rows := kinds + 1
	return &set{rows: rows, hists: make([]*hdr.Histogram, int(numStages)*rows*halves), count: make([]Totals, rows*halves)}
}

// row is the place of a kind: the last one is AnyKind's.
func (s *set) row(kind uint8) int { return min(int(kind), s.rows-1) }

func (s *set) histIndex(stage Stage, row, half int) int {
	return (int(stage)*s.rows+row)*halves + half
}

func (s *set) totals(row, half int) *Totals { return &s.count[row*halves+half] }

func (s *set) record(stage Stage, row, half int, ns int64) {
	t := s.totals(row, half)
	if ns < 0 {
		t[NegativeDeltas]++
		return
	}
	if ns > result.HighestNs {
		t[OutOfRange]++
		return
	}
	i := s.histIndex(stage, row, half)
	h := s.hists[i]
	if h == nil {
		h = result.NewHistogram()
		s.hists[i] = h
	}
	if h.RecordValue(ns) != nil {
		t[OutOfRange]++
	}
}

// merge adds another set and returns how many samples did not fit (none, as
// all histograms have the same bounds).
func (s *set) merge(o *set) (dropped int64) {
	for i, h := range o.hists {
		if h == nil || h.TotalCount() == 0 {
			continue
		}
		if s.hists[i] == nil {
			s.hists[i] = result.NewHistogram()
		}
		dropped += s.hists[i].Merge(h)
	}
	for i := range o.count {
		s.count[i].add(&o.count[i])
	}
	return dropped
}

func (s *set) reset() {
	for _, h := range s.hists {
		if h != nil && h.TotalCount() > 0 {
			h.Reset()
		}
	}
	clear(s.count)
}

// sum merges the histograms of a stage over the given rows and halves into a
// new one, or returns nil where nothing was recorded.
func (s *set) sum(stage Stage, rows, halves []int) (h *hdr.Histogram, dropped int64) {
	for _, row := range rows {
		for _, half := range halves {
			from := s.hists[s.histIndex(stage, row, half)]
			if from == nil || from.TotalCount() == 0 {
				continue
			}
			if h == nil {
				h = result.NewHistogram()
			}
			dropped += h.Merge(from)
		}
	}
	return h, dropped
}

// allRows lists every row, AnyKind's included.
func (s *set) allRows() []int {
	rows := make([]int, s.rows)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// totalsOf adds up counters over rows and halves.
func (s *set) totalsOf(rows, halves []int) Totals {
	var t Totals
	for _, row := range rows {
		for _, half := range halves {
			t.add(s.totals(row, half))
		}
	}
	return t
}
