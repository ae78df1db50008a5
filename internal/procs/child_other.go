//go:build !unix

package procs

import (
	"os"
	"syscall"
)

var stopSignal = os.Kill

func childAttr() *syscall.SysProcAttr { return nil }
