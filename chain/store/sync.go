package store

import "fmt"

// SyncPolicy says when a block is on the disk, in the sense that it survives a
// loss of power. A block that was appended survives the death of the process
// under every policy, since the operating system has it.
type SyncPolicy uint8

// The policies. The log is also synced, under each of them, before indexes or
// the output set are written, by Sync and by Close.
const (
	// SyncBlock syncs the log before Append returns. The indexes follow later;
	// they are rebuilt from the log.
	SyncBlock SyncPolicy = iota
	// SyncAlways syncs the log and the indexes before Append returns, so that
	// nothing has to be read again after a crash.
	SyncAlways
	// SyncInterval syncs the log every Config.SyncInterval, so that a loss of
	// power takes at most the blocks of one interval and of one sync.
	SyncInterval
	// SyncNone leaves it to the operating system.
	SyncNone
)

var syncNames = [...]string{"block", "always", "interval", "none"}

func (p SyncPolicy) String() string {
	if int(p) < len(syncNames) {
		return syncNames[p]
	}
	return fmt.Sprintf("sync(%d)", uint8(p))
}

// ParseSyncPolicy is the reverse of String.
func ParseSyncPolicy(s string) (SyncPolicy, error) {
	for i, name := range syncNames {
		if s == name {
			return SyncPolicy(i), nil
		}
	}
	return 0, fmt.Errorf("sync policy is %q, permitted are always, block, interval, none", s)
}

// MarshalText makes a policy a word in YAML and JSON.
func (p SyncPolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (p *SyncPolicy) UnmarshalText(b []byte) (err error) {
	*p, err = ParseSyncPolicy(string(b))
	return err
}
