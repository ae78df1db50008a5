// Package buildinfo says which build of chaindyno is running.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Info describes the running binary.
type Info struct {
	Version  string `json:"version"`            // module version; "devel" for a plain build
	Revision string `json:"revision,omitempty"` // of version control; empty where it is unknown
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
	Tags     string `json:"tags,omitempty"`     // build tags: they make another program of the same source
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// revision is set by the linker (-X) where a build sees no version control, as
// in an image.
var revision string

// Read returns the running binary's build information.
var Read = sync.OnceValue(func() Info {
	bi, _ := debug.ReadBuildInfo()
	info := from(bi)
	if info.Revision == "" {
		info.Revision = revision
	}
	return info
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
		case "-tags":
			info.Tags = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}

// Short is the version with the start of the revision and the build tags, for
// reports: "devel (1a2b3c4d5e6f, modified, tags slowverify)".
func (i Info) Short() string {
	var notes []string
	if i.Revision != "" {
		notes = append(notes, i.Revision[:min(12, len(i.Revision))])
		if i.Modified {
			notes = append(notes, "modified")
		}
	}
	if i.Tags != "" {
		notes = append(notes, "tags "+i.Tags)
	}
	if len(notes) == 0 {
		return i.Version
	}
	return fmt.Sprintf("%s (%s)", i.Version, strings.Join(notes, ", "))
}

// String is one line that tells everything.
func (i Info) String() string {
	return fmt.Sprintf("chaindyno %s %s %s/%s", i.Short(), i.Go, i.OS, i.Arch)
}
