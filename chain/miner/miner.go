package miner

import (
	"context"
	"errors"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// ErrOff is Seal's error on a miner with no threads.
var ErrOff = errors.New("this node makes no blocks: its miner has 0 threads")

// Miner is the stage. New makes one, Run drives it.
type Miner struct{}

// New returns a miner that waits for its first tip. The error is about cfg.
func New(cfg Config, params *ledger.Params, src Source, sealer Sealer, chain Chain, ev Events) (*Miner, error) {
	panic("API only")
}

// SetTip tells the miner what to build on. It never blocks; a search on
// another tip ends within a millisecond and its template goes back. Any
// goroutine may call it.
func (m *Miner) SetTip(t Tip) { panic("API only") }

// Run makes blocks until ctx ends, and returns nil when the last template has
// gone back.
func (m *Miner) Run(ctx context.Context) error { panic("API only") }

// Seal makes n blocks one after the other, without waiting for the pace, and
// returns their hashes. Run must be running. The error is ErrOff or ctx's.
func (m *Miner) Seal(ctx context.Context, n int) ([]ledger.Hash, error) { panic("API only") }

// Stats counts since New.
type Stats struct {
	Blocks  uint64 // sealed and accepted
	Stale   uint64 // templates given up for a newer tip
	Refused uint64 // sealed blocks that were refused
	Hashes  uint64
}

// Stats returns a snapshot. Any goroutine may call it.
func (m *Miner) Stats() Stats { panic("API only") }
