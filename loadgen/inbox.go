package loadgen

import (
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// answer is what a lane waits for after each transaction it sent.
type answer struct {
	lane int32  // index within the sender
	seq  uint64 // of the transaction that was answered
	what driver.Settlement
	busy bool // send the same payload again; what is zero
}

// laneEvent is news of an answered transaction from the follower.
type laneEvent struct {
	lane int32
	what driver.Settlement
	kind uint8
	seq  uint64
	id   driver.ID
}

// inbox is where other goroutines leave things for a sender. Its size is
// bounded by the in-flight bound: each transaction has at most one arrival,
// one answer, and a few events under way.
type inbox struct {
	mu       sync.Mutex
	spans    []span
	arrivals int // own ones in spans, waiting still to be taken
	answers  []answer
	events   []laneEvent
	wake     chan struct{} // capacity 1
}

func (in *inbox) signal() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// arrive adds a span with n arrivals for this sender. It wakes the sender for
// the first and for each full batch, not for those between: they wait for the
// batch to fill or to linger anyway.
func (in *inbox) arrive(sp span, n int) {
	if n == 0 {
		return
	}
	in.mu.Lock()
	in.spans = append(in.spans, sp)
	first := in.arrivals == 0
	in.arrivals += n
	in.mu.Unlock()
	if first {
		in.signal()
	}
}

func (in *inbox) answer(a answer) {
	in.mu.Lock()
	first := len(in.answers) == 0
	in.answers = append(in.answers, a)
	in.mu.Unlock()
	if first {
		in.signal()
	}
}

func (in *inbox) news(events []laneEvent) {
	if len(events) == 0 {
		return
	}
	in.mu.Lock()
	in.events = append(in.events, events...)
	in.mu.Unlock()
	in.signal()
}

// take swaps the inbox's lists for the emptied ones of the last call.
func (in *inbox) take(spans []span, answers []answer, events []laneEvent) ([]span, []answer, []laneEvent) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s, a, e := in.spans, in.answers, in.events
	in.spans, in.answers, in.events = spans[:0], answers[:0], events[:0]
	in.arrivals = 0
	return s, a, e
}
