package null

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

var genesisID = driver.ID(sha256.Sum256([]byte("chaindyno null genesis")))

func duration64(ns int64) time.Duration { return time.Duration(ns) }

// Locate implements driver.Locator. It goes through the pool and the lanes, not
// through blocks: what was accepted, is not lost and is not in the pool is in a
// block.
func (d *Driver) Locate(ctx context.Context, ids []driver.ID) ([]driver.Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := make(map[driver.ID]bool, len(ids)) // true: found in the pool
	for _, id := range ids {
		asked[id] = false
	}
	c.eachPooled(func(id driver.ID) {
		if _, ok := asked[id]; ok {
			asked[id] = true
		}
	})
	places := make([]driver.Place, len(ids))
	for i, id := range ids {
		switch {
		case asked[id]:
			places[i] = driver.PlacePooled
		case c.took(&id):
			places[i] = driver.PlaceBlock
		default:
			places[i] = driver.PlaceUnknown
		}
	}
	return places, nil
}

func (c *chain) eachPooled(f func(driver.ID)) {
	for i := range c.ready {
		f(c.ready[i].ID)
	}
	for _, q := range c.waiting {
		for _, g := range q.groups {
			for i := range g.txs {
				f(g.txs[i].ID)
			}
		}
	}
}

// took says whether a transaction was accepted and not lost. A lane's refused
// transactions leave no trace, so it knows them by their kind: a transfer whose
// nonce was used was the one that used it, but for payloads that no lane made.
func (c *chain) took(id *driver.ID) bool {
	p := fields(id)
	if p.id() != *id || p.epoch != c.epoch&(1<<24-1) || int(p.lane) >= len(c.lanes) {
		return false
	}
	s := c.lanes[p.lane]
	return p.kind == kindTransfer && p.nonce < s.next && p.seq < s.seq && !one(id, c.b.LossOneIn, saltLoss)
}

// Seal implements driver.Sealer.
func (d *Driver) Seal(ctx context.Context, n int) error {
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		d.chain.seal()
	}
	return nil
}

// Supply implements driver.Auditor. Each block creates one unit.
func (d *Driver) Supply(context.Context) (at driver.Ref, have, want uint64, err error) {
	d.chain.mu.Lock()
	defer d.chain.mu.Unlock()
	tip := d.chain.tip()
	return tip.Ref, tip.Height + 1, tip.Height + 1, nil
}

// Digests implements driver.Auditor. The state is the number of transactions
// included and the tip.
func (d *Driver) Digests(context.Context) ([]driver.NodeDigest, error) {
	d.chain.mu.Lock()
	defer d.chain.mu.Unlock()
	tip := d.chain.tip().Ref
	state := binary.LittleEndian.AppendUint64(tip.ID[:], d.chain.total.included)
	return []driver.NodeDigest{{Node: "null", Tip: tip, Digest: sha256.Sum256(state)}}, nil
}

// Prove implements driver.Auditor. Of a block that is no longer kept it can
// only say that the transaction is in some block.
func (d *Driver) Prove(_ context.Context, tx driver.ID, at driver.Ref) error {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Height < c.blocks[0].Height && c.took(&tx) {
		return nil
	}
	b := c.at(at.Height)
	if b == nil || b.ID != at.ID {
		return fmt.Errorf("null driver: block %s at height %d is not in the best chain", at.ID, at.Height)
	}
	for i := range b.txs {
		if b.txs[i].ID == tx {
			return nil
		}
	}
	return fmt.Errorf("null driver: transaction %s is not in block %s", tx, at.ID)
}

// Headers implements driver.Auditor, for the blocks that are kept.
func (d *Driver) Headers(context.Context) (driver.Ref, error) {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.blocks[1:] {
		if before := c.blocks[i]; b.parent != before.ID || b.Height != before.Height+1 {
			return driver.Ref{}, errors.New("null driver: header chain is broken at height " + strconv.FormatUint(b.Height, 10))
		}
	}
	return c.tip().Ref, nil
}

// Inspect implements driver.Inspector. The chain has no process of its own, so
// it has no resources to report.
func (d *Driver) Inspect(context.Context) ([]driver.NodeStats, error) {
	c := d.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := driver.NodeStats{
		Node: "null", Pool: c.pooled, PoolBytes: uint64(c.pooled * c.b.PayloadBytes),
		Settings: c.b.settings(), Uptime: time.Since(c.origin), Rejected: map[string]uint64{}, BlocksSealed: c.tip().Height,
	}
	for why, n := range c.total.rejected {
		if n > 0 {
			stats.Rejected[driver.Reject(why).String()] = n
		}
	}
	return []driver.NodeStats{stats}, nil
}

// settings names what was asked for, for reports.
func (b *Behaviour) settings() map[string]string {
	m := map[string]string{"interval": b.Interval.String()}
	set := func(name string, on bool, value any) {
		if on {
			m[name] = fmt.Sprint(value)
		}
	}
	set("delay", b.Delay > 0, b.Delay)
	set("slow", b.SlowShare > 0, b.Slow)
	set("slow_share", b.SlowShare > 0, b.SlowShare)
	set("stall_every", b.StallEvery > 0, b.StallEvery)
	set("stall_for", b.StallFor > 0, b.StallFor)
	set("rate", b.Rate > 0, b.Rate)
	set("over", b.Rate > 0, map[bool]string{false: "queue", true: "busy"}[b.Refuse])
	set("loss_one_in", b.LossOneIn > 0, b.LossOneIn)
	set("silent_one_in", b.SilentOneIn > 0, b.SilentOneIn)
	set("reorg_every", b.ReorgEvery > 0, b.ReorgEvery)
	set("reorg_depth", b.ReorgDepth > 0, b.ReorgDepth)
	set("ack_delay", b.AckDelay > 0, b.AckDelay)
	return m
}
