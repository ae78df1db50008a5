package procs

import (
	"fmt"
	"os"
	"syscall"
)

// BecomeOwnerOf makes a process that runs as root go on as the user and group
// that own folder, for good, and gives that user the folder give before, which
// is made where there is none ("": nothing is given). So what a container writes
// into a folder of the host belongs to the user whose folder it is. A process
// that is not root stays who it is, and so does one whose folder is root's.
//
// It needs the capabilities to set user and group, and to change owners where
// give is not the user's yet.
func BecomeOwnerOf(folder, give string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := ownerOf(folder)
	if err != nil || uid == 0 {
		return err
	}
	if give != "" {
		if err := handOver(give, uid, gid); err != nil {
			return err
		}
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("give up root's groups: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("become group %d: %w", gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("become user %d: %w", uid, err)
	}
	return nil
}

func ownerOf(path string) (uid, gid int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("%s: its file system knows no owner", path)
	}
	return int(s.Uid), int(s.Gid), nil
}

// handOver gives a folder that is root's, or not there yet, to a user. One that
// is somebody else's stays theirs.
func handOver(path string, uid, gid int) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if owner, _, err := ownerOf(path); err != nil || owner != 0 {
		return err
	}
	return os.Lchown(path, uid, gid)
}
