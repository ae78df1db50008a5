package main

import (
	"context"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// plan does the arithmetic of a scenario against its target.
func plan(ctx context.Context, s *scenario.Scenario) (scenario.Limits, scenario.Plan, error) {
	l, err := limitsOf(ctx, s)
	if err != nil {
		return l, scenario.Plan{}, usage(err)
	}
	p, err := s.Plan(l)
	return l, p, usage(err)
}

// limitsOf finds the limits to plan with: from the settings of nodes that are
// yet to be started, and else from the target itself, which is only asked.
func limitsOf(ctx context.Context, s *scenario.Scenario) (scenario.Limits, error) {
	if s.Chain != nil {
		cfg, err := nodeConfig(s)
		return nodeLimits(cfg, s), err
	}
	d, err := dial(s, s.Target.Submit)
	if err != nil {
		return scenario.Limits{}, err
	}
	defer d.Close()
	info, err := d.Info(ctx)
	if err != nil {
		return scenario.Limits{}, err
	}
	if err := s.CheckNetwork(info); err != nil {
		return scenario.Limits{}, err
	}
	if s.Target.Driver != scenario.DriverReference {
		return scenario.LimitsOf(info, 0), nil
	}
	return withinMessage(scenario.LimitsOf(info, transferBytes(s))), nil
}

// withinMessage bounds a batch by what one message of the reference chain's
// wire carries.
func withinMessage(l scenario.Limits) scenario.Limits {
	l.BatchMax = min(l.BatchMax, server.BatchBytes/l.TxBytes)
	return l
}

// nodeLimits is what a node with these settings will say of itself.
func nodeLimits(cfg chain.Config, s *scenario.Scenario) scenario.Limits {
	l := scenario.Limits{
		LaneWindow: cfg.Pool.MaxDepth, LanesMax: int(cfg.Network.DevOutputs), PoolMax: cfg.Pool.MaxTxs,
		BatchMax: server.DefaultConfig().BatchTxs, Interval: time.Duration(cfg.Miner.Pace) / time.Duration(s.Chain.Up.Miners), TxBytes: transferBytes(s),
	}
	if l.Interval == 0 && !cfg.Network.FixedDifficulty {
		l.Interval = time.Duration(cfg.Network.Interval)
	}
	return withinMessage(l)
}

// transferBytes is the size of one transfer of the scenario's shape: it makes
// one.
func transferBytes(s *scenario.Scenario) int {
	scheme := ledger.SchemeEd25519
	if s.Load.Options.Scheme == ledger.SchemeSecp256k1.String() {
		scheme = ledger.SchemeSecp256k1
	}
	spend := ledger.Spend{Key: ledger.DevKey(0, scheme, 0)}
	return len(ledger.AppendTransfer(nil, ledger.Hash{},
		slices.Repeat([]ledger.Spend{spend}, s.Load.Options.Inputs), make([]ledger.Output, s.Load.Options.Outputs)))
}

// blockBytes is what a node keeps of a transaction beside its payload: undo
// data, indexes, and its outputs in the set.
const blockBytes = 200

// diskNeed estimates what a run writes: signed transactions, the files of the
// run, and what nodes that it starts keep.
func diskNeed(s *scenario.Scenario, l scenario.Limits, p scenario.Plan) uint64 {
	need := p.DeckBytes + p.RawBytes
	if s.Chain != nil {
		need += uint64(s.Chain.Up.Nodes) * p.Txs * uint64(l.TxBytes+blockBytes)
	}
	return need
}
