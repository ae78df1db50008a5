//go:build unix

package sut

import (
	"syscall"

	"github.com/chaindyno/chaindyno/internal/procs"
)

func suspend(c *procs.Child) error { return c.Signal(syscall.SIGSTOP) }
func resume(c *procs.Child) error  { return c.Signal(syscall.SIGCONT) }
