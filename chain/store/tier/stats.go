package tier

import (
	"sync/atomic"
	"time"
)

// Kind is what is read.
type Kind uint8

// The kinds.
const (
	KindBlock Kind = iota + 1
	KindTx
	KindProof
)

func (k Kind) String() string { return [...]string{"none", "block", "transaction", "proof"}[k] }

// Level is a tier.
type Level uint8

// The tiers.
const (
	L1 Level = iota + 1
	L2
	L3
)

func (l Level) String() string { return [...]string{"none", "l1", "l2", "l3"}[l] }

// Levels lists the tiers, the fastest first.
func Levels() []Level { return []Level{L1, L2, L3} }

// Events are called as things happen and must not block. Any may be nil.
type Events struct {
	// Read was answered by a tier; took counts from the question on, tiers that
	// missed included.
	Read func(k Kind, from Level, took time.Duration)
	// Redis can be reached, or is left alone from now on because of err.
	Redis func(up bool, err error)
}

// Count is what one tier has done.
type Count struct {
	Hits   uint64
	Misses uint64        // asked, and it did not have it; never of L3
	Took   time.Duration // of the hits together, from the question on
}

// Stats are counts since New.
type Stats struct {
	Tiers     map[Level]Count // of those tiers that there are
	L1Bytes   uint64          // held, overheads included
	Streamed  uint64          // blocks read from L3 by parts, since readers held enough in memory
	L2Up      bool            // Redis is being asked
	Failures  uint64          // of L2: no answer in time, or an error
	Poisoned  uint64          // values of L2 that were not what their key names
	Dropped   uint64          // writes to L2 that found the queue full
	Oversized uint64          // values too large for L2
}

type counter struct{ hits, misses, tookNs atomic.Uint64 }

func (c *counter) count() Count {
	return Count{Hits: c.hits.Load(), Misses: c.misses.Load(), Took: time.Duration(c.tookNs.Load())}
}

// answered counts a read that a tier has answered.
func (t *Tiers) answered(k Kind, from Level, began time.Time) {
	took := time.Since(began)
	c := &t.counts[from]
	c.hits.Add(1)
	c.tookNs.Add(uint64(took))
	if f := t.ev.Read; f != nil {
		f(k, from, took)
	}
}

// Stats reads the counters.
func (t *Tiers) Stats() Stats {
	s := Stats{Tiers: map[Level]Count{L3: t.counts[L3].count()}, Streamed: t.streamed.Load()}
	if t.l1 != nil {
		s.Tiers[L1], s.L1Bytes = t.counts[L1].count(), t.l1.WeightedSize()
	}
	if r := t.l2; r != nil {
		s.Tiers[L2] = t.counts[L2].count()
		s.L2Up, s.Failures, s.Poisoned = r.up.Load(), r.failures.Load(), r.poisoned.Load()
		s.Dropped, s.Oversized = r.dropped.Load(), r.oversized.Load()
	}
	return s
}
