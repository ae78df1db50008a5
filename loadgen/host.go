package loadgen

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/internal/hostinfo"
	"github.com/chaindyno/chaindyno/reports/result"
)

// NewID names a run: unique enough to tell runs apart in a pile of reports.
func NewID() string {
	return time.Now().UTC().Format("20060102T150405.000") + fmt.Sprintf("-%d", os.Getpid())
}

// Host describes this machine, as reports have it.
func Host() result.Host {
	h := hostinfo.Read()
	return result.Host{
		CPU: h.CPU, Cores: h.Cores, PhysicalCores: h.PhysicalCores, MemoryBytes: h.MemoryBytes, Kernel: h.Kernel, Virtual: h.Virtual, SHAExtensions: h.SHAExtensions,
		OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), Version: buildinfo.Read().Short(),
	}
}
