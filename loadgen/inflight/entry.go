package inflight

import (
	"fmt"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Unset stands for a time that has not come yet.
const Unset int64 = -1

// Entry is what is known of one transaction. Times are int64 nanoseconds on
// one clock, counted from the run's start, or Unset.
type Entry struct {
	ID         driver.ID
	Seq        uint64 // within the lane
	Intended   int64  // what the schedule said
	Dispatched int64  // handed to the sender
	Sent       int64  // first submission
	Acked      int64  // the answer, of the last attempt
	First      int64  // the first inclusion seen
	Included   int64  // the latest inclusion that has not been reverted
	Held       int64  // when that inclusion was known to last
	Height     uint64 // of that inclusion
	Lane       uint32
	Sender     uint16
	Attempts   uint16        // submissions; more than 1 after busy
	Kind       uint8         // index into Info.Kinds
	Status     driver.Status // 0: not answered yet
	Reject     driver.Reject // why it was rejected, or is unknown
	Failed     driver.Reject // why the execution failed, as included
	Fate       Fate          // FateNone until it leaves the table or has held
	Reverts    uint8         // inclusions that were abandoned, at most 255
}

// Answered says whether the last attempt was answered.
func (e *Entry) Answered() bool { return e.Status != 0 }

// Fate is what finally became of a transaction.
type Fate uint8

// The fates. Their names are those of the report.
const (
	FateNone      Fate = iota
	FateSucceeded      // included, executed, and the inclusion has lasted
	FateFailed         // included and lasting, but failed in execution
	FateRefused        // never taken in
	FatePooled         // waiting still at the deadline
	FateEvicted        // dropped from the pool by the chain
	FateExpired        // can never be included any more
	FateLost           // accepted, and nowhere to be found
)

var fateNames = [...]string{"none", "succeeded", "failed", "refused", "pooled", "evicted", "expired", "lost"}

// Fates is the number of fates, FateNone included.
const Fates = len(fateNames)

// String returns the fate's name in reports.
func (f Fate) String() string {
	if int(f) < len(fateNames) {
		return fateNames[f]
	}
	return fmt.Sprintf("%d", f)
}

// Slot names an entry for as long as it is in the table. The zero Slot names
// none; a slot whose entry has left is stale for good.
type Slot uint64

const (
	slotIndexBits = 24
	slotShardBits = 8
)

func newSlot(gen uint32, shard, index uint32) Slot {
	return Slot(gen)<<(slotIndexBits+slotShardBits) | Slot(shard)<<slotIndexBits | Slot(index)
}

func (s Slot) gen() uint32   { return uint32(s >> (slotIndexBits + slotShardBits)) }
func (s Slot) shard() uint32 { return uint32(s>>slotIndexBits) & (1<<slotShardBits - 1) }
func (s Slot) index() uint32 { return uint32(s) & (1<<slotIndexBits - 1) }

// Outcome tells what a call did to an entry.
type Outcome uint8

// The outcomes.
const (
	// Stale: there is no such entry (any more), or the call repeats one that
	// the entry has had. Nothing was changed.
	Stale Outcome = iota
	// Open: noted; the entry stays, since its answer or its fate is missing.
	Open
	// Done: the entry has left the table, with its final answer and fate. Every
	// entry is Done once, or handed to Sweep or Drain once.
	Done
)

// Seen tells how an inclusion relates to what is in the table.
type Seen uint8

// The relations.
const (
	Foreign Seen = iota // not in the table: another's, or gone already
	Fresh               // its first inclusion
	Again               // included again after a revert
	Twice               // included already, and not reverted: nothing was changed
)
