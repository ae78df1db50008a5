package procs

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreStop takes the signals and does nothing about them. Ignoring them
// outright would leave the process without anything to wait for, which the
// runtime takes for a deadlock.
func ignoreStop() { signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT) }
