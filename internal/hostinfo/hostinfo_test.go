package hostinfo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseStat(t *testing.T) {
	tests := []struct {
		name, stat   string
		steal, total uint64
	}{
		{"full", "cpu  10 1 5 80 2 0 1 7 3 0\ncpu0 1 2 3\n", 7, 106},
		{"no steal column", "cpu 10 1 5 80\n", 0, 0},
		{"empty", "", 0, 0},
		{"other line", "intr 1 2 3 4 5 6 7 8 9\n", 0, 0},
	}
	for _, tt := range tests {
		if p := parseStat([]byte(tt.stat)); p.Steal != tt.steal || p.Total != tt.total {
			t.Errorf("%s: steal %d of %d, want %d of %d", tt.name, p.Steal, p.Total, tt.steal, tt.total)
		}
	}
}

func TestStealShare(t *testing.T) {
	from, to := Pressure{Steal: 10, Total: 1000}, Pressure{Steal: 30, Total: 1200}
	if got := StealShare(from, to); got != 0.1 {
		t.Errorf("share %v, want 0.1", got)
	}
	if got := StealShare(to, to); got != 0 {
		t.Errorf("share of no time is %v, want 0", got)
	}
}

func TestField(t *testing.T) {
	text := []byte("processor\t: 0\nmodel name\t: Some CPU: fast\nmodel name\t: Other\n")
	if got := field(text, "model name"); got != "Some CPU: fast" {
		t.Errorf("got %q", got)
	}
	if got := field(text, "bogus"); got != "" {
		t.Errorf("a missing key gave %q", got)
	}
}

func TestPhysicalCores(t *testing.T) {
	hyper := "processor : 0\nphysical id : 0\ncore id : 0\n\nprocessor : 1\nphysical id : 0\ncore id : 1\n\n" +
		"processor : 2\nphysical id : 0\ncore id : 0\n\nprocessor : 3\nphysical id : 1\ncore id : 0\n"
	for text, want := range map[string]int{hyper: 3, "processor : 0\nBogoMIPS : 48\n": 0, "": 0} {
		if n := physicalCores([]byte(text)); n != want {
			t.Errorf("%d cores, want %d, in %q", n, want, text)
		}
	}
	if h := Read(); h.PhysicalCores < 0 || h.PhysicalCores > h.Cores {
		t.Errorf("%d physical cores of %d", h.PhysicalCores, h.Cores)
	}
}

func TestParseSwap(t *testing.T) {
	if n := parseSwap([]byte("pgpgin 5\npswpin 7\npswpout 4\npswpouts 9\n")); n != 11 {
		t.Errorf("%d pages, want 11", n)
	}
}

func TestTooHot(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"cpu0": "3\n", "cpu1": "4\n", "cpufreq": "100\n"} {
		folder := filepath.Join(dir, name, "thermal_throttle")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "core_throttle_count"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := tooHot(dir); n != 7 {
		t.Errorf("%d times, want 7", n)
	}
}

func TestFreeDisk(t *testing.T) {
	free, size, ok := FreeDisk(t.TempDir())
	if ok && (size == 0 || free > size) {
		t.Errorf("%d of %d bytes are free", free, size)
	}
	if _, _, ok := FreeDisk(filepath.Join(t.TempDir(), "missing")); ok {
		t.Error("a folder that is not there has room")
	}
}
