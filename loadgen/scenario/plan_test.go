package scenario

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

var reference = Limits{LaneWindow: 64, LanesMax: 65536, BatchMax: 5000, PoolMax: 500_000, Interval: 250 * time.Millisecond, TxBytes: 195}

func TestPlanOfDefault(t *testing.T) {
	p, err := Default().Plan(reference)
	if err != nil {
		t.Fatal(err)
	}
	// 140 blocks of 250 ms are expected: 250 ms x (ln 140 + 7).
	wait := 0.25 * (math.Log(140) + 7)
	if got := p.LongestWait.Seconds(); math.Abs(got-wait) > 1e-6 {
		t.Errorf("longest wait %v s, want %v", got, wait)
	}
	if p.Txs != 175_000 || math.Abs(p.PeakRate-5000) > 1 || p.Lanes != 20_000 || p.Duration != 35*time.Second || p.Longest != 65*time.Second {
		t.Errorf("%+v", p)
	}
	// One more: a window holds the arrivals at both of its ends.
	if want := int(math.Ceil(5000*wait)) + 1; p.Unconfirmed != want || p.LanesNeeded != (want+63)/64 {
		t.Errorf("%d unconfirmed, %d lanes needed; want %d", p.Unconfirmed, p.LanesNeeded, want)
	}
	if p.DeckBytes != 175_000*(195+41) || p.InFlight != 100_000 || len(p.Warnings) != 0 {
		t.Errorf("%+v", p)
	}
}

// TestLanesSuffice checks the rule itself: lanes x window >= rate x wait.
func TestLanesSuffice(t *testing.T) {
	for _, rate := range []string{"1/s", "5000/s", "20000/s", "200000/s"} {
		for _, window := range []int{1, 8, 64} {
			s := mustParse(t, "chain: {}\nload: {schedule: {constant: {rate: "+rate+"}}}")
			l := reference
			l.LaneWindow, l.LanesMax = window, 0
			p, err := s.Plan(l)
			if err != nil {
				t.Fatal(err)
			}
			need := p.PeakRate * p.LongestWait.Seconds()
			if float64(p.Lanes*window) < need || float64(p.LanesNeeded*window) < need || p.LanesNeeded > 4 && float64((p.LanesNeeded-1)*window) >= need+1 {
				t.Errorf("%s over windows of %d: %+v", rate, window, p)
			}
		}
	}
}

func TestPlanErrors(t *testing.T) {
	for _, c := range []struct {
		load string
		edit func(*Limits)
		want string
	}{
		{"lanes: 100", nil, "f.yaml:2:15: load.lanes: 100 lanes are too few: 5000 tx/s with up to 2.99s between blocks needs 234 lanes of 64 unconfirmed transactions"},
		{"lanes: 20000, options: {inputs: 4}", nil, "f.yaml:2:15: load.lanes: 20000 lanes are more than the target has; permitted: 234 to 16384"},
		{"lanes: 70000", nil, "f.yaml:2:15: load.lanes: 70000 lanes are more than the target has; permitted: 234 to 65536"},
		{"batch: {size: 5001}", nil, "f.yaml:2:22: load.batch.size: 5001 transactions are more than a message may carry; permitted: 1 to 5000"},
		{
			"schedule: {constant: {rate: 1000/s}}", func(l *Limits) { l.LaneWindow, l.LanesMax = 1, 1000 },
			"f.yaml:2:8: load.schedule: 1000 tx/s with up to 2.99s between blocks needs 2986 lanes of 1 unconfirmed transactions; the target has 1000",
		},
	} {
		s := mustParse(t, "chain: {}\nload: {"+c.load+"}")
		l := reference
		if c.edit != nil {
			c.edit(&l)
		}
		if _, err := s.Plan(l); err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.load, err, c.want)
		}
	}
}

func TestPlanWarnings(t *testing.T) {
	for load, want := range map[string]string{
		"lanes: 300":                      "300 lanes carry 5000 tx/s only while answers take less than 60ms",
		"schedule: {constant: {for: 5s}}": "fewer than 50 blocks",
		"confirmations: 100":              "load.drain 30s is short of three times 100 confirmations",
		"lanes: 60000, schedule: {constant: {rate: 500000/s}}": "expect busy answers",
	} {
		p, err := mustParse(t, "chain: {}\nload: {"+load+"}").Plan(reference)
		if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], want) {
			t.Errorf("%s: %v, %v", load, p.Warnings, err)
		}
	}
}

// TestPlanOfDoubleSpends has lanes come round twenty times.
func TestPlanOfDoubleSpends(t *testing.T) {
	p, err := mustParse(t, "chain: {}\nload: {options: {double_spends: 5%}}").Plan(reference)
	if err != nil || p.Lanes != 8750 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPlanClosedLoop(t *testing.T) {
	s := mustParse(t, "chain: {}\nload: {schedule: {closed: {in_flight: 12800, expect: 10000/s, for: 10s}}, warmup: 0s}")
	p, err := s.Plan(reference)
	if err != nil || p.Unconfirmed != 12800 || p.LanesNeeded != 200 || p.Txs != 100_000 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPlanOfUnknownInterval(t *testing.T) {
	l := LimitsOf(driver.Info{LaneWindow: 1, PayloadMax: 1000}, 0)
	p, err := mustParse(t, "chain: {}\nload: {schedule: {constant: {rate: 10/s}}}").Plan(l)
	if err != nil || p.LongestWait != 10*time.Second || p.LanesNeeded != 100 || p.Lanes != 20_000 || p.DeckBytes != 350*1041 {
		t.Errorf("%+v, %v", p, err)
	}
}
