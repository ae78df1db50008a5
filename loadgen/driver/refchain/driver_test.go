package refchain

import (
	"context"
	"errors"
	"testing"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/drivertest"
)

func openDriver(t testing.TB, targets ...string) *Driver {
	t.Helper()
	d, err := New(Config{Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestConformance runs the suite over a real node, with blocks that come by
// themselves and on demand, and with every shape of transaction.
func TestConformance(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*chain.Config)
		opts   drivertest.Options
	}{
		"paced":     {func(*chain.Config) {}, drivertest.Options{}},
		"on demand": {onDemand, drivertest.Options{}},
		"wide": {func(c *chain.Config) { c.Network.DevScheme = "secp256k1" }, drivertest.Options{
			Workload: driver.Workload{Inputs: 3, Outputs: 6, KeySkew: 1},
			Skip:     map[string]string{"batch_max": "with three inputs there are fewer lanes than Info.LanesMax"},
		}},
		"narrow": {func(*chain.Config) {}, drivertest.Options{
			Workload: driver.Workload{Inputs: 1, Outputs: 1},
		}},
		"one by one": {func(*chain.Config) {}, drivertest.Options{
			Options: map[string]string{optionSubmit: submitUnary},
			Skip:    map[string]string{"batch_max": "it is a bound of messages, and each has one transaction"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, func(t *testing.T) driver.Driver {
				cfg := nodeConfig(t)
				tc.change(&cfg)
				return openDriver(t, startNode(t, cfg).addr)
			}, tc.opts)
		})
	}
}

func onDemand(c *chain.Config) { c.Miner.OnDemand, c.Miner.Pace, c.Miner.PaceMin = true, 0, 0 }

var smallPlan = driver.Plan{Lanes: 64, Txs: 1000, Seed: 1, Workload: driver.Workload{Inputs: 2, Outputs: 3}}

// begin prepares and opens all lanes.
func begin(t *testing.T, d *Driver, p driver.Plan) (driver.Handout, driver.Session) {
	t.Helper()
	h, err := d.Prepare(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Open(t.Context(), h, driver.Segment{From: 0, To: p.Lanes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return h, s
}

// submitRound sends one transaction of each lane and wants all accepted.
func submitRound(t *testing.T, s driver.Session) []driver.Tx {
	t.Helper()
	lanes := s.Lanes()
	batch := make([]driver.Tx, len(lanes))
	for i, l := range lanes {
		var err error
		if batch[i], err = l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range submit(t.Context(), s, batch) {
		if a.Status != driver.StatusAccepted {
			t.Fatalf("lane %d: %+v", i, a)
		}
		lanes[i].Settle(batch[i], driver.Accepted)
	}
	return batch
}

// TestIDsReadAsTheNodeWrites: what a report names is found by that name on the
// node.
func TestIDsReadAsTheNodeWrites(t *testing.T) {
	n := startNode(t, nodeConfig(t))
	d := openDriver(t, n.addr)
	info, err := d.Info(t.Context())
	if want := n.Params().GenesisHash(); err != nil || info.Genesis.String() != want.String() || hashOf(info.Genesis) != want {
		t.Errorf("genesis %s, want %s: %v", info.Genesis, want, err)
	}
	_, s := begin(t, d, smallPlan)
	for _, tx := range submitRound(t, s) {
		if want := ledger.DoubleSHA256(tx.Payload).String(); tx.ID.String() != want {
			t.Errorf("transaction %s is %s to its node", tx.ID, want)
		}
	}
}

// TestSecondRun prepares again and again on a chain that carries load, and
// goes on from what the run before left.
func TestSecondRun(t *testing.T) {
	d := openDriver(t, startNode(t, nodeConfig(t)).addr)
	for run := range uint64(3) {
		p := smallPlan
		p.Seed = run
		_, s := begin(t, d, p)
		for range 5 {
			submitRound(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if at, have, want, err := d.Supply(t.Context()); err != nil || have != want {
		t.Errorf("supply %d at height %d, want %d: %v", have, at.Height, want, err)
	}
}

var errSeen = errors.New("seen")

// where follows the chain until all transactions are in blocks with another
// one on top, and returns their blocks.
func where(t *testing.T, d *Driver, from driver.Ref, txs []driver.Tx) map[driver.ID]driver.Ref {
	t.Helper()
	at := map[driver.ID]driver.Ref{}
	for _, tx := range txs {
		at[tx.ID] = driver.Ref{}
	}
	left := len(txs)
	err := d.Follow(t.Context(), from, func(u driver.Update) error {
		if left == 0 {
			return errSeen
		}
		for _, b := range u.Apply {
			for _, tx := range b.Txs {
				if _, ours := at[tx.ID]; ours {
					at[tx.ID] = b.Ref
					left--
				}
			}
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Fatal(err)
	}
	return at
}

func TestAudit(t *testing.T) {
	d := openDriver(t, startNode(t, nodeConfig(t)).addr)
	h, s := begin(t, d, smallPlan)
	txs := append(submitRound(t, s), submitRound(t, s)...)
	at := where(t, d, h.Start, txs)
	tip, err := d.Headers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, ref := range at {
		if ref.Height == 0 || ref.Height > tip.Height {
			t.Fatalf("transaction %s is at height %d, the tip at %d", id, ref.Height, tip.Height)
		}
		if err := d.Prove(t.Context(), id, ref); err != nil {
			t.Errorf("transaction %s: %v", id, err)
		}
		other := ref
		other.Height--
		other.ID = idOf(d.headers[other.Height])
		if err := d.Prove(t.Context(), id, other); err == nil {
			t.Errorf("transaction %s is proved for the block before its own", id)
		}
	}
	if err := d.Prove(t.Context(), txs[0].ID, driver.Ref{Height: 1, ID: driver.ID{1}}); err == nil {
		t.Error("proved for a block that does not exist")
	}
	if err := d.Prove(t.Context(), driver.ID{1}, at[txs[0].ID]); err == nil {
		t.Error("proved what nobody sent")
	}
}

// TestStages: every transaction of a block is in each of its histograms or
// counted as missing.
func TestStages(t *testing.T) {
	d := openDriver(t, startNode(t, nodeConfig(t)).addr)
	h, s := begin(t, d, smallPlan)
	submitRound(t, s)
	var seen int
	err := d.Follow(t.Context(), h.Start, func(u driver.Update) error {
		for _, b := range u.Apply {
			if b.Used != b.Bytes || b.Bytes == 0 || b.Limit != ledger.MaxBlockBytes {
				t.Errorf("block %d: %d bytes, %d used of %d", b.Height, b.Bytes, b.Used, b.Limit)
			}
			if len(b.Txs) > 0 && len(b.Stages) < 3 {
				t.Errorf("block %d has %d transactions and %d histograms", b.Height, len(b.Txs), len(b.Stages))
			}
			seen += len(b.Txs)
		}
		if seen >= smallPlan.Lanes {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Error(err)
	}
}

// TestRestart stops the node under a session and starts it again on the same
// folder and port: unanswered lanes settle by Locate, and go on.
func TestRestart(t *testing.T) {
	cfg := nodeConfig(t)
	n := startNode(t, cfg)
	cfg.Listen = n.addr
	d := openDriver(t, n.addr)
	_, s := begin(t, d, smallPlan)
	before := submitRound(t, s)
	n.stop()
	startNode(t, cfg)

	ids := make([]driver.ID, len(before))
	for i, tx := range before {
		ids[i] = tx.ID
	}
	found := locate(t, d, ids)
	lanes := s.Lanes()
	for i, p := range found {
		if p == driver.PlaceUnknown {
			lanes[i].Settle(driver.Tx{Seq: before[i].Seq}, driver.Lost)
		}
	}
	for i, l := range lanes {
		tx, err := l.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		a := submit(t.Context(), s, []driver.Tx{tx})[0]
		for a.Kind == driver.RejectBusy { // the session has to come back first
			a = submit(t.Context(), s, []driver.Tx{tx})[0]
		}
		if a.Status != driver.StatusAccepted {
			t.Fatalf("lane %d, whose transaction before was at place %d: %+v", i, found[i], a)
		}
	}
}

// locate asks until the node answers.
func locate(t *testing.T, d *Driver, ids []driver.ID) []driver.Place {
	for {
		found, err := d.Locate(t.Context(), ids)
		if err == nil {
			return found
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestOtherNetwork(t *testing.T) {
	one := startNode(t, nodeConfig(t))
	cfg := nodeConfig(t)
	cfg.Network.DevSeed = 99
	other := startNode(t, cfg)
	h, err := openDriver(t, one.addr).Prepare(t.Context(), smallPlan)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDriver(t, other.addr).Open(t.Context(), h, driver.Segment{From: 0, To: 1}); err == nil {
		t.Error("a handout of another network was taken")
	}
}

func TestNew(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no target": {}, "far in plain text": {Targets: []string{"10.0.0.1:1"}}, "timeout": {Targets: []string{"localhost:1"}, AnswerTimeout: -1},
	} {
		if d, err := New(cfg); err == nil {
			d.Close()
			t.Errorf("%s: taken", name)
		}
	}
}

func TestUnreachable(t *testing.T) {
	n := startNode(t, nodeConfig(t))
	n.stop()
	d := openDriver(t, n.addr)
	if _, err := d.Info(context.Background()); err == nil {
		t.Error("Info of a node that is gone")
	}
}
