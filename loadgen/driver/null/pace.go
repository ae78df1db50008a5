package null

import "time"

const (
	// spin is how long before a deadline nanosleep, which overshoots by some
	// tens of microseconds, gives way to spinning.
	spin = 80 * time.Microsecond
	// fine is where timers, which are late by up to a millisecond, give way to
	// nanosleep, which can't be woken.
	fine = 2 * time.Millisecond
)

// pause waits until the clock of the chain shows deadline. It returns false
// when woken before by wake or done (either may be nil).
func (c *chain) pause(deadline int64, wake, done <-chan struct{}) bool {
	for {
		left := time.Duration(deadline - c.now())
		switch {
		case left <= 0:
			return true
		case c.b.Coarse:
			if !sleep(left, wake, done) {
				return false
			}
		case left > fine:
			if !sleep(left-fine, wake, done) {
				return false
			}
		case left > spin:
			nanosleep(left - spin)
		}
	}
}

// sleep waits with a timer.
func sleep(d time.Duration, wake, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
	case <-done:
	}
	return false
}
