//go:build !linux

package loadgen

import (
	"runtime"
	"time"
)

// sharpen gives the calling goroutine a thread of its own.
func sharpen() { runtime.LockOSThread() }

// pause sleeps for d, about a millisecond late.
func pause(d time.Duration) { time.Sleep(d) }
