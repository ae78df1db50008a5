package miner

import (
	"math/rand/v2"
	"time"
)

// pace draws intervals; the package comment has the formula.
type pace struct {
	mean, least time.Duration
	drawn       time.Duration // the interval that is being waited for
	late        time.Duration // by how much own blocks came later than drawn, not made up for; at most mean
}

// draw returns how long to wait on a new tip.
func (p *pace) draw(rng *rand.Rand) time.Duration {
	if p.mean == 0 {
		return 0
	}
	random := time.Duration(rng.ExpFloat64() * float64(p.mean-p.least))
	p.drawn = p.least + random
	return p.drawn - min(p.late, random)
}

// observe notes the interval that an own block ended, after its wait was over.
func (p *pace) observe(interval time.Duration) {
	p.late = min(max(p.late+interval-p.drawn, 0), p.mean)
}
