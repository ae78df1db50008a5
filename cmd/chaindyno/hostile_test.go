package main

import (
	"context"
	"errors"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/hostile"
)

// Of the test below: what an honest caller gets through during each attack, how
// often the attacker is cut off at least, and how much the node may grow by at
// all.
const (
	honestTxs   = 50
	hostileCuts = 3
	growthMost  = 256 << 20
)

// TestReliability10Hostile attacks a real node in every way there is, over one
// connection at a time, while an honest caller goes on: each of its
// transactions is answered and ends up in a block, and the node's memory stays
// within a bound. How long the honest one waits is measured by the figure
// "hostile" of make bench.
func TestReliability10Hostile(t *testing.T) {
	n := spawnNode(t, nil, small(t.TempDir(), "--pace", "20ms", "--set", "heap_floor_mb=0")[1:]...)
	c, err := client.Dial(n.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	most := before.RSSBytes + growthMost
	for lane, attack := range hostile.Attacks() {
		t.Run(attack.Name, func(t *testing.T) {
			var tally hostile.Tally
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); attack.Run(ctx, n.ready.Listen, &tally) }()
			h := newHonest(c, info.Params, uint32(lane))
			for done := 0; done < honestTxs || !enough(attack.Name, &tally); done++ {
				h.pay(t)
				if s, err := c.Stats(t.Context()); err != nil || s.RSSBytes > most {
					t.Fatalf("the node takes %s, %v", size(s.RSSBytes), err)
				}
			}
			stop()
			<-ended
			t.Logf("%d connections, %d acts against %d transactions", tally.Connections.Load(), tally.Acts.Load(), len(h.sent))
			h.settled(t)
		})
	}
	metrics := get(t, "http://"+n.ready.Admin+"/metrics")
	if metric(t, metrics, `chaindyno_connections_closed_total{port="listen"}`) == 0 {
		t.Error("no connection was ended")
	}
}

// enough says whether an attack counts: the node has cut it off a few times. That
// of slow streams is not cut off; it is over once all of them are open.
func enough(attack string, t *hostile.Tally) bool {
	if attack == "slow" {
		return t.Acts.Load() >= 64
	}
	return t.Connections.Load() > hostileCuts
}

// honest pays from a key to itself, one transaction after another.
type honest struct {
	c    *client.Client
	p    *ledger.Params
	key  ledger.Signer
	from ledger.OutPoint
	left uint64
	sent []ledger.Hash
}

func newHonest(c *client.Client, p *ledger.Params, lane uint32) *honest {
	return &honest{
		c: c, p: p, key: ledger.DevKey(p.DevSeed, p.DevScheme, lane),
		from: ledger.OutPoint{TxID: p.Genesis().Txs[0].ID(), Index: lane}, left: p.DevValue,
	}
}

// pay submits a transaction until it is accepted. Whoever is told to come back
// later has lost nothing.
func (h *honest) pay(t *testing.T) {
	t.Helper()
	h.left -= 1000
	raw := ledger.AppendTransfer(nil, h.p.GenesisHash(), []ledger.Spend{{Prev: h.from, Key: h.key}},
		[]ledger.Output{{Value: h.left, Key: ledger.HashKey(h.p.DevScheme, h.key.Public())}})
	for {
		answer, id, err := h.c.Submit(t.Context(), raw)
		if err == nil && (answer == ledger.RejectBusy || answer == ledger.RejectDepth) {
			continue
		}
		if err != nil || answer != ledger.RejectNone {
			t.Fatalf("transaction %d: %v, %v", len(h.sent), answer, err)
		}
		h.from, h.sent = ledger.OutPoint{TxID: id}, append(h.sent, id)
		return
	}
}

var errAllSeen = errors.New("all were seen")

// settled waits until everything that was paid is in a block.
func (h *honest) settled(t *testing.T) {
	t.Helper()
	open := map[ledger.Hash]bool{}
	for _, id := range h.sent {
		open[id] = true
	}
	err := h.c.Follow(t.Context(), client.Ref{}, func(e client.Event) error {
		for _, id := range e.Block.IDs {
			delete(open, id)
		}
		if len(open) == 0 {
			return errAllSeen
		}
		return nil
	})
	if !errors.Is(err, errAllSeen) {
		t.Errorf("%d are in no block: %v", len(open), err)
	}
}
