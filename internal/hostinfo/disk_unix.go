//go:build linux || darwin

package hostinfo

import "syscall"

// FreeDisk returns the bytes that an ordinary user may still write in a
// folder's file system, and that file system's size; false if it can't be told.
func FreeDisk(dir string) (free, size uint64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0, 0, false
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), true
}
