// Package buildinfo says which build of chaindyno is running.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Info describes the running binary.
type Info struct {
	Version  string `json:"version"`            // module version; "devel" for a plain build
	Revision string `json:"revision,omitempty"` // of version control; empty where it is unknown
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// Read returns the running binary's build information.
var Read = sync.OnceValue(func() Info {
	bi, _ := debug.ReadBuildInfo()
	return from(bi)
})

// from fills an Info; bi is nil where the binary carries no build information.
func from(bi *debug.BuildInfo) Info {
	info := Info{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if bi == nil {
		return info
	}
	if v := bi.Main.Version; v != "" && v != "(devel)" {
		info.Version = v
	}
	for _, s := range bi.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Revision = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}

// Short is the version with the start of the revision, for reports: "devel
// (1a2b3c4d5e6f, modified)".
func (i Info) Short() string {
	if i.Revision == "" {
		return i.Version
	}
	rev := i.Revision[:min(12, len(i.Revision))]
	if i.Modified {
		rev += ", modified"
	}
	return fmt.Sprintf("%s (%s)", i.Version, rev)
}

// String is one line that tells everything.
func (i Info) String() string {
	return fmt.Sprintf("chaindyno %s %s %s/%s", i.Short(), i.Go, i.OS, i.Arch)
}
