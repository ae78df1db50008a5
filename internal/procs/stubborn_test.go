package procs

import (
	"os/signal"
	"syscall"
)

func ignoreStop() { signal.Ignore(syscall.SIGTERM, syscall.SIGINT) }
