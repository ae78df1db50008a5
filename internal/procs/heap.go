package procs

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// HeapFloor has the garbage collector leave a heap alone that is smaller than
// floor bytes; above twice the live heap it works as ever (GOGC=100). A
// process with a small live heap and many allocations would otherwise collect
// many times a second, and its resident memory would follow each spike of what
// is live upwards and hardly come down again, which looks like a leak. With a
// floor it is level from the first second on.
//
// What the user says in GOGC or GOMEMLIMIT goes first: then HeapFloor does
// nothing. A floor of 0 does nothing either. The returned function goes back
// to GOGC=100.
func HeapFloor(floor uint64) (stop func()) {
	if floor == 0 || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	var stopped atomic.Bool
	percent := 0
	var tune func(*sentinel)
	tune = func(*sentinel) {
		if stopped.Load() {
			return
		}
		if p := gcPercent(floor, liveHeap()); p != percent {
			debug.SetGCPercent(p)
			percent = p
		}
		// An object that nobody holds: its finalizer is called after the next
		// collection, which is the one moment at which the live heap is known.
		runtime.SetFinalizer(&sentinel{}, tune)
	}
	tune(nil)
	return func() {
		stopped.Store(true)
		debug.SetGCPercent(100)
	}
}

// sentinel holds a pointer so that it gets a place of its own: the smallest
// objects share one, and their finalizers may never be called.
type sentinel struct{ _ *sentinel }

// runtimeMin is the heap in bytes below which the runtime never collects at
// GOGC=100. It scales with GOGC, so that a smaller live heap must not count.
const runtimeMin = 4 << 20

// gcPercent returns the GOGC at which a collection starts at floor bytes of
// heap, or at twice the live heap if that is more. It is rounded down to tens:
// each change stops the world for a moment.
func gcPercent(floor, live uint64) int {
	live = max(live, runtimeMin)
	if floor <= 2*live {
		return 100
	}
	return int((floor-live)*10/live) * 10
}

// liveHeap returns the bytes that the last collection found alive; 0 before
// the first.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
