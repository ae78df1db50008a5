package loadgen

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// stubLane counts what it is told and builds empty transactions.
type stubLane struct {
	next    uint64
	settled []driver.Settlement
}

func (l *stubLane) Next(dst []byte) (driver.Tx, error) {
	l.next++
	return driver.Tx{Seq: l.next - 1, Payload: append(dst, byte(l.next))}, nil
}

func (l *stubLane) Settle(_ driver.Tx, s driver.Settlement) { l.settled = append(l.settled, s) }

func stubLanes(n int) []driver.Lane {
	lanes := make([]driver.Lane, n)
	for i := range lanes {
		lanes[i] = &stubLane{}
	}
	return lanes
}

func TestFifoKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo
		var dumb []int32
		for range rapid.IntRange(1, 500).Draw(t, "steps") {
			if len(dumb) > 0 && rapid.Bool().Draw(t, "pop") {
				if got := q.pop(); got != dumb[0] {
					t.Fatalf("popped %d, want %d", got, dumb[0])
				}
				dumb = dumb[1:]
			} else {
				v := rapid.Int32().Draw(t, "v")
				q.push(v)
				dumb = append(dumb, v)
			}
			if q.len() != len(dumb) {
				t.Fatalf("length %d, want %d", q.len(), len(dumb))
			}
		}
	})
}

// TestLanesReadiness plays random answers and news against a dumb twin: a lane
// is handed out only while nothing of it is unanswered and fewer than window
// are unconfirmed, and every lane that is ready is handed out at last.
func TestLanesReadiness(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const window = 3
		n := rapid.IntRange(1, 6).Draw(t, "lanes")
		l := newLanes(stubLanes(n), window)
		waiting, open, seq := make([]bool, n), make([]int, n), make([]uint64, n)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			lane := int32(rapid.IntRange(0, n-1).Draw(t, "lane"))
			switch rapid.SampledFrom([]string{"pop", "accept", "refuse", "block", "block before the answer"}).Draw(t, "op") {
			case "pop":
				i, ok := l.pop()
				if !ok {
					for i := range n {
						if !waiting[i] && open[i] < window {
							t.Fatalf("lane %d is ready, but none was handed out", i)
						}
					}
					continue
				}
				if waiting[i] || open[i] >= window {
					t.Fatalf("lane %d was handed out: waiting %v, open %d", i, waiting[i], open[i])
				}
				seq[i]++
				waiting[i], l.all[i].waiting, l.all[i].tx.Seq = true, true, seq[i]
			case "accept":
				if got := l.settle(answer{lane: lane, seq: seq[lane], what: driver.Accepted}, 0); got != waiting[lane] {
					t.Fatalf("an answer was taken: %v, waited for: %v", got, waiting[lane])
				}
				if waiting[lane] {
					waiting[lane], open[lane] = false, open[lane]+1
				}
			case "refuse":
				if waiting[lane] {
					l.settle(answer{lane: lane, seq: seq[lane], what: driver.Refused}, 0)
					waiting[lane] = false
				}
			case "block":
				if open[lane] > 0 { // an earlier one
					l.note(laneEvent{lane: lane, seq: seq[lane] - 1, what: driver.InBlock})
					open[lane]--
				}
			case "block before the answer":
				if waiting[lane] {
					l.note(laneEvent{lane: lane, seq: seq[lane], what: driver.InBlock})
					waiting[lane] = false
				}
			}
		}
	})
}

func TestBusyWaitsLongerEachTime(t *testing.T) {
	l := newLanes(stubLanes(1), 0)
	l.all[0].waiting = true
	last := int64(0)
	for range 12 {
		l.settle(answer{lane: 0, busy: true}, 0)
		due := l.again[0].due
		l.again = l.again[:0]
		if due < last || due > int64(busyWaitMax) {
			t.Fatalf("due at %d after %d, bound %d", due, last, int64(busyWaitMax))
		}
		last = due
	}
	if last != int64(busyWaitMax) {
		t.Errorf("the wait ends at %d, want %d", last, int64(busyWaitMax))
	}
	l.settle(answer{lane: 0, what: driver.Accepted}, 0)
	l.all[0].waiting = true
	l.settle(answer{lane: 0, busy: true}, 0)
	if l.again[0].due != int64(busyWait) {
		t.Errorf("after an acceptance the wait is %d, want %d", l.again[0].due, int64(busyWait))
	}
}

// TestSharesPartition: whatever is dispatched, each arrival has one sender.
func TestSharesPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 9).Draw(t, "senders")
		e := &engine{}
		for i := range k {
			e.senders = append(e.senders, &sender{e: e, index: i})
		}
		from := rapid.Uint64Range(0, 1000).Draw(t, "from")
		to := from + rapid.Uint64Range(0, 50).Draw(t, "n")
		owner := map[uint64]int{}
		for i, s := range e.senders {
			sp, count := span{from: from, to: to}, 0
			for {
				n, ok := s.own(&sp)
				if !ok {
					break
				}
				if _, twice := owner[n]; twice {
					t.Fatalf("arrival %d has two senders", n)
				}
				owner[n] = i
				count++
				sp.from = n + 1
			}
			if got := s.share(from, to); got != count {
				t.Fatalf("sender %d of %d counts %d of [%d, %d), has %d", i, k, got, from, to, count)
			}
		}
		if uint64(len(owner)) != to-from {
			t.Fatalf("%d of %d arrivals have a sender", len(owner), to-from)
		}
	})
}
