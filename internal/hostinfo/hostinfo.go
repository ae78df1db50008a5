// Package hostinfo describes the machine that a run took place on, and what
// its host or its control group took away meanwhile.
package hostinfo

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Host is what of a machine bears on a measurement.
type Host struct {
	CPU           string
	Cores         int // that this process may use
	PhysicalCores int // of these, at most; two threads of one core count once; 0 = not known
	MemoryBytes   uint64
	Kernel        string
	Virtual       bool // runs under a hypervisor
	SHAExtensions bool
}

// Read describes this machine. What can't be found out is left empty.
func Read() Host {
	h := Host{Cores: runtime.GOMAXPROCS(0), CPU: runtime.GOARCH}
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	if v := field(cpuinfo, "model name"); v != "" {
		h.CPU = v
	}
	h.PhysicalCores = min(physicalCores(cpuinfo), h.Cores)
	flags := strings.Fields(field(cpuinfo, "flags") + " " + field(cpuinfo, "Features"))
	h.Virtual = slices.Contains(flags, "hypervisor")
	h.SHAExtensions = slices.Contains(flags, "sha_ni") || slices.Contains(flags, "sha2")
	meminfo, _ := os.ReadFile("/proc/meminfo")
	kb, _ := strconv.ParseUint(strings.TrimSuffix(field(meminfo, "MemTotal"), " kB"), 10, 64)
	h.MemoryBytes = kb << 10
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	h.Kernel = strings.TrimSpace(string(release))
	return h
}

// physicalCores counts the cores of proc(5)'s cpuinfo, which has a paragraph
// for each hardware thread; 0 where it does not tell cores apart.
func physicalCores(cpuinfo []byte) int {
	cores := map[string]bool{}
	for paragraph := range bytes.SplitSeq(cpuinfo, []byte("\n\n")) {
		if core := field(paragraph, "core id"); core != "" {
			cores[field(paragraph, "physical id")+"/"+core] = true
		}
	}
	return len(cores)
}

// field returns the value of the first "key : value" line.
func field(text []byte, key string) string {
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		k, v, ok := strings.Cut(sc.Text(), ":")
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Pressure is what was taken away since some point of the past; differences
// of two readings count.
type Pressure struct {
	Steal     uint64 // clock ticks that the hypervisor gave to others
	Total     uint64 // clock ticks of all kinds
	Throttled uint64 // periods in which the control group was throttled
	SwapPages uint64 // pages that went to swap or came back from it
	TooHot    uint64 // times that a core slowed down because it, or its package, was too hot
}

// ReadPressure reads the counters; what the system does not have stays 0.
func ReadPressure() Pressure {
	stat, _ := os.ReadFile("/proc/stat")
	p := parseStat(stat)
	for _, path := range []string{"/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "nr_throttled "); ok {
				p.Throttled, _ = strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			}
		}
		break
	}
	vmstat, _ := os.ReadFile("/proc/vmstat")
	p.SwapPages = parseSwap(vmstat)
	p.TooHot = tooHot("/sys/devices/system/cpu")
	return p
}

// parseSwap reads proc(5)'s vmstat.
func parseSwap(vmstat []byte) (pages uint64) {
	for line := range strings.Lines(string(vmstat)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == "pswpin" || key == "pswpout" {
			v, _ := strconv.ParseUint(value, 10, 64)
			pages += v
		}
	}
	return pages
}

// tooHot adds up what the kernel counts under thermal_throttle of each core.
func tooHot(cpus string) (n uint64) {
	files, _ := filepath.Glob(filepath.Join(cpus, "cpu[0-9]*", "thermal_throttle", "*_throttle_count"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		v, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		n += v
	}
	return n
}

// parseStat reads the first line of proc(5)'s stat: user, nice, system, idle,
// iowait, irq, softirq, steal; guest time is in user time already.
func parseStat(stat []byte) (p Pressure) {
	line, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return p
	}
	for i, f := range fields[1:9] {
		v, _ := strconv.ParseUint(f, 10, 64)
		p.Total += v
		if i == 7 {
			p.Steal = v
		}
	}
	return p
}

// StealShare is the part of the machine's time between two readings that the
// hypervisor gave to others, 0 to 1.
func StealShare(from, to Pressure) float64 {
	if to.Total <= from.Total {
		return 0
	}
	return float64(to.Steal-min(from.Steal, to.Steal)) / float64(to.Total-from.Total)
}
