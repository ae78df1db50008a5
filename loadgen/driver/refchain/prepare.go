package refchain

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// What transfers cost, in the smallest unit. Every transaction differs from
// its neighbours in the lane by up to varyMost, so that a rebuilt one never has
// the ID of a refused one.
const (
	payment  = 1
	varyMost = 1021
)

// Prepare checks that the network's public keys can carry the plan, and finds
// what they can spend. It sends nothing.
func (d *Driver) Prepare(ctx context.Context, p driver.Plan) (driver.Handout, error) {
	info, err := d.info(ctx)
	if err != nil {
		return driver.Handout{}, err
	}
	if err := checkPlan(&p, &info); err != nil {
		return driver.Handout{}, err
	}
	known, err := d.genesis(ctx, &info)
	if err != nil {
		return driver.Handout{}, err
	}
	if err := d.awaitEmptyPool(ctx, &info); err != nil {
		return driver.Handout{}, err
	}
	need := p.Lanes * p.Workload.Inputs
	coins, tip, err := d.coins(ctx, known, info.Params, need)
	if err != nil {
		return driver.Handout{}, err
	}
	if err := checkFunds(&p, info.Params, coins); err != nil {
		return driver.Handout{}, err
	}
	h := handout{genesis: info.Genesis, coins: coins}
	return driver.Handout{Lanes: p.Lanes, Start: ref(tip), Plan: p, Data: h.append(nil)}, nil
}

// checkPlan refuses what no amount of funds could carry.
func checkPlan(p *driver.Plan, info *client.Info) error {
	if err := checkOptions(p.Options); err != nil {
		return err
	}
	w, params := &p.Workload, info.Params
	size := txSize(params.DevScheme, w.Inputs, w.Outputs)
	switch {
	case !params.Dev:
		return fmt.Errorf("network %q has no public keys to spend from: the reference driver needs a development network", params.Name)
	case w.Scheme != "" && w.Scheme != params.DevScheme.String():
		return fmt.Errorf("scheme %q: the network's public keys are %s", w.Scheme, params.DevScheme)
	case w.Inputs < 1 || w.Inputs > ledger.MaxInputs:
		return fmt.Errorf("inputs %d: permitted 1 to %d", w.Inputs, ledger.MaxInputs)
	case w.Outputs < w.Inputs:
		return fmt.Errorf("outputs %d: permitted %d (inputs) and more, since each input comes back as change", w.Outputs, w.Inputs)
	case size > info.Limits.PayloadBytes:
		return fmt.Errorf("inputs %d, outputs %d: a transaction has %d bytes, permitted %d", w.Inputs, w.Outputs, size, info.Limits.PayloadBytes)
	case p.Lanes < 1 || p.Lanes*w.Inputs > int(params.DevOutputs):
		return fmt.Errorf("lanes %d: with %d inputs permitted 1 to %d, since the network has %d public outputs",
			p.Lanes, w.Inputs, int(params.DevOutputs)/w.Inputs, params.DevOutputs)
	case w.InvalidSignatures < 0 || w.DoubleSpends < 0 || !(w.InvalidSignatures+w.DoubleSpends <= 1):
		return fmt.Errorf("invalid signatures %g, double spends %g: permitted are shares from 0 to 1, together at most 1",
			w.InvalidSignatures, w.DoubleSpends)
	case !(w.KeySkew >= 0 && w.KeySkew <= 10):
		return fmt.Errorf("key skew %g: permitted 0 (uniform) to 10", w.KeySkew)
	}
	return nil
}

// txSize is the size of a transfer in bytes.
func txSize(s ledger.Scheme, inputs, outputs int) int {
	const head, prev, output = 7, 36, 28
	return head + inputs*(prev+s.KeySize()+ledger.SigSize) + outputs*output
}

// cost is the most that one transaction takes from its lane.
func cost(w *driver.Workload, p *ledger.Params) uint64 {
	return p.MinFee + payment*uint64(w.Outputs-w.Inputs) + varyMost
}

// checkFunds compares each lane's coins with what its share of the plan can
// cost. Change must not become zero.
func checkFunds(p *driver.Plan, params *ledger.Params, coins []coin) error {
	w := &p.Workload
	each := (p.Txs + uint64(p.Lanes) - 1) / uint64(p.Lanes)
	need := max(each, 1)*cost(w, params) + uint64(w.Inputs)
	for lane := range p.Lanes {
		if have := total(coins[lane*w.Inputs : (lane+1)*w.Inputs]); have < need {
			return fmt.Errorf("lane %d has %d units, but %d transactions of up to %d units each need %d: use more lanes or fewer transactions",
				lane, have, max(each, 1), cost(w, params), need)
		}
	}
	return nil
}

func total(coins []coin) (sum uint64) {
	for _, c := range coins {
		sum += c.value
	}
	return sum
}

// awaitEmptyPool waits for what an earlier run left in the pool: it would spend
// the same outputs.
func (d *Driver) awaitEmptyPool(ctx context.Context, info *client.Info) error {
	wait := max(10*time.Second, 20*info.Interval)
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		waiting, err := d.pooled(ctx)
		if err != nil || waiting == 0 || info.OnDemand {
			return err
		}
		select {
		case <-again.C:
		case <-over.C:
			return fmt.Errorf("%d transactions of an earlier run are in the node's pool and did not get into blocks for %s", waiting, wait)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pooled is how many transactions wait, in the pool that has most of them.
func (d *Driver) pooled(ctx context.Context) (most int, err error) {
	stats, err := each(ctx, d.nodes, (*client.Client).Stats)
	for _, s := range stats {
		most = max(most, s.PoolTxs)
	}
	return most, err
}

// genesis returns the network's public keys, from the node's genesis block or
// from memory.
func (d *Driver) genesis(ctx context.Context, info *client.Info) (*payees, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.payees != nil && d.payees.genesis == info.Genesis {
		return d.payees, nil
	}
	b, err := first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (ledger.Block, error) { return c.Block(ctx, info.Genesis) })
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	if len(b.Txs) != 1 || b.Txs[0].ID() != b.Header.Merkle || b.Txs[0].Outputs() != int(info.Params.DevOutputs) {
		return nil, errors.New("genesis: not a block that pays the network's public keys")
	}
	p := &payees{genesis: info.Genesis, coinbase: b.Txs[0].ID(), keys: make([]ledger.KeyHash, b.Txs[0].Outputs())}
	for i := range p.keys {
		p.keys[i] = b.Txs[0].Out(i).Key
	}
	d.payees = p
	return p, nil
}

// coin is an output that a lane starts from.
type coin struct {
	point ledger.OutPoint
	value uint64
	key   uint32 // number of the development key
}

// handout is the Data of a Handout: the network and, for each input of each
// lane, the coin that it starts from.
type handout struct {
	genesis ledger.Hash
	coins   []coin
}

const (
	handoutVersion = 1
	coinBytes      = 32 + 4 + 8 + 4
)

func (h *handout) append(dst []byte) []byte {
	dst = append(append(dst, handoutVersion), h.genesis[:]...)
	dst = slices.Grow(dst, len(h.coins)*coinBytes)
	for i := range h.coins {
		c := &h.coins[i]
		dst = append(dst, c.point.TxID[:]...)
		dst = binary.LittleEndian.AppendUint32(dst, c.point.Index)
		dst = binary.LittleEndian.AppendUint64(dst, c.value)
		dst = binary.LittleEndian.AppendUint32(dst, c.key)
	}
	return dst
}

func parseHandout(b []byte) (h handout, err error) {
	head := 1 + len(h.genesis)
	if len(b) < head || b[0] != handoutVersion || (len(b)-head)%coinBytes != 0 {
		return h, fmt.Errorf("handout of %d bytes is not one of the reference driver's, version %d", len(b), handoutVersion)
	}
	h.genesis = ledger.Hash(b[1:])
	h.coins = make([]coin, 0, (len(b)-head)/coinBytes)
	for r := bytes.NewBuffer(b[head:]); r.Len() > 0; {
		c := r.Next(coinBytes)
		h.coins = append(h.coins, coin{
			point: ledger.OutPoint{TxID: ledger.Hash(c), Index: binary.LittleEndian.Uint32(c[32:])},
			value: binary.LittleEndian.Uint64(c[36:]),
			key:   binary.LittleEndian.Uint32(c[44:]),
		})
	}
	return h, nil
}
