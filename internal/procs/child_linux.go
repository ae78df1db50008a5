package procs

import "syscall"

const stopSignal = syscall.SIGTERM

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
