package null

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FromOptions makes a driver from the options of a scenario's target:
//
//	interval     time between blocks (10ms; 0 with delay, slow_share or stall_for: as they are due)
//	delay        from the answer to being due for a block
//	slow         the same for slow_share of the transactions
//	slow_share   0 to 1
//	stall_every  the system stands still for the last stall_for of each stall_every
//	stall_for
//	rate         transactions a second that get through
//	over         what happens to more than rate: queue (default) or busy
//	loss_one_in  one accepted transaction in so many is never included
//	silent_one_in  one accepted transaction in so many gets no answer
//	reorg_every  blocks; at each such height, the last reorg_depth blocks are abandoned
//	reorg_depth
//	ack_delay    from taking in to the answer
//	seal         auto (default) or demand
//	pool, batch_max, payload, lane_window, history, record   see Behaviour
//
// An error names the option and what it permits.
func FromOptions(options map[string]string) (*Driver, error) {
	b, err := ParseBehaviour(options)
	if err != nil {
		return nil, err
	}
	return New(b)
}

// ParseBehaviour reads the options of FromOptions.
func ParseBehaviour(options map[string]string) (Behaviour, error) {
	b := Default()
	set := setters(&b)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		f, ok := set[name]
		if !ok {
			return Behaviour{}, fmt.Errorf("null driver: option %q is not known; permitted: %s", name, strings.Join(slices.Sorted(maps.Keys(set)), ", "))
		}
		if err := f(options[name]); err != nil {
			return Behaviour{}, fmt.Errorf("null driver: %s is %q; permitted: %w", name, options[name], err)
		}
	}
	if _, given := options["interval"]; !given && b.scripted() {
		b.Interval = 0
	}
	return b, b.Validate()
}

type setter = func(string) error

func setters(b *Behaviour) map[string]setter {
	return map[string]setter{
		"interval":      duration(&b.Interval),
		"delay":         duration(&b.Delay),
		"slow":          duration(&b.Slow),
		"slow_share":    number(&b.SlowShare),
		"stall_every":   duration(&b.StallEvery),
		"stall_for":     duration(&b.StallFor),
		"rate":          rate(&b.Rate),
		"over":          choice(&b.Refuse, "queue", "busy"),
		"loss_one_in":   whole(&b.LossOneIn),
		"silent_one_in": whole(&b.SilentOneIn),
		"reorg_every":   whole(&b.ReorgEvery),
		"reorg_depth":   whole(&b.ReorgDepth),
		"ack_delay":     duration(&b.AckDelay),
		"seal":          choice(&b.OnDemand, "auto", "demand"),
		"pool":          whole(&b.PoolMax),
		"batch_max":     whole(&b.BatchMax),
		"payload":       whole(&b.PayloadBytes),
		"lane_window":   whole(&b.LaneWindow),
		"history":       whole(&b.HistoryTxs),
		"record":        whole(&b.Record),
	}
}

func duration(to *time.Duration) setter {
	return func(s string) (err error) {
		if *to, err = time.ParseDuration(s); err != nil {
			return fmt.Errorf("a duration such as 250ms or 1s")
		}
		return nil
	}
}

func whole(to *int) setter {
	return func(s string) (err error) {
		if *to, err = strconv.Atoi(s); err != nil {
			return fmt.Errorf("a whole number")
		}
		return nil
	}
}

func number(to *float64) setter {
	return func(s string) (err error) {
		if *to, err = strconv.ParseFloat(s, 64); err != nil {
			return fmt.Errorf("a number such as 0.1")
		}
		return nil
	}
}

func rate(to *float64) setter {
	return func(s string) (err error) {
		if *to, err = strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64); err != nil {
			return fmt.Errorf("a rate such as 5000/s")
		}
		return nil
	}
}

// choice sets a flag for the second of two words.
func choice(to *bool, no, yes string) setter {
	return func(s string) error {
		if s != no && s != yes {
			return fmt.Errorf("%s or %s", no, yes)
		}
		*to = s == yes
		return nil
	}
}
