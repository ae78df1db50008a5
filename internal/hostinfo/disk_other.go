//go:build !linux && !darwin

package hostinfo

// FreeDisk can't tell on this system.
func FreeDisk(string) (free, size uint64, ok bool) { return 0, 0, false }
