package hostinfo

import "testing"

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
