package p2p

import "time"

// Events are called as things happen, from many goroutines, and must not block.
// Any may be nil.
type Events struct {
	// Connected and Lost report peers; why is a kind, not a text.
	Connected func(outbound bool)
	Lost      func(outbound bool)
	// Refused reports handshakes that failed, by kind of reason.
	Refused func(why string)
	// Denied reports a caller that was turned away before a handshake between
	// nodes could begin: it has shown no certificate of a node.
	Denied func()
	// Closed reports a connection that was ended because too many of its calls
	// came to nothing.
	Closed func()
	// Banned reports a peer that has misbehaved, by kind.
	Banned func(why string)

	// Message reports one frame, by direction and kind.
	Message func(in bool, kind string)
	// Bodies reports transactions received; duplicates were known already.
	Bodies func(received, duplicates int)
	// Dropped reports what a full queue let go, by queue.
	Dropped func(queue string, n int)
	// Transaction reports the way of one that came from a peer and was
	// accepted: the nodes that it has passed, and the time since the first of
	// them accepted it, as far as it can be known without common clocks.
	Transaction func(hops int, age time.Duration)
	// Block reports the same of a block, how many of its transactions had to be
	// fetched, and the time from its announcement to its acceptance.
	Block func(hops int, age time.Duration, fetched int, took time.Duration)
	// Coverage reports how far broadcasts have come. Of a "block": how many of
	// the peers had it when the next one came, as far as they have said so. Of
	// "transaction": how many of a block's had come before the block did.
	Coverage func(what string, have, of int)
	// Synced reports a block that was fetched while catching up.
	Synced func(bytes int)
	// Call reports a finished call that this node served, by method and code.
	Call func(method, code string, took time.Duration)
}

func (e *Events) denied() {
	if e.Denied != nil {
		e.Denied()
	}
}

func (e *Events) closed() {
	if e.Closed != nil {
		e.Closed()
	}
}

// Counts are the totals of a Host since it was made.
type Counts struct {
	FramesIn, FramesOut uint64
	Bodies, Duplicates  uint64 // transactions received, and those that were known already
	AnnouncedIn         uint64 // IDs
	Dropped             uint64 // announcements that found a queue full
	Orphans             uint64 // transactions that waited for a parent
	Compact, Rebuilt    uint64 // compact blocks worked on, and those that needed nothing more
	Fetched             uint64 // transactions of compact blocks that had to be asked for
	BlocksSynced        uint64
	Bans, Refused       uint64
}
