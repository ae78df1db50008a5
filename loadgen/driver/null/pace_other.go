//go:build !linux

package null

import "time"

func nanosleep(d time.Duration) { time.Sleep(d) }
