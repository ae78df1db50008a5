package procs

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		floor, live uint64
		want        int
	}{
		{384 << 20, 192 << 20, 100}, {384 << 20, 1 << 30, 100}, {384 << 20, 96 << 20, 300},
		{384 << 20, 0, 9500}, {300 << 20, 140 << 20, 110},
	} {
		if got := gcPercent(c.floor, c.live); got != c.want {
			t.Errorf("gcPercent(%d MiB, %d MiB) = %d, want %d", c.floor>>20, c.live>>20, got, c.want)
		}
	}
}

// TestHeapFloor follows GOGC as the live heap grows, and back to the runtime's
// own value.
func TestHeapFloor(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	const floor = 256 << 20
	runtime.GC() // what is live now is known
	stop := HeapFloor(floor)
	if got := gogc(); got <= 400 {
		t.Errorf("GOGC is %d with a small heap, want more than 400", got)
	}
	live := make([]byte, 64<<20)
	for deadline := time.Now().Add(time.Minute); gogc() > 300; { // finalizers run some time after a collection
		runtime.GC()
		runtime.Gosched()
		if time.Now().After(deadline) {
			t.Fatalf("GOGC is still %d with 64 MiB alive", gogc())
		}
	}
	runtime.KeepAlive(live)
	stop()
	if got := gogc(); got != 100 {
		t.Errorf("GOGC is %d after stop, want 100", got)
	}
	t.Setenv("GOGC", "50")
	HeapFloor(floor)()
	if got := gogc(); got != 100 {
		t.Errorf("GOGC is %d although the user has set it", got)
	}
}

func gogc() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
