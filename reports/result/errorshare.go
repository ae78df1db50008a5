package result

import "strings"

// ErrorShare is the share of sent transactions that did not end as their kind
// should: refused though valid, failed, lost, expired, evicted, or succeeded
// though the workload made them wrong. What was pooled still at the deadline
// is no error. 0 where nothing was sent.
func (s *Summary) ErrorShare() float64 {
	if s.Counts.Sent == 0 {
		return 0
	}
	good := s.Counts.Expected + s.Counts.Fates[FatePooled]
	for _, c := range s.Matrix {
		answer, _, _ := strings.Cut(c.Answer, "/")
		if c.Fate == FateSucceeded && answer != "rejected" && !c.Wrong() {
			good += c.Count
		}
	}
	return 1 - min(1, float64(good)/float64(s.Counts.Sent))
}

// Wrong says whether the workload made these transactions wrong on purpose.
func (c Cell) Wrong() bool { return c.Expect != "" && c.Expect != "none" }
