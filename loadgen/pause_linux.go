package loadgen

import (
	"runtime"
	"syscall"
	"time"
)

// prSetTimerslack is PR_SET_TIMERSLACK of prctl(2).
const prSetTimerslack = 29

// sharpen gives the calling goroutine a thread of its own whose sleeps end
// within some ten microseconds instead of the scheduler's millisecond. The
// thread keeps its settings, so it is never unlocked: it ends with the
// goroutine.
func sharpen() {
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerslack, 1, 0)
}

// pause sleeps for d. It blocks the thread, so it wants a sharpened one.
func pause(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // ending early is harmless: callers look at the clock
}
