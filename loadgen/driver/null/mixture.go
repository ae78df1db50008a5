package null

import "time"

// Mixture is a distribution of durations: with each part's share of
// probability, uniform between its ends, which may be equal.
type Mixture []Part

// Part is one part of a Mixture. Shares add up to 1.
type Part struct {
	Share    float64
	From, To time.Duration
}

// Latency is the time from arrival to inclusion that the behaviour imposes on
// arrivals spread evenly over whole periods of it, which are submitted when
// they arrive. ok is false for behaviours that have no such fixed distribution:
// those with a rate or reorganisations, and a stall combined with blocks at
// intervals or with delays longer than it.
func (b *Behaviour) Latency() (m Mixture, ok bool) {
	if b.Rate > 0 || b.ReorgEvery > 0 || b.OnDemand {
		return nil, false
	}
	delays := Mixture{{1 - b.SlowShare, b.Delay, b.Delay}, {b.SlowShare, b.Slow, b.Slow}}
	for _, d := range delays {
		if d.Share == 0 {
			continue
		}
		if b.StallFor == 0 {
			m = append(m, Part{d.Share, d.From, d.From + b.Interval})
			continue
		}
		if b.Interval > 0 || d.From > b.StallFor || d.From > b.StallEvery-b.StallFor {
			return nil, false
		}
		m = append(m, b.stalled(d)...)
	}
	return m, true
}

// stalled is a fixed delay d under stalls. In each period, arrivals wait for d
// alone while they are due before the stall; those due within it wait for its
// end; those that arrive within it wait for its end, and then for d.
func (b *Behaviour) stalled(d Part) Mixture {
	every, stall, delay := float64(b.StallEvery), b.StallFor, d.From
	parts := Mixture{
		{d.Share * (every - float64(stall) - float64(delay)) / every, delay, delay},
		{d.Share * float64(delay) / every, stall, stall + delay},
		{d.Share * float64(stall) / every, delay, delay + stall},
	}
	return parts
}

// Mean is the expected duration.
func (m Mixture) Mean() time.Duration {
	sum := 0.0
	for _, p := range m {
		sum += p.Share * float64(p.From+p.To) / 2
	}
	return time.Duration(sum)
}

// Quantile returns the smallest duration that a share q of all does not exceed,
// for 0 < q <= 1.
func (m Mixture) Quantile(q float64) time.Duration {
	var high time.Duration
	for _, p := range m {
		if p.Share > 0 {
			high = max(high, p.To)
		}
	}
	low := time.Duration(-1) // of which no share is below
	for high-low > 1 {
		mid := low + (high-low)/2
		if m.below(mid) >= q-1e-12 {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// below is the share that does not exceed d.
func (m Mixture) below(d time.Duration) float64 {
	sum := 0.0
	for _, p := range m {
		switch {
		case d >= p.To:
			sum += p.Share
		case d > p.From:
			sum += p.Share * float64(d-p.From) / float64(p.To-p.From)
		}
	}
	return sum
}
