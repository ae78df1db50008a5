package buildinfo

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	setting := func(k, v string) debug.BuildSetting { return debug.BuildSetting{Key: k, Value: v} }
	for _, tc := range []struct {
		name string
		in   *debug.BuildInfo
		want string
	}{
		{"none", nil, "devel"},
		{"plain build", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel"},
		{"module", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		{"clean tree", &debug.BuildInfo{Settings: []debug.BuildSetting{
			setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false"),
		}}, "devel (0123456789ab)"},
		{"changed tree, short revision", &debug.BuildInfo{Settings: []debug.BuildSetting{
			setting("vcs.revision", "0123"), setting("vcs.modified", "true"),
		}}, "devel (0123, modified)"},
		{"tags", &debug.BuildInfo{Settings: []debug.BuildSetting{
			setting("-tags", "slowverify"), setting("vcs.revision", "0123"), setting("vcs.modified", "true"),
		}}, "devel (0123, modified, tags slowverify)"},
		{"tags alone", &debug.BuildInfo{Settings: []debug.BuildSetting{setting("-tags", "a,b")}}, "devel (tags a,b)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := from(tc.in).Short(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestReadNamesToolchain(t *testing.T) {
	i := Read()
	if !strings.HasPrefix(i.Go, "go") || i.OS == "" || i.Arch == "" {
		t.Errorf("incomplete: %+v", i)
	}
	if s := i.String(); !strings.HasPrefix(s, "chaindyno ") || strings.Contains(s, "\n") {
		t.Errorf("not one line: %q", s)
	}
}
