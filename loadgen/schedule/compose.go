package schedule

import (
	"slices"
	"sort"
	"time"
)

// Sequence offers one schedule after another.
func Sequence(parts ...Schedule) Schedule {
	s := &sequence{}
	for _, p := range parts {
		s.parts = append(s.parts, p)
		s.starts = append(s.starts, s.length)
		s.firsts = append(s.firsts, s.count)
		s.length += p.Length()
		s.count += p.Count()
	}
	return s
}

type sequence struct {
	parts  []Schedule
	starts []time.Duration // of each part
	firsts []uint64        // index of each part's first arrival
	length time.Duration
	count  uint64
}

func (s *sequence) Count() uint64         { return s.count }
func (s *sequence) Length() time.Duration { return s.length }

func (s *sequence) At(n uint64) time.Duration {
	i := sort.Search(len(s.firsts), func(i int) bool { return s.firsts[i] > n }) - 1
	if n >= s.count {
		return s.length
	}
	return s.starts[i] + s.parts[i].At(n-s.firsts[i])
}

func (s *sequence) Rate(t time.Duration) float64 {
	i := sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > t }) - 1
	if i < 0 {
		return 0
	}
	return s.parts[i].Rate(t - s.starts[i])
}

func (s *sequence) lumpy() bool { return slices.ContainsFunc(s.parts, lumpy) }

func (s *sequence) breaks() []time.Duration {
	var all []time.Duration
	for i, p := range s.parts {
		for _, b := range breaks(p) {
			all = append(all, s.starts[i]+b)
		}
	}
	return all
}

// Split returns one worker's share of a schedule: arrival n of worker w of W is
// arrival n W + w of the whole. It needs 0 <= w < W; the shares of all workers
// make up the whole, each arrival once.
func Split(s Schedule, w, W int) Schedule {
	if W == 1 {
		return s
	}
	return &share{whole: s, worker: uint64(w), workers: uint64(W)}
}

type share struct {
	whole           Schedule
	worker, workers uint64
}

func (s *share) Count() uint64 {
	count := s.whole.Count()
	if count <= s.worker {
		return 0
	}
	return (count - s.worker + s.workers - 1) / s.workers
}

func (s *share) At(n uint64) time.Duration    { return s.whole.At(n*s.workers + s.worker) }
func (s *share) Length() time.Duration        { return s.whole.Length() }
func (s *share) Rate(t time.Duration) float64 { return s.whole.Rate(t) / float64(s.workers) }
func (s *share) breaks() []time.Duration      { return breaks(s.whole) }
func (s *share) lumpy() bool                  { return lumpy(s.whole) }
