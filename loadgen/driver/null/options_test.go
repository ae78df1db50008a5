package null

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestParseBehaviour(t *testing.T) {
	b, err := ParseBehaviour(map[string]string{
		"delay": "10ms", "slow": "1s", "slow_share": "0.1", "stall_every": "10s", "stall_for": "1s", "rate": "5000/s", "over": "busy",
		"loss_one_in": "1000", "silent_one_in": "7", "reorg_every": "10", "reorg_depth": "2", "ack_delay": "3ms", "seal": "demand",
		"pool": "5", "batch_max": "6", "payload": "64", "lane_window": "8", "history": "9", "record": "10",
	})
	want := Behaviour{
		Delay: 10 * time.Millisecond, Slow: time.Second, SlowShare: 0.1, StallEvery: 10 * time.Second, StallFor: time.Second,
		Rate: 5000, Refuse: true, LossOneIn: 1000, SilentOneIn: 7, ReorgEvery: 10, ReorgDepth: 2, AckDelay: 3 * time.Millisecond,
		OnDemand: true, PoolMax: 5, BatchMax: 6, PayloadBytes: 64, LaneWindow: 8, HistoryTxs: 9, Record: 10,
	}
	if err != nil || b != want {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := ParseBehaviour(nil); err != nil || b != Default() {
		t.Errorf("without options: %+v, %v", b, err)
	}
	if b, _ := ParseBehaviour(map[string]string{"delay": "1s", "interval": "20ms"}); b.Interval != 20*time.Millisecond {
		t.Errorf("an interval that is asked for is %v", b.Interval)
	}
}

// TestOptionErrors: one line that names the option and what it permits.
func TestOptionErrors(t *testing.T) {
	for _, c := range []struct {
		options map[string]string
		want    string
	}{
		{map[string]string{"dealy": "1s"}, `null driver: option "dealy" is not known; permitted: ack_delay, batch_max, delay,`},
		{map[string]string{"delay": "soon"}, `null driver: delay is "soon"; permitted: a duration such as 250ms or 1s`},
		{map[string]string{"delay": "-1s"}, `null driver: delay is -1s; permitted: 0s to 1h0m0s`},
		{map[string]string{"slow_share": "2"}, `null driver: slow_share is 2; permitted: 0 to 1`},
		{map[string]string{"slow_share": "NaN"}, `null driver: slow_share is NaN; permitted: 0 to 1`},
		{map[string]string{"slow_share": "x"}, `null driver: slow_share is "x"; permitted: a number such as 0.1`},
		{map[string]string{"pool": "0"}, `null driver: pool is 0; permitted: 1 to 16777216`},
		{map[string]string{"pool": "1.5"}, `null driver: pool is "1.5"; permitted: a whole number`},
		{map[string]string{"rate": "5/m"}, `null driver: rate is "5/m"; permitted: a rate such as 5000/s`},
		{map[string]string{"over": "drop"}, `null driver: over is "drop"; permitted: queue or busy`},
		{map[string]string{"over": "busy"}, `null driver: over is busy, but there is no rate to be over`},
		{map[string]string{"stall_for": "1s"}, `null driver: stall_for is 1s and stall_every 0s; permitted: both, with stall_for < stall_every, or neither`},
		{map[string]string{"stall_for": "1s", "stall_every": "1s"}, `null driver: stall_for is 1s and stall_every 1s; permitted: both,`},
		{map[string]string{"reorg_every": "2", "reorg_depth": "2"}, `null driver: reorg_depth is 2 and reorg_every 2; permitted: both,`},
	} {
		_, err := FromOptions(c.options)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %s", c.options, err, c.want)
		}
	}
}

// FuzzPayload: whatever decodes is encoded the same again, and its ID tells its
// fields.
func FuzzPayload(f *testing.F) {
	p := payload{kind: kindDoubleSpend, epoch: 1, lane: 2, seq: 3, nonce: 4}
	f.Add(p.append(nil, minPayload))
	f.Add(p.append(nil, 64))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var p payload
		if !p.parse(data, len(data)) {
			return
		}
		if again := p.append(nil, len(data)); !bytes.Equal(again, data) {
			t.Fatalf("%x is encoded as %x", data, again)
		}
		id := p.id()
		got := fields(&id)
		p.epoch &= 1<<24 - 1
		if got != p {
			t.Fatalf("the ID says %+v of %+v", got, p)
		}
	})
}
