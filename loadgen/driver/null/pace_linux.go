package null

import (
	"syscall"
	"time"
)

// nanosleep blocks the thread: unlike time.Sleep it is late by tens of
// microseconds, not by a millisecond. A signal may end it early.
func nanosleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // ends early at worst: the caller looks at the clock
}
