// Package null is a driver whose chain lives inside it: it takes everything at
// once or behaves badly in a scripted way that is known exactly. It measures
// what the generator itself can do, and whether its figures are true.
package null

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// ErrClosed is returned by a driver that was closed.
var ErrClosed = errors.New("null driver: closed")

const (
	lanesMax = 1 << 22
	idle     = 100 * time.Millisecond // between empty blocks, where Interval is 0
)

// Driver is a chain and the connection to it. It implements driver.Driver,
// Locator, Sealer, Auditor and Inspector.
type Driver struct {
	chain *chain
	done  chan struct{}
	once  sync.Once
	maker sync.WaitGroup
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Locator   = (*Driver)(nil)
	_ driver.Sealer    = (*Driver)(nil)
	_ driver.Auditor   = (*Driver)(nil)
	_ driver.Inspector = (*Driver)(nil)
)

// New starts a chain, which runs until Close.
func New(b Behaviour) (*Driver, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	d := &Driver{chain: newChain(b), done: make(chan struct{})}
	if !b.OnDemand {
		d.maker.Go(d.makeBlocks)
	}
	return d, nil
}

// Close implements driver.Driver: the chain ends, and every Follow with it.
func (d *Driver) Close() error {
	d.once.Do(func() { close(d.done) })
	d.maker.Wait()
	return nil
}

// makeBlocks makes blocks on the beat of Interval, or as transactions are due,
// and none during a stall.
func (d *Driver) makeBlocks() {
	c := d.chain
	for {
		at, wake := d.nextBlock()
		reached := c.pause(c.afterStall(at), wake, d.done)
		select {
		case <-d.done:
			return
		default:
		}
		if _, stalled := c.stall(c.now()); reached && !stalled {
			c.seal()
		}
	}
}

// nextBlock returns when the next block is to be made, and what should wake its
// maker before.
func (d *Driver) nextBlock() (at int64, wake <-chan struct{}) {
	c := d.chain
	now := c.now()
	if every := int64(c.b.Interval); every > 0 {
		return now - now%every + every, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at = c.tip().at + int64(idle)
	if due, ok := c.nextDue(now); ok {
		at = min(at, due)
	}
	return at, c.wake
}

// Info implements driver.Driver.
func (d *Driver) Info(context.Context) (driver.Info, error) {
	b := &d.chain.b
	finality := driver.FinalityInstant
	if b.ReorgEvery > 0 {
		finality = driver.FinalityProbabilistic
	}
	d.chain.mu.Lock()
	defer d.chain.mu.Unlock()
	return driver.Info{
		Family: "null", Network: "null", Client: "chaindyno null driver",
		Genesis: genesisID, Finality: finality, AckMeans: driver.AckPooled,
		Kinds: append([]driver.Kind(nil), kinds...), LaneWindow: b.LaneWindow, BatchMax: b.BatchMax, PayloadMax: b.PayloadBytes,
		PoolMax: b.PoolMax, LanesMax: lanesMax, Interval: b.Interval, OnDemand: b.OnDemand,
		Dev: true, Unit: "bytes", Tip: d.chain.tip().Ref, Settings: b.settings(),
	}, nil
}

// handout is what a Handout's Data says.
type handout struct {
	Epoch uint32 `json:"epoch"` // which Prepare this is
}

// Prepare implements driver.Driver: the lanes begin anew.
func (d *Driver) Prepare(ctx context.Context, p driver.Plan) (driver.Handout, error) {
	if err := ctx.Err(); err != nil {
		return driver.Handout{}, err
	}
	if p.Lanes < 1 || p.Lanes > lanesMax {
		return driver.Handout{}, fmt.Errorf("null driver: %d lanes; permitted: 1 to %d", p.Lanes, lanesMax)
	}
	w := p.Workload
	if !(w.InvalidSignatures >= 0 && w.DoubleSpends >= 0 && w.InvalidSignatures+w.DoubleSpends <= 1) {
		return driver.Handout{}, fmt.Errorf("null driver: shares of invalid signatures %v and of double spends %v; permitted: 0 or more, together up to 1",
			w.InvalidSignatures, w.DoubleSpends)
	}
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepare(c.epoch+1, p.Lanes)
	data, err := json.Marshal(handout{Epoch: c.epoch})
	if err != nil {
		return driver.Handout{}, err
	}
	return driver.Handout{Lanes: p.Lanes, Start: c.tip().Ref, Plan: p, Data: data}, nil
}

// Open implements driver.Driver. Lanes go on from what the chain has accepted.
// A handout of another process is as good as an own one.
func (d *Driver) Open(ctx context.Context, h driver.Handout, s driver.Segment) (driver.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var own handout
	if err := json.Unmarshal(h.Data, &own); err != nil || own.Epoch == 0 {
		return nil, errors.New("null driver: the handout is not one of the null driver")
	}
	if s.From < 0 || s.From >= s.To || s.To > h.Lanes || h.Lanes > lanesMax {
		return nil, fmt.Errorf("null driver: segment of lanes %d to %d; permitted: within 0 to %d, and not empty", s.From, s.To, h.Lanes)
	}
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepare(own.Epoch, h.Lanes)
	lanes := make([]driver.Lane, 0, s.To-s.From)
	for i := s.From; i < s.To; i++ {
		lanes = append(lanes, newLane(own, uint32(i), h.Plan.Seed, h.Plan.Workload, c.b.PayloadBytes, c.lanes[i]))
	}
	return newSession(d, lanes), nil
}
