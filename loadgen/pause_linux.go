package loadgen

import (
	"runtime"
	"syscall"
	"time"
)

const (
	prSetTimerslack = 29  // PR_SET_TIMERSLACK of prctl(2)
	eager           = -15 // nice value
)

// sharpen gives the calling goroutine a thread of its own whose sleeps end
// within some ten microseconds instead of the scheduler's millisecond, and
// which goes before others where the user may ask for that (root, or a limit
// on nice): on a machine that generator and chain share, a busy chain would
// otherwise make the dispatcher late. The thread keeps its settings, so it is
// never unlocked: it ends with the goroutine.
func sharpen() {
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerslack, 1, 0)
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, eager) // of this thread alone, on Linux
}

// pause sleeps for d. It blocks the thread, so it wants a sharpened one.
func pause(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // ending early is harmless: callers look at the clock
}
