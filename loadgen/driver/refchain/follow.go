package refchain

import (
	"context"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Follow implements driver.Driver over the first node that answers, and over
// another one where that node fails or stands still.
func (d *Driver) Follow(ctx context.Context, from driver.Ref, emit func(driver.Update) error) error {
	info, err := d.info(ctx)
	if err != nil {
		return err
	}
	f := &follower{params: info.Params}
	return client.FollowAny(ctx, d.nodes, unref(from), func(e client.Event) error { return emit(f.update(e)) })
}

// follower turns events into updates. What it returns is used again for the
// next one.
type follower struct {
	params *ledger.Params
	revert []driver.Ref
	block  [1]driver.Block
	txs    []driver.Included
	stages []driver.StageHistogram
}

func (f *follower) update(e client.Event) driver.Update {
	if e.Block == nil {
		f.revert = f.revert[:0]
		for _, r := range e.Revert {
			f.revert = append(f.revert, ref(r))
		}
		return driver.Update{Revert: f.revert}
	}
	b := e.Block
	f.block[0] = driver.Block{
		Ref:      ref(b.Ref),
		Parent:   idOf(b.Header.Prev),
		Claimed:  f.params.Clock(b.Header.Time),
		Bytes:    b.Bytes,
		Used:     b.Bytes,
		Limit:    uint64(f.params.MaxBlockBytes),
		Txs:      f.included(b.IDs),
		Stages:   f.histograms(b.Stages),
		Missing:  b.Missing,
		Durable:  b.Durable,
		Interval: b.Interval,
		Seal:     b.Seal,
		Hashes:   b.Hashes,
	}
	u := driver.Update{Apply: f.block[:]}
	if b.Final != (client.Ref{}) {
		u.Final = ref(b.Final)
	}
	return u
}

// included leaves the coinbase out: nobody has sent it.
func (f *follower) included(ids []ledger.Hash) []driver.Included {
	f.txs = f.txs[:0]
	for i := 1; i < len(ids); i++ {
		f.txs = append(f.txs, driver.Included{ID: idOf(ids[i])})
	}
	return f.txs
}

func (f *follower) histograms(stages []client.Stage) []driver.StageHistogram {
	f.stages = f.stages[:0]
	for _, s := range stages {
		f.stages = append(f.stages, driver.StageHistogram{Stage: s.Name, V2: s.V2})
	}
	return f.stages
}
