package refchain

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Open connects to the segment's target and derives the keys of its lanes,
// 15 us of CPU each.
func (d *Driver) Open(ctx context.Context, h driver.Handout, s driver.Segment) (driver.Session, error) {
	if s.From < 0 || s.From >= s.To || s.To > h.Lanes || s.Target < 0 {
		return nil, fmt.Errorf("segment %d to %d, target %d: the handout has %d lanes", s.From, s.To, s.Target, h.Lanes)
	}
	data, err := parseHandout(h.Data)
	if err != nil {
		return nil, err
	}
	if want := h.Lanes * h.Plan.Workload.Inputs; want != len(data.coins) || want == 0 {
		return nil, fmt.Errorf("handout holds %d coins for %d lanes with %d inputs", len(data.coins), h.Lanes, h.Plan.Workload.Inputs)
	}
	c, err := d.dial(s.Target)
	if err != nil {
		return nil, err
	}
	session, err := d.open(ctx, c, h, s, data)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return session, nil
}

// dial prepares a connection to a target, whose number goes round.
func (d *Driver) dial(target int) (*client.Client, error) {
	return client.Dial(d.cfg.Targets[target%len(d.cfg.Targets)], d.cfg.options())
}

func (d *Driver) open(ctx context.Context, c *client.Client, h driver.Handout, s driver.Segment, data handout) (driver.Session, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Genesis != data.genesis {
		return nil, fmt.Errorf("node %s is of another network than the handout: its genesis is %s, not %s", c.Target(), info.Genesis, data.genesis)
	}
	p, err := d.plan(ctx, &info, &h.Plan)
	if err != nil {
		return nil, err
	}
	lanes := newLanes(p, info.Params, s, data.coins)
	session := newSession(c, info.Limits, d.cfg.AnswerTimeout, lanes)
	session.dial, session.target, session.targets = d.dial, s.Target%len(d.cfg.Targets), len(d.cfg.Targets)
	if h.Plan.Options[optionSubmit] == submitUnary {
		return unary{session}, nil
	}
	return session, nil
}

func (d *Driver) plan(ctx context.Context, info *client.Info, from *driver.Plan) (*plan, error) {
	w := from.Workload
	p := &plan{
		seed: from.Seed, workload: w, genesis: info.Genesis, minFee: info.Params.MinFee,
		reserve: cost(&w, info.Params) + uint64(w.Inputs),
	}
	if w.Outputs > w.Inputs {
		known, err := d.genesis(ctx, info)
		if err != nil {
			return nil, err
		}
		p.payees, p.skew = known.keys, newSkew(len(known.keys), w.KeySkew)
	}
	return p, nil
}

// newLanes makes the lanes of a segment, on all cores.
func newLanes(p *plan, params *ledger.Params, s driver.Segment, coins []coin) []driver.Lane {
	lanes := make([]driver.Lane, s.To-s.From)
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for first := range workers {
		wg.Go(func() {
			for i := first; i < len(lanes); i += workers {
				number := s.From + i
				own := coins[number*p.workload.Inputs : (number+1)*p.workload.Inputs]
				lanes[i] = newLane(p, uint32(number), ownersOf(params, own), own)
			}
		})
	}
	wg.Wait()
	return lanes
}

func ownersOf(params *ledger.Params, coins []coin) []owner {
	owners := make([]owner, len(coins))
	for i, c := range coins {
		key := ledger.DevKey(params.DevSeed, params.DevScheme, c.key)
		owners[i] = owner{signer: key, hash: ledger.HashKey(params.DevScheme, key.Public())}
	}
	return owners
}
