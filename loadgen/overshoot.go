package loadgen

import (
	"slices"
	"time"
)

// Overshoot measures by how much waits of 1 ms are late on this machine, as
// medians of n: with time.Sleep, and in the dispatcher's own way.
func Overshoot(n int) (sleep, pacer time.Duration) {
	const wait = time.Millisecond
	late := func(f func(time.Duration)) time.Duration {
		all := make([]time.Duration, n)
		for i := range all {
			begin := time.Now()
			f(wait)
			all[i] = time.Since(begin) - wait
		}
		slices.Sort(all)
		return all[n/2]
	}
	sleep = late(time.Sleep)
	done := make(chan time.Duration)
	go func() { // its sharpened thread ends with it
		sharpen()
		done <- late(pause)
	}()
	return sleep, <-done
}
