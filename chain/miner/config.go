package miner

import (
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Bounds of Config.
const (
	MaxThreads = 1024
	MaxPace    = 24 * time.Hour
)

// Config says how blocks are made.
type Config struct {
	// Threads is the number of search threads, 0 to MaxThreads. With 0 the
	// node makes no blocks, and Seal fails.
	Threads int
	// OnDemand makes blocks only when Seal asks for them.
	OnDemand bool
	// Pace is the mean interval between this miner's blocks, up to MaxPace;
	// with 0 it searches without waiting.
	Pace time.Duration
	// PaceMin is the shortest interval that pace draws, at most Pace.
	PaceMin time.Duration
	// Refresh is how long a search goes on with one template, before it takes
	// newer transactions in; 0 is for ever.
	Refresh time.Duration
	// Payout is the key that the subsidy and the fees are paid to.
	Payout ledger.KeyHash
	// Seed is the seed of the draws.
	Seed uint64
}

// DefaultConfig returns one thread with a pace of 250 ms.
func DefaultConfig() Config {
	return Config{Threads: 1, Pace: 250 * time.Millisecond, PaceMin: 25 * time.Millisecond, Refresh: time.Second}
}

// Validate says which field is out of its range.
func (c Config) Validate() error {
	switch {
	case c.Threads < 0 || c.Threads > MaxThreads:
		return fmt.Errorf("miner: threads is %d, permitted are 0 to %d", c.Threads, MaxThreads)
	case c.Pace < 0 || c.Pace > MaxPace:
		return fmt.Errorf("miner: pace is %v, permitted are 0s to %v", c.Pace, MaxPace)
	case c.PaceMin < 0 || c.PaceMin > c.Pace:
		return fmt.Errorf("miner: pace_min is %v, permitted are 0s to the pace, %v", c.PaceMin, c.Pace)
	case c.Refresh < 0:
		return fmt.Errorf("miner: refresh is %v, permitted is 0s or more", c.Refresh)
	}
	return nil
}
