// Package procs is about processes: what this one uses, and children that
// never outlive it.
package procs

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
)

// Usage is what a process has used since its start, and holds now.
type Usage struct {
	CPUSeconds float64 // user and system
	RSSBytes   uint64  // resident memory; where it is unknown, what the Go runtime has mapped
	HeapBytes  uint64  // live and not yet swept objects
	GCSeconds  float64 // stop-the-world pauses, estimated from the runtime's histogram
}

const (
	metricHeap   = "/memory/classes/heap/objects:bytes"
	metricMapped = "/memory/classes/total:bytes"
	metricPauses = "/sched/pauses/total/gc:seconds"
)

// Self reads the usage of this process. It stops nothing and costs some
// microseconds.
func Self() Usage {
	samples := []metrics.Sample{{Name: metricHeap}, {Name: metricMapped}, {Name: metricPauses}}
	metrics.Read(samples)
	u := Usage{
		CPUSeconds: cpuSeconds(),
		HeapBytes:  samples[0].Value.Uint64(),
		GCSeconds:  sum(samples[2].Value.Float64Histogram()),
	}
	statm, _ := os.ReadFile("/proc/self/statm")
	var ok bool
	if u.RSSBytes, ok = resident(statm, uint64(os.Getpagesize())); !ok {
		u.RSSBytes = samples[1].Value.Uint64()
	}
	return u
}

// resident takes the second field of Linux's statm: resident pages.
func resident(statm []byte, page uint64) (uint64, bool) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * page, err == nil
}

// sum estimates the total of a histogram, each bucket at its lower bound: the
// runtime's buckets are narrow, and the first one starts below zero.
func sum(h *metrics.Float64Histogram) (total float64) {
	for i, n := range h.Counts {
		if low := h.Buckets[i]; n > 0 && low > 0 {
			total += float64(n) * low
		}
	}
	return total
}
