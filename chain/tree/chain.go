package tree

import (
	"fmt"
	"math"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// AnyTime as a clock waives the check of header times against it.
const AnyTime = math.MaxUint32

// Chain verifies one chain of headers, from the genesis upwards, by the rules
// of Tree and in constant memory. It is what light clients and audits go by:
// they are shown one branch at a time and trust nobody. The zero Chain is of
// no use; see NewChain. It belongs to one goroutine.
type Chain struct {
	params  *ledger.Params
	genesis ledger.Hash
	headers uint64 // accepted so far
	tip     ledger.Hash
	work    uint256.Int
	parent  pow.Link         // of the next header
	times   [medianOf]uint32 // of the last headers, by height modulo medianOf
	scratch [medianOf]uint32 // for the median
}

// NewChain returns a verifier that has seen no header. The first one must hash
// to genesis, which the caller has to know from somewhere else than the headers.
func NewChain(p *ledger.Params, genesis ledger.Hash) *Chain {
	return &Chain{params: p, genesis: genesis}
}

// Add takes the next header and returns its hash. nowUnits is the local clock
// (Params.Units), or AnyTime. The error is a *HeaderError; the Chain is as
// before then.
func (c *Chain) Add(h *ledger.Header, nowUnits uint32) (ledger.Hash, error) {
	hash := h.Hash()
	if reject := c.check(h, hash, nowUnits); reject != ledger.RejectNone {
		return hash, &HeaderError{Height: uint32(c.headers), Hash: hash, Reject: reject}
	}
	if c.headers > 0 {
		c.parent.Height++
		c.work.Add(&c.work, pow.Work(h.Bits))
	}
	if c.headers == 1 {
		c.parent.First = h.Time
	}
	c.tip, c.parent.Time = hash, h.Time
	c.times[c.headers%medianOf] = h.Time
	c.headers++
	return hash, nil
}

func (c *Chain) check(h *ledger.Header, hash ledger.Hash, nowUnits uint32) ledger.Reject {
	switch {
	case c.headers == 0 && hash == c.genesis:
		return ledger.RejectNone // given by the rules, without work
	case c.headers == 0 || h.Prev != c.tip:
		return ledger.RejectParent
	case c.headers > math.MaxUint32:
		return ledger.RejectTooLarge
	}
	times := c.scratch[:copy(c.scratch[:], c.times[:min(c.headers, medianOf)])]
	return checkHeader(c.params, h, pow.NextBits(c.params, c.parent), median(times), nowUnits)
}

// Len counts the headers that were accepted, genesis included.
func (c *Chain) Len() uint64 { return c.headers }

// Tip returns height and hash of the last header; zero where there is none.
func (c *Chain) Tip() (height uint32, hash ledger.Hash) { return c.parent.Height, c.tip }

// Time returns the last header's time, in the network's units.
func (c *Chain) Time() uint32 { return c.parent.Time }

// Work returns how many hashes the chain took on average, genesis left out.
func (c *Chain) Work() uint256.Int { return c.work }

// HeaderError says which header of a chain breaks a rule. It wraps the Reject.
type HeaderError struct {
	Height uint32
	Hash   ledger.Hash
	Reject ledger.Reject
}

var headerReasons = map[ledger.Reject]string{
	ledger.RejectParent:   "does not follow the one before it",
	ledger.RejectVersion:  "has an unknown version",
	ledger.RejectTarget:   "has another target than the difficulty rule asks for",
	ledger.RejectWork:     "hashes to more than its target",
	ledger.RejectTimeOld:  "is older than the median of the last 11",
	ledger.RejectTimeNew:  "is ahead of the clock",
	ledger.RejectTooLarge: "is one too many",
}

func (e *HeaderError) Error() string {
	why, ok := headerReasons[e.Reject]
	switch {
	case e.Height == 0 && e.Reject == ledger.RejectParent:
		why = "is not the genesis"
	case !ok:
		why = "is refused: " + e.Reject.String()
	}
	return fmt.Sprintf("header %s at height %d %s", e.Hash, e.Height, why)
}

func (e *HeaderError) Unwrap() error { return e.Reject }
