package drivertest

import (
	"testing"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
)

// options of the null driver by behaviour, and what the suite has to know.
var behaviours = []struct {
	name    string
	options map[string]string
	suite   Options
}{
	{"instant", map[string]string{"interval": "1ms"}, Options{}},
	{"due", map[string]string{"interval": "0s"}, Options{}},
	{"delay", map[string]string{"delay": "3ms"}, Options{}},
	{"bimodal", map[string]string{"delay": "1ms", "slow": "10ms", "slow_share": "0.3"}, Options{}},
	{"stall", map[string]string{"stall_every": "50ms", "stall_for": "20ms"}, Options{}},
	{"rate_queue", map[string]string{"batch_max": "32", "rate": "2000/s", "interval": "2ms"}, Options{}},
	{"rate_busy", map[string]string{"batch_max": "32", "rate": "2000/s", "over": "busy", "interval": "2ms"}, Options{}},
	{"small_pool", map[string]string{"batch_max": "32", "pool": "3", "interval": "1ms"}, Options{}},
	{"loss", map[string]string{"loss_one_in": "5", "interval": "1ms"}, Options{Loses: true}},
	{"silent", map[string]string{"silent_one_in": "5", "interval": "1ms"}, Options{Unknown: true}},
	{"reorg", map[string]string{"reorg_every": "3", "reorg_depth": "2", "interval": "1ms"}, Options{}},
	{"late_answer", map[string]string{"ack_delay": "5ms", "interval": "1ms"}, Options{}},
	{"on_demand", map[string]string{"seal": "demand"}, Options{}},
	{"small_batches", map[string]string{"batch_max": "3", "payload": "100", "lane_window": "2", "interval": "1ms"}, Options{}},
}

func TestNull(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			Run(t, func(t *testing.T) driver.Driver {
				d, err := null.FromOptions(b.options)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}, b.suite)
		})
	}
}
